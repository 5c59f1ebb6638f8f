"""The metrics that PyPI `wickra` 2.0 also has equal its own to 1e-12."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from deltawire.analytics import depth, imbalance, spreads, trade_flow
from deltawire.analytics.derivation import FollowedBook
from deltawire.analytics.known_book import KnownBook
from deltawire.analytics.order_flow import OrderFlow
from deltawire.model.events import BookDelta, BookImage, Trade
from deltawire.sources.tabular import replay
from tests.analytics.books import random_books

wickra = pytest.importorskip("wickra")
BOOKS = list(random_books(3_000, 10))
WINDOW = 25


def total_flow(window: int) -> Callable[[KnownBook], float | None]:
    live = OrderFlow(window=window)

    def update(book: KnownBook) -> float | None:
        found = live.update(book)
        return None if found is None or found.updates < window else found.total

    return update


OF_BOOKS: dict[str, tuple[tuple[Any, ...], Callable[[KnownBook], float | None]]] = {
    "OrderBookImbalanceTop1": ((), imbalance.queue_imbalance),
    "OrderBookImbalanceTopN": ((4,), lambda book: imbalance.level_imbalance(book, 4).value),
    "OrderBookImbalanceFull": ((), lambda book: imbalance.whole_imbalance(book).value),
    "Microprice": ((), imbalance.micro_price),
    "QuotedSpread": ((), spreads.quoted_bp),
    "DepthSlope": ((), lambda book: depth.depth_slope(book, 10).value),
    "OrderFlowImbalance": ((WINDOW,), total_flow(WINDOW)),
}


@pytest.mark.parametrize("name", OF_BOOKS)
def test_metrics_of_books(name: str) -> None:
    parameters, ours = OF_BOOKS[name]
    theirs, compared = getattr(wickra, name)(*parameters), 0
    for book in BOOKS:
        sides = [list(each[:10]) for side in (book.bids, book.asks) for each in (side.prices, side.sizes)]
        cut = KnownBook(
            *(type(side)(side.prices[:10], side.sizes[:10]) for side in (book.bids, book.asks)), seq=book.seq
        )
        expected, found = theirs.update(*sides), ours(cut)
        if expected is not None:
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)
            compared += 1
    assert compared > 2_900


def trades() -> list[tuple[float, float, bool, float]]:
    """(price, size, whether the aggressor buys, mid), near the mids of the books."""
    random = Random(9)
    return [
        (
            book.asks.prices[0] if buy else book.bids.prices[0],
            random.randint(1, 60)
            / 8,  # exact: at the edge of a bucket wickra waits for the last rounding error
            buy,
            0.5 * (book.asks.prices[0] + book.bids.prices[0]),
        )
        for book in BOOKS
        for buy in (random.random() < 0.5,)
    ]


def recorded_trades(recordings: Path) -> list[tuple[float, float, bool, float]]:
    """The same of a recording, whose sizes in lots are whole numbers."""
    followed, found = FollowedBook("binance_usdm:BTCUSDT"), []
    for event in islice(replay(recordings / "binance_usdm" / "btcusdt_20240808.gz", "binance_usdm"), 20_000):
        if isinstance(event, BookImage | BookDelta):
            followed.update(event)
        elif isinstance(event, Trade):
            book = followed.view(1)
            mid = None if book is None else book.mid
            if mid is not None:
                found.append((event.price_float, float(event.size_lots), event.side == "buy", mid))
    return found


def test_metrics_of_trades() -> None:
    assert compare_trades(trades(), 20.0) > 2_900


@pytest.mark.recordings
def test_metrics_of_trades_on_a_recording(recordings: Path) -> None:
    assert compare_trades(recorded_trades(recordings), 5_000.0) > 2_500


def compare_trades(given: list[tuple[float, float, bool, float]], bucket: float) -> int:
    """Compare all metrics of trades after each; returns how often the one was compared that begins last."""
    live = trade_flow.KylesLambda(WINDOW), spreads.RealisedSpreads(WINDOW)
    vpin, signed = trade_flow.Vpin(bucket, 10), trade_flow.TradeImbalance(WINDOW)
    theirs = {
        "EffectiveSpread": wickra.EffectiveSpread(),
        "RealizedSpread": wickra.RealizedSpread(WINDOW),
        "KylesLambda": wickra.KylesLambda(WINDOW),
    }
    of_size = {"Vpin": wickra.Vpin(bucket, 10), "TradeImbalance": wickra.TradeImbalance(WINDOW)}
    compared = dict.fromkeys([*theirs, *of_size], 0)
    for price, size, buy, mid in given:
        impact, realised = live[0].update(size, buy, mid), live[1].update(price, buy, mid)
        ours = {
            "EffectiveSpread": spreads.effective_bp(price, buy, mid),
            "RealizedSpread": realised and realised.realised_bp,
            "KylesLambda": impact and impact.slope,
            "Vpin": vpin.update(size, buy),
            "TradeImbalance": signed.update(size, buy),
        }
        expected = {name: each.update(price, size, buy, mid) for name, each in theirs.items()}
        expected |= {name: each.update(price, size, buy) for name, each in of_size.items()}
        if live[0].full and impact is None:  # a volume that does not vary has no slope; theirs is 0
            assert expected.pop("KylesLambda") == 0.0
        for name, value in expected.items():
            if value is not None:
                assert ours[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name
                compared[name] += 1
    return min(compared.values())


@pytest.mark.recordings
def test_metrics_of_books_on_a_recording(recordings: Path) -> None:
    """Binance USD-M: the ten best levels, at every update in the first 20,000 events."""
    live, followed = OrderFlow(), FollowedBook("binance_usdm:BTCUSDT")
    theirs = {name: getattr(wickra, name)(*parameters) for name, (parameters, _) in OF_BOOKS.items()}
    flow, compared = wickra.OrderFlowImbalance(1), 0
    for event in islice(replay(recordings / "binance_usdm" / "btcusdt_20240808.gz", "binance_usdm"), 20_000):
        if not isinstance(event, BookImage | BookDelta):
            continue
        followed.update(event)
        book = followed.view(10)
        if book is None or not book.two_sided:
            continue
        sides = [list(each) for side in (book.bids, book.asks) for each in (side.prices, side.sizes)]
        ours = live.update(book)
        expected = flow.update(*sides)
        assert expected is None or ours is not None
        if expected is not None and ours is not None:
            assert ours.total == pytest.approx(expected, rel=1e-12, abs=1e-12)
        if min(map(len, sides)) < 10:
            continue
        whole = KnownBook(*(type(side)(side.prices, side.sizes) for side in (book.bids, book.asks)))
        for name, (_, metric) in OF_BOOKS.items():
            if name != "OrderFlowImbalance":
                assert metric(whole) == pytest.approx(theirs[name].update(*sides), rel=1e-12, abs=1e-12), name
        compared += 1
    assert compared > 1_500
