"""What Binance options have of their own: streams of an underlying, lists of options, images from a cache."""

import msgspec
import pytest

from deltawire.model.events import Greeks, Ticker
from deltawire.model.expiries import UNKNOWN_NS
from deltawire.ports import Fetch, Send, Wants
from deltawire.testing.simulators.binance_options import BinanceOptionsSimulator
from deltawire.venues.binance_options import BinanceOptions
from tests.venues.sessions import Session, told

PUT, CALL, ETHER = BinanceOptionsSimulator().instruments
EXPIRY_NS = 1_924_588_800_000_000_000
SECOND_NS = 1_000_000_000


def tickers(session: Session, frame: bytes) -> list[Ticker]:
    return [event for event in session.receive(frame) if isinstance(event, Ticker)]


def test_one_subscription_tells_of_all_options_of_an_underlying() -> None:
    venue = BinanceOptions()
    listing, subscription = venue.opened(Wants((PUT, CALL)), 1)
    assert listing == Fetch("instruments", "https://eapi.binance.com/eapi/v1/exchangeInfo")
    assert isinstance(subscription, Send)
    assert msgspec.json.decode(subscription.frame)["params"] == [
        "btc-301227-60000-p@depth@100ms",
        "btc-301227-100000-c@depth@100ms",
        "btc-301227-60000-p@bookTicker",
        "btc-301227-100000-c@bookTicker",
        "btcusdt@optionMarkPrice",
        "btcusdt@optionOpenInterest@301227",
        "btcusdt@optionTrade",
    ]
    paths = {stream.name.partition("@")[2]: stream.path for stream in venue.streams(Wants((PUT,)))}
    assert paths == {
        "depth@100ms": "public",
        "bookTicker": "public",
        "optionTrade": "public",
        "optionMarkPrice": "market",
        "optionOpenInterest@301227": "market",
    }


def test_only_what_is_wanted_is_subscribed() -> None:
    names = [stream.name for stream in BinanceOptions().streams(Wants((PUT,), frozenset({"book"})))]
    assert names == ["btc-301227-60000-p@depth@100ms"]


def test_the_list_states_options() -> None:
    session = Session("binance_options")
    session.open()
    put, call, ether = map(session.instrument, session.names)
    assert [each.option_type for each in (put, call, ether)] == ["put", "call", "call"]
    assert [each.strike for each in (put, call, ether)] == [60_000, 100_000, 3_500]
    assert (put.base, put.quote, put.settlement, put.index_name) == ("BTC", "USDT", "USDT", "btc_usdt")
    assert (put.price_exponent, put.size_exponent, put.tick_size) == (0, -2, "5")
    assert (put.contract_size, put.expiration_ns, put.stated) == (1.0, EXPIRY_NS, True)


def test_an_option_that_is_not_traded_any_more_has_ended() -> None:
    session = Session("binance_options")
    session.open()
    session.delta(PUT)
    body = session.simulator.body("exchangeInfo").replace(b'"TRADING"', b'"SETTLING"', 1)
    assert told(session.fetch(Fetch("instruments", ""), body)) == ["stale closed"]
    assert not session.instrument(PUT).active


def test_marks_have_greeks_and_volatilities_in_percent() -> None:
    session = Session("binance_options")
    session.open()
    assert isinstance(session.simulator, BinanceOptionsSimulator)
    found = tickers(session, session.simulator.marks("BTCUSDT"))
    assert [ticker.instrument.name for ticker in found] == [PUT, CALL]
    mark = found[0]
    assert (mark.mark_iv, mark.bid_iv, mark.ask_iv) == (55.13, None, 55.34)
    assert mark.greeks == Greeks(-0.37596534, 0.00003161, 82.65324199, -51.5)
    assert (mark.index_price, mark.max_price, mark.min_price) == (61912.8, 9000.0, 1.0)


def test_open_interest_comes_by_expiry() -> None:
    session = Session("binance_options")
    session.open()
    assert isinstance(session.simulator, BinanceOptionsSimulator)
    found = tickers(session, session.simulator.open_interest("BTCUSDT", "301227"))
    assert [(ticker.instrument.name, ticker.open_interest) for ticker in found] == [
        (PUT, 29.35),
        (CALL, 29.35),
    ]


def test_one_bad_mark_does_not_hide_the_others() -> None:
    session = Session("binance_options")
    session.open()
    assert isinstance(session.simulator, BinanceOptionsSimulator)
    frame = session.simulator.marks("BTCUSDT").replace(b'"mp":"', b'"mp":"x', 1)
    assert [ticker.instrument.name for ticker in tickers(session, frame)] == [CALL]


def test_an_image_alone_makes_a_quiet_book_live() -> None:
    session = Session("binance_options")
    session.open()
    session.fetch(Fetch(f"book:{PUT}", ""), session.simulator.body(f"eapi/v1/depth?symbol={PUT}&limit=1000"))
    assert session.replica(PUT).state == "live"


def test_images_that_lag_by_25_s_join_in_the_end_and_nothing_is_dropped() -> None:
    """The cache is asked every 5 s, while the updates of half a minute wait for it."""
    session = Session("binance_options")
    name, old = CALL, []
    for _ in range(30):
        session.simulator.move(name)
        session.pass_time(SECOND_NS)
        old.append(session.simulator.image(name))
    session.open()
    session.slow = True
    asked = 0
    while session.replica(name).state != "live":
        session.delta(name)
        session.pass_time(SECOND_NS)
        old.append(session.simulator.image(name))
        for ask in [ask for ask in session.asks if isinstance(ask, Fetch)]:
            session.asks.remove(ask)
            asked += 1
            session.fetch(ask, old[max(0, len(old) - 26)])
        assert len(old) < 80, "the image never connected"
    assert 5 <= asked <= 8
    session.agree()


@pytest.mark.parametrize(
    ("symbol", "kind", "strike", "option_type"),
    [
        ("BTC-251123-126000-C", "option", 126_000.0, "call"),
        ("DOGE-251123-0.18-P", "option", 0.18, "put"),
        ("BTC-251123-126000-X", "", None, None),
        ("BTCUSDT", "", None, None),
    ],
)
def test_what_a_name_tells(symbol: str, kind: str, strike: float | None, option_type: str | None) -> None:
    named = BinanceOptions()._describe(symbol)
    assert (named.kind, named.strike, named.option_type) == (kind, strike, option_type)
    assert (named.expiration_ns == UNKNOWN_NS) is (kind == "")
