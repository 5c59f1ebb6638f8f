"""What is Hyperliquid's own: images only, two streams of one name, a stream that stops, lists by post requests."""

import msgspec
import pytest

from deltawire.model.events import BookDelta, Fault, Listing, Status, Ticker, Trade
from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS
from deltawire.ports import Send, Wants
from deltawire.testing.simulators.hyperliquid import HyperliquidSimulator
from deltawire.venues.hyperliquid import STOPPED_NS, Hyperliquid, describe
from tests.venues.sessions import MENDED, Session, slowly, told

BTC, ETH, NVDA = HyperliquidSimulator().instruments
SECOND_NS = 1_000_000_000


@pytest.fixture
def session() -> Session:
    opened = Session("hyperliquid")
    opened.open()
    return opened


def push(channel: str, data: object) -> bytes:
    return msgspec.json.encode({"channel": channel, "data": data})


def acknowledged(coin: str, method: str = "subscribe", **more: object) -> bytes:
    return push(
        "subscriptionResponse", {"method": method, "subscription": {"type": "l2Book", "coin": coin} | more}
    )


def image(levels: int, time: int, coin: str = BTC) -> bytes:
    sides = [
        [
            {"px": f"{100 + side + step * (1 if side else -1)}", "sz": f"{time}", "n": 1}
            for step in range(levels)
        ]
        for side in (0, 1)
    ]
    return push("l2Book", {"coin": coin, "time": time, "levels": sides})


def depth(venue: Hyperliquid, coin: str = BTC) -> int:
    return len(venue.books[coin].ladder.bids)


def test_a_connection_asks_for_lists_and_one_stream_a_message() -> None:
    asks = Hyperliquid().opened(Wants((BTC, NVDA)), 1)
    requests = [msgspec.json.decode(ask.frame) for ask in asks if isinstance(ask, Send)]
    assert [request["request"]["payload"] for request in requests[:2]] == [
        {"type": "meta"},
        {"type": "meta", "dex": "xyz"},
    ]
    assert [request["subscription"] for request in requests[2:]] == [
        {"type": stream, **more, "coin": coin}
        for stream, more in (("l2Book", {"fast": True}), ("bbo", {}), ("activeAssetCtx", {}), ("trades", {}))
        for coin in (BTC, NVDA)
    ]


def test_every_message_is_the_whole_book(session: Session) -> None:
    for _ in range(20):
        session.simulator.delta(BTC)  # lost
        (delta,) = session.delta(BTC)
        assert isinstance(delta, BookDelta)
        session.true(BTC)
        assert len(session.simulator.book(BTC).bids) <= 5


def test_two_streams_are_never_one_book() -> None:
    venue = Hyperliquid()
    venue.opened(Wants(), 1)
    venue.received(acknowledged(BTC, fast=False), 2)
    venue.received(acknowledged(BTC, fast=True), 2)
    venue.received(image(20, 10), 3)
    assert depth(venue) == 20
    venue.received(image(5, 11), 4)
    assert depth(venue) == 5
    assert venue.received(image(20, 12), 5) == []
    assert depth(venue) == 5
    assert venue.unread == {"book l2Book beside l2Book.fast": 1}


@pytest.mark.parametrize("fast", [True, False, None])
def test_one_stream_alone_is_the_book_however_thin_it_becomes(fast: bool | None) -> None:
    venue = Hyperliquid()
    venue.opened(Wants(), 1)
    venue.received(acknowledged(BTC, fast=fast), 2)
    for now, levels in enumerate((3, 7, 5, 20, 1), 10):
        venue.received(image(levels, now), now)
        assert depth(venue) == levels


def test_without_acknowledgements_every_image_is_the_book() -> None:
    venue = Hyperliquid()
    venue.opened(Wants(), 1)
    for now, levels in enumerate((20, 5, 20), 10):
        venue.received(image(levels, now), now)
        assert depth(venue) == levels


def test_an_image_older_than_the_book_changes_nothing(session: Session) -> None:
    old, new = session.simulator.delta(BTC), session.delta(BTC)
    assert told(new) == ["delta"]
    assert session.unwitnessed(old) == []
    session.true(BTC)


def test_merged_levels_are_no_book() -> None:
    venue = Hyperliquid()
    venue.opened(Wants(), 1)
    venue.received(acknowledged(BTC, nSigFigs=3), 2)
    assert venue.received(image(5, 10), 3) == []
    assert venue.unread == {"l2Book, levels merged": 1}


def test_a_stream_that_stops_while_the_connection_speaks_costs_its_own_book(session: Session) -> None:
    with slowly(session):
        while session.now < HyperliquidSimulator().now_ns + STOPPED_NS + 10 * SECOND_NS and not session.asks:
            session.pass_time(SECOND_NS)
            for name in (BTC, NVDA):
                session.receive(session.simulator.delta(name))
            session.asks = type(session.asks)(
                ask for ask in session.asks if "ping" not in getattr(ask, "frame", "")
            )
        stale = [event for event in session.events if isinstance(event, Status) and event.state == "stale"]
        assert [(event.instrument.name, event.reason, event.detail) for event in stale] == [
            (ETH, "silent", "its stream has stopped")
        ]
        requests = [msgspec.json.decode(ask.frame) for ask in session.asks if isinstance(ask, Send)]
        assert [(request["method"], request["subscription"]["coin"]) for request in requests] == [
            ("unsubscribe", ETH),
            ("subscribe", ETH),
        ]
        session.simulator.move(ETH)
    assert told(session.answer()) == MENDED
    session.true(ETH)


def test_an_unsubscribed_book_stands_for_nothing(session: Session) -> None:
    assert told(session.receive(acknowledged(ETH, "unsubscribe", fast=True))) == ["stale closed"]


def test_a_book_message_that_cannot_be_read_makes_its_book_stale_until_the_next(session: Session) -> None:
    with slowly(session):
        fault, *events = session.unwitnessed(session.simulator.delta(ETH).replace(b'"sz":"', b'"sz":"x', 1))
        assert told([fault, *events]) == ["stale malformed"]
        fault, *events = session.unwitnessed(session.simulator.delta(BTC).replace(b'"time":', b'"time":-'))
        assert isinstance(fault, Fault)
        assert told(events) == ["stale malformed", "syncing malformed"]
        assert told(session.delta(ETH)) == told(session.delta(BTC)) == MENDED
    for name in session.names:
        session.true(name)


def test_trades_tell_who_took() -> None:
    (event,) = [
        event
        for event in Session("hyperliquid").receive(
            push(
                "trades",
                [{"coin": BTC, "side": "A", "px": "5.5", "sz": "2", "time": 9, "hash": "", "tid": 7}],
            )
        )
        if isinstance(event, Trade)
    ]
    assert (event.side, event.trade_id, event.venue_ns) == ("sell", "7", 9_000_000)


def test_a_trade_that_is_told_twice_counts_once(session: Session) -> None:
    frame = session.simulator.trade(BTC)
    assert len(session.receive(frame)) == 1
    assert session.receive(frame) == []


def test_a_side_without_a_best_price_says_so(session: Session) -> None:
    level = {"px": "5.5", "sz": "2", "n": 1}
    (ticker,) = session.receive(push("bbo", {"coin": BTC, "time": 9, "bbo": [None, level]}))
    assert isinstance(ticker, Ticker)
    assert (ticker.best_bid_price, ticker.best_ask_price, ticker.best_ask_size) == (0.0, 5.5, 2.0)


def test_contexts_tell_funding_per_hour_open_interest_and_the_oracle(session: Session) -> None:
    (ticker,) = session.receive(session.simulator.context(BTC))  # type: ignore[attr-defined]
    assert isinstance(ticker, Ticker)
    assert (ticker.current_funding, ticker.open_interest) == (0.00000625, 7823.5816)
    assert (ticker.index_price, ticker.mark_price) == (31022.0, 31028.0)
    assert ticker.stats is not None
    assert (ticker.stats.volume, ticker.stats.volume_usd) == (2963.7809, 91810664.2732000202)


def test_what_the_venue_refuses_is_a_fault(session: Session) -> None:
    session._collect(session.venue.opened(Wants(("NOSUCH",), frozenset({"book"})), session.now))
    assert [event.reason for event in session.events if isinstance(event, Fault)] == [
        "Invalid subscription: NOSUCH"
    ]
    error = {"id": 1, "response": {"type": "error", "payload": "429 Too Many Requests"}}
    (fault,) = session.receive(push("post", error))
    assert isinstance(fault, Fault)
    assert fault.reason == "post: 429 Too Many Requests"


def listed(**stated: object) -> Listing:
    body = msgspec.json.encode({"universe": [{"name": "ABC", "szDecimals": 3} | stated]})
    (listing,) = Hyperliquid().fetched("info", body, 1)
    assert isinstance(listing, Listing)
    return listing


def test_prices_have_five_digits_and_whole_numbers_any() -> None:
    instrument = listed().instrument
    assert instrument.tick_size == "0.001"
    assert instrument.tick_size_steps == (("100", "0.01"), ("1000", "0.1"), ("10000", "1"))
    assert instrument.tick_at(230_320) == 10
    assert instrument.tick_at(99_999) == 1
    assert instrument.tick_at(83_000_000) == 1_000
    assert listed(szDecimals=6).instrument.price_exponent == 0
    assert listed(szDecimals=0).instrument.tick_size == "0.000001"


def test_a_perpetual_that_is_delisted_is_not_active() -> None:
    assert not listed(isDelisted=True).instrument.active


def test_who_is_missing_from_the_list_of_one_builder_is_delisted(session: Session) -> None:
    session.pass_time()
    payload = {"type": "meta", "data": {"universe": [{"name": BTC, "szDecimals": 5}]}}
    events = session.receive(push("post", {"id": 9, "response": {"type": "info", "payload": payload}}))
    assert told(events) == ["stale closed"]
    assert not session.instrument(ETH).active
    assert session.instrument(NVDA).active


@pytest.mark.parametrize(
    ("symbol", "kind", "coins"),
    [
        ("BTC", "future", ("BTC", "USD", "USDC")),
        ("xyz:NVDA", "future", ("NVDA", "USD", "USDC")),
        ("PURR/USDC", "spot", ("PURR", "USDC", "USDC")),
        ("@107", "", ("", "", "")),
        ("/", "", ("", "", "")),
    ],
)
def test_what_a_name_tells(symbol: str, kind: str, coins: tuple[str, str, str]) -> None:
    named = describe(symbol)
    assert (named.kind, (named.base, named.quote, named.settlement)) == (kind, coins)
    assert named.expiration_ns == (FOREVER_NS if kind else UNKNOWN_NS)
