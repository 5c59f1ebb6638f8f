"""`deltawire record okx:` and `serve --record` with live venues, as processes against simulated venues as processes."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import deltawire
from deltawire.model.events import BookDelta
from deltawire.recording import Recording
from deltawire.recording.ledger import read_ledger
from tests.cli.test_live import address
from tests.support.commands import Command, run
from tests.support.waiting import HANG_S, wait_until

MORE = 50
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def venues() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        commands = {
            name: stack.enter_context(Command("simulate", "--venue", name, "--port", 0, "--speed", 4))
            for name in ("okx", "binance_usdm")
        }
        yield {name: address(command) for name, command in commands.items()}


def frames(directory: Path, connection: str) -> list[bytes]:
    """What was received and is on disk."""
    files = sorted(directory.glob(f"raw/{connection}/*"))
    return [r.payload for file in files for r in Recording(file).records() if r.kind == "received"]


def recording(out: Path, where: str, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "deltawire", "record", where, *more, "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def verified(capsys: Capture, out: Path) -> dict:
    """The certificate of a recording whose books are all correct."""
    outcome = run(capsys, "verify", out, "--json")
    assert outcome.code == 0
    return json.loads(outcome.out)  # type: ignore[no-any-return]


@pytest.mark.parametrize("venue", ["okx", "binance_usdm"])
def test_a_venue_is_recorded_and_survives_a_kill(
    capsys: Capture, venues: dict[str, str], venue: str, tmp_path: Path
) -> None:
    chosen = f"{venue}/1"
    for last in (False, True):
        before = len(frames(tmp_path, chosen))
        arguments = ["book.BTC*", "trades.BTC*", "--endpoint", f"{venue}={venues[venue]}"]
        with recording(tmp_path, f"{venue}:", *arguments) as process:
            try:
                wait_until(lambda n=before: len(frames(tmp_path, chosen)) > n + MORE)  # type: ignore[misc]
            finally:
                process.send_signal(signal.SIGINT if last else signal.SIGKILL)
            out, err = process.communicate(timeout=HANG_S)
        kept = frames(tmp_path, chosen)
        report = verified(capsys, tmp_path)
        assert len(kept) > before + MORE
        assert process.returncode == (0 if last else -signal.SIGKILL), err
    assert "frames of" in out
    assert "finished raw/" in err
    names = {name for each in report["connections"] for name in each["instruments"]}
    assert names
    assert all(name.startswith("BTC") for name in names)
    events = [entry.event for entry in read_ledger(tmp_path / "ledger.jsonl") if entry.connection == chosen]
    assert events.count("connected") == 2
    assert events.count("gap") == 1
    assert events[-2:] == ["closed", "rotated"]


async def test_a_server_records_its_live_venues(
    capsys: Capture, venues: dict[str, str], tmp_path: Path
) -> None:
    arguments: list[object] = ["serve", "--port", 0, "--record", tmp_path / "out"]
    for name, patterns in (("okx", "BTC-USDT*"), ("binance_usdm", "*USDT")):
        arguments += ["--venue", name, "--instruments", patterns, "--endpoint", f"{name}={venues[name]}"]
    with Command(*arguments, DELTAWIRE_HOME=str(tmp_path / "home")) as server:
        found = re.search(r"ws://([^/]+)/", server.out.until("WebSocket"))
        assert found is not None
        heard = 0
        async with deltawire.open(found[1]) as dw:
            async for item in await dw.subscribe("book.*.raw"):
                heard += isinstance(item, BookDelta)
                if heard > 50:
                    break
        server.signal(signal.SIGTERM)
        assert server.end() == 0
    report = verified(capsys, tmp_path / "out")
    assert report["gaps"] == []
    messages = {each["venue"]: each["messages"] for each in report["connections"]}
    assert messages.keys() == {"okx", "binance_usdm"}
    assert min(messages.values()) > 0


def test_a_venue_that_cannot_be_reached_is_told_and_waited_for(tmp_path: Path) -> None:
    with Command("record", "okx:", "--endpoint", "okx=ws://127.0.0.1:1", "--out", tmp_path) as recorder:
        assert "is there a network?" in recorder.err.until("no lists of instruments yet")
        recorder.signal(signal.SIGINT)
        assert recorder.end() == 1, "nothing was recorded"


def test_a_venue_without_such_instruments_is_one_line(venues: dict[str, str], tmp_path: Path) -> None:
    with recording(tmp_path, "okx:", "book.NOPE-*", "--endpoint", f"okx={venues['okx']}") as process:
        _, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith("deltawire: okx: none of ")
