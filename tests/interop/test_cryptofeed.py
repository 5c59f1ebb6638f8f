"""cryptofeed's own Deribit handler on our frames.

It raises KeyError on the delete of a price it does not hold, and MissingSequenceNumber on a broken chain of ids.
Its addresses are constants and it wants an account for books, so it gets a connection of ours.
"""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as ws_connect

from deltawire.client import Client
from deltawire.session.client import BookMirror
from deltawire.testing.recordings import FUTURE, OPTION, PERPETUAL
from tests.interop.conftest import Told
from tests.support.serving import Served, connected, serving
from tests.support.waiting import HANG_S

cryptofeed = pytest.importorskip("cryptofeed")

from cryptofeed.defines import L1_BOOK, L2_BOOK, OPEN_INTEREST, TICKER, TRADES  # noqa: E402
from cryptofeed.exchanges import Deribit  # noqa: E402
from cryptofeed.symbols import Symbols  # noqa: E402

NAMES = {
    PERPETUAL.name: "BTC-USD-PERP",
    FUTURE.name: "BTC-USD-26Z25",
    OPTION.name: "BTC-100000-26Z25-call",
}
CHANNELS = [L2_BOOK, L1_BOOK, TRADES, TICKER]
ROUNDS = 3


class Handler:
    """The handler with everything it told its callbacks, and our own mirror of every book beside it."""

    def __init__(self, symbols: list[str]) -> None:
        self.told: dict[str, list[Any]] = {}
        self.mirrors: dict[str, BookMirror] = {}
        self.resyncs = 0
        self.feed = Deribit(
            symbols=symbols,
            channels=CHANNELS,
            config={"deribit": {"key_id": "nobody", "key_secret": "nothing"}},
            callbacks={kind: self._callback(kind) for kind in (*CHANNELS, OPEN_INTEREST)},
        )

    async def follow(self, served: Served, resyncs: int) -> None:
        """Subscribe, and take in every frame until books have come back to life so many times."""
        async with (
            asyncio.timeout(HANG_S),
            ws_connect(served.websocket, max_queue=None) as websocket,
        ):
            connection = _Connection(websocket)
            await self.feed.subscribe(connection)
            while self.resyncs < resyncs:
                frame = await websocket.recv()
                await self.feed.message_handler(frame, connection, 0.0)
                self._mirror(msgspec.json.decode(frame).get("params", {}))

    def levels(self, name: str) -> tuple[dict[float, float], dict[float, float]]:
        """cryptofeed's book of an instrument: amounts by price."""
        book = self.feed._l2_book[self.feed.exchange_symbol_to_std_symbol(name)].book
        bids, asks = (
            {float(price): float(amount) for price, amount in side.to_dict().items()}
            for side in (book.bids, book.asks)
        )
        return bids, asks

    def _mirror(self, params: dict[str, Any]) -> None:
        if params.get("channel", "").startswith("book."):
            data = params["data"]
            self.mirrors.setdefault(data["instrument_name"], BookMirror()).apply(data)
            self.resyncs += data.get("status", {}).get("state") == "live"

    def _callback(self, kind: str) -> Any:
        async def keep(told: Any, receipt_timestamp: float) -> None:
            self.told.setdefault(kind, []).append(told)

        return keep


class _Connection:
    """The handler's connection: what it asks as an account is asked as anybody."""

    uuid = "deltawire"

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket

    async def write(self, message: str) -> None:
        asked = msgspec.json.decode(message)
        params = {"channels": asked["params"]["channels"]}
        ours = asked | {"method": "public/subscribe", "params": params}
        await self._websocket.send(msgspec.json.encode(ours).decode())


async def learn_symbols(client: Client) -> dict[str, str]:
    """cryptofeed's own reading of our get_instruments: its names by ours."""
    symbols, info = Deribit._parse_symbol_data([{"result": await client.call("public/get_instruments")}])
    Symbols.set(Deribit.id, symbols, info)
    return {ours: theirs for theirs, ours in symbols.items()}


async def test_handler_survives_gaps_and_reconnections_with_our_books(looping: Served) -> None:
    async with connected(looping, *NAMES) as client:
        learnt = await learn_symbols(client)
    assert {name: learnt[name] for name in NAMES} == NAMES
    handler = Handler(list(NAMES.values()))
    await handler.follow(looping, resyncs=ROUNDS * len(NAMES))
    for name in NAMES:
        assert handler.levels(name) == (handler.mirrors[name].bids, handler.mirrors[name].asks)


async def test_handler_tells_what_the_venue_said(looping: Served, told_by_looping: Told) -> None:
    async with connected(looping, *NAMES) as client:
        await learn_symbols(client)
    handler = Handler(list(NAMES.values()))
    await handler.follow(looping, resyncs=len(NAMES))
    said = {
        trade["trade_id"]: (NAMES[name], trade["direction"], trade["price"], trade["amount"])
        for name in NAMES
        for trades in told_by_looping[f"trades.{name}.raw"]
        for trade in trades
    }
    for trade in handler.told[TRADES]:
        assert (trade.symbol, trade.side, float(trade.price), float(trade.amount)) == said[trade.id]
    interests = {told.symbol: float(told.open_interest) for told in handler.told[OPEN_INTEREST]}
    assert interests == {
        theirs: told_by_looping[f"ticker.{name}.raw"][-1]["open_interest"] for name, theirs in NAMES.items()
    }
    assert {ticker.symbol for ticker in handler.told[TICKER]} == set(NAMES.values())
    assert {quote.symbol for quote in handler.told[L1_BOOK]} == set(NAMES.values())


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("venue", "file", "names"),
    [
        ("deribit", "deribit/DERIBIT.ws.1.0", ["BTC-24SEP21-8000-P", "ETH-30JUL21-2800-C"]),
        ("okx", "okx/OKX.ws.1.0", ["BTC-USDT", "BTC-USD-220527"]),
        ("kraken", "kraken/kraken_btcusd_sample.cbcap", ["BTC/USD"]),
    ],
    ids=["deribit", "okx", "kraken"],
)
async def test_handler_follows_real_venues_through_a_reconnection(
    recordings: Path, venue: str, file: str, names: list[str]
) -> None:
    with serving((recordings / file, venue), speed="40", loop=True) as served:
        async with connected(served, *names) as client:
            learnt = await learn_symbols(client)
        handler = Handler([learnt[name] for name in names])
        await handler.follow(served, resyncs=len(names))
    for name in names:
        assert handler.levels(name) == (handler.mirrors[name].bids, handler.mirrors[name].asks)
