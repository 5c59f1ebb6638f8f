"""cryptofeed as a receiver, versions 2.4.1 and 3.0.1: a script of its own, because version 3 needs Python 3.12.

    PYTHON bench/receive_cryptofeed.py SET ADDRESS NATIVE…

Version 3 is AGPL: it is measured in an environment of its own, and nothing of it is used.
"""

import asyncio
import json
import os
import sys
import threading
from dataclasses import replace
from typing import Any

import cryptofeed.connection
from cryptofeed.defines import L2_BOOK
from cryptofeed.exchanges import EXCHANGE_MAP
from cryptofeed.symbols import Symbols

EXCHANGES = {"binance_usdm": "BINANCE_FUTURES", "okx": "OKX", "kraken": "KRAKEN"}
NAMES = {"BTCUSDT": "BTC-USDT-PERP", "BTC/USD": "BTC-USD"}
LOG = {"filename": "/dev/null", "level": "ERROR", "disabled": True}


def main() -> None:
    """Receive until a line on standard input asks for a report."""
    exchange, address, natives = EXCHANGES[sys.argv[1]], sys.argv[2], sys.argv[3:]
    symbols = {NAMES.get(native, native): native for native in natives}
    Symbols.set(exchange, symbols, {"instrument_type": dict.fromkeys(symbols, "spot"), "tick_size": {}})
    connect = cryptofeed.connection.connect
    cryptofeed.connection.connect = lambda url, **settings: connect(url.replace("wss", "ws", 1), **settings)
    kind = EXCHANGE_MAP[exchange]
    kind.websocket_endpoints = [
        replace(each, address=address.replace("ws", "wss", 1) + _path(each.address))
        for each in kind.websocket_endpoints[:1]
    ]
    kind.rest_endpoints = [
        replace(each, address=address.replace("ws", "http", 1)) for each in kind.rest_endpoints
    ]
    books: dict[str, Any] = {}
    counts = {"messages": 0}

    async def on_book(book: Any, receipt: float) -> None:
        counts["messages"] += 1
        if len(books) < len(symbols):
            books[book.symbol] = book
            if len(books) == len(symbols):
                print("ready", flush=True)
        books[book.symbol] = book

    feed = kind(
        symbols=[*symbols],
        channels=[L2_BOOK],
        callbacks={L2_BOOK: on_book},
        config={"log": LOG},
        max_depth=25 if exchange == "KRAKEN" else 0,  # what the recording is of, 0 is all
        checksum_validation=True,
        cross_check=True,
    )
    threading.Thread(target=_report, args=(books, counts, next(iter(symbols))), daemon=True).start()
    _run(feed)


def _path(address: str) -> str:
    return "".join(address.partition("://")[2].partition("/")[1:])


def _run(feed: Any) -> None:
    if asyncio.iscoroutinefunction(getattr(feed, "run", None)):  # version 3
        with asyncio.Runner(loop_factory=_loop()) as runner:
            runner.run(feed.run(asyncio.Event()))
        return
    loop = (_loop() or asyncio.new_event_loop)()
    asyncio.set_event_loop(loop)
    feed.start(loop)
    loop.run_forever()


def _loop() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _report(books: dict[str, Any], counts: dict[str, int], symbol: str) -> None:
    sys.stdin.readline()
    book = books[symbol].book
    tops = {"bid": float(book.bids.index(0)[0]), "ask": float(book.asks.index(0)[0])}
    print(json.dumps(counts | tops), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
