"""What is Bybit's own: four categories, restarts that count anew, refusals, partial tickers, pages of instruments."""

from typing import Any

import msgspec
import pytest

from deltawire.model.events import BookImage, Fault, Greeks, Liquidation, Stats, Ticker, Trade
from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS
from deltawire.ports import Fetch, Send, Wants
from deltawire.testing.simulators.bybit import BybitSpotSimulator
from deltawire.venues import make_venue
from deltawire.venues.bybit import BybitConnection, BybitLinear, BybitOption, BybitSpot, describe
from tests.venues.sessions import Session, told

CATEGORIES = ("bybit_inverse", "bybit_linear", "bybit_option", "bybit_spot")
BTC, _, _ = BybitSpotSimulator().instruments
EXPIRY_NS = 1_924_588_800_000_000_000


@pytest.fixture(params=CATEGORIES)
def session(request: pytest.FixtureRequest) -> Session:
    opened = Session(request.param)
    opened.open()
    return opened


def encoded(topic: str, data: object, kind: str = "snapshot") -> bytes:
    return msgspec.json.encode({"topic": topic, "type": kind, "ts": 1_715_742_949_283, "data": data})


def topics(venue: BybitConnection, names: tuple[str, ...]) -> list[list[str]]:
    asks = venue.opened(Wants(names), 1)
    return [msgspec.json.decode(ask.frame)["args"] for ask in asks if isinstance(ask, Send)]


def test_a_connection_asks_for_its_category_ten_topics_at_a_time() -> None:
    assert topics(BybitLinear(), ("A", "B")) == [
        [
            *("orderbook.200.A", "orderbook.200.B"),
            *("tickers.A", "tickers.B", "allLiquidation.A", "allLiquidation.B"),
            *("publicTrade.A", "publicTrade.B"),
        ]
    ]
    assert [len(args) for args in topics(BybitLinear(), ("A", "B", "C"))] == [10, 2]
    assert "orderbook.1.A" in topics(BybitSpot(), ("A",))[0]


def test_options_are_traded_by_coin_and_booked_by_symbol() -> None:
    names = ("BTC-27DEC30-60000-P", "BTC-27DEC30-70000-C")
    (args,) = topics(BybitOption(), names)
    assert [arg for arg in args if arg.startswith("publicTrade")] == ["publicTrade.BTC"]
    assert [arg for arg in args if arg.startswith("orderbook")] == [f"orderbook.100.{name}" for name in names]


def test_the_lists_of_options_are_asked_for_by_coin() -> None:
    asks = BybitOption().opened(Wants(("XRP-27DEC30-3-C",)), 1)
    tags = [ask.tag for ask in asks if isinstance(ask, Fetch)]
    assert tags == ["instruments:BTC", "instruments:ETH", "instruments:SOL", "instruments:XRP"]


def test_the_tag_of_an_address_is_that_of_what_was_asked() -> None:
    for ask in [ask for ask in BybitOption().opened(Wants(), 1) if isinstance(ask, Fetch)]:
        assert BybitOption().tag(ask.url) == ask.tag
        assert BybitLinear().tag(ask.url) is None
        assert BybitOption().tag(f"{ask.url}&cursor=p%3D2") == f"{ask.tag}#p=2"
    assert BybitLinear().tag("https://api.bybit.com/v5/market/tickers?category=linear") is None


def test_a_restart_counts_anew_from_its_image(session: Session) -> None:
    name = session.victim
    assert told(session.receive(session.simulator.restart(name))) == ["delta"]  # type: ignore[attr-defined]
    session.delta(name)
    session.true(name)
    assert session.venue.books[name].counts.gaps == 0  # type: ignore[attr-defined]


def test_a_restart_whose_image_was_lost_is_a_gap(session: Session) -> None:
    name = session.victim
    session.delta(name)
    session.delta(name)
    session.simulator.restart(name)  # type: ignore[attr-defined]
    assert told(session.delta(name))[:2] == ["stale gap", "syncing gap"]
    session.true(name)


def test_the_best_level_is_told_and_is_no_book() -> None:
    venue = BybitSpot()
    venue.opened(Wants(), 1)
    data = {"s": BTC, "b": [["77140.5", "0.21"]], "a": [], "u": 7, "seq": 1}
    (ticker,) = venue.received(encoded(f"orderbook.1.{BTC}", data), 2)
    assert isinstance(ticker, Ticker)
    assert (ticker.best_bid_price, ticker.best_bid_size) == (77140.5, 0.21)
    assert (ticker.best_ask_price, ticker.best_ask_size) == (0.0, 0.0)
    assert not venue.books
    assert venue.book_frames.total == 0


def book_message(kind: str, number: int, depth: int = 50, **more: Any) -> bytes:
    data = {"s": BTC, "b": [["10.5", f"{number}"]], "a": [["11.5", "1"]], "u": number, "seq": 1}
    return encoded(f"orderbook.{depth}.{BTC}", data | more, kind)


def test_the_deepest_topic_is_the_book() -> None:
    venue = BybitLinear()
    venue.opened(Wants(), 1)
    venue.received(book_message("snapshot", 4), 2)
    venue.received(book_message("snapshot", 900, depth=200), 3)
    assert venue.received(book_message("delta", 5), 4) == []
    assert told(venue.received(book_message("delta", 901, depth=200), 5)) == ["delta"]  # type: ignore[arg-type]
    assert venue.unread == {"book 50 beside 200": 1}


@pytest.mark.parametrize(
    "frame",
    [
        book_message("snapshot", 5, u="5"),
        book_message("delta", 5, s="OTHER"),
        book_message("change", 5),
        book_message("delta", 5, b=[["10.5", "x"]]),
    ],
)
def test_a_book_message_that_cannot_be_read_makes_its_book_stale(frame: bytes) -> None:
    venue = BybitLinear()
    venue.opened(Wants(), 1)
    assert isinstance(venue.received(book_message("snapshot", 4), 2)[-1], BookImage)
    outputs = venue.received(frame, 3)
    assert told([output for output in outputs if not isinstance(output, Send)]) == [  # type: ignore[misc]
        "stale malformed",
        "syncing malformed",
    ]
    asked = [msgspec.json.decode(output.frame) for output in outputs if isinstance(output, Send)]
    assert [(ask["op"], ask["args"]) for ask in asked] == [
        ("unsubscribe", [f"orderbook.50.{BTC}"]),
        ("subscribe", [f"orderbook.50.{BTC}"]),
    ]


def test_where_one_topic_is_refused_the_others_are_asked_for_alone() -> None:
    session = Session("bybit_linear")
    wants = Wants(("BTCUSDT", "NOSUCH"), frozenset({"book"}))
    session._collect(session.venue.opened(wants, session.now))
    faults = [event.reason for event in session.events if isinstance(event, Fault)]
    assert faults == ["subscribe: Invalid symbol :[orderbook.200.NOSUCH]"] * 2
    session.delta("BTCUSDT")
    session.true("BTCUSDT")


def test_topics_of_options_that_are_refused_are_a_fault() -> None:
    session = Session("bybit_option")
    wants = Wants((*session.names, "BTC-1JAN31-1-C", "XRP-1JAN31-1-C"), frozenset({"book"}))
    session._collect(session.venue.opened(wants, session.now))
    faults = [event.reason for event in session.events if isinstance(event, Fault)]
    assert faults == ["refused: orderbook.100.BTC-1JAN31-1-C, orderbook.100.XRP-1JAN31-1-C"]
    for name in session.names:
        session.delta(name)
        session.true(name)


def test_a_connection_is_pinged_every_twenty_seconds(session: Session) -> None:
    machine, now = session.venue, session.now
    assert machine.deadline() == now + 20_000_000_000
    assert machine.tick(now + 19_999_999_999) == []
    (ping,) = machine.tick(now + 20_000_000_000)
    assert isinstance(ping, Send)
    for pong in session.simulator.answer(ping.frame):
        assert machine.received(pong, now + 20_000_000_001) == []
    assert machine.deadline() == now + 40_000_000_000


def test_a_ticker_that_says_what_has_changed_leaves_the_rest_unsaid() -> None:
    venue = BybitLinear()
    whole = {
        "symbol": BTC,
        "lastPrice": "5.5",
        "volume24h": "7",
        "highPrice24h": "9",
        "fundingRate": "-0.0001",
    }
    part = {"symbol": BTC, "bid1Price": "5.25", "bid1Size": "3.5", "price24hPcnt": "-0.01229"}
    first, then = (venue.received(encoded(f"tickers.{BTC}", data, kind), 2)[0] for data, kind in
                   ((whole, "snapshot"), (part, "delta")))  # fmt: skip
    assert isinstance(first, Ticker)
    assert isinstance(then, Ticker)
    assert (first.last_price, first.current_funding, first.best_bid_price) == (5.5, -0.0001, None)
    assert first.stats == Stats(high=9.0, volume=7.0)
    assert (then.last_price, then.current_funding, then.best_bid_price) == (None, None, 5.25)
    assert then.stats == Stats(high=9.0, volume=7.0, price_change=-1.229)


def test_open_interest_is_that_of_one_side() -> None:
    (ticker,) = Session("bybit_linear").receive(
        encoded(
            f"tickers.{BTC}", {"symbol": BTC, "openInterest": "57118.511", "singleOpenInterest": "28559.256"}
        )
    )
    assert isinstance(ticker, Ticker)
    assert ticker.open_interest == 28559.256


def test_an_options_ticker_has_greeks_and_volatilities_in_percent() -> None:
    session = Session("bybit_option")
    (ticker,) = session.receive(session.simulator.ticker(session.victim))
    assert isinstance(ticker, Ticker)
    assert (ticker.bid_iv, ticker.ask_iv, ticker.mark_iv) == (54.79, None, 55.13)
    assert ticker.greeks == Greeks(-0.37596534, 0.00003161, 82.65324199, -51.5)
    assert (ticker.underlying_price, ticker.estimated_delivery_price) == (62588.50709846, None)
    *_, trade = session.receive(session.simulator.trade(session.victim))
    assert isinstance(trade, Trade)
    assert trade.iv == 55.21


def test_the_side_of_a_liquidation_is_that_of_its_order() -> None:
    """`S` names the position: Buy is a long one, which is closed by selling."""
    data = [{"T": 1_739_502_303_204, "s": BTC, "S": "Buy", "v": "20000", "p": "0.04499"}]
    *_, event = BybitLinear().received(encoded(f"allLiquidation.{BTC}", data), 2)
    assert isinstance(event, Liquidation)
    assert event.side == "sell"
    assert event.instrument.price(event.price_ticks) == 0.04499
    assert event.instrument.size(event.size_lots) == 20_000


def test_a_trade_that_is_told_twice_counts_once_where_it_has_a_number() -> None:
    session = Session("bybit_spot")
    session.open()
    frame = session.simulator.trade(session.victim)
    assert len(session.receive(frame)) == 1
    assert session.receive(frame) == []


def test_a_list_comes_in_pages_and_who_is_missing_from_all_of_them_is_delisted() -> None:
    session = Session("bybit_linear")
    session.open()
    session.pass_time()
    fetches = [ask for ask in session.venue.opened(session.simulator.wants(), session.now)
               if isinstance(ask, Fetch)]  # fmt: skip
    session.slow = True
    body = session.simulator.body(fetches[0].url)
    session.fetch(fetches[0], body)
    (page,) = [ask for ask in session.asks if isinstance(ask, Fetch)]
    assert page == Fetch("instruments#page=2", f"{fetches[0].url}&cursor=page%3D2")
    gone = msgspec.json.decode(session.simulator.body(page.url))
    gone["result"]["list"].pop(0)
    assert told(session.fetch(page, msgspec.json.encode(gone))) == ["stale closed"]
    assert not session.instrument("BTCPERP").active
    assert session.instrument("BTCUSDT").active


def test_an_error_of_the_list_is_a_fault() -> None:
    (fault,) = BybitLinear().fetched(
        "instruments", b'{"retCode":10006,"retMsg":"Too many visits!","result":{}}', 1
    )
    assert fault == Fault("bybit_linear", 1, "instruments: 10006 Too many visits!")


def test_a_contract_that_is_being_delivered_has_ended() -> None:
    session = Session("bybit_linear")
    session.open()
    body = session.simulator.body("cursor=2").replace(b'"Trading"', b'"Delivering"', 1)
    assert told(session.fetch(Fetch("instruments#2", ""), body)) == ["stale closed"]
    assert not session.instrument("BTCPERP").active


def test_lists_state_expiries_strikes_and_units() -> None:
    stated: dict[str, Any] = {}
    for category in CATEGORIES:
        session = Session(category)
        session.open()
        stated |= {name: session.instrument(name) for name in session.names}
    option, future, perpetual = (stated[name] for name in ("BTC-27DEC30-60000-P", "BTC-27DEC30", "BTCUSD"))
    assert (option.kind, option.strike, option.option_type) == ("option", 60_000, "put")
    assert option.expiration_ns == future.expiration_ns == EXPIRY_NS
    assert (perpetual.inverse, perpetual.size_unit, perpetual.settlement) == (True, "quote", "BTC")
    assert perpetual.perpetual
    assert stated["ETH-27DEC30-3500-C-USDT"].settlement == "USDT"
    assert stated["BTCUSDZ30"].expiration_ns == EXPIRY_NS


@pytest.mark.parametrize(
    ("category", "symbol", "kind", "coins", "expiration_ns"),
    [
        ("spot", "BTCUSDT", "spot", ("BTC", "USDT", "USDT"), FOREVER_NS),
        ("linear", "BTCUSDT", "future", ("BTC", "USDT", "USDT"), FOREVER_NS),
        ("linear", "1000PEPEPERP", "future", ("1000PEPE", "USDC", "USDC"), FOREVER_NS),
        ("linear", "BTC-27DEC30", "future", ("BTC", "USDC", "USDC"), EXPIRY_NS),
        ("linear", "BTCUSDT-27DEC30", "future", ("BTC", "USDT", "USDT"), EXPIRY_NS),
        ("inverse", "BTCUSD", "future", ("BTC", "USD", "BTC"), FOREVER_NS),
        ("inverse", "BTCUSDH26", "future", ("BTC", "USD", "BTC"), UNKNOWN_NS),
        ("option", "BTC-27DEC30-60000-P", "option", ("BTC", "USDC", "USDC"), EXPIRY_NS),
        ("option", "BTC-27DEC30-60000-P-USDT", "option", ("BTC", "USDT", "USDT"), EXPIRY_NS),
        ("option", "BTCUSDT", "", ("", "", ""), UNKNOWN_NS),
        ("inverse", "HELLO", "", ("", "", ""), UNKNOWN_NS),
        ("spot", "HELLO", "", ("", "", ""), UNKNOWN_NS),
    ],
)
def test_what_a_name_tells(
    category: str, symbol: str, kind: str, coins: tuple[str, str, str], expiration_ns: int
) -> None:
    instrument = describe(f"bybit_{category}", category, symbol)
    assert (instrument.kind, instrument.base, instrument.quote, instrument.settlement) == (kind, *coins)
    assert instrument.expiration_ns == expiration_ns
    assert not instrument.stated
    assert make_venue(instrument.venue).name == instrument.venue
