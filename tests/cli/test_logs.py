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
