"""ccxt's own class of each venue, told nothing but another address, has the simulator's books."""

import asyncio
from typing import Any

import ccxt.pro
import pytest

from deltawire.testing.simulators.market import SideName
from deltawire.testing.venue_server import VenueServer
from tests.support.ccxt_client import close
from tests.support.waiting import until

CASES: dict[str, tuple[str, str, list[str]]] = {
    "binance_coinm": ("binancecoinm", "BTC/USD:BTC", []),
    "binance_spot": ("binance", "BTC/USDT", ["spot"]),
    "binance_usdm": ("binanceusdm", "BTC/USDT:USDT", []),
    "bybit_inverse": ("bybit", "BTC/USD:BTC", ["inverse"]),
    "bybit_linear": ("bybit", "BTC/USDT:USDT", ["linear"]),
    "bybit_spot": ("bybit", "BTC/USDT", ["spot"]),
    "coinbase": ("coinbase", "BTC/USD", []),
    "deribit": ("deribit", "BTC/USD:BTC", []),
    "hyperliquid": ("hyperliquid", "BTC/USDC:USDC", ["swap"]),
    "kraken": ("kraken", "BTC/USD", []),
    "kraken_futures": ("krakenfutures", "BTC/USD:BTC", []),
    "okx": ("okx", "BTC/USDT:USDT", ["spot", "swap"]),
}
"""ccxt's class, an instrument, and the kinds of instruments that it is to list."""
COMPARED = 5
ROUNDS = 12


def redirected(value: Any, server: VenueServer, host: str) -> Any:
    """All addresses of a class, at the server."""
    if isinstance(value, dict):
        return {name: redirected(each, server, host) for name, each in value.items()}
    if not isinstance(value, str) or "://" not in value:
        return value
    return server.redirect(value.replace("{hostname}", host))


@pytest.mark.parametrize("venue", CASES)
async def test_an_unmodified_client_follows(venue: str) -> None:
    name, symbol, kinds = CASES[venue]
    async with VenueServer(venue, speed=None) as server:
        options = {"options": {"fetchMarkets": {"types": kinds}}} if kinds else {}
        client = getattr(ccxt.pro, name)({"enableRateLimit": False} | options)
        client.urls["api"] = redirected(client.urls["api"], server, getattr(client, "hostname", None) or "x")
        try:
            await client.load_markets()
            native = native_name(server, client.market(symbol)["info"])
            await running(server, client.watch_order_book(symbol))
            for _ in range(ROUNDS):
                await server.advance(1.0)
                await until(lambda: same(client.orderbooks[symbol], server, native))
            (trade, *_) = await running(server, client.watch_trades(symbol))
            assert trade["symbol"] == symbol
            assert not server.tally.violations
        finally:
            await close(client)


async def running(server: VenueServer, call: Any) -> Any:
    """What a call gives while the venue's time passes."""
    task = asyncio.ensure_future(call)

    async def passed() -> None:
        while not task.done():
            await server.advance(0.2)
            await asyncio.sleep(0.02)

    await asyncio.gather(task, passed())
    return task.result()


def native_name(server: VenueServer, info: dict[str, Any]) -> str:
    """The venue's name of a market of ccxt."""
    names = [
        str(info.get(key)) for key in ("instId", "symbol", "instrument_name", "product_id", "wsname", "name")
    ]
    return next(name for name in names if name in server.market.walks)


def same(mine: Any, server: VenueServer, native: str) -> bool:
    """Whether the best levels are those of the market: now, or where images come at a pace, when the last one did."""
    contract, book = server.market.walks[native].contract, server.market.walks[native].book
    if server.make().images_only:
        _, book = server.market.book_at(native, mine["timestamp"] * 1_000_000)

    def best(side: SideName) -> list[tuple[float, float]]:
        levels = book.levels(side, COMPARED)
        return [(float(contract.price(price)), float(contract.size(size))) for price, size in levels]

    found = {side: [(level[0], level[1]) for level in mine[side][:COMPARED]] for side in ("bids", "asks")}
    return found == {"bids": best("bids"), "asks": best("asks")}
