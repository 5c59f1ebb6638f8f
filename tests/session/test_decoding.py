"""What the server encodes from events decodes to the same events, in JSON and in protobuf."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.dialect.payloads import Definitions
from deltawire.errors import FeedError
from deltawire.fanout.channel_encoding import PROTO
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import JSON
from deltawire.market.market import Market
from deltawire.model.events import (
    BestLevels,
    BookDelta,
    BookImage,
    Candle,
    Event,
    Greeks,
    Index,
    Listing,
    Stats,
    Status,
    Ticker,
    Trade,
)
from deltawire.model.instruments import Instrument
from deltawire.session.client import Notification
from deltawire.session.decoding import EventDecoder
from tests.session.decoded import RECEIVED_NS, DecodingClient, as_told
from tests.support.market_events import (
    MS_NS,
    SECOND_NS,
    START_NS,
    ScriptedBook,
    make_index,
    make_instrument,
    make_listing,
    make_option,
    make_ticker,
    make_trade,
)

ENCODINGS = (JSON, PROTO)
NAMES = ("BTC-PERPETUAL", "BTC/USD", "A.B:C_d", "Ünï-cøde", "1000", "x.raw", "a|b?c=d&e", '"quoted"\\')
names = st.sampled_from(NAMES)
venues = st.sampled_from(["deribit", "okx", "elsewhere"])
price_exponents, size_exponents = st.integers(-12, 0), st.integers(-10, 0)
prices = st.integers(1, 400)
steps = st.sampled_from(["change", "change", "change", "stale", "live", "refine", "nothing", "image"])


def hub_of(home: str = "deribit") -> Hub:
    return Hub(Market(home), "test")


def publish(hub: Hub, events: list[Event], at_ns: int) -> None:
    for venue in {event.instrument.venue for event in events if not isinstance(event, Index)} or {"deribit"}:
        hub.advance(venue, at_ns)
    hub.publish(events)
    hub.flush()


def books_of(data: Any, instrument: Instrument) -> Iterator[list[Event]]:
    """What happens to a book, moment by moment."""
    book, live = ScriptedBook(instrument), True
    middle = data.draw(prices) * 1000
    refinable = instrument.price_exponent > -10 and instrument.size_exponent > -9
    levels = st.dictionaries(st.integers(1, 300), st.integers(1, 10**9), max_size=6)

    def drawn(sign: int) -> dict[int, int]:
        scale = 10 ** (instrument.price_exponent - book.instrument.price_exponent)
        return {(middle + sign * away) * scale: size for away, size in data.draw(levels).items()}

    yield book.image(drawn(-1), drawn(1))
    for step in data.draw(st.lists(steps, max_size=12)):
        book.now_ns += 10 * MS_NS
        if step == "change" and live:
            gone = [price for price in book.bids if data.draw(st.booleans())][:3]
            bids, asks = dict.fromkeys(gone, 0) | drawn(-1), drawn(1)
            yield [book.change(bids, asks)]
        elif step == "stale":
            live = False
            yield [book.stale(data.draw(st.sampled_from(["gap", "checksum", "silent", "closed"])))]
            yield [book.syncing()]
        elif step == "live" and not live:
            live = True
            yield [book.live(), book.change(drawn(-1), drawn(1))]
        elif step == "image" and not live:
            live = True
            yield book.image(drawn(-1), drawn(1))
        elif (
            step == "refine" and refinable and book.instrument.price_exponent >= instrument.price_exponent - 1
        ):
            yield [book.refine()]


def books_events(events: list[Event]) -> list[Event]:
    """What a client hears of them on a raw channel: no image under way, and no change that changes nothing."""
    told: list[Event] = []
    for event in events:
        if isinstance(event, Status):
            if event.state != "syncing":
                told.append(as_told(event, detail=event.detail if event.reason == "closed" else ""))
        elif isinstance(event, BookImage | BookDelta):
            told.append(as_told(event))
    return told


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(st.data())
def test_a_books_events_come_through_as_they_were(encoding: str, data: st.DataObject) -> None:
    instrument = make_instrument(
        data.draw(names),
        venue=data.draw(venues),
        price_exponent=data.draw(price_exponents),
        size_exponent=data.draw(size_exponents),
        tick_size="",
        min_trade_size="",
        stated=data.draw(st.booleans()),
    )
    hub = hub_of()
    publish(hub, [make_listing(instrument)], START_NS)
    public = hub.market.public_name(instrument.venue, instrument.name)
    client = DecodingClient(hub, f"book.{public}.raw", encoding=encoding)
    happened: list[Event] = []
    heard: list[Any] = []
    for events in books_of(data, instrument):
        publish(hub, events, START_NS)
        happened += events
        heard += client.items()
    told = [event for event in heard if not isinstance(event, Listing)]
    assert _settled(told) == _settled(books_events(happened))
    newest = hub.market.find(public)
    assert newest is not None
    book = client.decoder.book(f"book.{public}.raw")
    bids, asks = book.top(1000)
    if not any(isinstance(event, Listing) for event in happened[-1:]):
        assert [(str(level.price.normalize()), str(level.size.normalize())) for level in bids] == [
            _texts(newest.instrument, *level)
            for level in zip(*_columns(newest.ladder.bids.levels()), strict=True)
        ]
        assert len(asks) == len(newest.ladder.asks)
    assert (book.verified and book.state == newest.status) or newest.status == "syncing"


def _columns(levels: Any) -> tuple[list[int], list[int]]:
    return levels.prices, levels.sizes


def _texts(instrument: Instrument, ticks: int, lots: int) -> tuple[str, str]:
    price = Decimal(ticks).scaleb(instrument.price_exponent).normalize()
    return str(price), str(Decimal(lots).scaleb(instrument.size_exponent).normalize())


def _settled(events: list[Any]) -> list[Any]:
    """Without what says nothing: a state that was told, a change without changes (which only carries a number)."""
    found: list[Any] = []
    state: Any = None
    for event in events:
        if isinstance(event, Status):
            now = (event.state, event.reason, event.detail)
            if now == state:
                continue
            state = now
        if isinstance(event, BookDelta):
            if not (event.bids or event.asks):
                continue
            event = msgspec.structs.replace(event, sequence=0, covers=1)
        found.append(_numbers(event))
    return found


def _numbers(event: Any) -> Any:
    """A delta at its exponents as decimals: who refines first does not matter."""
    if not isinstance(event, BookDelta):
        return msgspec.structs.replace(event, instrument=_unrefined(event.instrument))
    return (
        _unrefined(event.instrument),
        event.venue_ns,
        [(each.action, each.price.normalize(), each.size.normalize(), each.previous.normalize())
         for each in (*event.bid_changes, *event.ask_changes)],
    )  # fmt: skip


def _unrefined(instrument: Instrument) -> Instrument:
    return msgspec.structs.replace(instrument, price_exponent=0, size_exponent=0)


OPTION = make_option("BTC-29DEC23-40000-C")
SPOT = make_instrument(
    "BTC/USDT", venue="okx", kind="spot", price_exponent=-2, size_exponent=-8, size_unit="base", inverse=False,
    settlement="", index_name="",
)  # fmt: skip
PERPETUAL = make_instrument()
doubles = st.floats(-1e6, 1e6).map(lambda value: round(value, 4))


def client_of(encoding: str, hub: Hub, *channels: str, **more: Any) -> DecodingClient:
    publish(hub, [make_listing(one) for one in (PERPETUAL, OPTION, SPOT)], START_NS)
    return DecodingClient(hub, *channels, encoding=encoding, **more)


trades = st.builds(
    lambda ticks, lots, **more: make_trade(PERPETUAL, ticks, lots, **more),
    st.integers(1, 10**9),
    st.integers(1, 10**9),
    side=st.sampled_from(["buy", "sell"]),
    trade_id=st.text(max_size=9),
    sequence=st.integers(1, 1 << 50),
    mark_price=st.none() | doubles,
    index_price=st.none() | doubles,
    iv=st.none() | doubles,
    liquidation=st.sampled_from(["", "M", "T", "MT"]),
)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "channel", ["trades.BTC-PERPETUAL.raw", "trades.any.any.100ms", "trades.future.BTC.raw"]
)
@given(happened=st.lists(trades, max_size=5))
def test_trades_come_through_as_they_were(encoding: str, channel: str, happened: list[Trade]) -> None:
    hub = hub_of()
    client = client_of(encoding, hub, channel)
    publish(hub, [*happened], START_NS + 1)
    publish(hub, [], START_NS + SECOND_NS)
    assert client.items() == [as_told(trade) for trade in happened]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_trade_finer_than_its_definition_refines_it_first(encoding: str) -> None:
    hub = hub_of()
    client = client_of(encoding, hub, "trades.BTC-PERPETUAL.raw")
    publish(hub, [make_trade(PERPETUAL, 10_005, 7)], START_NS)
    assert [trade.price_ticks for trade in client.items() if isinstance(trade, Trade)] == [10_005]
    finer = msgspec.structs.replace(PERPETUAL, price_exponent=-4, size_exponent=-2)
    publish(hub, [make_listing(finer), make_trade(finer, 10_005_5001, 7_25)], START_NS)
    listing, trade = client.items()
    assert listing == Listing(finer, RECEIVED_NS)
    assert isinstance(trade, Trade)
    assert (trade.price, trade.size) == (Decimal("10005.5001"), Decimal("7.25"))
    assert (trade.price_float, trade.size_float) == (10005.5001, 7.25)


tickers = st.fixed_dictionaries(
    {},
    optional={
        "mark_price": doubles,
        "index_price": doubles,
        "settlement_price": doubles,
        "estimated_delivery_price": doubles,
        "min_price": doubles,
        "max_price": doubles,
        "last_price": doubles,
        "mark_iv": doubles,
        "bid_iv": doubles,
        "ask_iv": doubles,
        "underlying_price": doubles,
        "underlying_index": st.sampled_from(["SYN.X", "index_price"]),
        "interest_rate": doubles,
        "greeks": st.builds(Greeks, doubles, doubles, doubles, doubles, st.none() | doubles),
        "best_bid_price": doubles,
        "best_bid_size": doubles,
    },
)
ALWAYS = {
    "best_bid_price": 0.0,
    "best_bid_size": 0.0,
    "best_ask_price": 0.0,
    "best_ask_size": 0.0,
    "open_interest": 0.0,
    "state": "open",
    "stats": Stats(volume=0.0, volume_notional=0.0),
}
"""What the dialect's ticker states always."""


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("channel", [f"ticker.{OPTION.name}.raw", f"incremental_ticker.{OPTION.name}"])
@given(moments=st.lists(tickers, min_size=1, max_size=4))
def test_a_ticker_is_all_that_is_known_by_then(
    encoding: str, channel: str, moments: list[dict[str, Any]]
) -> None:
    hub = hub_of()
    client = client_of(encoding, hub, channel)
    known: dict[str, Any] = dict(ALWAYS)
    for number, fields in enumerate(moments):
        at_ns = START_NS + number * SECOND_NS
        before, known = known, known | fields
        publish(hub, [make_ticker(OPTION, at_ns, **fields)], at_ns)
        answer = client.items()
        if number and before == known:
            assert answer == []
        elif answer:
            assert answer == [as_told(make_ticker(OPTION, at_ns, **known))]
        else:
            assert before == known


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_family_that_has_an_event_says_it(encoding: str) -> None:
    hub = hub_of()
    client = client_of(
        encoding, hub, "quote.okx:BTC/USDT", "perpetual.BTC-PERPETUAL.raw", "deribit_price_index.btc_usd",
        "deribit_price_index.okx:a:b", "chart.trades.BTC-PERPETUAL.5", f"markprice.options.{OPTION.index_name}",
        "instrument.state.any.any", "status.BTC-PERPETUAL", "book.BTC-PERPETUAL.none.10.raw",
        "deribit_price_statistics.btc_usd",
    )  # fmt: skip
    book, at_ns = ScriptedBook(), START_NS + SECOND_NS
    dead = msgspec.structs.replace(SPOT, active=False)
    happened: list[list[Event]] = [
        [make_index(3.5), make_index(7.25, "a:b", venue="okx")],
        [make_ticker(SPOT, best_bid_price=1.5, best_bid_size=2.0), make_trade(PERPETUAL, 15, 20)],
        [make_ticker(PERPETUAL, current_funding=0.01, index_price=3.5)],
        [make_ticker(OPTION, mark_price=0.05, mark_iv=120.7)],
        book.image({1000: 10, 999: 20}, {1001: 30}),
        [book.stale("closed")],
        [make_listing(dead)],
    ]
    client.decoder.define(Definitions("deribit", ["deribit", "okx"]))
    found: list[Any] = client.items()
    for events in happened:
        publish(hub, events, at_ns)
        found += client.items()
    publish(hub, [], at_ns + SECOND_NS)
    found += client.items()
    ours = {
        (type(item), getattr(item, "instrument", None), getattr(item, "name", "")): item for item in found
    }
    assert ours[Index, None, "btc_usd"] == as_told(make_index(3.5))
    assert ours[Index, None, "a:b"] == as_told(make_index(7.25, "a:b", venue="okx"))
    quotes = [item for item in found if isinstance(item, Ticker) and item.instrument == SPOT]
    stated = {"best_bid_price": 1.5, "best_bid_size": 2.0, "best_ask_price": 0.0, "best_ask_size": 0.0}
    assert quotes[0] == as_told(make_ticker(SPOT, **stated))
    fundings = [item for item in found if isinstance(item, Ticker) and item.instrument == PERPETUAL]
    assert fundings == [as_told(make_ticker(PERPETUAL, current_funding=0.01, index_price=3.5))]
    marks = [item for item in found if isinstance(item, Ticker) and item.instrument == OPTION]
    assert marks == [as_told(make_ticker(OPTION, mark_price=0.05, mark_iv=120.7))]
    candle = ours[Candle, PERPETUAL, ""]
    opened_ns = START_NS - START_NS % (300 * SECOND_NS)
    assert candle == Candle(PERPETUAL, opened_ns, 5, 1.5, 1.5, 1.5, 1.5, 13.33333333, 20.0)
    best = ours[BestLevels, PERPETUAL, ""]
    assert [str(level.price) for level in best.bid_levels] == ["100.0", "99.9"]
    assert ours[Listing, dead, ""].instrument == dead
    states = [item for item in found if isinstance(item, Status)]
    of_grouped, of_status = [("stale", "closed")], [("syncing", ""), ("live", ""), ("stale", "closed")]
    assert sorted((one.state, one.reason) for one in states) == sorted(of_grouped + of_status)
    statistics = [item for item in found if isinstance(item, Notification)]
    assert {note.channel for note in statistics} == {"deribit_price_statistics.btc_usd"}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_with_stamps_events_have_the_servers_times(encoding: str) -> None:
    hub = hub_of()
    client = client_of(encoding, hub, "trades.BTC-PERPETUAL.raw", stamps=True)
    trade = make_trade(PERPETUAL, 10, 20, venue_ns=START_NS + 123_456, seen_ns=START_NS + 987_654)
    publish(hub, [trade], START_NS)
    assert client.items() == [msgspec.structs.replace(trade, sequence=1)]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_merged_change_covers_all_that_it_stands_for(encoding: str) -> None:
    hub, book = hub_of(), ScriptedBook()
    publish(hub, book.image({1000: 10, 999: 20}, {1001: 30}), START_NS)
    client = DecodingClient(hub, "book.BTC-PERPETUAL.100ms", encoding=encoding)
    client.items()
    changes = [book.change({1000: size}) for size in (11, 12, 13)] + [book.change({999: 0})]
    publish(hub, [*changes], START_NS + 1)
    publish(hub, [], START_NS + 200 * MS_NS)
    (delta,) = client.items()
    assert isinstance(delta, BookDelta)
    assert (delta.sequence, delta.covers) == (book.sequence, 4)
    assert [(each.action, each.previous, each.size) for each in delta.bid_changes] == [
        ("change", 10, 13),
        ("delete", 20, 0),
    ]


IMAGE = {
    "type": "snapshot",
    "timestamp": 1,
    "instrument_name": "BTC-PERPETUAL",
    "change_id": 5,
    "bids": [["new", 99.5, 10.0]],
    "asks": [["new", 100.5, 20.0]],
    "price_exponent": -1,
    "size_exponent": 0,
}
CHANGE = {"type": "change", "timestamp": 2, "instrument_name": "BTC-PERPETUAL", "change_id": 6, "asks": []}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prev_change_id": 4, "bids": []}, "does not follow 5"),
        ({"prev_change_id": 5, "bids": [["new", 99.5, 1.0]]}, "new at 99.5"),
        ({"prev_change_id": 5, "bids": [["delete", 99.0, 0.0]]}, "delete at 99.0"),
        ({"prev_change_id": 5, "bids": [["change", 99.0, 1.0]]}, "change at 99.0"),
        ({"prev_change_id": 5, "bids": [], "checksum": 12}, "checksum"),
        ({"prev_change_id": 5, "bids": [["new", 99.55, 1.0]]}, "99.55"),
        ({"prev_change_id": 5, "bids": [["new", 98.0, 1.0], ["new", 98.0, 2.0]]}, "twice"),
        ({"prev_change_id": 5}, "bids"),
    ],
)
def test_what_contradicts_a_book_voids_it(change: dict[str, Any], reason: str) -> None:
    decoder = EventDecoder()
    decoder.define(Definitions("deribit", ["deribit"], {"BTC-PERPETUAL": PERPETUAL}))
    channel = "book.BTC-PERPETUAL.raw"
    status, image = decoder.decode(Notification(channel, IMAGE), RECEIVED_NS)
    assert isinstance(status, Status)
    assert isinstance(image, BookImage)
    assert decoder.book(channel).state == "live"
    with pytest.raises(FeedError, match=reason):
        decoder.decode(Notification(channel, CHANGE | change), RECEIVED_NS)
    book = decoder.book(channel)
    assert (book.state, book.reason, book.top(5), book.verified) == ("stale", "lost", ([], []), False)
    status, image = decoder.decode(Notification(channel, IMAGE), RECEIVED_NS)
    assert decoder.book(channel).state == "live"


def test_a_number_that_two_decimals_share_is_refused_and_one_of_its_own_taken() -> None:
    decoder = EventDecoder()
    fine = make_instrument(price_exponent=-8, size_exponent=0)
    decoder.define(Definitions("deribit", ["deribit"], {"BTC-PERPETUAL": fine}))
    exact, shared = 41_234_567.12345678, 92_345_678.12345678
    levels = {"bids": [["new", exact, 10.0]], "asks": [], "price_exponent": -8}
    decoded = decoder.decode(Notification("book.BTC-PERPETUAL.raw", IMAGE | levels), RECEIVED_NS)
    assert isinstance(decoded[1], BookImage)
    assert decoded[1].bid_levels[0].price == Decimal("41234567.12345678")
    with pytest.raises(FeedError, match="protobuf"):
        decoder.decode(
            Notification("book.BTC-PERPETUAL.raw", IMAGE | levels | {"bids": [["new", shared, 10.0]]}),
            RECEIVED_NS,
        )


def test_ladders_and_trades_read_as_a_trader_writes_them() -> None:
    trade = make_trade(PERPETUAL, 640_035, 10, START_NS + 250 * MS_NS, trade_id="t1")
    assert repr(trade) == "Trade(deribit:BTC-PERPETUAL 22:13:20.250 buy 10 @ 64003.5, id t1)"
    book = ScriptedBook()
    _, image = book.image({1000: 10}, {1001: 30})
    expected = "BookImage(deribit:BTC-PERPETUAL #1 22:13:20.000 10 @ 100.0 | 30 @ 100.1; 1 bids, 1 asks)"
    assert repr(image) == expected
    delta = book.change({1000: 0})
    expected = "BookDelta(deribit:BTC-PERPETUAL #2 22:13:20.000 bids [delete 10 → 0 @ 100.0], asks [])"
    assert repr(delta) == expected
    ticker = make_ticker(PERPETUAL, mark_price=100.5, open_interest=3.0)
    assert repr(ticker) == "Ticker(deribit:BTC-PERPETUAL 22:13:20.000 mark_price 100.5, open_interest 3.0)"
    assert repr(book.stale()) == "Status(deribit:BTC-PERPETUAL stale (gap))"
