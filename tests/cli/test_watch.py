"""`deltawire watch`, piped: one JSON line per notification, and a new connection when the server comes back."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deltawire.gateway.gateway import Policy
from deltawire.session.client import BookMirror
from deltawire.store import certificates
from deltawire.store.certificates import load_tls, self_signed
from deltawire.store.keys import KeyStore
from tests.support.commands import Command, CommandOutcome, Terminal, run, run_in_terminal
from tests.support.credentials import ALICE, SECRET
from tests.support.gateway_server import WAYS, GatewayServer, certificate, guarded_server

BOOK, QUOTE = "book.BTC-PERPETUAL.raw", "quote.BTC-PERPETUAL"
Capture = pytest.CaptureFixture[str]


def ended(outcome: CommandOutcome) -> list[dict[str, Any]]:
    """The lines of a command that ended well."""
    assert (outcome.code, outcome.err) == (0, "")
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_a_pipe_gets_one_line_per_notification(capsys: Capture) -> None:
    with GatewayServer() as server:
        server.go_live()
        image, quote = ended(run(capsys, "watch", f"127.0.0.1:{server.port}", BOOK, QUOTE, "--count", 2))
    assert (image["channel"], image["epoch"], image["seq"], image["data"]["type"]) == (
        BOOK,
        "test",
        2,
        "snapshot",
    )
    assert (quote["channel"], quote["data"]["best_bid_price"]) == (QUOTE, 100.0)


def test_lines_come_as_they_happen_and_an_interrupt_ends_them() -> None:
    with GatewayServer() as server:
        server.go_live()
        with Command("watch", server.url, BOOK) as watching:
            mirror = BookMirror()
            mirror.apply(json.loads(watching.out.next())["data"])
            for _ in range(3):
                server.change()
                mirror.apply(json.loads(watching.out.next())["data"])
                assert (mirror.bids, mirror.asks) == server.book.prices()
            watching.signal(signal.SIGINT)
            assert watching.end() == 0
            assert watching.err.rest() == ""


def test_it_reconnects_when_the_server_is_back_and_waits_for_the_channel_to_be() -> None:
    with GatewayServer() as first:
        first.go_live()
        with Command("watch", first.url, BOOK, "--count", 4) as watching:
            assert json.loads(watching.out.next())["data"]["type"] == "snapshot"
            first.change()
            assert json.loads(watching.out.next())["data"]["type"] == "change"
            first.stop()
            assert first.joined()
            assert "1001 server stops; reconnect and resume; next attempt in" in watching.err.next()
            with GatewayServer(port=first.port) as second:
                watching.err.until(f"no such channel, or not for you: {BOOK}; next attempt in")
                second.go_live()
                assert json.loads(watching.out.next())["data"]["type"] == "snapshot"
                second.change()
                last = json.loads(watching.out.next())
                assert (last["data"]["type"], last["data"]["change_id"]) == ("change", 2)
                assert watching.end() == 0


def test_a_terminal_gets_a_picture_of_the_last_word() -> None:
    with GatewayServer() as server:
        server.go_live()
        outcome = run_in_terminal("watch", server.url, BOOK, QUOTE, "--count", 2)
    assert outcome.code == 0
    picture = " ".join(outcome.out[outcome.out.rindex(f" {BOOK} ") :].split())
    for words in ("± 0.1", "20 99.9", " live ", QUOTE, "best_bid_price 100.0"):
        assert words in picture


def test_a_book_of_which_nothing_comes_any_more_is_not_shown_as_live() -> None:
    """The picture goes on while the stream stands, and says for how long it has stood."""
    with GatewayServer(way=WAYS[1]) as server:
        server.go_live()
        with Terminal("watch", server.url, BOOK, "--cafile", str(certificate())) as watching:
            watching.until(" live ")
            watching.until("no data for 3 s")
            assert " live " not in watching.until("no data for 4 s")
            server.change()
            watching.until(" live ")
            server.stop()
            watching.until("disconnected")
            assert " live " not in watching.until("disconnected")


# Signed in.


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[GatewayServer]:
    """A server that knows Alice."""
    with guarded_server(tmp_path) as server:
        yield server


def refused(outcome: CommandOutcome) -> str:
    """The one line of a command that was refused, in which no secret is."""
    lines = [line for line in outcome.err.splitlines() if "login refused" not in line]  # the server's log
    assert (outcome.code, len(lines)) == (2, 1)
    assert SECRET not in outcome.out + outcome.err
    return lines[0]


def test_with_a_key_every_frame_may_be_asked_to_be_proven(
    guarded: GatewayServer, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTAWIRE_CLIENT_SECRET", SECRET)
    options = ["--client-id", ALICE.client_id, "--proven", "--count", 1]
    (image,) = ended(run(capsys, "watch", guarded.url, BOOK, *options))
    assert image["data"]["type"] == "snapshot"


def test_the_picture_says_that_it_is_proven_and_by_whose_key(
    guarded: GatewayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTAWIRE_CLIENT_ID", ALICE.client_id)
    monkeypatch.setenv("DELTAWIRE_CLIENT_SECRET", SECRET)
    outcome = run_in_terminal("watch", guarded.url, BOOK, QUOTE, "--proven", "--count", 2)
    assert outcome.code == 0
    assert "2 notifications, authenticated as alice-id; every frame verified (HMAC-SHA256)" in outcome.out
    assert SECRET not in outcome.out


def test_a_wrong_secret_is_told_in_one_line_without_it(guarded: GatewayServer, capsys: Capture) -> None:
    key = ["--client-id", ALICE.client_id, "--client-secret", f"{SECRET}x"]
    line = refused(run(capsys, "watch", guarded.url, BOOK, *key))
    assert f"{guarded.url} refused the request: 13004 invalid_credentials" in line


def test_a_key_without_its_secret_and_proof_without_a_key_say_what_is_missing(capsys: Capture) -> None:
    line = refused(run(capsys, "watch", "127.0.0.1:9", BOOK, "--client-id", ALICE.client_id))
    assert "set DELTAWIRE_CLIENT_SECRET" in line
    line = refused(run(capsys, "watch", "127.0.0.1:9", BOOK, "--proven"))
    assert "--proven needs --client-id" in line


def test_who_wants_private_channels_is_told_to_sign_in(guarded: GatewayServer, capsys: Capture) -> None:
    line = refused(run(capsys, "watch", guarded.url, "user.orders.any.any.raw"))
    assert "authenticate with --client-id" in line


def test_a_server_for_those_who_sign_in_says_so(tmp_path: Path, capsys: Capture) -> None:
    with GatewayServer(keys=KeyStore(tmp_path), policy=Policy(private_only=True)) as server:
        line = refused(run(capsys, "watch", server.url, BOOK))
    assert "13009 unauthorized" in line
    assert "; authenticate with --client-id" in line


# No connection.


def test_where_no_server_runs_it_says_how_to_start_one(capsys: Capture) -> None:
    line = refused(run(capsys, "watch", "127.0.0.1:9", BOOK))
    assert "`deltawire serve` starts one" in line


def test_a_certificate_that_nobody_trusts_is_told_with_its_remedy(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTAWIRE_HOME", str(tmp_path / "home"))
    tls = load_tls(self_signed(tmp_path, "localhost"), None)
    with GatewayServer(tls=tls) as server:
        line = refused(run(capsys, "watch", f"wss://localhost:{server.port}", BOOK))
        assert line.endswith(
            "; --cafile FILE trusts a certificate; for a server with --self-signed: "
            "self-signed.pem of its DELTAWIRE_HOME"
        )
        line = refused(run(capsys, "watch", f"localhost:{server.port}", BOOK))
        assert "wss://" in line


def test_the_remedy_names_the_file_where_it_is_and_it_is_one(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTAWIRE_HOME", str(tmp_path))
    path = self_signed(tmp_path, "localhost")
    with GatewayServer(tls=load_tls(path, None)) as server:
        server.go_live()
        address = f"wss://localhost:{server.port}"
        line = refused(run(capsys, "watch", address, BOOK))
        assert line.endswith(f"--self-signed: {path}")
        (image,) = ended(run(capsys, "watch", address, BOOK, "--count", 1, "--cafile", path))
        assert image["data"]["type"] == "snapshot"


def test_a_certificate_for_another_host_is_not_remedied_by_trusting_it(
    tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "other.pem"
    path.write_bytes(certificates._make(("desk.example.com",)))
    path.chmod(0o600)
    with GatewayServer(tls=load_tls(path, None)) as server:
        line = refused(run(capsys, "watch", f"wss://localhost:{server.port}", BOOK, "--cafile", path))
    assert "not valid for 'localhost'" in line
    assert "--cafile" not in line


def test_what_is_no_certificate_to_trust_is_told(tmp_path: Path, capsys: Capture) -> None:
    noise = tmp_path / "noise.pem"
    noise.write_text("noise")
    line = refused(run(capsys, "watch", "wss://localhost:9", BOOK, "--cafile", noise))
    assert line.endswith(f"cannot trust {noise}: not a certificate in PEM")
    line = refused(run(capsys, "watch", "wss://localhost:9", BOOK, "--cafile", tmp_path / "no.pem"))
    assert line.endswith("no.pem: No such file or directory")
    line = refused(run(capsys, "watch", "localhost:9", BOOK, "--cafile", noise))
    assert "applies to wss://, not to ws://localhost:9" in line
