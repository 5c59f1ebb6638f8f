"""What is Kraken's own: checksums for numbers, a window of levels, bare numbers, times as text."""

import msgspec
import pytest

from deltawire.model.events import BookDelta, Fault, Listing, Status, Trade, VenueStatus
from deltawire.ports import Send, Wants
from deltawire.testing.simulators.kraken import KrakenSimulator
from deltawire.venues.kraken import Kraken
from tests.venues.sessions import Session, book_events, told

BTC, ETH, ALGO = KrakenSimulator().instruments


@pytest.fixture(params=["kraken", "kraken-ten-deep"])
def session(request: pytest.FixtureRequest) -> Session:
    opened = Session(request.param)
    opened.open()
    return opened


def test_a_connection_asks_for_pairs_and_channels() -> None:
    asks = [msgspec.json.decode(ask.frame) for ask in Kraken().opened(Wants((BTC,)), 1) if type(ask) is Send]
    assert [ask["params"] for ask in asks] == [
        {"channel": "instrument"},
        {"channel": "book", "symbol": [BTC], "depth": 100},
        {"channel": "ticker", "symbol": [BTC]},
        {"channel": "trade", "symbol": [BTC]},
    ]


def test_the_depth_that_was_granted_is_the_depth_that_counts() -> None:
    session = Session("kraken-ten-deep")
    session.open()
    for _ in range(50):
        session.delta(ETH)
        assert len(session.replica(ETH).book.bids) == len(session.replica(ETH).book.asks) == 10


def test_levels_that_fall_out_of_the_window_are_told_as_gone_though_the_venue_says_nothing() -> None:
    session = Session("kraken-ten-deep")
    session.open()
    unsaid = 0
    for _ in range(100):
        frame = session.simulator.delta(ETH)
        said = {
            level["price"]
            for side in ("bids", "asks")
            for level in msgspec.json.decode(frame)["data"][0][side]
        }
        for event in session.receive(frame):
            if isinstance(event, BookDelta):
                gone = [
                    price
                    for changes in (event.bids, event.asks)
                    for price, size in zip(changes.prices, changes.sizes, strict=True)
                    if not size
                ]
                unsaid += len([price for price in gone if event.instrument.price(price) not in said])
        session.true(ETH)
    assert unsaid, "the stream never moved the window"


@pytest.mark.parametrize(
    ("part", "spoilt"),
    [
        (b'"checksum":', b'"checksum":"x","was":'),
        (b'"type":"update"', b'"type":"rumour"'),
        (b'"timestamp":"20', b'"timestamp":"x20'),
        (b'"bids":', b'"bits":'),
    ],
)
def test_a_book_message_that_cannot_be_read_makes_its_book_stale(
    session: Session, part: bytes, spoilt: bytes
) -> None:
    """Nothing is numbered, so nothing later would show that levels beyond the tenth were lost."""
    frame = session.simulator.delta(ETH)
    assert part in frame
    fault, *events = session.unwitnessed(frame.replace(part, spoilt, 1))
    assert isinstance(fault, Fault)
    assert fault.instrument == ETH
    assert told(events) == ["stale malformed", "syncing malformed", "live", "delta"]
    session.true(ETH)


def test_an_unsubscribed_book_stands_for_nothing_until_it_is_subscribed_again(session: Session) -> None:
    request = {"method": "unsubscribe", "params": {"channel": "book", "symbol": [ETH]}}
    (gone,) = session.simulator.answer(msgspec.json.encode(request).decode())
    assert told(session.receive(gone)) == ["stale closed"]
    depth = session.venue.books[ETH].depth
    request = {"method": "subscribe", "params": {"channel": "book", "symbol": [ETH], "depth": depth}}
    again = [
        session.receive(frame) for frame in session.simulator.answer(msgspec.json.encode(request).decode())
    ]
    assert told(again[-1]) == ["live", "delta"]
    session.true(ETH)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"channel":"heartbeat"}',
        b'{"method":"pong","req_id":42}',
        b'{"method":"subscribe","result":{"channel":"ticker","symbol":"BTC/USD"},"success":true}',
    ],
)
def test_what_is_no_data_says_nothing(session: Session, frame: bytes) -> None:
    assert session.receive(frame) == []


@pytest.mark.parametrize(
    ("system", "state"),
    [
        ("online", "up"),
        ("cancel_only", "limited"),
        ("post_only", "limited"),
        ("maintenance", "down"),
        ("something new", "notice"),
    ],
)
def test_the_state_of_the_engine_is_that_of_the_venue(session: Session, system: str, state: str) -> None:
    data = f'[{{"system":"{system}","connection_id":14949390454975033707}}]'
    events = session.receive(f'{{"channel":"status","type":"update","data":{data}}}'.encode())
    assert events[0] == VenueStatus("kraken", state, session.now, system)
    stale = [event.reason for event in events[1:] if isinstance(event, Status)]
    assert {*stale} == ({"maintenance"} if state == "down" else set())


def test_a_refusal_is_a_fault(session: Session) -> None:
    refusal = b'{"error":"Subscription depth not supported","method":"subscribe","success":false,"symbol":"BTC/USD"}'
    assert session.unwitnessed(refusal) == [
        Fault("kraken", session.now, "subscribe BTC/USD: Subscription depth not supported")
    ]


def test_a_depth_of_nothing_is_not_believed(session: Session) -> None:
    session.unwitnessed(
        b'{"method":"subscribe","result":{"channel":"book","depth":0,"symbol":"ETH/USD"},"success":true}'
    )
    session.receive(session.simulator.image(ETH))
    session.true(ETH)


def test_several_trades_come_in_one_message(session: Session) -> None:
    frame = msgspec.json.decode(session.simulator.trade(BTC))
    trade = frame["data"][0] | {"price": 63000.5, "qty": 0.25, "side": "sell"}
    frame["data"] = [trade, trade | {"timestamp": "soon"}, trade | {"trade_id": 9}]
    first, fault, third = session.receive(msgspec.json.encode(frame))
    assert isinstance(first, Trade)
    assert (first.price_ticks, first.side) == (630005, "sell")
    assert isinstance(fault, Fault)
    assert third.trade_id == "9"


@pytest.mark.parametrize(
    ("text", "venue_ns"),
    [
        ("2026-08-01T02:53:53.184216Z", 1_785_552_833_184_216_000),
        ("2026-08-01T02:53:53Z", 1_785_552_833_000_000_000),
        ("2026-08-01T04:53:53.5+02:00", 1_785_552_833_500_000_000),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_times_are_exact(session: Session, text: str, venue_ns: int) -> None:
    frame = msgspec.json.decode(session.simulator.trade(BTC))
    frame["data"][0] |= {"timestamp": text, "price": 63000.5, "qty": 1}
    (trade,) = session.receive(msgspec.json.encode(frame))
    assert trade.venue_ns == venue_ns


@pytest.mark.parametrize(
    "text",
    ["2026-08-01T02:53:53", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "5"],
)
def test_a_time_without_a_zone_or_out_of_range_is_refused(session: Session, text: str) -> None:
    frame = msgspec.json.decode(session.simulator.trade(BTC))
    frame["data"][0]["timestamp"] = text
    (fault,) = session.receive(msgspec.json.encode(frame))
    assert isinstance(fault, Fault)


class TestPairs:
    def pairs(self, **more: object) -> bytes:
        pair = {
            "symbol": "A/B",
            "base": "A",
            "quote": "B",
            "status": "online",
            "price_precision": 8,
            "price_increment": 1e-08,
            "qty_precision": 5,
            "qty_increment": 1e-05,
            "qty_min": 0.5,
        }
        data = {"assets": [], "pairs": [pair | more, pair | {"symbol": "C/D"}]}
        return msgspec.json.encode({"channel": "instrument", "type": "snapshot", "data": data})

    def test_an_increment_may_be_printed_with_an_exponent(self) -> None:
        first, _ = Kraken().received(self.pairs(), 1)
        instrument = first.instrument
        assert (instrument.tick_size, instrument.tick, instrument.min_trade_size) == ("0.00000001", 1, "0.5")

    @pytest.mark.parametrize(
        "bad",
        [
            {"price_precision": 19},
            {"price_precision": 1_000_000_000},
            {"price_precision": -1},
            {"price_increment": "x"},
            {"price_increment": 1e300},
            {"price_increment": 1e-300},
            {"qty_min": -1.0},
            {"qty_min": 1e-300},
            {"symbol": "x" * 100},
            {"symbol": "A\nB"},
        ],
    )
    def test_a_pair_that_cannot_be_is_a_fault_and_does_not_cost_its_neighbour(self, bad: dict) -> None:
        fault, listed = Kraken().received(self.pairs(**bad), 1)
        assert isinstance(fault, Fault)
        assert isinstance(listed, Listing)
        assert listed.instrument.name == "C/D"

    def test_a_pair_offline_is_not_active(self) -> None:
        first, second = Kraken().received(self.pairs(status="delisted"), 1)
        assert (first.instrument.active, second.instrument.active) == (False, True)


def test_books_of_several_pairs_in_one_message_stand_alone(session: Session) -> None:
    good, bad = session.simulator.delta(BTC), session.simulator.delta(ETH)
    both = good[:-2] + b"," + bad[bad.index(b"[") + 1 :].replace(b'"timestamp":"20', b'"timestamp":"x20')
    events = session.unwitnessed(both)
    assert [e.instrument.name for e in book_events(events)][:2] == [BTC, ETH]
    assert told(events) == ["delta", "stale malformed", "syncing malformed", "live", "delta"]
    session.true(BTC)
    session.true(ETH)
