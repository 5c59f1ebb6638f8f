"""What is counted while serving, per tick and per connection, never per delivery, and what is logged of faults."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

import structlog

log = structlog.get_logger("deltawire")
AT_ONCE = 5
WINDOW_S = 10.0
CLOSE_CODES = frozenset({*range(1000, 1004), *range(1005, 1015), 4000})
"""Those that RFC 6455 and its registry define, and our own."""
TICK_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Durations:
    """A histogram: how many durations fell at or below each bound."""

    def __init__(self, bounds_s: Sequence[float] = TICK_BUCKETS_S) -> None:
        self.bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(self.bounds_s, seconds)] += 1
        self.sum_s += seconds


class Telemetry:
    """Counters since the start."""

    def __init__(self) -> None:
        self.accepted = 0
        self.refused: Counter[int] = Counter()
        """Handshakes refused, by HTTP status."""
        self.closes: Counter[str] = Counter()
        """WebSocket connections ended, by close code; 1006 where there was none, `other` for what clients make up."""
        self.merged = 0
        """Notifications for which others stood."""
        self.faults: Counter[str] = Counter()
        """By venue."""
        self.stale: Counter[tuple[str, str]] = Counter()
        """Books gone stale, by venue and reason."""
        self.resyncs: Counter[str] = Counter()
        """Stale books live again, by venue."""
        self.lag_s: dict[str, float] = {}
        """By venue: how long its last frame had been under way."""
        self.seen_to_sent = Durations()

    def accept(self) -> None:
        """A handshake has succeeded."""
        self.accepted += 1

    def refuse(self, status: int) -> None:
        """A handshake was refused with this HTTP status."""
        self.refused[status] += 1

    def merge(self, count: int) -> None:
        """Another notification stood for so many."""
        self.merged += count

    def fault(self, venue: str) -> None:
        """A frame of a venue could not be used."""
        self.faults[venue] += 1

    def lose(self, venue: str, reason: str) -> None:
        """A book has gone stale."""
        self.stale[venue, reason] += 1

    def resync(self, venue: str) -> None:
        """A stale book is live again."""
        self.resyncs[venue] += 1

    def lag(self, venue: str, seconds: float) -> None:
        """A venue's last frame has been under way for so long."""
        self.lag_s[venue] = seconds

    def closed(self, code: int) -> None:
        """A WebSocket connection has ended with this code."""
        self.closes[str(code) if code in CLOSE_CODES else "other"] += 1


class FaultLog:
    """Of each venue the first few faults within ten seconds are logged, then how many more there were."""

    def __init__(self) -> None:
        self._begun_s: dict[str, float] = {}
        self._seen: dict[str, int] = {}

    def note(self, venue: str, reason: str, now_s: float) -> None:
        """A venue has brought a fault; `now_s` is of any steady clock."""
        self._begun_s.setdefault(venue, now_s)
        self._seen[venue] = self._seen.get(venue, 0) + 1
        if self._seen[venue] <= AT_ONCE:
            log.warning("fault", venue=venue, reason=reason)
        elif self._seen[venue] == AT_ONCE + 1:
            log.warning("more faults; is this the right --venue?", venue=venue, reason=reason)

    def tick(self, now_s: float) -> None:
        """Time has passed: sum up the windows that are over."""
        for venue in [venue for venue, begun in self._begun_s.items() if now_s - begun >= WINDOW_S]:
            del self._begun_s[venue]
            seen = self._seen.pop(venue)
            if seen > AT_ONCE:
                log.warning("faults", venue=venue, within_s=WINDOW_S, number=seen)
