"""hftbacktest: it loads our npz, and at every stop its depth is our book."""

from pathlib import Path
from typing import Any

import pytest

from deltawire.model.events import Event, Status
from deltawire.recording.exports.hftbacktest import write
from deltawire.sources.tabular import replay
from deltawire.tables.books import TrackedBooks
from deltawire.testing.recordings import make_recording, write_log

hftbacktest = pytest.importorskip("hftbacktest")

NAME = "BTC-PERPETUAL"
STOP_NS = 1_000_000_000
SHOWN = 20


def ours(
    events: list[Event], until_ns: int
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]] | None:
    """The best levels up to a time; None while the book is not live."""
    books = TrackedBooks()
    book = None
    for event in events:
        if event.seen_ns > until_ns:  # type: ignore[union-attr]
            break
        book = books.take(event) or book
    if book is None or not book.live or not book.began:
        return None
    instrument = book.instrument
    bids, asks = (
        [(instrument.price(p), instrument.size(s)) for p, s in zip(side.prices, side.sizes, strict=True)]
        for side in (book.ladder.bids.levels(SHOWN), book.ladder.asks.levels(SHOWN))
    )
    return bids, asks


def theirs(depth: Any) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Its best levels, found tick by tick."""
    found: list[list[tuple[float, float]]] = []
    sides = (depth.best_bid_tick, -1, depth.bid_qty_at_tick), (depth.best_ask_tick, 1, depth.ask_qty_at_tick)
    for tick, step, size_at in sides:
        levels: list[tuple[float, float]] = []
        for _ in range(1_000):
            if (size := size_at(tick)) > 0:
                levels.append((round(tick * depth.tick_size, 8), size))
            if len(levels) == SHOWN:
                break
            tick += step
        found.append(levels)
    return found[0], found[1]


def test_its_depth_is_our_book(tmp_path: Path) -> None:
    log = write_log(make_recording(11, steps=600, losses=[150]), tmp_path / "tape.log")
    events = [event for event in replay(log, "deribit") if getattr(event, "instrument", None) and
              event.instrument.name == NAME]  # type: ignore[union-attr]  # fmt: skip
    assert any(isinstance(event, Status) and event.state == "stale" for event in events)
    path = tmp_path / "book.npz"
    write(events, path)
    asset = (
        hftbacktest.BacktestAsset()
        .data([str(path)])
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(0.5)
        .lot_size(1.0)
    )
    backtest = hftbacktest.HashMapMarketDepthBacktest([asset])
    compared = 0
    while backtest.elapse(STOP_NS) == 0:
        expected = ours(events, int(backtest.current_timestamp))
        if expected is not None:
            bids, asks = theirs(backtest.depth(0))
            assert bids == expected[0][: len(bids)]
            assert asks == expected[1][: len(asks)]
            assert len(bids) >= min(SHOWN, len(expected[0]))
            assert len(asks) >= min(SHOWN, len(expected[1]))
            compared += 1
    backtest.close()
    assert compared > 15
