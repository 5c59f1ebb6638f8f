"""cryptofeed's handlers on the same frames, its symbol tables filled by hand instead of from the network."""

import asyncio
from typing import Any

from bench.frames import Frames, Spent, stretches

EXCHANGES = {"binance_spot": "BINANCE", "binance_usdm": "BINANCE_FUTURES", "okx": "OKX", "deribit": "DERIBIT"}
"""Kraken is missing: version 2.4.1 speaks the older protocol."""


LOG = {"filename": "/dev/null", "level": "ERROR", "disabled": True}


class _Connection:
    """As much of a connection as the handlers look at."""

    uuid = "bench"
    conn_type = "wss"
    address = ""


class _Rest:
    """Answers every request with the recorded image."""

    def __init__(self, image: bytes | None) -> None:
        self._image = image

    async def read(self, url: str, **ignored: Any) -> str:
        return (self._image or b"").decode()


def run(frames: Frames, times: int, *, checked: bool) -> Spent | None:
    """What cryptofeed's own message handler takes, so many times, each on a feed of its own; None where it has none.

    `checked` turns on what it can verify: crossing everywhere, OKX's checksum.
    """
    exchange = EXCHANGES.get(frames.venue)
    return None if exchange is None else asyncio.run(_run(frames, exchange, times, checked))


async def _run(frames: Frames, exchange: str, times: int, checked: bool) -> Spent:
    from cryptofeed.defines import L2_BOOK
    from cryptofeed.exchanges import EXCHANGE_MAP
    from cryptofeed.symbols import Symbols

    symbols = _symbols(frames)
    Symbols.set(
        exchange, {std: native for native, std in symbols.items()}, {"instrument_type": {}, "tick_size": {}}
    )
    counted = 0

    async def count(book: Any, receipt: float) -> None:
        nonlocal counted
        counted += 1

    def make() -> Any:
        feed = EXCHANGE_MAP[exchange](
            symbols=list(symbols.values()),
            channels=[L2_BOOK],
            config={"log": LOG, exchange.lower(): {"key_id": "none", "key_secret": "none"}},
            callbacks={L2_BOOK: count},
            cross_check=checked,
            checksum_validation=checked,
        )
        feed.http_conn = _Rest(frames.image)
        feed.seq_no = {}
        return feed

    connection, spent = _Connection(), Spent()
    first = frames.frames[: frames.image is not None]
    work = [
        (images, [(payload.decode(), at) for at, payload in stretch])
        for images, stretch in stretches(frames.frames[len(first) :])
    ]
    for feed in [make() for _ in range(times)]:
        for at, payload in first:
            await feed.message_handler(payload.decode(), connection, at)
        handle = feed.message_handler
        for images, stretch in work:
            spent.start()
            for text, at in stretch:
                await handle(text, connection, at)
            spent.stop(images=images)
    if counted < len(frames) * times // 2:
        raise AssertionError(f"{frames.name}: cryptofeed called back {counted} times")
    return spent


def _symbols(frames: Frames) -> dict[str, str]:
    """Native to cryptofeed's names; any unique name does, the handlers only look it up."""
    import msgspec

    if frames.venue.startswith("binance"):
        return {"BTCUSDT": "BTC-USDT"}
    names: dict[str, str] = {}
    for _, payload in frames.frames:
        message = msgspec.json.decode(payload)
        native = (
            message["arg"]["instId"]
            if frames.venue == "okx"
            else message["params"]["data"]["instrument_name"]
        )
        names[native] = native
    return names
