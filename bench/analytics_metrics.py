"""Metrics of books and trades: µs per update, with the figure computed at each, beside wickra and river.

All get what they take ready-made: ours a `KnownBook`, wickra four lists. What an event costs on the way to that is
stated apart.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from deltawire.analytics import depth, imbalance, spreads
from deltawire.analytics.book_metrics import DepthMetric, ImbalanceMetric
from deltawire.analytics.derivation import FollowedBook
from deltawire.analytics.flow import FlowMetric
from deltawire.analytics.integrated_flow import IntegratedOrderFlow
from deltawire.analytics.known_book import KnownBook
from deltawire.analytics.order_flow import DecayingFlow, OrderFlow
from deltawire.analytics.prediction import Features, OnlineModel
from deltawire.analytics.trade_flow import KylesLambda, TradeImbalance, Vpin
from deltawire.model.events import BookDelta, BookImage, Event, Trade
from deltawire.testing.market import quiet_events

SECONDS = 40
BAR_US = 3.0
LEVELS, WINDOW = 10, 100
SECOND_NS = 1_000_000_000


class Material(NamedTuple):
    """The same minutes in the forms that contestants take."""

    events: Sequence[Event]
    books: Sequence[KnownBook]
    lists: Sequence[tuple[list[float], list[float], list[float], list[float]]]
    trades: Sequence[tuple[float, float, bool, float]]
    """(price, size, whether the aggressor buys, mid)."""


Loop = Callable[[Material], int]
"""Runs over all of it; returns how many updates there were."""


def material(seconds: int = SECONDS) -> Material:
    """The built-in exchange's perpetual."""
    events = list(quiet_events(3, seconds * SECOND_NS))
    key = next(event.instrument.key for event in events if isinstance(event, BookDelta))
    followed, books, trades = FollowedBook(key), [], []
    for event in events:
        if isinstance(event, BookDelta | BookImage):
            followed.update(event)
            book = followed.view(LEVELS)
            if (
                book is not None
                and book.two_sided
                and len(book.bids.prices) == len(book.asks.prices) == LEVELS
            ):
                books.append(book)
        elif isinstance(event, Trade) and books and (mid := books[-1].mid) is not None:
            trades.append((event.price_float, event.size_float, event.side == "buy", mid))
    lists = [
        (list(book.bids.prices), list(book.bids.sizes), list(book.asks.prices), list(book.asks.sizes))
        for book in books
    ]
    return Material(events, books, lists, trades)


def of_books(make: Callable[[], Callable[[KnownBook], Any]]) -> Loop:
    def run(given: Material) -> int:
        metric = make()
        for book in given.books:
            metric(book)
        return len(given.books)

    return run


def of_lists(name: str, *parameters: int) -> Loop:
    def run(given: Material) -> int:
        import wickra

        update = getattr(wickra, name)(*parameters).update
        for bids, bid_sizes, asks, ask_sizes in given.lists:
            update(bids, bid_sizes, asks, ask_sizes)
        return len(given.lists)

    return run


def of_trades(make: Callable[[], Callable[..., Any]], what: str) -> Loop:
    """`what` is given to it: `sb` size and side, `sbm` also the mid, `psbm` also the price."""

    def run(given: Material) -> int:
        metric = make()
        if what == "sb":
            for _, size, buy, _ in given.trades:
                metric(size, buy)
        elif what == "sbm":
            for _, size, buy, mid in given.trades:
                metric(size, buy, mid)
        else:
            for price, size, buy, mid in given.trades:
                metric(price, size, buy, mid)
        return len(given.trades)

    return run


def wickra_trades(name: str, *parameters: float, what: str) -> Loop:
    """The same; it takes the price first."""

    def run(given: Material) -> int:
        import wickra

        update = getattr(wickra, name)(*parameters).update
        if what == "psb":
            for price, size, buy, _ in given.trades:
                update(price, size, buy)
        else:
            for price, size, buy, mid in given.trades:
                update(price, size, buy, mid)
        return len(given.trades)

    return run


FEATURES = [
    Features(0.01 * (number % 200 - 100), 0.1, (-1, 0, 1)[number % 3], number % 7 - 3.0, 0.2, 0.5)
    for number in range(3_000)
]


def our_model(_: Material) -> int:
    model = OnlineModel()
    for number, features in enumerate(FEATURES):
        model.predict(features)
        model.learn(features, (-1, 0, 1)[number * 7 % 3])
    return len(FEATURES)


def river_model(_: Material) -> int:
    from river.linear_model import LogisticRegression
    from river.preprocessing import StandardScaler

    model = StandardScaler() | LogisticRegression()
    rows = [
        {"i": f.imbalance, "f": f.flow, "l": f.levels, "m": f.last_move, "c": f.imbalance**3, "o": 1.0}
        for f in FEATURES
    ]
    for number, row in enumerate(rows):
        model.predict_proba_one(row)
        model.learn_one(row, number * 7 % 3 > 0)
    return len(rows)


def of_events(make: Callable[[str], Any]) -> Loop:
    def run(given: Material) -> int:
        metric = make(next(event.instrument.key for event in given.events if isinstance(event, BookDelta)))
        for event in given.events:
            metric.update(event)
        return sum(isinstance(event, BookDelta) for event in given.events)

    return run


def followed(levels: int) -> Loop:
    def run(given: Material) -> int:
        events = [event for event in given.events if isinstance(event, BookDelta | BookImage)]
        book = FollowedBook(events[0].instrument.key)
        for event in events:
            book.update(event)
            if levels:
                book.view(levels)
        return len(events)

    return run


class Row(NamedTuple):
    """One metric, and the same of another library if it has it."""

    name: str
    ours: Loop
    theirs: Loop | None = None
    bar_us: float | None = BAR_US


ROWS = (
    Row(
        "imbalance at the touch",
        of_books(lambda: imbalance.queue_imbalance),
        of_lists("OrderBookImbalanceTop1"),
    ),
    Row(
        "imbalance of 5 levels",
        of_books(lambda: lambda book: imbalance.level_imbalance(book, 5)),
        of_lists("OrderBookImbalanceTopN", 5),
    ),
    Row("imbalance within 5 bp", of_books(lambda: lambda book: imbalance.band_imbalance(book, 5.0))),
    Row(
        "imbalance weighted within 5 bp",
        of_books(lambda: imbalance.WeightedImbalance(2.0, 5.0).update),
    ),
    Row("micro-price", of_books(lambda: imbalance.micro_price), of_lists("Microprice")),
    Row("quoted spread", of_books(lambda: spreads.quoted_bp), of_lists("QuotedSpread")),
    Row("depth within 5 bp, one side", of_books(lambda: lambda book: depth.depth_within(book, "bids", 5.0))),
    Row(
        "slippage of 100,000",
        of_books(lambda: lambda book: depth.execution(book, "buy", 1e5, inverse=True)),
    ),
    Row(
        "slope of 10 levels",
        of_books(lambda: depth.DepthSlope(10).update),
        of_lists("DepthSlope"),
    ),
    Row(
        f"order flow of {WINDOW} updates",
        of_books(lambda: OrderFlow(1, WINDOW).update),
        of_lists("OrderFlowImbalance", WINDOW),
    ),
    Row("order flow, decaying", of_books(lambda: DecayingFlow(SECOND_NS).update)),
    Row("order flow on 5 levels", of_books(lambda: OrderFlow(5, WINDOW).update)),
    Row("order flow on 5 levels, counted only", of_books(lambda: OrderFlow(5, WINDOW).add)),
    Row(
        "order flow integrated over these, counted only", of_books(lambda: IntegratedOrderFlow(5, WINDOW).add)
    ),
    Row(
        "trade imbalance of 25",
        of_trades(lambda: TradeImbalance(25).update, "sb"),
        wickra_trades("TradeImbalance", 25, what="psb"),
    ),
    Row(
        "VPIN",
        of_trades(lambda: Vpin(5_000.0, 50).update, "sb"),
        wickra_trades("Vpin", 5_000.0, 50, what="psb"),
    ),
    Row(
        "Kyle's λ of 25",
        of_trades(lambda: KylesLambda(25).update, "sbm"),
        wickra_trades("KylesLambda", 25, what="psbm"),
    ),
    Row("prediction: predict and learn (river: two classes)", our_model, river_model, None),
    Row("from event to book", followed(0), None, None),
    Row("from event to book and its 5 best levels", followed(5), None, None),
    Row(
        "channel imbalance, 1s: all of it", of_events(lambda key: ImbalanceMetric(key, SECOND_NS)), None, None
    ),
    Row("channel depth, 1s: all of it", of_events(lambda key: DepthMetric(key, SECOND_NS)), None, None),
    Row("channel flow, 1s: all of it", of_events(lambda key: FlowMetric(key, key, SECOND_NS)), None, None),
)


def main(rounds: int) -> None:
    """Measure and print."""
    given = material()
    rounds = max(3, rounds // 3)
    print(f"\n  Metrics: µs per update, {len(given.books):,} books and {len(given.trades):,} trades")
    print(f"    {'':52s}{'ours':>8s}{'theirs':>8s}")
    times: dict[tuple[str, bool], list[float]] = {}
    for _ in range(rounds):
        for row in ROWS:
            for own, run in ((True, row.ours), (False, row.theirs)):
                if run is not None:
                    begun = time.process_time()
                    count = run(given)
                    times.setdefault((row.name, own), []).append((time.process_time() - begun) / count * 1e6)
    for row in ROWS:
        ours = statistics.median(times[row.name, True])
        other = times.get((row.name, False))
        theirs = f"{statistics.median(other):8.2f}" if other else f"{'–':>8s}"
        said = (
            "" if row.bar_us is None else f"  bar {row.bar_us:g}: {'met' if ours <= row.bar_us else 'missed'}"
        )
        print(f"    {row.name:52s}{ours:8.2f}{theirs}{said}")
