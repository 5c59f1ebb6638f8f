"""The command line: help, version, and errors that are one clear line and exit code 2."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deltawire import __version__
from deltawire.book.kernel import DESCRIPTION
from deltawire.cli.serve import parse_speed
from deltawire.errors import UsageError
from deltawire.venues import REGISTRY
from tests.support.commands import Command, CommandOutcome, run
from tests.support.gateway_server import GatewayServer
from tests.support.trade_recordings import DeribitTape, deribit_tape
from tests.support.waiting import HANG_S

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return deribit_tape(tmp_path / "tape.log")


def is_one_line(outcome: CommandOutcome) -> bool:
    """Whether a command failed the way users should see it."""
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("deltawire: ")
    return outcome.err.count("\n") == 1 and outcome.err.endswith("\n")


def test_help_names_the_commands(capsys: Capture) -> None:
    outcome = run(capsys, "--help")
    assert outcome.code == 0
    for command in ("serve", "simulate", "verify", "watch"):
        assert command in outcome.out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            "serve",
            ["--replay", "--venue", "--speed", "--loop", "--host", "--port", "Deribit-dialect", *REGISTRY],
        ),
        ("simulate", ["--venue", "--fault", "--from", "--exchange", "--seed", "half-open", *REGISTRY]),
        ("verify", ["FILE", "--venue", "--json", "Exit code 0"]),
        ("watch", ["URL", "CHANNEL", "--count", "reconnects"]),
    ],
)
def test_every_command_explains_itself(capsys: Capture, command: str, words: list[str]) -> None:
    outcome = run(capsys, command, "--help")
    assert outcome.code == 0
    for word in words:
        assert word in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serv"], ["serv", "serve", "see deltawire --help"]),
        (["serve", "--prt", "1"], ["--prt", "--port", "see deltawire serve --help"]),
        (["serve", "--port", "many"], ["--port", "not a valid int"]),
        (["watch"], ["see deltawire watch --help"]),
        (["serve", "--config"], ["requires an argument; see deltawire serve --help"]),
        (["keys", "add", "--scope"], ["requires an argument; see deltawire keys add --help"]),
    ],
)
def test_wrong_usage_is_one_line_that_says_where_to_look(
    capsys: Capture, arguments: list[str], words: list[str]
) -> None:
    outcome = run(capsys, *arguments)
    assert is_one_line(outcome)
    for word in words:
        assert word in outcome.err


def test_without_arguments_the_help_is_shown(capsys: Capture) -> None:
    assert "serve" in run(capsys).out


def test_the_version(capsys: Capture) -> None:
    assert run(capsys, "--version") == (0, f"deltawire {__version__} ({DESCRIPTION})\n", "")


def test_the_module_runs_like_the_command() -> None:
    with Command("--version") as command:
        assert command.out.next() == f"deltawire {__version__} ({DESCRIPTION})"
        assert command.end() == 0


# Errors.


def test_a_file_that_is_not_there_is_named(capsys: Capture, tmp_path: Path) -> None:
    for command in (["serve", "--replay", tmp_path / "x.gz"], ["verify", tmp_path / "x.gz"]):
        outcome = run(capsys, *command, "--venue", "deribit")
        assert is_one_line(outcome)
        assert f"no such file: {tmp_path / 'x.gz'}" in outcome.err


def test_a_directory_is_no_recording(capsys: Capture, tmp_path: Path) -> None:
    outcome = run(capsys, "verify", tmp_path, "--venue", "deribit")
    assert is_one_line(outcome)
    assert f"{tmp_path}: no recording in it" in outcome.err


@pytest.mark.parametrize("command", [["serve", "--replay"], ["verify"]])
def test_a_file_that_may_not_be_read_is_one_line(capsys: Capture, tmp_path: Path, command: list[str]) -> None:
    if os.geteuid() == 0:  # whom no permission stops: another reason why a file cannot be opened
        outcome = run(capsys, *command, tmp_path / ("x" * 300), "--venue", "deribit")
        assert "cannot read" in outcome.err
    else:
        locked = tmp_path / "locked.log"
        locked.touch(mode=0)
        outcome = run(capsys, *command, locked, "--venue", "deribit")
        assert f"cannot read {locked}: Permission denied" in outcome.err
    assert is_one_line(outcome)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"\x7fELF and so on\n", "of no known format"),
        (b"\x1f\x8b", "the file ends inside it"),
    ],
)
def test_serve_does_not_start_on_what_is_no_recording(
    capsys: Capture, tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "x").write_bytes(content)
    outcome = run(capsys, "serve", "--replay", tmp_path / "x", "--venue", "deribit", "--port", 0)
    assert is_one_line(outcome)
    assert why in outcome.err


def test_an_unknown_venue_is_told_the_known_ones(capsys: Capture, tape: Path) -> None:
    for command in (["serve", "--replay", tape], ["verify", tape]):
        outcome = run(capsys, *command, "--venue", "nasdaq")
        assert is_one_line(outcome)
        assert f"unknown venue 'nasdaq'; known: {', '.join(sorted(REGISTRY))}" in outcome.err


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "nan", "inf", "1e300", "1e-300", "1e999", ""])
def test_a_speed_that_is_none_is_refused(capsys: Capture, tape: Path, speed: str) -> None:
    outcome = run(capsys, "serve", "--replay", tape, "--venue", "deribit", "--speed", speed)
    assert is_one_line(outcome)
    assert f"--speed must be a number from 0.000001 to 1000000, or max, not {speed!r}" in outcome.err


@pytest.mark.parametrize(("text", "speed"), [("1", 1.0), ("0.25", 0.25), ("1e3", 1000.0), ("max", "max")])
def test_speeds(text: str, speed: float | str) -> None:
    assert parse_speed(text) == speed


def test_every_file_needs_its_venue(capsys: Capture, tape: Path) -> None:
    outcome = run(capsys, "serve", "--replay", tape, "--replay", tape, "--venue", "deribit")
    assert is_one_line(outcome)
    assert "2 --replay but 1 --venue" in outcome.err
    outcome = run(capsys, "serve", "--replay", tape)
    assert is_one_line(outcome)
    assert "1 --replay but 0 --venue" in outcome.err


def test_a_venue_is_served_once(capsys: Capture, tape: Path) -> None:
    pair = ["--replay", tape, "--venue", "deribit"]
    outcome = run(capsys, "serve", *pair, *pair)
    assert is_one_line(outcome)
    assert "each venue can be served only once" in outcome.err


def test_the_exchange_has_no_fastest_speed(capsys: Capture) -> None:
    outcome = run(capsys, "serve", "--speed", "max")
    assert is_one_line(outcome)
    assert "--speed max applies to recordings" in outcome.err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--latency", "moon"], "unknown latency 'moon'"),
        (["--drop", "1"], "from 0 to below 1"),
        (["--drop", "nan"], "from 0 to below 1"),
    ],
)
def test_conditions_that_are_none_are_refused(capsys: Capture, options: list[str], reason: str) -> None:
    outcome = run(capsys, "serve", *options)
    assert is_one_line(outcome)
    assert reason in outcome.err


def test_the_exchanges_options_are_not_for_recordings(capsys: Capture, tape: Path) -> None:
    outcome = run(capsys, "serve", "--replay", tape, "--venue", "deribit", "--seed", 1)
    assert is_one_line(outcome)
    assert "--seed applies to the built-in exchange" in outcome.err


def test_the_exchange_cannot_begin_again_like_a_recording(capsys: Capture) -> None:
    outcome = run(capsys, "serve", "--loop")
    assert is_one_line(outcome)
    assert "--loop applies to recordings" in outcome.err


def test_a_port_that_is_taken_is_named(capsys: Capture, tape: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = run(capsys, "serve", "--replay", tape, "--venue", "deribit", "--port", port)
    assert is_one_line(outcome)
    assert f"cannot listen on 127.0.0.1:{port}: " in outcome.err
    assert "--port" in outcome.err


@pytest.mark.parametrize("text", ["", "no recording\n"])
def test_a_file_that_is_no_recording_is_named_with_its_place(
    capsys: Capture, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "noise"
    file.write_text(text)
    outcome = run(capsys, "verify", file, "--venue", "deribit")
    assert is_one_line(outcome)
    assert f"{file}: line 1: " in outcome.err


def test_a_recording_that_breaks_off_is_told_with_its_place(capsys: Capture, tmp_path: Path) -> None:
    file = DeribitTape().image({1.0: 1.0}, {}).breaks().write(tmp_path / "broken.log")
    outcome = run(capsys, "verify", file, "--venue", "deribit", "--json")
    assert (outcome.code, outcome.err) == (1, "")
    report = json.loads(outcome.out)
    assert [place["line"] for place in report["damage"]] == [3]


@pytest.mark.parametrize("url", ["127.0.0.1:9", "no-such-host.invalid", "127.0.0.1:99999", "ftp://x"])
def test_a_server_that_cannot_be_reached_is_named(capsys: Capture, url: str) -> None:
    outcome = run(capsys, "watch", url, "quote.BTC-PERPETUAL")
    assert is_one_line(outcome)
    assert url in outcome.err


def test_a_server_that_is_no_such_server_is_named(capsys: Capture) -> None:
    with GatewayServer() as server:
        outcome = run(capsys, "watch", f"127.0.0.1:{server.port}/elsewhere", "quote.BTC-PERPETUAL")
    assert is_one_line(outcome)
    assert "404" in outcome.err


def test_an_unknown_channel_is_told_what_there_is(capsys: Capture) -> None:
    with GatewayServer() as server:
        server.go_live()
        for channel in ("book.BTC-PERP.raw", "nonsense", "book.BTC-PERPETUAL.never"):
            outcome = run(capsys, "watch", f"127.0.0.1:{server.port}", "quote.BTC-PERPETUAL", channel)
            assert is_one_line(outcome)
            assert f"no channel {channel!r} on this server" in outcome.err
            assert "BTC-PERPETUAL" in outcome.err


def test_an_unknown_channel_of_a_server_with_nothing_on_it(capsys: Capture) -> None:
    with GatewayServer() as server:
        outcome = run(capsys, "watch", f"127.0.0.1:{server.port}", "book.X.raw")
    assert is_one_line(outcome)
    assert "no instruments" in outcome.err


def test_errors_carry_whether_trying_again_helps() -> None:
    assert not UsageError("x").retry


# Outputs that nobody reads, or that are full.


def shell(line: str) -> CommandOutcome:
    """A line of shell, in which `$deltawire` is the command."""
    command = f"{sys.executable} -W error -m deltawire"
    done = subprocess.run(
        ["bash", "-c", line.replace("$deltawire", command)],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    return CommandOutcome(done.returncode, done.stdout, done.stderr)


def test_a_reader_that_has_seen_enough_ends_the_command_without_a_word() -> None:
    with GatewayServer() as server:
        server.go_live()
        stopping = threading.Event()

        def keep_changing() -> None:
            while not stopping.wait(0.05):
                server.change()

        changing = threading.Thread(target=keep_changing)
        changing.start()
        outcome = shell(f"$deltawire watch 127.0.0.1:{server.port} book.BTC-PERPETUAL.raw | head -1")
        stopping.set()
        changing.join()
    assert (outcome.code, outcome.out.count("\n"), outcome.err) == (0, 1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
@pytest.mark.parametrize(
    "command", ["verify {tape} --venue deribit", "account list", "keys list", "--version"]
)
def test_an_output_that_is_full_is_one_line(tmp_path: Path, tape: Path, command: str) -> None:
    outcome = shell(f"DELTAWIRE_HOME={tmp_path}/home $deltawire {command.format(tape=tape)} > /dev/full")
    assert is_one_line(outcome)
    assert "cannot write the output: No space left on device" in outcome.err


def test_an_output_that_is_closed_is_not_missed(tmp_path: Path, tape: Path) -> None:
    outcome = shell(f"$deltawire verify {tape} --venue deribit >&-")
    assert (outcome.code, outcome.err) == (0, "")
    with GatewayServer() as server:
        server.go_live()
        outcome = shell(f"$deltawire watch 127.0.0.1:{server.port} book.BTC-PERPETUAL.raw --count 1 >&-")
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_a_server_that_cannot_say_where_it_is_says_why(tmp_path: Path) -> None:
    outcome = shell(f"DELTAWIRE_HOME={tmp_path}/home $deltawire serve --port 0 > /dev/full")
    assert (outcome.code, outcome.err) == (2, "deltawire: cannot write the output: No space left on device\n")
