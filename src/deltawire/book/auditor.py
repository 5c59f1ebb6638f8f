"""Chooses which book of a connection to compare with a new image, within a budget of its venue's requests."""

from collections.abc import Mapping

import msgspec

from deltawire.book.book import Book
from deltawire.book.coverage import REACH_BP, book_coverage_bp, nears_edge

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS


class AuditBudget(msgspec.Struct, frozen=True):
    """What audits may cost: `weight` of one image, and the weight per minute that all may have together.

    A book is audited no more often than `every_s`, unless the market nears the edge of what is known: then again after
    `retry_s`. Such images may use the whole budget; others leave `reserve` of it (a share) untouched.
    """

    weight: int
    weight_per_minute: int
    every_s: float = 600.0
    retry_s: float = 5.0
    reach_bp: float = REACH_BP
    reserve: float = 0.5


class Auditor:
    """The budget of one address. `choose` names the book whose image to request; the caller requests it.

    Pure: the owner passes the time and executes `VenueConnection.audit`.
    """

    def __init__(self, budget: AuditBudget) -> None:
        self._budget = budget
        self._left = float(budget.weight_per_minute)
        self._filled_ns = 0
        self._asked_ns: dict[str, int] = {}
        self._doubted: set[str] = set()
        self.spent = 0
        """Weight used so far."""

    def choose(self, books: Mapping[str, Book], now: int) -> str | None:
        """The book to audit now, whose weight is spent with this; None if none is due or the budget is used up."""
        self._fill(now)
        budget = self._budget
        if self._left < budget.weight:
            return None
        name = self._most_doubted(books, now) or self._most_urgent(books, now)
        if name is None and self._left - budget.weight >= budget.reserve * budget.weight_per_minute:
            name = self._longest_unseen(books, now)
        if name is not None:
            self._left -= budget.weight
            self.spent += budget.weight
            self._asked_ns[name] = now
            self._doubted.discard(name)
        return name

    def doubt(self, name: str) -> None:
        """The stream of a book may have stopped: its next audit is due at once, and comes before all others."""
        self._doubted.add(name)

    def forget(self, name: str) -> None:
        """A book has gone, or its image is too old: its next audit is due at once."""
        self._asked_ns.pop(name, None)
        self._doubted.discard(name)

    def _fill(self, now: int) -> None:
        rate = self._budget.weight_per_minute / MINUTE_NS
        gained = (now - self._filled_ns) * rate if self._filled_ns else 0.0
        self._left = min(float(self._budget.weight_per_minute), self._left + gained)
        self._filled_ns = max(now, self._filled_ns)

    def _most_doubted(self, books: Mapping[str, Book], now: int) -> str | None:
        due = [
            name
            for name in self._doubted & books.keys()
            if books[name].state == "live"
            and not books[name].auditing
            and self._rested(name, now, self._budget.retry_s)
        ]
        return min(due, key=lambda name: (self._asked_ns.get(name, 0), name), default=None)

    def _most_urgent(self, books: Mapping[str, Book], now: int) -> str | None:
        """Of the books that the market is about to leave: the longest not audited, then the one known least far."""
        near = {
            name: (self._asked_ns.get(name, 0), min(book_coverage_bp(book) or (0.0, 0.0)))
            for name, book in books.items()
            if self._rested(name, now, self._budget.retry_s)
            and not book.auditing
            and nears_edge(book, self._budget.reach_bp)
        }
        return min(near, key=near.__getitem__) if near else None

    def _longest_unseen(self, books: Mapping[str, Book], now: int) -> str | None:
        due = [
            name
            for name, book in books.items()
            if book.state == "live" and not book.auditing and self._rested(name, now, self._budget.every_s)
        ]
        return min(due, key=lambda name: self._asked_ns.get(name, 0), default=None)

    def _rested(self, name: str, now: int, seconds: float) -> bool:
        asked_ns = self._asked_ns.get(name)
        return asked_ns is None or now - asked_ns >= seconds * SECOND_NS
