"""ccxt.pro's own Deribit class, told nothing but another address."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import ccxt.pro

from tests.support.follower_books import FollowerBook
from tests.support.serving import Served

Levels = list[tuple[float, float]]


@asynccontextmanager
async def ccxt_deribit(served: Served, *, compress: bool = True) -> AsyncIterator[Any]:
    """An unmodified client of a server; permessage-deflate is its default."""
    client = ccxt.pro.deribit({"enableRateLimit": False} | uncompressed(not compress))
    client.urls["api"] = {"rest": served.http, "ws": served.websocket}
    try:
        yield client
    finally:
        await close(client)


async def close(client: Any) -> None:
    """Close a client; before Python 3.11.4 aborting a TLS connection that has ended fails (cpython PR 104485)."""
    with suppress(*([AttributeError] if sys.version_info < (3, 11, 4) else [])):
        await client.close()


def uncompressed(plain: bool) -> dict[str, Any]:
    """ccxt's own option not to offer compression."""
    return {"options": {"ws": {"options": {"compress": 0}}}} if plain else {}


def is_compressed(client: Any) -> bool:
    """Whether ccxt's connection has agreed on permessage-deflate."""
    (connection,) = [each.connection for each in client.clients.values()]
    return bool(connection.compress)


def both_sides(book: dict[str, Any]) -> tuple[Levels, Levels]:
    """ccxt's bids and asks as (price, amount), best first."""
    bids, asks = ([(price, amount) for price, amount, *_ in book[side]] for side in ("bids", "asks"))
    return bids, asks


async def assert_same_books(client: Any, symbol: str, shadow: FollowerBook, times: int) -> None:
    """The next states that ccxt tells of are ours at the same time, level by level."""
    for _ in range(times):
        book = await client.watch_order_book(symbol)
        theirs, timestamp = both_sides(book), book["nonce"]  # it changes while we wait
        ours = await shadow.at_time(timestamp)
        assert theirs in [(state.bids, state.asks) for state in ours]
