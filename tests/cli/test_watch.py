"""`deltawire watch`, piped: one JSON line per notification, and a new connection when the server comes back."""

import json
import signal
from typing import Any

import pytest

from deltawire.session.client import BookMirror
from tests.support.commands import Command, Outcome, run, run_in_terminal
from tests.support.gateway_server import GatewayServer

BOOK, QUOTE = "book.BTC-PERPETUAL.raw", "quote.BTC-PERPETUAL"
Capture = pytest.CaptureFixture[str]


def ended(outcome: Outcome) -> list[dict[str, Any]]:
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
        0,
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
            assert "1001 server stops; reconnect and resume; again in" in watching.err.next()
            with GatewayServer(port=first.port) as second:
                watching.err.until(f"{BOOK} is not there yet; again in")
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
