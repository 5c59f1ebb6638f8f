"""What is Kraken Futures' own: one level a message, a number per product, expiries that the ticker tells."""

import msgspec
import pytest

from deltawire.model.events import Fault, Liquidation, Listing, Stats, Ticker, Trade
from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS
from deltawire.ports import Fetch, Send, Wants
from deltawire.testing.simulators.kraken_futures import KrakenFuturesSimulator
from deltawire.venues.kraken_futures import LIST, KrakenFutures, describe
from tests.venues.sessions import Session, told

INVERSE, DATED, LINEAR = KrakenFuturesSimulator().instruments
EXPIRY_NS = 1_924_617_600_000_000_000


@pytest.fixture
def session() -> Session:
    opened = Session("kraken_futures")
    opened.open()
    return opened


def encoded(**members: object) -> bytes:
    return msgspec.json.encode(members)


def test_a_connection_asks_for_instruments_heartbeats_and_feeds() -> None:
    first, *rest = KrakenFutures().opened(Wants((INVERSE,), frozenset({"book", "ticker"})), 1)
    assert first == Fetch("instruments", LIST)
    assert KrakenFutures().tag(LIST) == "instruments"
    assert [msgspec.json.decode(ask.frame) for ask in rest if isinstance(ask, Send)] == [
        {"event": "subscribe", "feed": "heartbeat"},
        {"event": "subscribe", "feed": "book", "product_ids": [INVERSE]},
        {"event": "subscribe", "feed": "ticker", "product_ids": [INVERSE]},
    ]


def test_a_quantity_of_zero_removes_the_level(session: Session) -> None:
    price = max(session.simulator.book(INVERSE).bids)
    session.simulator.book(INVERSE).bids.pop(price)
    session.simulator.walks[INVERSE].book.bids.pop(price)
    number = session.venue.books[INVERSE].venue_sequence + 1  # type: ignore[attr-defined]
    level = {"side": "buy", "seq": number, "price": price / 10, "qty": 0.0}
    assert told(session.receive(encoded(feed="book", product_id=INVERSE, timestamp=1, **level))) == ["delta"]
    session.true(INVERSE)


@pytest.mark.parametrize(
    "damage",
    [
        (b'"side":"', b'"side":"x'),
        (b'"seq":', b'"seq":-'),
        (b'"price":', b'"price":true,"x":'),
        (b'"qty":', b'"x":'),
    ],
)
def test_a_book_message_that_cannot_be_read_costs_its_book_one_image(
    session: Session, damage: tuple[bytes, bytes]
) -> None:
    frame = session.simulator.delta(DATED).replace(*damage)
    events = session.unwitnessed(frame)
    assert told(events)[:2] in (["stale malformed", "syncing malformed"], ["stale gap", "syncing gap"])
    assert told(events)[2:] == ["live", "delta"]
    session.true(DATED)


def test_an_unsubscribed_book_stands_for_nothing(session: Session) -> None:
    frame = encoded(event="unsubscribed", feed="book", product_ids=[DATED])
    assert told(session.receive(frame)) == ["stale closed"]


def test_what_the_venue_refuses_is_a_fault() -> None:
    session = Session("kraken_futures")
    session._collect(session.venue.opened(Wants((INVERSE, "PI_NOSUCH"), frozenset({"book"})), session.now))
    assert [event.reason for event in session.events if isinstance(event, Fault)] == [
        "error  Invalid product id"
    ]
    session.delta(INVERSE)
    session.true(INVERSE)
    (fault,) = session.receive(encoded(event="alert", message="rate_limited"))
    assert isinstance(fault, Fault)
    assert fault.reason == "alert  rate_limited"


def test_heartbeats_keep_a_quiet_market_from_being_silent(session: Session) -> None:
    for _ in range(100):
        session.pass_time(1_000_000_000)
        assert session.receive(session.simulator.heartbeat()) == []  # type: ignore[attr-defined]
    assert not session.reconnects


def test_trades_from_before_the_subscription_are_not_told(session: Session) -> None:
    trade = msgspec.json.decode(session.simulator.trade(INVERSE))
    assert session.receive(encoded(feed="trade_snapshot", product_id=INVERSE, trades=[trade])) == []
    assert session.venue.unread == {"trade_snapshot": 1}


def test_a_trade_that_is_told_twice_counts_once(session: Session) -> None:
    frame = session.simulator.trade(INVERSE)
    (trade,) = session.receive(frame)
    assert isinstance(trade, Trade)
    assert (trade.sequence, trade.liquidation) == (1, "")
    assert session.receive(frame) == []


def test_a_trade_of_a_liquidation_is_both(session: Session) -> None:
    frame = session.simulator.trade(INVERSE, "liquidation")  # type: ignore[call-arg]
    trade, liquidation = session.receive(frame)
    assert isinstance(trade, Trade)
    assert isinstance(liquidation, Liquidation)
    assert trade.liquidation == "T"
    assert (trade.price_ticks, trade.size_lots, trade.side) == (
        liquidation.price_ticks,
        liquidation.size_lots,
        liquidation.side,
    )
    assert session.receive(frame) == []


def test_a_ticker_tells_funding_per_hour_and_open_interest(session: Session) -> None:
    (ticker,) = session.receive(session.simulator.ticker(INVERSE))
    assert isinstance(ticker, Ticker)
    assert (ticker.current_funding, ticker.open_interest) == (0.0000125, 1_234_567.0)
    assert ticker.venue_ns == session.now // 1_000_000 * 1_000_000
    assert ticker.stats == Stats(volume_usd=15_907_386.0, price_change=-2.4)


def test_an_expiry_that_the_name_does_not_tell_comes_with_the_ticker() -> None:
    venue = KrakenFutures()
    venue.opened(Wants(), 1)
    assert describe(DATED).expiration_ns == UNKNOWN_NS
    frame = encoded(feed="ticker_lite", product_id=DATED, bid=1.5, ask=2.5, maturityTime=1_924_617_600_000)
    listing, ticker = venue.received(frame, 2)
    assert isinstance(listing, Listing)
    assert isinstance(ticker, Ticker)
    assert listing.instrument.expiration_ns == ticker.instrument.expiration_ns == EXPIRY_NS
    assert len(venue.received(frame, 3)) == 1
    assert venue.deadline() is not None
    venue.closed(4)
    assert venue.deadline() == EXPIRY_NS


def test_a_list_states_expiries_units_and_precisions(session: Session) -> None:
    inverse, dated, linear = map(session.instrument, (INVERSE, DATED, LINEAR))
    assert (inverse.base, inverse.settlement, inverse.size_unit, inverse.inverse) == (
        "BTC",
        "BTC",
        "quote",
        True,
    )
    assert inverse.perpetual
    assert dated.expiration_ns == 1_924_617_600_000_000_000
    assert (linear.settlement, linear.size_unit, linear.size_exponent) == ("USD", "base", -2)
    assert (linear.min_trade_size, linear.tick_size) == ("0.01", "0.01")


@pytest.mark.parametrize(
    ("precision", "exponent", "least"), [(4, -4, "0.0001"), (0, 0, "1"), (-3, 0, "1000")]
)
def test_lots_may_be_thousands(precision: int, exponent: int, least: str) -> None:
    stated = {"symbol": "PF_PEPEUSD", "type": "flexible_futures", "tickSize": 1e-10, "tradeable": True}
    body = {"result": "success", "instruments": [stated | {"contractValueTradePrecision": precision}]}
    (listing,) = KrakenFutures().fetched("instruments", msgspec.json.encode(body), 1)
    assert isinstance(listing, Listing)
    assert (listing.instrument.size_exponent, listing.instrument.min_trade_size) == (exponent, least)
    assert listing.instrument.price_exponent == -10


def test_a_product_that_is_not_tradeable_is_not_active(session: Session) -> None:
    body = session.simulator.body("").replace(b'"tradeable":true', b'"tradeable":false', 1)
    session.fetch(Fetch("instruments", LIST), body)
    assert not session.instrument(INVERSE).active
    assert session.replica(INVERSE).state == "stale"


def test_an_error_of_the_list_is_a_fault() -> None:
    (fault,) = KrakenFutures().fetched("instruments", b'{"result":"error","error":"apiLimitExceeded"}', 1)
    assert fault == Fault("kraken_futures", 1, "instruments: apiLimitExceeded")


@pytest.mark.parametrize(
    ("symbol", "coins", "expiration_ns"),
    [
        ("PI_XBTUSD", ("BTC", "USD", "BTC"), FOREVER_NS),
        ("FI_BCHUSD_210730", ("BCH", "USD", "BCH"), UNKNOWN_NS),
        ("PF_ETHEUR", ("ETH", "EUR", "EUR"), FOREVER_NS),
        ("FF_XBTUSD_250131", ("BTC", "USD", "USD"), UNKNOWN_NS),
        ("PI_XBTUSD_210730", ("", "", ""), UNKNOWN_NS),
        ("FI_XBTUSD", ("", "", ""), UNKNOWN_NS),
        ("in_xbtusd", ("", "", ""), UNKNOWN_NS),
    ],
)
def test_what_a_name_tells(symbol: str, coins: tuple[str, str, str], expiration_ns: int) -> None:
    named = describe(symbol)
    assert (named.base, named.quote, named.settlement) == coins
    assert (named.kind == "future") == bool(named.base)
    assert named.expiration_ns == expiration_ns
