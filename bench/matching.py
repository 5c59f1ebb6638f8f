"""Matching: orders per second in one process, against lightmatchingengine on the same orders.

Ours checks every order, keeps accounts apart, and makes events: each order's state, fills, trades and book
deltas. lightmatchingengine returns the order and a list of trades. Both must end on the same book.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from bench.orders import INSTRUMENT, MIDDLE, NAME, Orders, opened, stream, terms
from deltawire.exchange.accounts.account_records import AccountRecord, Deposit
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.codec import Codec
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.orders.codes import Rejection
from deltawire.exchange.orders.records import Cancel, Instruct, Place
from deltawire.exchange.ports import OpenBook
from deltawire.exchange.pricing.pricing import PriceBand, Prices
from deltawire.journal.committing import GroupCommit
from deltawire.journal.files import DiskFiles
from deltawire.journal.journal import Journal

ROUNDS, QUICK_ROUNDS = 9, 3
COUNT, QUICK_COUNT = 100_000, 20_000
AT_ONCE = 64
"""How many orders come in before others, such as the commit, have a turn."""
PRICED_EVERY = 50_000
ACCOUNTS, DEPOSIT = 100, 10_000 * 10**8
by_the_clock: list[float] = []
"""Seconds of each run with a journal, syncs included."""
Depth = dict[int, int]
Result = tuple[float, Depth, Depth]
"""Processor seconds; sizes by price of bids and asks at the end."""


def ours(orders: Orders, *, journal: bool = False) -> Result:
    """Records in, events out; with `journal`, each record also becomes the bytes that are to be synced."""
    payloads, encode = list[bytes](), Codec().encode
    exchange = opened((lambda record: payloads.append(encode(record))) if journal else None)
    owners, number = orders.owners, len(orders.warm)
    for owner, add in zip(owners[1:], orders.warm, strict=False):
        exchange.submit(Place(at_ns=1, account=owner, terms=terms(add)), replayed=True)
    submit, now = exchange.submit, 1
    started = time.process_time()
    for step in orders.steps:
        now += 1000
        if type(step) is int:
            submit(Cancel(at_ns=now, account=owners[step], order_id=step))
        else:
            number += 1
            submit(Place(at_ns=now, account=owners[number], terms=terms(step)))
    seconds = time.process_time() - started
    return seconds, *_depths(exchange)


def margined(orders: Orders) -> Result:
    """A hundred accounts with money and margin, prices every 50,000 orders, each record durable by group commit."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # on a disk, which /tmp may not be
        return asyncio.run(_margined(orders, Path(folder)))


async def _margined(orders: Orders, folder: Path) -> Result:
    accounts = Accounts(band=PriceBand(perpetual=0.9), listing=False)
    encode, files = Codec(*get_args(AccountRecord)).encode, DiskFiles(folder)
    journal = Journal(files, str(folder), salt=1)
    assert not list(journal.records())
    commit = GroupCommit(journal)
    exchange = Exchange(accounts, lambda record: commit.append(encode(record)))
    accounts.list(INSTRUMENT)
    exchange.submit(Instruct(at_ns=1, demand=OpenBook(INSTRUMENT)), replayed=True)
    exchange.submit(_prices(1), replayed=True)
    for owner in range(ACCOUNTS):
        exchange.submit(Deposit(at_ns=1, account=owner, currency="BTC", units=DEPOSIT), replayed=True)
    owners, number, now, durable = orders.owners, len(orders.warm), 1, 0
    for owner, add in zip(owners[1:], orders.warm, strict=False):
        exchange.submit(Place(at_ns=1, account=owner, terms=terms(add)), replayed=True)
    submit, then = exchange.submit, commit.then

    def answered(error: object) -> None:
        nonlocal durable
        durable += error is None

    begun, started = time.perf_counter(), time.process_time()
    for count, step in enumerate(orders.steps):
        now += 1000
        if type(step) is int:
            outputs = submit(Cancel(at_ns=now, account=owners[step], order_id=step))
        else:
            number += 1
            outputs = submit(Place(at_ns=now, account=owners[number], terms=terms(step)))
        assert not isinstance(outputs[-1], Rejection), outputs
        then(answered)
        if count % AT_ONCE == 0:
            await asyncio.sleep(0)
        if count % PRICED_EVERY == 0:
            submit(_prices(now))
    await commit.drained()
    seconds = time.process_time() - started
    by_the_clock.append(time.perf_counter() - begun)
    assert durable == len(orders.steps), commit.error
    files.close()
    assert accounts.imbalance("BTC") == 0
    return seconds, *_depths(exchange)


def _prices(now: int) -> Prices:
    middle = INSTRUMENT.price(MIDDLE)
    return Prices(at_ns=now, constituents={"btc_usd": (middle,) * 3}, fair={NAME: middle}, surfaces={})


def _depths(exchange: Exchange) -> tuple[Depth, Depth]:
    book = exchange.matching.books[NAME]
    bids, asks = book.bids.image(), book.asks.image()
    return dict(zip(bids.prices, bids.sizes, strict=True)), dict(zip(asks.prices, asks.sizes, strict=True))


def light(orders: Orders) -> Result:
    """lightmatchingengine, called directly."""
    from lightmatchingengine.lightmatchingengine import LightMatchingEngine, Side

    engine = LightMatchingEngine()
    sides = {1: Side.BUY, -1: Side.SELL}
    for sign, price, size in orders.warm:
        engine.add_order(NAME, price, size, sides[sign])
    started = time.process_time()
    for step in orders.steps:
        if type(step) is int:
            engine.cancel_order(step, NAME)
        else:
            sign, price, size = step
            engine.add_order(NAME, price, size, sides[sign])
    seconds = time.process_time() - started
    book = engine.order_books[NAME]
    return seconds, _depth(book.bids), _depth(book.asks)


def _depth(side: dict) -> Depth:
    return {price: sum(order.leaves_qty for order in queue) for price, queue in side.items()}


CONTESTANTS: dict[str, Callable[[Orders], Result]] = {
    "ours": ours,
    "ours, records as bytes": lambda orders: ours(orders, journal=True),
    "ours, margin and journal": margined,
    "lightmatchingengine": light,
}


def main(*, quick: bool = False) -> None:
    """Measure and print."""
    count, rounds = (QUICK_COUNT, QUICK_ROUNDS) if quick else (COUNT, ROUNDS)
    print("Matching: orders per second of processor time; 50 % add, 44 % cancel, 6 % take; medians")
    print(
        f"  Python {sys.version.split()[0]}, lightmatchingengine {version('lightmatchingengine')}; "
        "a ratio above 1 says how many times faster we are"
    )
    for orders in (
        stream("shallow book", resting=200, prices=20, count=count),
        stream("deep book", resting=1500, prices=750, count=count),
    ):
        _report(orders, measure(orders, rounds))


def measure(orders: Orders, rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant in each round; they take turns."""
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(rounds):
        books = []
        for name, run in CONTESTANTS.items():
            seconds, bids, asks = run(orders)
            times[name].append(seconds)
            books.append((bids, asks))
        if any(book != books[0] for book in books):
            raise AssertionError(f"{orders.name}: the contestants ended on different books")
    return times


def _report(orders: Orders, times: dict[str, list[float]]) -> None:
    middle = {name: statistics.median(each) for name, each in times.items()}
    clock = len(orders.steps) / statistics.median(by_the_clock)
    by_the_clock.clear()
    print(f"\n  {orders.name}: {len(orders.steps):,} orders, {len(orders.warm):,} resting at the start")
    for name, seconds in middle.items():
        per_second, best = len(orders.steps) / seconds, len(orders.steps) / min(times[name])
        ratio = "" if name.startswith("ours") else f"{seconds / middle['ours']:8.2f} ×"
        print(
            f"    {name:24s} {1e6 / per_second:7.2f} µs  {per_second:9,.0f}/s (best {best:9,.0f}/s) {ratio}"
        )
    print(f"    margin and journal by the clock, every record on disk: {clock:,.0f}/s")
