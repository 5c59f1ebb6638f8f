"""ccxt.pro's Deribit class on recordings of real venues, at home and behind another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deltawire.recording import Recording
from tests.interop.conftest import Told, told
from tests.support.ccxt_client import assert_same_books, ccxt_deribit
from tests.support.follower_books import follower_book
from tests.support.serving import Served, connected, serving

pytestmark = pytest.mark.recordings

PUT = "BTC-24SEP21-8000-P"
PUT_SYMBOL = "BTC/USD:BTC-210924-8000-P"
FILES = {"okx": "okx/OKX.ws.1.0", "kraken": "kraken/kraken_btcusd_sample.cbcap"}
NAMES = {"okx": "BTC-USDT", "kraken": "BTC/USD"}
SYMBOLS = {"okx": "BTC/USDT", "kraken": "BTC/USD"}
COMPARED = 8


# Deribit: options, and a thousand instruments.


@pytest.fixture(scope="module")
def deribit(recordings: Path) -> Iterator[Served]:
    with serving((recordings / "deribit" / "DERIBIT.ws.1.0", "deribit"), speed="60", loop=True) as served:
        yield served


@pytest.fixture(scope="module")
def told_by_deribit(recordings: Path) -> Told:
    return told(Recording(recordings / "deribit" / "DERIBIT.ws.1.0").records())


@pytest.fixture(scope="module")
def stated_by_deribit(recordings: Path) -> dict[str, dict[str, Any]]:
    """What get_instruments said, by name."""
    bodies = [
        msgspec.json.decode(record.payload)["result"]
        for record in Recording(recordings / "deribit" / "DERIBIT.ws.1.0").records()
        if record.kind == "fetched"
    ]
    return {stated["instrument_name"]: stated for body in bodies for stated in body}


async def test_all_instruments_are_markets(
    deribit: Served, stated_by_deribit: dict[str, dict[str, Any]]
) -> None:
    async with connected(deribit, PUT), ccxt_deribit(deribit) as ccxt:
        markets = {market["id"]: market for market in (await ccxt.load_markets()).values()}
    assert set(markets) == set(stated_by_deribit)
    for name, stated in stated_by_deribit.items():
        market = markets[name]
        assert market["precision"] == {"amount": stated["min_trade_amount"], "price": stated["tick_size"]}
        assert market["expiry"] == stated["expiration_timestamp"]
        assert (market["strike"], market["optionType"]) == (stated.get("strike"), stated.get("option_type"))
        assert market["type"] == ("swap" if stated["settlement_period"] == "perpetual" else stated["kind"])


async def test_options_have_the_venue_s_marks_and_greeks(deribit: Served, told_by_deribit: Told) -> None:
    stated = [
        (ticker["mark_price"], ticker["mark_iv"], ticker["greeks"], ticker["underlying_price"])
        for ticker in told_by_deribit[f"ticker.{PUT}.raw"]
    ]
    async with connected(deribit, PUT), ccxt_deribit(deribit) as ccxt:
        watched = (await ccxt.watch_ticker(PUT_SYMBOL))["info"]
        greeks = await ccxt.fetch_greeks(PUT_SYMBOL)
    found = (watched["mark_price"], watched["mark_iv"], watched["greeks"], watched["underlying_price"])
    assert found in stated
    assert (
        greeks["markPrice"],
        greeks["markImpliedVolatility"],
        {name: greeks[name] for name in ("delta", "gamma", "vega", "theta", "rho")},
        greeks["underlyingPrice"],
    ) in stated


async def test_option_chain_has_every_option_of_the_coin(
    deribit: Served, stated_by_deribit: dict[str, dict[str, Any]]
) -> None:
    async with connected(deribit, PUT), ccxt_deribit(deribit) as ccxt:
        chain = await ccxt.fetch_option_chain("BTC")
    assert {option["info"]["instrument_name"] for option in chain.values()} == {
        name
        for name, stated in stated_by_deribit.items()
        if (stated["kind"], stated["base_currency"]) == ("option", "BTC")
    }


async def test_option_book_is_ours_through_reconnections(deribit: Served) -> None:
    async with (
        connected(deribit, PUT) as client,
        follower_book(client, f"book.{PUT}.100ms") as follower,
        ccxt_deribit(deribit) as ccxt,
    ):
        await ccxt.watch_order_book(PUT_SYMBOL)
        for resync in (1, 2):
            await follower.resynchronised(resync)
            await assert_same_books(ccxt, PUT_SYMBOL, follower, COMPARED)


# OKX and Kraken, each at home and each behind the other.


class Pair:
    """A server with OKX and Kraken, one of them at home."""

    def __init__(self, served: Served, home: str) -> None:
        self.served = served
        self.home = home

    def name(self, venue: str) -> str:
        """How the server calls the venue's instrument."""
        return NAMES[venue] if venue == self.home else f"{venue}:{NAMES[venue]}"


@pytest.fixture(scope="module", params=["okx", "kraken"], ids=lambda home: f"{home} at home")
def pair(request: pytest.FixtureRequest, recordings: Path) -> Iterator[Pair]:
    replays = [(recordings / FILES[venue], venue) for venue in sorted(FILES, key=request.param.__ne__)]
    with serving(*replays, speed="25", loop=True) as served:
        yield Pair(served, request.param)


@pytest.mark.parametrize("venue", FILES)
async def test_book_is_ours_through_a_reconnection(pair: Pair, venue: str) -> None:
    name, symbol = pair.name(venue), SYMBOLS[venue]
    async with (
        connected(pair.served, name) as client,
        follower_book(client, f"book.{name}.100ms") as follower,
        ccxt_deribit(pair.served) as ccxt,
    ):
        await ccxt.watch_order_book(symbol)
        await assert_same_books(ccxt, symbol, follower, COMPARED)
        await follower.resynchronised(1)
        await assert_same_books(ccxt, symbol, follower, COMPARED)


@pytest.mark.parametrize("venue", FILES)
async def test_market_and_prices_go_by_the_venue_s_names(pair: Pair, venue: str) -> None:
    name, symbol = pair.name(venue), SYMBOLS[venue]
    async with connected(pair.served, name), ccxt_deribit(pair.served) as ccxt:
        await ccxt.load_markets()
        market = ccxt.market(name)
        assert (market["symbol"], market["type"]) == (symbol, "spot")
        ticker = await ccxt.watch_ticker(symbol)
        assert ticker["info"]["instrument_name"] == name
        quote = (await ccxt.watch_bids_asks([symbol]))[symbol]
        assert quote["info"]["instrument_name"] == name
        assert set(await ccxt.fetch_tickers([symbol])) == {symbol}
        assert (await ccxt.fetch_ticker(symbol))["info"]["instrument_name"] == name


async def test_trades_and_candles_of_okx_are_the_recording_s(pair: Pair, recordings: Path) -> None:
    stated = {
        trade["tradeId"]: (float(trade["px"]), float(trade["sz"]), trade["side"])
        for trade in okx_trades(recordings / FILES["okx"])
    }
    symbol = SYMBOLS["okx"]
    async with connected(pair.served, pair.name("okx")), ccxt_deribit(pair.served) as ccxt:
        watched = await ccxt.watch_trades(symbol)
        fetched = await ccxt.fetch_trades(symbol, limit=1000)
        ((_, first, high, low, last, _),) = await ccxt.watch_ohlcv(symbol)
    for trade in (*watched, *fetched):
        assert (trade["price"], trade["amount"], trade["side"]) == stated[trade["id"]]
    assert {first, high, low, last} <= {price for price, _, _ in stated.values()}


def okx_trades(file: Path) -> list[dict[str, str]]:
    frames = [
        msgspec.json.decode(each.payload) for each in Recording(file).records() if each.kind == "received"
    ]
    return [
        trade
        for frame in frames
        if frame.get("arg", {}).get("channel") == "trades" and "data" in frame
        for trade in frame["data"]
        if trade["instId"] == NAMES["okx"]
    ]
