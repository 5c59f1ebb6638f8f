"""`deltawire simulate`: a venue in a process of its own."""

import signal
from pathlib import Path

import msgspec
import pytest
from websockets.sync.client import connect

from deltawire.testing.recordings import make_recording, write_log
from tests.support.commands import Command, run

SUBSCRIBE = '{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}'
REFUSED = '{"op":"subscribe","args":[{"channel":"books","instId":"NO-SUCH"}]}'


def test_a_venue_is_served_and_says_what_its_clients_did() -> None:
    fault = "drop:stream=books:BTC-USDT,after=1,times=1"
    with Command("simulate", "--venue", "okx", "--port", "0", "--moves", "50", "--fault", fault) as venue:
        assert "simulates okx: BTC-USDT, BTC-USDT-SWAP" in venue.out.next()
        address = venue.out.next().split()[-1]
        assert address.endswith("/ws/v5/public")
        with connect(address, compression=None) as client:
            client.send(SUBSCRIBE)
            client.send(REFUSED)
            gaps, last = 0, None
            while not gaps:
                message = msgspec.json.decode(client.recv())
                for book in message.get("data", []):
                    gaps += last not in (None, book["prevSeqId"])
                    last = book["seqId"]
        base = address.removesuffix("/ws/v5/public")
        assert f"deltawire serve --venue okx --endpoint okx={base}" in venue.out.until("serve")
        venue.signal(signal.SIGINT)
        told = venue.out.rest()
    assert "messages: 2\n" in told
    assert "fault drop: 1\n" in told
    assert told.endswith("no limit was exceeded")


def test_a_venue_follows_a_recording(tmp_path: Path) -> None:
    log = write_log(make_recording(1, steps=200), tmp_path / "DERIBIT.ws.1.0")
    with Command("simulate", "--venue", "deribit", "--from", log, "--port", "0") as venue:
        assert "BTC-25DEC26-100000-C" in venue.out.next()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--venue", "nope"], "no simulator of venue 'nope'; known: binance_coinm"),
        (["--venue", "okx", "--fault", "nap"], "unknown fault 'nap'; known: close"),
        (["--venue", "okx", "--speed", "max"], "--speed max has no meaning for a venue: give a number"),
        (["--venue", "okx", "--from", "x", "--exchange"], "use either --from or --exchange, not both"),
        (["--venue", "okx", "--from", "/no/such/file"], "no such file: /no/such/file"),
        (["--venue", "bybit_option", "--exchange"], "bybit_option cannot follow the exchange's perpetuals"),
    ],
)
def test_wrong_usage_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    outcome = run(capsys, "simulate", *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith(f"deltawire: {complaint}")
    assert outcome.err.count("\n") == 1


def test_a_port_that_is_taken_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    with Command("simulate", "--venue", "okx", "--port", "0") as venue:
        venue.out.next()
        port = venue.out.next().split(":")[-1].partition("/")[0]
        outcome = run(capsys, "simulate", "--venue", "okx", "--port", port)
    assert outcome.code == 2
    assert f"cannot listen on ws://127.0.0.1:{port}" in outcome.err
