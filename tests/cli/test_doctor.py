"""`deltawire doctor` names what is wrong, line by line, and what to do next."""

import json
import os
import socket
import time
from pathlib import Path

import pytest

from deltawire.journal.files import DiskFiles
from deltawire.journal.journal import Journal
from tests.support.commands import Command, CommandOutcome, run

CHECKS = [
    "python",
    "kernel",
    "extras",
    "home",
    "disk",
    "journal",
    "config",
    "address",
    "descriptors",
    "clock",
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("DELTAWIRE_HOME", str(folder))
    (tmp_path / "deltawire.toml").write_text("[listen]\nport = 0\n")
    return folder


def examined(
    capsys: pytest.CaptureFixture[str], home: Path
) -> tuple[CommandOutcome, dict[str, dict[str, str]]]:
    outcome = run(capsys, "doctor", "--json", "--config", home.parent / "deltawire.toml")
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    return outcome, {line["check"]: line for line in lines}


def test_a_sound_place_has_no_error(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    outcome, found = examined(capsys, home)
    assert [*found] == CHECKS
    assert {line["state"] for line in found.values()} <= {"ok", "warning"}
    assert outcome.code == 0
    plain = run(capsys, "doctor", "--config", home.parent / "deltawire.toml").out.splitlines()
    assert [line.split()[1] for line in plain] == CHECKS


def broken_mode(home: Path) -> None:
    home.chmod(0o777)


def damaged_accounts(home: Path) -> None:
    (home / "accounts.json").write_text("[")
    (home / "accounts.json").chmod(0o600)


def damaged_journal(home: Path) -> None:
    journal = Journal(DiskFiles(home / "journal"), "journal", 7)
    for _ in range(2):
        journal.append([b"{}"])
    journal.close()
    (segment,) = (home / "journal").glob("segment-*")
    content = bytearray(segment.read_bytes())
    content[40] ^= 1
    segment.write_bytes(content)


def wrong_config(home: Path) -> None:
    (home.parent / "deltawire.toml").write_text("[listen]\nport = 99999\n")


def strange_address(home: Path) -> None:
    (home.parent / "deltawire.toml").write_text('[listen]\nhost = "192.0.2.1"\n')


def file_of_tomorrow(home: Path) -> None:
    (home / "store.json").write_text('{"store": 1}')
    (home / "store.json").chmod(0o600)
    os.utime(home / "store.json", (time.time() + 86_400, time.time() + 86_400))


@pytest.mark.parametrize(
    ("breaks", "check", "advice"),
    [
        (broken_mode, "home", "run chmod 700"),
        (damaged_accounts, "home", "damaged"),
        (damaged_journal, "journal", "deltawire restore"),
        (wrong_config, "config", "listen.port"),
        (strange_address, "address", "--host"),
        (file_of_tomorrow, "clock", "check the time service"),
    ],
)
def test_what_is_wrong_is_an_error_with_what_to_do(
    capsys: pytest.CaptureFixture[str], home: Path, breaks: object, check: str, advice: str
) -> None:
    assert callable(breaks)
    breaks(home)
    outcome, found = examined(capsys, home)
    assert outcome.code == 1
    assert found[check]["state"] == "error"
    assert advice in found[check]["text"]


def test_a_running_server_is_no_error(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    with Command("serve", "--port", 0, DELTAWIRE_HOME=str(home)) as server:
        server.out.until("WebSocket")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            (home.parent / "deltawire.toml").write_text(f"[listen]\nport = {port}\n")
            outcome, found = examined(capsys, home)
    assert outcome.code == 0
    assert "running server" in found["journal"]["text"]
    assert (found["address"]["state"], "in use" in found["address"]["text"]) == ("warning", True)
