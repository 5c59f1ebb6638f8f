"""The receivers that are measured, each a process of its own.

    python -m bench.receivers NAME SET ADDRESS

says `ready` once it has begun to receive, with a book if it keeps one; a line on standard input asks for a report.
"""

import asyncio
import ctypes
import gc
import os
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
import structlog
import uvloop

from bench.receive_sets import ReceiveSet, find

Report = dict[str, Any]
PATHS = {"binance_usdm": "/public/stream", "okx": "/ws/v5/public", "kraken": "/v2"}


class _Depth(msgspec.Struct):
    s: str
    U: int
    u: int
    pu: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class _Combined(msgspec.Struct):
    stream: str
    data: _Depth


class _OkxBook(msgspec.Struct):
    asks: list[tuple[str, str, str, str]]
    bids: list[tuple[str, str, str, str]]
    ts: str
    checksum: int


class _OkxPush(msgspec.Struct):
    arg: dict[str, str]
    data: list[_OkxBook]
    action: str = ""


class _KrakenLevel(msgspec.Struct):
    price: float
    qty: float


class _KrakenBook(msgspec.Struct):
    symbol: str
    bids: list[_KrakenLevel]
    asks: list[_KrakenLevel]
    checksum: int


class _KrakenPush(msgspec.Struct):
    channel: str
    data: list[_KrakenBook]


DECODERS = {
    "binance_usdm": (msgspec.json.Decoder(_Combined), b'{"stream"'),
    "okx": (msgspec.json.Decoder(_OkxPush), b'{"arg"'),
    "kraken": (msgspec.json.Decoder(_KrakenPush), b'{"channel":"book"'),
}
"""Typed, which is the fastest way to decode; and how a frame of a book begins."""


class Decoding:
    """Decodes every book frame, and keeps none."""

    def __init__(self, asked: ReceiveSet) -> None:
        decoder, self._begins = DECODERS[asked.name]
        self._decode = decoder.decode
        self.messages = 0

    def take(self, message: Any) -> None:
        """A message, as bytes."""
        if message[: len(self._begins)] == self._begins:
            self._decode(message)
            self.messages += 1
            if self.messages == 1:
                print("ready", flush=True)

    def report(self) -> Report:
        """How many were decoded."""
        return {"messages": self.messages}


def subscriptions(asked: ReceiveSet) -> list[str]:
    """The requests for the books of a set."""
    names = [contract.name for contract in asked.contracts]
    if asked.name == "binance_usdm":
        return [_text({"method": "SUBSCRIBE", "params": [f"{n.lower()}@depth@0ms" for n in names], "id": 1})]
    if asked.name == "okx":
        return [_text({"op": "subscribe", "args": [{"channel": "books", "instId": name} for name in names]})]
    return [_text({"method": "subscribe", "params": {"channel": "book", "symbol": names}})]


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


async def run_picows(asked: ReceiveSet, address: str) -> Callable[[], Report]:
    """The limit: picows, decoded where the frame lies."""
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

    decoding = Decoding(asked)

    class Listener(WSListener):
        def on_ws_connected(self, transport: WSTransport) -> None:
            for request in subscriptions(asked):
                transport.send(WSMsgType.TEXT, request.encode())

        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            if frame.msg_type == WSMsgType.TEXT:
                decoding.take(frame.get_payload_as_memoryview())
            elif frame.msg_type == WSMsgType.PING:
                transport.send_pong(frame.get_payload_as_bytes())

    await ws_connect(Listener, address + PATHS[asked.name], enable_auto_pong=False)
    return decoding.report


async def run_websockets(asked: ReceiveSet, address: str) -> Callable[[], Report]:
    """websockets, messages as bytes."""
    import websockets

    decoding = Decoding(asked)
    connection = await websockets.connect(address + PATHS[asked.name], max_size=None, compression=None)
    for request in subscriptions(asked):
        await connection.send(request)

    async def receive() -> None:
        while True:
            decoding.take(await connection.recv(decode=False))

    return _kept(receive(), decoding.report)


async def run_aiohttp(asked: ReceiveSet, address: str) -> Callable[[], Report]:
    """aiohttp."""
    import aiohttp

    decoding = Decoding(asked)
    session = aiohttp.ClientSession()
    connection = await session.ws_connect(address + PATHS[asked.name], max_msg_size=0, decode_text=False)
    for request in subscriptions(asked):
        await connection.send_str(request)

    async def receive() -> None:
        async for message in connection:
            decoding.take(message.data)

    return _kept(receive(), decoding.report)


async def run_ours(asked: ReceiveSet, address: str) -> Callable[[], Report]:
    """A live source, as `serve --venue` runs it: every frame becomes events of a verified book."""
    from deltawire.model.events import BookDelta, BookImage, Status
    from deltawire.ports import Wants
    from deltawire.roles.gateway import WallClock
    from deltawire.sources.live.source import LiveSettings, open_live

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    names = tuple(contract.name for contract in asked.contracts)
    settings = LiveSettings(asked.name, names, frozenset({"book"}), (address,))
    source = open_live(settings, WallClock())
    counts = {"messages": 0, "stale": 0, "images": 0}

    async def receive() -> None:
        live: set[str] = set()
        async for batch in source.events(Wants()):
            for event in batch.events:
                if type(event) is BookDelta:
                    counts["messages"] += 1
                elif type(event) is BookImage:
                    counts["images"] += 1
                elif type(event) is Status:
                    if event.state == "stale":
                        counts["stale"] += 1
                        print(event, file=sys.stderr)
                    elif event.state == "live" and event.instrument.name not in live:
                        live.add(event.instrument.name)
                        if len(live) == len(names):
                            print("ready", flush=True)

    def report() -> Report:
        frames = source.book_frames()
        return {**counts, "fast": frames.fast, "parser": frames.parser}

    return _kept(receive(), report)


async def run_ccxt(asked: ReceiveSet, address: str) -> Callable[[], Report]:
    """ccxt.pro, told of its markets and of the address."""
    import ccxt.pro

    from bench.feed_ccxt import CLASSES, make_markets

    frames = asked.frames()
    exchange = getattr(ccxt.pro, CLASSES[asked.name])({"newUpdates": True})
    exchange.enableRateLimit = False
    exchange.urls["api"] = _moved(exchange.urls["api"], address)
    exchange.set_markets(make_markets(frames))
    if asked.name == "okx":
        exchange.options["watchOrderBook"] = {"depth": "books", "checksum": True}

    async def watch(symbol: str, first: asyncio.Event) -> None:
        while True:
            await exchange.watch_order_book(symbol)
            first.set()

    firsts = []
    for symbol in asked.symbols:
        first = asyncio.Event()
        firsts.append(first)
        _keep(watch(symbol, first))

    async def begun() -> None:
        for each in firsts:
            await each.wait()
        print("ready", flush=True)

    def report() -> Report:
        book = exchange.orderbooks[asked.symbols[0]]
        return {"bid": book["bids"][0][0], "ask": book["asks"][0][0]}

    return _kept(begun(), report)


def _moved(urls: Any, address: str) -> Any:
    """The same addresses at another host."""
    if isinstance(urls, dict):
        return {name: _moved(url, address) for name, url in urls.items()}
    if not isinstance(urls, str):
        return urls
    scheme, _, rest = urls.partition("://")
    base = address if scheme == "wss" else address.replace("ws", "http", 1)
    return base + "".join(rest.partition("/")[1:])


KEPT: set[asyncio.Task[None]] = set()


def _keep(work: Any) -> None:
    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            traceback.print_exception(task.exception())
            os._exit(1)

    task = asyncio.ensure_future(work)
    KEPT.add(task)
    task.add_done_callback(ended)


def _kept(work: Any, report: Callable[[], Report]) -> Callable[[], Report]:
    _keep(work)
    return report


RECEIVERS: dict[str, Callable[[ReceiveSet, str], Awaitable[Callable[[], Report]]]] = {
    "picows": run_picows,
    "websockets": run_websockets,
    "aiohttp": run_aiohttp,
    "ours": run_ours,
    "ccxt": run_ccxt,
}


HEAP = (
    "arena",
    "ordblks",
    "smblks",
    "hblks",
    "hblkhd",
    "usmblks",
    "fsmblks",
    "uordblks",
    "fordblks",
    "keepcost",
)


class _Heap(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = [(name, ctypes.c_size_t) for name in HEAP]


def held() -> Report:
    """What is allocated: Python's small objects, and bytes of malloc, 0 where the C library does not tell."""
    gc.collect()
    report = {"objects": sys.getallocatedblocks(), "bytes": 0}
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo is not None:
        mallinfo.restype = _Heap
        heap = mallinfo()
        report["bytes"] = heap.uordblks + heap.hblkhd
    return report


async def receive(name: str, asked: ReceiveSet, address: str) -> None:
    """Run a receiver until it is asked for its report; `held` asks for what is allocated before."""
    report = await RECEIVERS[name](asked, address)
    asked_for: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read(lines: Iterable[str]) -> None:
        for line in lines:
            loop.call_soon_threadsafe(asked_for.put_nowait, line.strip())

    threading.Thread(target=read, args=(sys.stdin,), daemon=True).start()
    while await asked_for.get() == "held":
        print(_text(held()), flush=True)
    print(_text(report()), flush=True)
    os._exit(0)


if __name__ == "__main__":
    uvloop.run(receive(sys.argv[1], find(sys.argv[2]), sys.argv[3]))
