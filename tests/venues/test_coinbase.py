"""What is Coinbase's own: one number over a connection, bids and offers in one list, the maker's side."""

import msgspec
import pytest

from deltawire.model.events import BookDelta, Fault, Listing, Stats, Status, Ticker, Trade
from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS
from deltawire.ports import Fetch, Send, Wants
from deltawire.testing.simulators.coinbase import CoinbaseSimulator
from deltawire.venues.coinbase import LIST, Coinbase, describe
from tests.venues.sessions import MENDED, Session, slowly, told

BTC, ETH, FUTURE = CoinbaseSimulator().instruments


@pytest.fixture
def session() -> Session:
    opened = Session("coinbase")
    opened.open()
    for name in opened.names:
        opened.delta(name)
        opened.true(name)
    return opened


def told_of(session: Session, since: int) -> dict[str, list[str]]:
    """What has been told of each book since so many events."""
    return {name: told([event for event in session.of(name) if event in session.events[since:]])
            for name in session.names}  # fmt: skip


def requests(session: Session) -> list[dict[str, object]]:
    return [msgspec.json.decode(ask.frame) for ask in session.asks if isinstance(ask, Send)]


def test_a_connection_asks_for_heartbeats_and_one_channel_a_message() -> None:
    asks = Coinbase().opened(Wants((BTC, ETH)), 1)
    assert [msgspec.json.decode(ask.frame) for ask in asks if isinstance(ask, Send)] == [
        {"type": "subscribe", "channel": "heartbeats"},
        {"type": "subscribe", "product_ids": [BTC, ETH], "channel": "level2"},
        {"type": "subscribe", "product_ids": [BTC, ETH], "channel": "ticker"},
        {"type": "subscribe", "product_ids": [BTC, ETH], "channel": "market_trades"},
        {"type": "subscribe", "product_ids": [BTC, ETH], "channel": "status"},
    ]
    assert Fetch("instruments", LIST) in asks
    assert Coinbase().tag(LIST) == "instruments"
    assert Coinbase().tag(f"{LIST}/BTC-USD") == "instruments:BTC-USD"
    assert Coinbase().tag("https://api.coinbase.com/v2/time") is None


@pytest.mark.parametrize("kind", ["delta", "ticker", "trade"])
def test_whatever_message_is_lost_every_book_is_asked_for_again_in_one_request(
    session: Session, kind: str
) -> None:
    getattr(session.simulator, kind)(ETH)  # lost
    with slowly(session):
        events = session.delta(BTC)
        stale = {event.instrument.name: event.reason for event in events
                 if isinstance(event, Status) and event.state == "stale"}  # fmt: skip
        assert stale == dict.fromkeys(session.names, "gap")
        assert not [event for event in events if isinstance(event, BookDelta)]
        assert requests(session) == [
            {"type": kind, "product_ids": [BTC, ETH, FUTURE], "channel": "level2"}
            for kind in ("unsubscribe", "subscribe")
        ]
    assert told(session.answer()) == MENDED * 3
    for name in session.names:
        session.true(name)
        session.delta(name)
        session.true(name)
    session.agree()


def test_a_message_that_comes_again_or_late_changes_nothing(session: Session) -> None:
    first, second = session.simulator.delta(BTC), session.simulator.delta(ETH)
    assert told(session.receive(first)) == told(session.receive(second)) == ["delta"]
    assert session.receive(first) == session.receive(second) == []
    session.true(BTC)
    session.true(ETH)
    assert session.venue.unread == {"l2_data, out of order": 2}


def test_a_frame_that_cannot_be_read_is_a_gap_at_the_next_one(session: Session) -> None:
    (fault,) = session.unwitnessed(session.simulator.delta(BTC)[:-3])
    assert isinstance(fault, Fault)
    events = session.receive(session.simulator.ticker(ETH))
    assert {event.instrument.name for event in events if isinstance(event, Status)} == {*session.names}
    session.true(BTC)


@pytest.mark.parametrize(
    "damage", [(b'"side":"bid"', b'"side":"buy"'), (b'"price_level":"', b'"price_level":"x')]
)
def test_an_event_that_cannot_be_read_costs_its_own_book_only(
    session: Session, damage: tuple[bytes, bytes]
) -> None:
    frame = session.simulator.delta(BTC)
    while damage[0] not in frame:
        session.receive(frame)
        frame = session.simulator.delta(BTC)
    events = session.unwitnessed(frame.replace(*damage))
    assert told(events) == ["stale malformed", "syncing malformed", *MENDED]
    assert {event.instrument.name for event in events if isinstance(event, Status)} == {BTC}
    for name in session.names:
        session.true(name)


def test_a_connection_that_counts_anew_without_a_word_is_a_gap(session: Session) -> None:
    session.simulator.connect()  # type: ignore[attr-defined]
    events = session.receive(session.simulator.ticker(ETH))
    assert {event.instrument.name for event in events if isinstance(event, Status)} == {*session.names}


def test_the_next_connection_counts_for_itself(session: Session) -> None:
    session.close()
    session.simulator.connect()  # type: ignore[attr-defined]
    session.open()
    for name in session.names:
        session.delta(name)
        session.true(name)
    assert "stale gap" not in told(session.events)


def test_a_level_that_is_not_there_may_be_removed(session: Session) -> None:
    frame = msgspec.json.decode(session.simulator.delta(BTC))
    level = {"side": "bid", "event_time": "", "price_level": "0.01", "new_quantity": "0"}
    frame["events"][0]["updates"].append(level)
    assert told(session.receive(msgspec.json.encode(frame))) == ["delta"]
    session.true(BTC)


def test_the_side_of_a_trade_is_the_takers(session: Session) -> None:
    """The maker's order was a bid: somebody has sold."""
    trade = {"product_id": BTC, "trade_id": "9", "price": "5.25", "size": "1", "time": "2026-09-30T02:39:53Z"}
    frame = msgspec.json.decode(session.simulator.trade(BTC))
    frame["events"][0]["trades"] = [trade | {"side": "BUY"}]
    *_, event = session.receive(msgspec.json.encode(frame))
    assert isinstance(event, Trade)
    assert event.side == "sell"


def test_trades_come_in_order_though_the_latest_is_listed_first(session: Session) -> None:
    frame = msgspec.json.decode(session.simulator.trade(BTC))
    (trade,) = frame["events"][0]["trades"]
    frame["events"][0]["trades"] = [trade | {"trade_id": number} for number in ("12", "11", "10")]
    events = session.receive(msgspec.json.encode(frame))
    assert [event.trade_id for event in events if isinstance(event, Trade)] == ["10", "11", "12"]


def test_a_ticker_tells_the_last_day(session: Session) -> None:
    (ticker,) = session.receive(session.simulator.ticker(BTC))
    assert isinstance(ticker, Ticker)
    assert ticker.stats is not None
    assert (ticker.stats.volume, ticker.stats.price_change) == (4626.0191046, 0.45462975445749)
    assert isinstance(ticker.stats, Stats)


def test_heartbeats_keep_a_quiet_market_from_being_silent(session: Session) -> None:
    for _ in range(30):
        session.pass_time(1_000_000_000)
        assert session.receive(session.simulator.heartbeat()) == []  # type: ignore[attr-defined]
    assert not session.reconnects


def test_what_the_venue_refuses_is_a_fault() -> None:
    session = Session("coinbase")
    session._collect(session.venue.opened(Wants(("NO-SUCH",), frozenset({"book"})), session.now))
    reasons = [event.reason for event in session.events if isinstance(event, Fault)]
    assert reasons == ["product not found: NO-SUCH"] * 2  # of the book and of its state


def test_a_request_for_several_products_that_is_refused_is_repeated_in_halves() -> None:
    """An error names no request: it answers the oldest one."""
    venue = Coinbase()
    names = ("BTC-USD", "NO-SUCH", "ETH-USD")
    subscriptions = {
        "channel": "subscriptions",
        "timestamp": "2026-01-01T00:00:00Z",
        "events": [{"subscriptions": {}}],
    }
    venue.connected(1)
    asks = venue.subscribe(venue.streams(Wants(names, frozenset({"book"}))))
    assert len(asks) == 2  # books, and states of products
    venue.received(msgspec.json.encode(subscriptions | {"sequence_num": 0}), 1)  # heartbeats
    error = msgspec.json.encode({"type": "error", "message": "product not found: NO-SUCH"})
    halves = [ask for ask in venue.received(error, 2) if isinstance(ask, Send)]
    assert [msgspec.json.decode(ask.frame)["product_ids"] for ask in halves] == [
        ["BTC-USD"],
        ["NO-SUCH", "ETH-USD"],
    ]


def test_a_book_that_is_subscribed_to_no_more_stands_for_nothing(session: Session) -> None:
    request = {"type": "unsubscribe", "product_ids": [ETH], "channel": "level2"}
    (acknowledged,) = session.simulator.answer(msgspec.json.encode(request).decode())
    events = session.receive(acknowledged)
    assert told(events) == ["stale closed"]
    assert {event.instrument.name for event in events if isinstance(event, Status)} == {ETH}


def test_lists_state_futures_with_their_contracts(session: Session) -> None:
    pair, future = session.instrument(BTC), session.instrument(FUTURE)
    assert (pair.kind, pair.base, pair.quote, pair.expiration_ns) == ("spot", "BTC", "USD", FOREVER_NS)
    assert (future.kind, future.base, future.size_unit, future.contract_size) == (
        "future",
        "BTC",
        "contracts",
        0.01,
    )
    assert future.expiration_ns == 1_924_617_600_000_000_000


def test_a_product_whose_trading_is_disabled_is_not_active(session: Session) -> None:
    body = session.simulator.body(LIST).replace(b'"trading_disabled":false', b'"trading_disabled":true', 1)
    session.fetch(Fetch("instruments", LIST), body)
    assert not session.instrument(BTC).active
    assert session.replica(BTC).state == "stale"
    assert session.instrument(ETH).active


def test_one_product_alone_is_no_list_of_all(session: Session) -> None:
    (stated,) = msgspec.json.decode(session.simulator.body(LIST))["products"][:1]
    stated["price_increment"] = "0.001"
    (listing,) = session.fetch(Fetch("instruments:BTC-USD", ""), msgspec.json.encode(stated))
    assert isinstance(listing, Listing)
    assert listing.instrument.tick_size == "0.001"
    assert session.instrument(ETH).active
    error = b'{"error":"unknown","error_details":"","message":"too many requests"}'
    (fault,) = session.fetch(Fetch("instruments", ""), error)
    assert isinstance(fault, Fault)
    assert fault.reason == "instruments: unknown too many requests"


@pytest.mark.parametrize(
    ("symbol", "kind"), [("BTC-USD", "spot"), ("BIT-26DEC25-CDE", ""), ("BTC", ""), ("-USD", "")]
)
def test_what_a_name_tells(symbol: str, kind: str) -> None:
    named = describe(symbol)
    assert named.kind == kind
    assert named.expiration_ns == (FOREVER_NS if kind else UNKNOWN_NS)
