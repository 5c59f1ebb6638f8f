"""ccxt.pro's handlers on the same frames, with markets and the first image set by hand."""

import asyncio
from typing import Any

import msgspec

from bench.frames import Frames, Spent, stretches

CLASSES = {
    "binance_spot": "binance",
    "binance_usdm": "binance",
    "okx": "okx",
    "kraken": "kraken",
    "deribit": "deribit",
}
URLS = {"binance_spot": "wss://stream.binance.com:9443/ws", "binance_usdm": "wss://fstream.binance.com/ws"}


def run(frames: Frames, times: int) -> Spent:
    """What ccxt.pro's own message handling takes, text to book, so many times, each on an exchange of its own."""
    return asyncio.run(_run(frames, times))


async def _run(frames: Frames, times: int) -> Spent:
    import ccxt.pro

    spent = Spent()
    work = [
        (images, [_unwrap(payload) for _, payload in stretch]) for images, stretch in stretches(frames.frames)
    ]
    exchanges = [getattr(ccxt.pro, CLASSES[frames.venue])() for _ in range(times)]
    try:
        clients = [_prepare(exchange, frames) for exchange in exchanges]
        for exchange, client in zip(exchanges, clients, strict=True):
            for images, stretch in work:
                handle = client.handle_text_or_binary_message
                spent.start()
                for text in stretch:
                    handle(text)
                spent.stop(images=images)
            _check(exchange, frames)
        return spent
    finally:
        for exchange in exchanges:
            await exchange.close()


def _prepare(exchange: Any, frames: Frames) -> Any:
    exchange.set_markets(make_markets(frames))
    client = exchange.client(URLS.get(frames.venue, "wss://bench.invalid/ws"))
    if frames.image is not None:
        _load_image(exchange, frames)
    else:
        _subscribe(client, frames)
    return client


def _unwrap(payload: bytes) -> str:
    """ccxt subscribes to Binance's raw streams, which have no envelope."""
    if payload.startswith(b'{"stream"'):
        return bytes(msgspec.json.decode(payload, type=dict[str, msgspec.Raw])["data"]).decode()
    return payload.decode()


def _subscribe(client: Any, frames: Frames) -> None:
    """The handlers look subscriptions up by message hash and drop what was not asked for."""
    for market in make_markets(frames):
        symbol = market["symbol"]
        for name in (f"books:{market['id']}", f"orderbook:{symbol}", f"book.{market['id']}.raw"):
            client.subscriptions[name] = {"limit": 25}


def _load_image(exchange: Any, frames: Frames) -> None:
    image = msgspec.json.decode(frames.image or b"")
    symbol = make_markets(frames)[0]["symbol"]
    snapshot = exchange.parse_order_book(image, symbol)
    snapshot["nonce"] = image["lastUpdateId"]
    book = exchange.order_book({}, 5000)
    book.reset(snapshot)
    book["nonce"], book["timestamp"] = image["lastUpdateId"], None
    exchange.orderbooks[symbol] = book


def _check(exchange: Any, frames: Frames) -> None:
    """The handlers must really have kept a book."""
    found = [book for book in exchange.orderbooks.values() if book["bids"] and book["asks"]]
    if not found:
        raise AssertionError(f"{frames.name}: ccxt kept no book")


def make_markets(frames: Frames) -> list[dict[str, Any]]:
    """The markets of the instruments in these frames, as ccxt keeps them."""
    if frames.venue == "binance_spot":
        return [_market("BTCUSDT", "BTC/USDT", "spot")]
    if frames.venue == "binance_usdm":
        return [_market("BTCUSDT", "BTC/USDT:USDT", "swap")]
    if frames.venue == "kraken":
        return [_market("BTC/USD", "BTC/USD", "spot")]
    names: dict[str, None] = {}
    for _, payload in frames.frames:
        message = msgspec.json.decode(payload)
        native = (
            message["arg"]["instId"]
            if frames.venue == "okx"
            else message["params"]["data"]["instrument_name"]
        )
        names[native] = None
    return [_market(name, name, "spot") for name in names]


def _market(native: str, symbol: str, kind: str) -> dict[str, Any]:
    base, _, rest = symbol.partition("/")
    return {
        "id": native,
        "symbol": symbol,
        "base": base,
        "quote": rest.partition(":")[0] or "USD",
        "baseId": base,
        "quoteId": rest.partition(":")[0] or "USD",
        "type": kind,
        "spot": kind == "spot",
        "swap": kind == "swap",
        "future": False,
        "option": False,
        "contract": kind != "spot",
        "linear": True if kind == "swap" else None,
        "inverse": None,
        "active": True,
        "precision": {"amount": 8, "price": 8},
        "limits": {},
        "info": {},
    }
