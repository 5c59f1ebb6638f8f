"""nautilus_trader's own Deribit adapter (its HTTP and WebSocket clients), told nothing but our addresses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deltawire.testing.recordings import EXPIRY_MS, FUTURE, OPTION, PERPETUAL, START_NS
from tests.interop.conftest import Told, play_ended
from tests.support.follower_books import Level, follower_book
from tests.support.serving import Served, connected, serving

pytest.importorskip("nautilus_trader")

from nautilus_trader.core import nautilus_pyo3 as nautilus
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDeltas, capsule_to_data
from nautilus_trader.model.enums import BookType
from nautilus_trader.model.identifiers import InstrumentId

from tests.support.waiting import HANG_S

NAMES = [PERPETUAL.name, FUTURE.name, OPTION.name]
START = datetime.fromtimestamp(START_NS // 1_000_000_000, UTC)
COMPARED = 25


class AdapterListener:
    """What the adapter told its callback, by kind."""

    def __init__(self) -> None:
        self.told: dict[str, list[Any]] = {}
        self._more = asyncio.Condition()
        self._loop = asyncio.get_running_loop()

    def __call__(self, message: Any) -> None:
        """May come from a thread of the adapter."""
        data = capsule_to_data(message) if type(message).__name__ == "PyCapsule" else message
        self._loop.call_soon_threadsafe(self._keep, data)

    async def heard(self, kind: str, fits: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first of a kind that fits."""
        async with asyncio.timeout(HANG_S), self._more:
            await self._more.wait_for(lambda: any(fits(each) for each in self.told.get(kind, ())))
        return next(each for each in self.told[kind] if fits(each))

    def _keep(self, data: Any) -> None:
        self.told.setdefault(type(data).__name__, []).append(data)
        self._loop.create_task(self._wake())

    async def _wake(self) -> None:
        async with self._more:
            self._more.notify_all()


def make_http(served: Served) -> Any:
    return nautilus.DeribitHttpClient(base_url=f"{served.http}/api/v2", max_retries=0)


async def instruments_of(http: Any) -> list[Any]:
    instruments = await http.request_instruments(nautilus.DeribitCurrency.ANY, None)
    http.cache_instruments(instruments)
    return instruments


@asynccontextmanager
async def listening(served: Served) -> AsyncIterator[tuple[Any, AdapterListener]]:
    """The adapter's WebSocket client, connected, and what it tells."""
    listener = AdapterListener()
    websocket = nautilus.DeribitWebSocketClient(url=served.websocket, heartbeat_interval=10)
    await websocket.connect(
        loop_=asyncio.get_running_loop(),
        instruments=await instruments_of(make_http(served)),
        callback=listener,
    )
    await websocket.wait_until_active(timeout_secs=HANG_S)
    try:
        yield websocket, listener
    finally:
        await websocket.close()


def id_of(name: str) -> Any:
    return nautilus.InstrumentId.from_str(f"{name}.DERIBIT")


def minutes_of(name: str) -> Any:
    return nautilus.BarType.from_str(f"{name}.DERIBIT-1-MINUTE-LAST-EXTERNAL")


# HTTP.


async def test_instruments_are_of_their_kinds(finished: Served, told_by_finished: Told) -> None:
    await play_ended(finished, told_by_finished)
    instruments = {str(each.id): each for each in await instruments_of(make_http(finished))}
    kinds = {name: type(each).__name__ for name, each in instruments.items()}
    assert kinds == {
        f"{PERPETUAL.name}.DERIBIT": "CryptoPerpetual",
        f"{FUTURE.name}.DERIBIT": "CryptoFuture",
        f"{OPTION.name}.DERIBIT": "CryptoOption",
    }
    option = instruments[f"{OPTION.name}.DERIBIT"]
    assert float(option.strike_price) == OPTION.definition["strike"]
    assert option.expiration_ns == EXPIRY_MS * 1_000_000
    assert float(option.price_increment) == OPTION.definition["tick_size"]


@pytest.mark.parametrize("name", NAMES)
async def test_book_trades_and_bars_by_http(finished: Served, told_by_finished: Told, name: str) -> None:
    await play_ended(finished, told_by_finished)
    http = make_http(finished)
    await instruments_of(http)
    book = await http.request_book_snapshot(id_of(name), 10)
    last = told_by_finished[f"ticker.{name}.raw"][-1]
    assert float(book.best_bid_price()) == last["best_bid_price"]
    assert float(book.best_ask_price()) == last["best_ask_price"]
    said = [trade for trades in told_by_finished[f"trades.{name}.raw"] for trade in trades]
    trades = await http.request_trades(id_of(name), START, START + timedelta(hours=1), 1000)
    assert {(str(trade.trade_id), float(trade.price), float(trade.size)) for trade in trades} == {
        (trade["trade_id"], trade["price"], trade["amount"]) for trade in said
    }
    bars = await http.request_bars(minutes_of(name), START, START + timedelta(hours=1), 1000)
    assert float(bars[0].open) == said[0]["price"]
    assert float(bars[-1].close) == said[-1]["price"]


async def test_expirations_and_forward_prices_of_options(finished: Served, told_by_finished: Told) -> None:
    await play_ended(finished, told_by_finished)
    http = make_http(finished)
    await instruments_of(http)
    (forward,) = await http.request_forward_prices("BTC")
    last = told_by_finished[f"ticker.{OPTION.name}.raw"][-1]
    assert float(forward.forward_price) == last["underlying_price"]
    assert str(forward.underlying_index) == FUTURE.name
    assert await http.request_option_expirations(nautilus.DeribitCurrency.BTC) == ["25DEC26"]


# WebSocket.


async def follow_book(served: Served, name: str, resyncs: int) -> None:
    """Compare the adapter's book with ours after so many resynchronisations."""
    theirs = OrderBook(InstrumentId.from_str(f"{name}.DERIBIT"), BookType.L2_MBP)
    async with (
        connected(served, name) as client,
        follower_book(client, f"book.{name}.100ms") as follower,
        listening(served) as (websocket, listener),
    ):
        await websocket.subscribe_book(id_of(name))
        for resync in range(resyncs + 1):
            await follower.resynchronised(resync)
            await listener.heard("OrderBookDeltas", has_sequence_from(follower.changes))
        for deltas in listener.told["OrderBookDeltas"]:
            theirs.apply_deltas(deltas)
            ours = await follower.at_change(deltas.sequence)
            assert levels_of(theirs) == (ours.bids, ours.asks)


def has_sequence_from(number: int) -> Callable[[OrderBookDeltas], bool]:
    return lambda deltas: deltas.sequence >= number


def levels_of(book: OrderBook) -> tuple[list[Level], list[Level]]:
    """Through its decimal texts: its floats come from fixed point and are not the nearest."""
    bids, asks = (
        [(float(str(level.price)), float(str(level.orders()[0].size))) for level in levels]
        for levels in (book.bids(), book.asks())
    )
    return bids, asks


async def test_book_is_ours_through_gaps_and_reconnections(looping: Served) -> None:
    await follow_book(looping, PERPETUAL.name, resyncs=3)


@pytest.mark.recordings
async def test_book_of_a_real_venue_is_ours_through_a_reconnection(recordings: Path) -> None:
    recording = recordings / "deribit" / "DERIBIT.ws.1.0"
    with serving((recording, "deribit"), speed="40", loop=True) as served:
        await follow_book(served, "BTC-24SEP21-8000-P", resyncs=1)


@pytest.mark.recordings
async def test_instruments_without_fees_are_not_read(recordings: Path) -> None:
    """It requires fees; what nobody has stated is left out rather than sent as zero."""
    with (
        serving((recordings / "okx" / "OKX.ws.1.0", "okx"), speed="40", loop=True) as served,
        pytest.raises(ValueError, match="maker_commission"),
    ):
        await instruments_of(make_http(served))


@pytest.mark.recordings
async def test_instruments_without_definitions_are_refused(recordings: Path) -> None:
    """Kraken's recording does not state when an instrument was listed, and the adapter requires it."""
    recording = recordings / "kraken" / "kraken_btcusd_sample.cbcap"
    with serving((recording, "kraken"), speed="40", loop=True) as served:
        async with connected(served, "BTC/USD"):
            with pytest.raises(ValueError, match="null, expected i64"):
                await instruments_of(make_http(served))


async def test_quotes_trades_and_bars_are_the_venue_s(looping: Served, told_by_looping: Told) -> None:
    name = PERPETUAL.name
    said = {
        trade["trade_id"]: (trade["price"], trade["amount"])
        for trades in told_by_looping[f"trades.{name}.raw"]
        for trade in trades
    }
    async with connected(looping, name), listening(looping) as (websocket, listener):
        await websocket.subscribe_quotes(id_of(name))
        await websocket.subscribe_trades(id_of(name))
        await websocket.subscribe_bars(minutes_of(name))
        quote = await listener.heard("QuoteTick")
        trade = await listener.heard("TradeTick")
        bar = await listener.heard("Bar")
    assert quote.bid_price < quote.ask_price
    assert (float(trade.price), float(trade.size)) == said[str(trade.trade_id)]
    assert float(bar.close) in {price for price, _ in said.values()}


async def test_marks_indices_and_funding_are_the_venue_s(looping: Served, told_by_looping: Told) -> None:
    name = PERPETUAL.name
    said = told_by_looping[f"ticker.{name}.raw"]
    async with connected(looping, name), listening(looping) as (websocket, listener):
        await websocket.subscribe_mark_prices(id_of(name))
        await websocket.subscribe_index_prices(id_of(name))
        await websocket.subscribe_perpetual_interest_rates(id_of(name))
        mark = await listener.heard("MarkPriceUpdate")
        index = await listener.heard("IndexPriceUpdate")
        funding = await listener.heard("FundingRateUpdate")
    assert float(mark.value) in {ticker["mark_price"] for ticker in said}
    assert float(index.value) in {ticker["index_price"] for ticker in said}
    assert float(funding.rate) in {ticker["current_funding"] for ticker in said}


async def test_greeks_are_the_venue_s(looping: Served, told_by_looping: Told) -> None:
    said = [
        (ticker["greeks"]["delta"], ticker["greeks"]["vega"], ticker["mark_iv"], ticker["underlying_price"])
        for ticker in told_by_looping[f"ticker.{OPTION.name}.raw"]
    ]
    async with connected(looping, OPTION.name), listening(looping) as (websocket, listener):
        await websocket.subscribe_option_greeks(id_of(OPTION.name))
        greeks = await listener.heard("OptionGreeks")
    assert (greeks.delta, greeks.vega, greeks.mark_iv, greeks.underlying_price) in said
