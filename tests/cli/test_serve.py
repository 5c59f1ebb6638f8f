"""`deltawire serve`, the real command: it serves, and signals end it cleanly."""

import json
import re
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Command, run
from tests.support.frames import BINARY, CLOSE, CONT, TEXT, Frame, client_frame
from tests.support.gateway_server import RawClient
from tests.support.trade_recordings import DeribitTape, deribit_tape, usdm_tape
from tests.support.waiting import HANG_S

BOOK = "book.BTC-PERPETUAL.raw"


def port_of(server: Command) -> int:
    """The port that a server says it listens on."""
    match = re.search(r"ws://127\.0\.0\.1:(\d+)/ws/api/v2", server.out.until("WebSocket"))
    assert match is not None
    return int(match[1])


def subscribed(port: int, *channels: str) -> RawClient:
    """A client that is subscribed, however soon after the start it came."""
    client = RawClient(port)
    client.handshake()
    while True:
        client.request("public/subscribe", channels=list(channels))
        if client.message().get("result") == list(channels):
            return client


def result(port: int, query: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/public/{query}", timeout=HANG_S) as answer:
        return json.load(answer)["result"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_closes_every_connection_with_1001_and_ends_with_exit_code_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("the tests run under nohup")
    tape = deribit_tape(tmp_path / "tape.log")
    with Command(
        "serve", "--replay", tape, "--venue", "deribit", "--speed", "max", "--loop", "--port", 0
    ) as server:
        port = port_of(server)
        clients = [subscribed(port, BOOK) for _ in range(3)]
        assert clients[0].message()["params"]["data"]["type"] == "snapshot"
        server.signal(number)
        for client in clients:
            assert client.close_code() == 1001
            client.send(client_frame(b"\x03\xe9", CLOSE))
            client.close()
        assert server.end() == 0
        (line,) = server.err.rest().splitlines()
        assert "stopping: clients are told to reconnect" in line
        assert "clients=3" in line


def test_an_exchange_whose_disk_is_full_says_so_and_ends(tmp_path: Path) -> None:
    with Command("serve", "--port", 0, DELTAWIRE_HOME=str(tmp_path / "home")) as server:
        client = subscribed(port_of(server), "book.BTC-PERPETUAL.100ms")
        server.write_no_more()
        assert client.close_code() == 1001
        client.send(client_frame(b"\x03\xe9", CLOSE))
        client.close()
        assert server.end() == 1
        message = server.err.rest()
        assert "Traceback" not in message
        (line,) = [line for line in message.splitlines() if line.startswith("deltawire: ")]
        assert line.startswith("deltawire: the exchange stops, nothing is acknowledged any more: ")
        assert "File too large" in line


def test_an_exchange_says_how_to_trade_on_it(tmp_path: Path) -> None:
    with Command("serve", "--port", 0, DELTAWIRE_HOME=str(tmp_path / "home")) as server:
        assert "deltawire account add" in server.out.until("trade")


def test_two_recordings_are_served_under_their_names(tmp_path: Path) -> None:
    pairs = ["--replay", deribit_tape(tmp_path / "d"), "--venue", "deribit"]
    pairs += ["--replay", usdm_tape(tmp_path / "u"), "--venue", "binance_usdm"]
    with Command("serve", *pairs, "--speed", "max", "--port", 0) as server:
        port = port_of(server)
        assert f"http://127.0.0.1:{port}/api/v2/public/get_instruments" in server.out.next()
        subscribed(port, BOOK, "book.binance_usdm:BTCUSDT.raw").close()
        names = [each["instrument_name"] for each in result(port, "get_instruments")]
        assert names == ["BTC-PERPETUAL", "binance_usdm:BTCUSDT"]


def test_a_recording_at_its_end_closes_its_book(tmp_path: Path) -> None:
    tape = deribit_tape(tmp_path / "tape.log", changes=5)
    with Command("serve", "--replay", tape, "--venue", "deribit", "--speed", "max", "--port", 0) as server:
        port = port_of(server)
        server.err.until("source ended")
        answer = result(port, "ticker?instrument_name=BTC-PERPETUAL")
        assert (answer["best_bid_price"], answer["last_price"]) == (0.0, 100.5)
        assert (answer["status"]["reason"], answer["status"]["detail"]) == ("closed", "source ended")


def test_a_recording_that_breaks_off_is_logged_and_its_book_is_not_served(tmp_path: Path) -> None:
    broken = DeribitTape().image({100.0: 1.0}, {}).breaks().write(tmp_path / "d")
    pairs = ["--replay", broken, "--venue", "deribit"]
    pairs += ["--replay", usdm_tape(tmp_path / "u"), "--venue", "binance_usdm"]
    with Command("serve", *pairs, "--speed", "max", "--port", 0) as server:
        port = port_of(server)
        assert "line 3 at 2023-11-14T22:13:20.100000Z: of no known format" in server.err.until("fault")
        subscribed(port, "book.binance_usdm:BTCUSDT.raw").close()
        (summary,) = result(port, "get_book_summary_by_instrument?instrument_name=BTC-PERPETUAL")
        assert summary["bid_price"] is None
        server.signal(signal.SIGTERM)
        assert server.end() == 0


def test_a_loop_plays_again_as_one_unbroken_chain(tmp_path: Path) -> None:
    tape = deribit_tape(tmp_path / "tape.log")
    with (
        Command(
            "serve", "--replay", tape, "--venue", "deribit", "--speed", "max", "--loop", "--port", 0
        ) as server,
        subscribed(port_of(server), BOOK) as client,
    ):
        ids, rounds = None, 0
        while rounds < 3:
            data = client.message()["params"]["data"]
            assert data["type"] == ("snapshot" if ids is None else "change")
            assert data.get("prev_change_id") == ids
            ids = data["change_id"]
            rounds += data.get("status", {}).get("state") == "live"


def test_echo_says_text_and_binary_back_on_its_own_path_only() -> None:
    with Command("serve", "--echo", "--port", 0) as server:
        port = port_of(server)
        with RawClient(port) as client:
            assert client.handshake("/echo").startswith("HTTP/1.1 101 ")
            client.send(client_frame(b"ab", BINARY, fin=False) + client_frame(b"\xff", CONT))
            assert client.frame() == Frame(BINARY, b"ab\xff")
            client.send(client_frame("é".encode()))
            assert client.frame() == Frame(TEXT, "é".encode())
        with RawClient(port) as client:
            client.handshake()
            client.send(client_frame(b"ab", BINARY))
            assert client.close_code() == 1003


def test_without_echo_there_is_no_such_path(tmp_path: Path) -> None:
    tape = deribit_tape(tmp_path / "tape.log")
    with (
        Command("serve", "--replay", tape, "--venue", "deribit", "--port", 0) as server,
        RawClient(port_of(server)) as client,
    ):
        assert client.handshake("/echo").startswith("HTTP/1.1 404 ")


def test_echo_is_refused_where_others_could_reach_it(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run(capsys, "serve", "--echo", "--host", "0.0.0.0", "--port", 0)
    assert outcome.code == 2
    assert outcome.err == ("deltawire: --echo needs a loopback address, not 0.0.0.0\n")
