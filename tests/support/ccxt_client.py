"""ccxt.pro's own Deribit class, told nothing but another address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt.pro

from tests.support.serving import Served
from tests.support.shadows import Shadow

Levels = list[tuple[float, float]]


@asynccontextmanager
async def ccxt_deribit(served: Served) -> AsyncIterator[Any]:
    """An unmodified client of a server."""
    client = ccxt.pro.deribit({"enableRateLimit": False})
    client.urls["api"] = {"rest": served.http, "ws": served.websocket}
    try:
        yield client
    finally:
        await client.close()


def both_sides(book: dict[str, Any]) -> tuple[Levels, Levels]:
    """ccxt's bids and asks as (price, amount), best first."""
    bids, asks = ([(price, amount) for price, amount, *_ in book[side]] for side in ("bids", "asks"))
    return bids, asks


async def assert_same_books(client: Any, symbol: str, shadow: Shadow, times: int) -> None:
    """The next states that ccxt tells of are ours at the same time, level by level."""
    for _ in range(times):
        book = await client.watch_order_book(symbol)
        theirs, timestamp = both_sides(book), book["nonce"]  # it changes while we wait
        ours = await shadow.at_time(timestamp)
        assert theirs in [(state.bids, state.asks) for state in ours]
