"""Compares a live book with an image of its venue at the same id, while the stream goes on.

An image by REST comes late: the stream is past its id already, or has not reached it yet. So from the request on the
changes of the book are kept, and the book as it was at the id of the image is made from them.
"""

import msgspec

from deltawire.book.known import levels_within
from deltawire.book.ladder import Ladder, Side
from deltawire.model.events import Changes
from deltawire.model.known_range import KnownRange

MOST_STEPS = 20_000
"""Updates kept while an image is awaited; beyond it the audit is given up."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One update of a book: its id, its changes, and the range that was known after it.

    `bid_sizes` and `ask_sizes` are all that the update states: it may also remove levels that the book does not have.
    """

    last: int
    bids: Changes
    asks: Changes
    bid_sizes: dict[int, int]
    ask_sizes: dict[int, int]
    known: KnownRange


class Findings(msgspec.Struct):
    """What a comparison has found; `bids` and `asks` are the sizes that the book must have now, where it differs."""

    compared: int = 0
    missing: int = 0
    extra: int = 0
    different: int = 0
    bids: dict[int, int] = msgspec.field(default_factory=dict)
    asks: dict[int, int] = msgspec.field(default_factory=dict)

    def count(self, held: int, stated: int) -> None:
        """A level has these sizes in the book and in the image."""
        self.compared += 1
        if held != stated:
            self.missing += not held
            self.extra += not stated
            self.different += bool(held and stated)

    @property
    def unequal(self) -> int:
        """The number of levels within the known range that were not the same in both."""
        return self.missing + self.extra + self.different


class AuditLog:
    """What has happened to a book since an image was requested."""

    def __init__(self, last: int, known: KnownRange) -> None:
        """`last` is the venue's id of the book when the log begins."""
        self.first = last
        self._known = known
        self._steps: list[Step] = []

    @property
    def full(self) -> bool:
        """Whether too much has happened."""
        return len(self._steps) >= MOST_STEPS

    def add(self, step: Step) -> None:
        """The book was changed by an update."""
        self._steps.append(step)

    def rescale(self, price_factor: int, size_factor: int) -> None:
        """Convert to finer ticks and lots."""
        self._known = self._known.rescaled(price_factor)
        self._steps = [
            Step(
                step.last,
                _rescaled(step.bids, price_factor, size_factor),
                _rescaled(step.asks, price_factor, size_factor),
                {price * price_factor: size * size_factor for price, size in step.bid_sizes.items()},
                {price * price_factor: size * size_factor for price, size in step.ask_sizes.items()},
                step.known.rescaled(price_factor),
            )
            for step in self._steps
        ]

    def compare(self, ladder: Ladder, image: Ladder, image_range: KnownRange, at: int) -> Findings:
        """Compare a book as it is now with an image whose id `at` the log covers.

        Updates may cover several ids. Levels that change by the one in which the image lies may have either size.
        """
        later = [step for step in self._steps if step.last > at]
        before = [step for step in self._steps if step.last <= at]
        reached = before[-1].last if before else self.first
        known = before[-1].known if before else self._known
        around = later[0] if later and reached < at else None
        then = Ladder(ladder.bids.copy(), ladder.asks.copy())
        for step in reversed(later):
            then.bids.revert(step.bids)
            then.asks.revert(step.asks)
        findings = Findings()
        edges = known.complete_to(then.bids, then.asks)
        image_edges = image_range.complete_to(image.bids, image.asks)
        bid_sizes, ask_sizes = [step.bid_sizes for step in later], [step.ask_sizes for step in later]
        sides = (
            (then.bids, image.bids, _Side(True, edges[0], image_edges[0], bid_sizes, findings.bids)),
            (then.asks, image.asks, _Side(False, edges[1], image_edges[1], ask_sizes, findings.asks)),
        )
        for held, stated, side in sides:
            _compare_side(held, stated, side, findings, within=around is not None)
        return findings


class _Side(msgspec.Struct):
    bid: bool
    edge: int | None
    image_edge: int | None
    later: list[dict[int, int]]
    """What the updates after the image state."""
    wanted: dict[int, int]

    def want(self, price: int, size: int) -> None:
        """The book must have this size here."""
        self.wanted[price] = size

    def knows(self, price: int) -> bool:
        return self.edge is None or (price >= self.edge if self.bid else price <= self.edge)


def _compare_side(held: Side, stated: Side, side: _Side, findings: Findings, *, within: bool) -> None:
    """`within` says that the image lies within the ids of the next update: its levels may have any size."""
    book, image = (_sizes(levels, side.image_edge, bid=side.bid) for levels in (held, stated))
    changing = side.later[0] if within else {}
    touched = set[int]().union(*side.later)
    for price in book.keys() | image.keys():
        held_lots, stated_lots = book.get(price, 0), image.get(price, 0)
        if price in changing and held_lots != stated_lots:
            continue
        if held_lots != stated_lots and price not in touched:
            side.want(price, stated_lots)
        if side.knows(price):
            findings.count(held_lots, stated_lots)


def _sizes(side: Side, edge: int | None, *, bid: bool) -> dict[int, int]:
    levels = levels_within(side, edge, bid=bid)
    return dict(zip(levels.prices, levels.sizes, strict=True))


def _rescaled(changes: Changes, price_factor: int, size_factor: int) -> Changes:
    return Changes(
        [price * price_factor for price in changes.prices],
        [size * size_factor for size in changes.sizes],
        [size * size_factor for size in changes.previous],
    )
