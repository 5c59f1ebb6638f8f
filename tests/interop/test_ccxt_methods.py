"""Every public method of ccxt.pro's Deribit class: what it makes of our answers is what the venue said."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from deltawire.session.client import BookMirror
from deltawire.testing.recordings import EXPIRY_MS, FUTURE, OPTION, PERPETUAL, START_NS
from tests.interop.conftest import Told, play_ended
from tests.support.ccxt_client import both_sides, ccxt_deribit
from tests.support.serving import Served, connected

pytestmark = pytest.mark.asyncio(loop_scope="module")

SYMBOLS = {
    "BTC/USD:BTC": PERPETUAL.name,
    "BTC/USD:BTC-261225": FUTURE.name,
    "BTC/USD:BTC-261225-100000-C": OPTION.name,
}
SWAP, DATED, CALL = SYMBOLS
START_MS = START_NS // 1_000_000
MINUTE_MS = 60_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(finished: Served, told_by_finished: Told) -> AsyncIterator[Any]:
    """ccxt on the server that has played its recording to the end."""
    await play_ended(finished, told_by_finished)
    async with ccxt_deribit(finished) as ccxt:
        yield ccxt


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flowing(looping: Served) -> AsyncIterator[Any]:
    """ccxt on the server that goes on for ever."""
    async with connected(looping, *SYMBOLS.values()), ccxt_deribit(looping) as ccxt:
        yield ccxt


# What the instruments are.


async def test_markets_are_the_instruments_under_their_unified_symbols(still: Any) -> None:
    markets = await still.load_markets()
    assert {symbol: market["id"] for symbol, market in markets.items()} == SYMBOLS
    kinds = {
        symbol: (market["type"], market["subType"], market["active"]) for symbol, market in markets.items()
    }
    assert kinds == {
        SWAP: ("swap", "inverse", True),
        DATED: ("future", "inverse", True),
        CALL: ("option", "inverse", True),
    }


@pytest.mark.parametrize("contract", [PERPETUAL, FUTURE, OPTION], ids=lambda contract: contract.name)
async def test_market_has_the_venue_s_units_and_fees(still: Any, contract: Any) -> None:
    await still.load_markets()
    market, stated = still.market(contract.name), contract.definition
    assert (market["base"], market["quote"], market["settle"]) == ("BTC", "USD", "BTC")
    assert market["precision"] == {"amount": stated["min_trade_amount"], "price": stated["tick_size"]}
    assert market["contractSize"] == stated["contract_size"]
    assert (market["maker"], market["taker"]) == (stated["maker_commission"], stated["taker_commission"])
    assert market["expiry"] == stated["expiration_timestamp"]
    assert market["created"] == stated["creation_timestamp"]


async def test_option_market_has_strike_type_and_expiry(still: Any) -> None:
    await still.load_markets()
    market = still.market(CALL)
    assert (market["strike"], market["optionType"], market["expiry"]) == (100_000.0, "call", EXPIRY_MS)


async def test_currencies_are_the_coins_of_the_instruments(still: Any) -> None:
    currencies = await still.fetch_currencies()
    assert {(code, currency["name"]) for code, currency in currencies.items()} == {
        ("BTC", "Bitcoin"),
        ("USD", "USD"),
    }


async def test_time_is_the_server_s_clock(still: Any) -> None:
    before = time.time_ns() // 1_000_000
    assert before <= await still.fetch_time() <= time.time_ns() // 1_000_000


async def test_status_is_ok(still: Any) -> None:
    assert (await still.fetch_status())["status"] == "ok"


# What the market was when it stood still.


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_fetched_ticker_is_the_venue_s_last_word(
    still: Any, told_by_finished: Told, symbol: str
) -> None:
    stated = told_by_finished[f"ticker.{SYMBOLS[symbol]}.raw"][-1]
    ticker = await still.fetch_ticker(symbol)
    assert ticker["symbol"] == symbol
    assert words_of(ticker) == {
        "timestamp": stated["timestamp"],
        "bid": stated["best_bid_price"],
        "bidVolume": stated["best_bid_amount"],
        "ask": stated["best_ask_price"],
        "askVolume": stated["best_ask_amount"],
        "last": stated["last_price"],
        "high": stated["stats"]["high"],
        "low": stated["stats"]["low"],
        "baseVolume": stated["stats"]["volume"],
        "quoteVolume": stated["stats"]["volume_usd"],
        "markPrice": stated["mark_price"],
        "indexPrice": stated["index_price"],
    }


async def test_fetched_tickers_of_a_coin_are_all_its_instruments(still: Any, told_by_finished: Told) -> None:
    tickers = await still.fetch_tickers(params={"code": "BTC"})
    last_words = {symbol: told_by_finished[f"ticker.{name}.raw"][-1] for symbol, name in SYMBOLS.items()}
    names = ("bid", "ask", "last", "markPrice", "baseVolume")
    found = {symbol: [ticker[name] for name in names] for symbol, ticker in tickers.items()}
    assert found == {
        symbol: [
            stated["best_bid_price"],
            stated["best_ask_price"],
            stated["last_price"],
            stated["mark_price"],
            stated["stats"]["volume"],
        ]
        for symbol, stated in last_words.items()
    }


async def test_fetched_tickers_may_be_chosen(still: Any) -> None:
    assert set(await still.fetch_tickers([CALL])) == {CALL}


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_fetched_order_book_is_the_venue_s(still: Any, told_by_finished: Told, symbol: str) -> None:
    book = await still.fetch_order_book(symbol, 10_000)
    theirs = final_book(told_by_finished[f"book.{SYMBOLS[symbol]}.raw"])
    assert both_sides(book) == theirs.best(10_000)
    assert book["timestamp"] == theirs.timestamp
    assert isinstance(book["nonce"], int)


async def test_fetched_order_book_has_the_depth_asked_for(still: Any, told_by_finished: Told) -> None:
    book = await still.fetch_order_book(SWAP, 3)
    assert both_sides(book) == final_book(told_by_finished[f"book.{PERPETUAL.name}.raw"]).best(3)


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_fetched_trades_are_the_last_ten(still: Any, told_by_finished: Told, symbol: str) -> None:
    stated = trades_of(told_by_finished, symbol)[-10:]
    trades = await still.fetch_trades(symbol)
    assert [trade_of(trade) for trade in trades] == stated


async def test_fetched_trades_begin_where_asked(still: Any, told_by_finished: Told) -> None:
    stated = trades_of(told_by_finished, SWAP)[-40:]
    trades = await still.fetch_trades(SWAP, since=stated[0]["timestamp"], limit=1000)
    assert [trade_of(trade) for trade in trades] == stated


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_fetched_candles_are_made_of_the_trades(
    still: Any, told_by_finished: Told, symbol: str
) -> None:
    trades = trades_of(told_by_finished, symbol)
    candles = await still.fetch_ohlcv(symbol, "1m", since=START_MS)
    minutes = sorted({trade["timestamp"] // MINUTE_MS * MINUTE_MS for trade in trades})
    assert [candle[0] for candle in candles] == minutes
    for start, *values in candles:
        within = [trade for trade in trades if start <= trade["timestamp"] < start + MINUTE_MS]
        prices = [trade["price"] for trade in within]
        inverse = symbol != CALL
        volume = sum(trade["amount"] / trade["price"] if inverse else trade["amount"] for trade in within)
        assert values == [
            prices[0],
            max(prices),
            min(prices),
            prices[-1],
            pytest.approx(volume, abs=1e-8),
        ]


async def test_candles_without_a_start_are_those_of_the_present_which_a_recording_has_not(still: Any) -> None:
    assert await still.fetch_ohlcv(SWAP) == []


async def test_greeks_are_the_venue_s(still: Any, told_by_finished: Told) -> None:
    stated = told_by_finished[f"ticker.{OPTION.name}.raw"][-1]
    greeks = await still.fetch_greeks(CALL)
    assert {name: greeks[name] for name in stated["greeks"]} == stated["greeks"]
    assert greeks["markImpliedVolatility"] == stated["mark_iv"]
    assert greeks["bidImpliedVolatility"] == stated["bid_iv"]
    assert greeks["askImpliedVolatility"] == stated["ask_iv"]
    assert greeks["underlyingPrice"] == stated["underlying_price"]


async def test_option_chain_has_the_option(still: Any, told_by_finished: Told) -> None:
    stated = told_by_finished[f"ticker.{OPTION.name}.raw"][-1]
    middle = (stated["best_bid_price"] + stated["best_ask_price"]) / 2
    chain = await still.fetch_option_chain("BTC")
    assert set(chain) == {CALL}
    option = chain[CALL]
    assert option["markPrice"] == stated["mark_price"]
    assert option["underlyingPrice"] == stated["underlying_price"]
    assert option["openInterest"] == stated["open_interest"]
    assert option["midPrice"] == round(middle, 5)
    assert (await still.fetch_option(CALL))["markPrice"] == stated["mark_price"]


async def test_open_interest_is_the_venue_s(still: Any, told_by_finished: Told) -> None:
    stated = told_by_finished[f"ticker.{PERPETUAL.name}.raw"][-1]
    found = await still.fetch_open_interest(SWAP)
    assert found["openInterestValue"] == stated["open_interest"]
    assert found["timestamp"] >= stated["timestamp"]


# What it is while it moves.


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_watched_ticker_is_what_the_venue_says(
    flowing: Any, told_by_looping: Told, symbol: str
) -> None:
    said = [
        (stated["mark_price"], stated["index_price"])
        for stated in told_by_looping[f"ticker.{SYMBOLS[symbol]}.raw"]
    ]
    ticker = await flowing.watch_ticker(symbol)
    while ticker["bid"] is None:  # between two rounds no price stands
        ticker = await flowing.watch_ticker(symbol)
    assert ticker["symbol"] == symbol
    assert (ticker["markPrice"], ticker["indexPrice"]) in said
    assert ticker["bid"] < ticker["ask"]


async def test_watched_tickers_come_by_symbol(flowing: Any) -> None:
    found: dict[str, Any] = {}
    while set(found) != set(SYMBOLS):
        found |= await flowing.watch_tickers(list(SYMBOLS))
    assert {symbol: ticker["info"]["instrument_name"] for symbol, ticker in found.items()} == SYMBOLS


async def test_watched_best_prices_are_levels_of_the_book(flowing: Any, told_by_looping: Told) -> None:
    books = told_by_looping[f"book.{PERPETUAL.name}.raw"]
    bids, asks = ({price for book in books for _, price, _ in book[side]} for side in ("bids", "asks"))
    quote = (await flowing.watch_bids_asks([SWAP]))[SWAP]
    while quote["bid"] is None:  # between two rounds no price stands
        quote = (await flowing.watch_bids_asks([SWAP]))[SWAP]
    assert quote["bid"] in bids
    assert quote["ask"] in asks
    assert quote["bid"] < quote["ask"]


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_watched_trades_are_the_venue_s(flowing: Any, told_by_looping: Told, symbol: str) -> None:
    stated = {trade["trade_id"]: trade for trade in trades_of(told_by_looping, symbol)}
    trades = [trade for _ in range(3) for trade in await flowing.watch_trades(symbol)]
    assert trades
    for trade in trades:
        untimed = {"timestamp": None}
        assert trade_of(trade) | untimed == stated[trade["id"]] | untimed


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_watched_candle_is_made_of_trades(flowing: Any, told_by_looping: Told, symbol: str) -> None:
    prices = {trade["price"] for trade in trades_of(told_by_looping, symbol)}
    for _ in range(3):
        ((start, first, high, low, last, volume),) = await flowing.watch_ohlcv(symbol)
        assert start % MINUTE_MS == 0
        assert {first, high, low, last} <= prices
        assert low <= min(first, last)
        assert max(first, last) <= high
        assert volume > 0


async def test_books_of_several_symbols_are_watched_at_once(flowing: Any) -> None:
    seen: set[str] = set()
    while seen != set(SYMBOLS):
        book = await flowing.watch_order_book_for_symbols(list(SYMBOLS))
        bids, asks = both_sides(book)
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert bids[0] < asks[0]
        seen.add(book["symbol"])


async def test_one_connection_carries_everything(flowing: Any) -> None:
    await asyncio.gather(
        flowing.watch_order_book(SWAP),
        flowing.watch_ticker(CALL),
        flowing.watch_trades(DATED),
        flowing.watch_ohlcv(SWAP),
        flowing.watch_bids_asks([DATED]),
    )
    assert len(flowing.clients) == 1


def words_of(ticker: dict[str, Any]) -> dict[str, Any]:
    names = ("timestamp", "bid", "bidVolume", "ask", "askVolume", "last", "high", "low")
    return {name: ticker[name] for name in (*names, "baseVolume", "quoteVolume", "markPrice", "indexPrice")}


def final_book(data: list[dict[str, Any]]) -> BookMirror:
    """The book at the end."""
    mirror = BookMirror()
    for one in data:
        mirror.apply(one)
    return mirror


def trades_of(told: Told, symbol: str) -> list[dict[str, Any]]:
    """The venue's trades in the words of `trade_of`."""
    names = ("trade_id", "timestamp", "price", "amount", "direction")
    return [
        {name: trade[name] for name in names}
        for trades in told[f"trades.{SYMBOLS[symbol]}.raw"]
        for trade in trades
    ]


def trade_of(trade: dict[str, Any]) -> dict[str, Any]:
    """A trade of ccxt in the venue's words."""
    return {
        "trade_id": trade["id"],
        "timestamp": trade["timestamp"],
        "price": trade["price"],
        "amount": trade["amount"],
        "direction": trade["side"],
    }
