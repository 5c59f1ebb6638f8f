"""How far from the market a book is known, and when a new image is needed."""

from math import inf

from deltawire.book.book import Book
from deltawire.book.ladder import Ladder
from deltawire.model.known_range import KnownRange

REACH_BP = 10.0
"""A side that is known less far than this from the middle needs a new image."""

CoverageBp = tuple[float, float]
"""How far the bids and the asks are known from the middle of the market, in basis points of it.

Infinite to the end of a side; below zero where the market has left what is known.
"""


def coverage_bp(ladder: Ladder, known: KnownRange) -> CoverageBp | None:
    """The coverage of a book with these levels, of which the best need not be known; None without both sides."""
    bid, ask = ladder.bids.best(), ladder.asks.best()
    if bid is None or ask is None or bid + ask <= 0:
        return None
    middle = (bid + ask) / 2
    low, high = known.complete_to(ladder.bids, ladder.asks)
    return (
        inf if low is None else (middle - low) / middle * 1e4,
        inf if high is None else (high - middle) / middle * 1e4,
    )


def book_coverage_bp(book: Book) -> CoverageBp | None:
    """The coverage of a venue's book; None while it is not live or lacks a side."""
    return coverage_bp(book.ladder, book.known) if book.state == "live" else None


def nears_edge(book: Book, reach_bp: float = REACH_BP) -> bool:
    """Whether the market is so near the edge of what is known that an image should be requested now.

    Only fixed edges count: what a venue keeps up to a number of levels moves with the market, and no image helps.
    """
    if not book.known.edged:
        return False
    coverage = book_coverage_bp(book)
    return coverage is not None and min(coverage) < reach_bp
