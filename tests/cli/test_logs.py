"""What a server logs: no secret, and nothing that a client wrote as it came."""

import json
import re
import socket
from pathlib import Path

import pytest

from deltawire.cli.logs import escape_controls
from tests.support.commands import Command, run
from tests.support.gateway_server import RawClient
from tests.support.trade_recordings import deribit_tape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é", "plain é"),
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202e\u2028", "\\u202e\\u2028"),
    ],
)
def test_control_characters_are_written_as_escapes(text: str, shown: str) -> None:
    assert escape_controls(None, "", {"a": text, "n": 1}) == {"a": shown, "n": 1}


def test_a_refused_login_is_one_line_without_any_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DELTAWIRE_HOME", str(tmp_path / "home"))
    made = json.loads(run(capsys, "keys", "add", "bot", "--json").out)
    tape = deribit_tape(tmp_path / "tape.log")
    with Command("serve", "--replay", tape, "--venue", "deribit", "--port", 0) as server:
        match = re.search(r":(\d+)/ws", server.out.until("WebSocket"))
        assert match is not None
        with RawClient(int(match[1])) as client:
            client.handshake()
            forged = "x\r\n2026-01-01 [error] all is lost \x1b[31m"
            login = {
                "grant_type": "client_credentials",
                "client_id": forged,
                "client_secret": "guessed-secret",
            }
            assert client.answer("public/auth", **login)["error"]["code"] == 13004
            login = {"grant_type": "client_credentials"} | made
            token = client.answer("public/auth", **login)["result"]["access_token"]
            assert (
                client.answer("public/auth", **login | {"client_secret": "another-guess"})["error"]["code"]
                == 13004
            )
        lines = [server.err.until("login refused") for _ in range(2)]
        server._process.terminate()
        assert server.end() == 0
        lines += server.err.rest().splitlines()
    assert re.search(r"client_id=unknown-[0-9a-f]+", lines[0]), "a stranger's text is no part of a line"
    assert all(line.isprintable() for line in lines)
    secrets = (made["client_secret"], token, "guessed-secret", "another-guess")
    assert not [line for line in lines for secret in secrets if secret in line]


def test_a_server_leaves_no_image_of_its_memory(tmp_path: Path) -> None:
    tape = deribit_tape(tmp_path / "tape.log")
    with Command("serve", "--replay", tape, "--venue", "deribit", "--port", 0) as server:
        server.out.until("HTTP")
        limits = Path(f"/proc/{server._process.pid}/limits")
        if not limits.exists():
            pytest.skip("no /proc here")
        assert re.search(r"Max core file size +0 +0 ", limits.read_text())


def test_a_taken_port_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        outcome = run(capsys, "serve", "--echo", "--port", taken.getsockname()[1])
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)


def test_logs_are_json_if_the_environment_says_so(tmp_path: Path) -> None:
    tape = deribit_tape(tmp_path / "tape.log")
    served = "serve", "--replay", tape, "--venue", "deribit", "--speed", "max"
    with Command(
        *served,
        DELTAWIRE_HOME=str(tmp_path / "h"),
        DELTAWIRE_LOG="json",
        DELTAWIRE_SERVE_PORT="0",
        DELTAWIRE_SERVE_SELF_SIGNED="1",
    ) as server:
        assert re.search(r"wss://127.0.0.1:(?!8080/)", server.out.until("WebSocket"))
        line = json.loads(server.err.until("source ended"))
    assert (line["venue"], line["level"]) == ("deribit", "info")


def test_another_format_of_logs_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DELTAWIRE_LOG", "xml")
    outcome = run(capsys, "serve", "--port", 0)
    assert (outcome.code, "DELTAWIRE_LOG must be text or json" in outcome.err) == (2, True)


def test_active_faults_are_shown_at_the_start(tmp_path: Path) -> None:
    options = "--port", 0, "--drop", 0.25, "--latency", "cloud", "--fault", "maintenance:120:10"
    with Command("serve", *options, DELTAWIRE_HOME=str(tmp_path / "h")) as server:
        assert (
            server.out.until("  faults ").split(maxsplit=1)[1]
            == "latency cloud, drop 0.25, maintenance:120:10"
        )
