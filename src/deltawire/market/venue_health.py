"""What audits have found in the books of each venue, and how far these are known."""

from collections.abc import Iterable
from math import inf

import msgspec

from deltawire.book.coverage import CoverageBp, coverage_bp
from deltawire.market.state import InstrumentState


class VenueHealth(msgspec.Struct):
    """The books of one venue together. `least_bp` is the coverage of the one that is known least far."""

    audits: int = 0
    audited: int = 0
    unequal: int = 0
    least_bp: float = inf
    least: str = ""
    """Which book that is; empty if all are known to their ends."""

    def __str__(self) -> str:
        parts = []
        if self.audits:
            share = 1 - self.unequal / self.audited if self.audited else 1.0
            parts.append(f"{self.audits:,} audits, {share:.3%} of {self.audited:,} levels equal")
        if self.least:
            parts.append(f"{self.least} is known {self.least_bp:.1f} bp from the middle, no live book less")
        return "; ".join(parts)


def state_coverage_bp(state: InstrumentState) -> CoverageBp | None:
    """How far a live book is known from the middle of its market, whose best prices need not be known."""
    ladder = (state.whole or state).ladder
    return coverage_bp(ladder, state.known_range) if state.live else None


def venue_healths(market: Iterable[InstrumentState]) -> dict[str, VenueHealth]:
    """By venue, those of which there is something to say: books that were audited, or whose images are cut."""
    found: dict[str, VenueHealth] = {}
    for state in market:
        health, ranged = state.health, state.known_range.edged and state.live
        if not (health.audits or ranged):
            continue
        venue = found.setdefault(state.instrument.venue, VenueHealth())
        venue.audits += health.audits
        venue.audited += health.audited
        venue.unequal += health.unequal
        coverage = state_coverage_bp(state) if ranged else None
        if coverage is not None and min(coverage) < venue.least_bp:
            venue.least_bp, venue.least = min(coverage), state.name
    return found
