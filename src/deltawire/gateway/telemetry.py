"""Counters of a serving gateway, updated per tick and per connection, and the log of faults."""

from collections import Counter
from collections.abc import Callable

import structlog

from deltawire.model.durations import Durations

log = structlog.get_logger("deltawire")
AT_ONCE = 5
WINDOW_S = 10.0
CLOSE_CODES = frozenset({*range(1000, 1004), *range(1005, 1015), 4000})
"""Close codes defined by RFC 6455 and its registry, and deltawire's own."""


class Telemetry:
    """Counters since the start."""

    def __init__(self) -> None:
        self.accepted = 0
        self.refused: Counter[int] = Counter()
        """Handshakes refused, by HTTP status."""
        self.closes: Counter[str] = Counter()
        """WebSocket connections ended, by close code.

        1006 without a close frame, `other` for codes invented by clients.
        """
        self.merged = 0
        """Notifications that were replaced by merged ones."""
        self.faults: Counter[str] = Counter()
        """Faults, by venue."""
        self.stale: Counter[tuple[str, str]] = Counter()
        """Books that became stale, by venue and reason."""
        self.resyncs: Counter[str] = Counter()
        """Stale books that became live again, by venue."""
        self.lag_s: dict[str, float] = {}
        """Delay of the last frame of each venue."""
        self.seen_to_sent = Durations()

    def accept(self) -> None:
        """Count a successful handshake."""
        self.accepted += 1

    def refuse(self, status: int) -> None:
        """A handshake was refused with this HTTP status."""
        self.refused[status] += 1

    def merge(self, count: int) -> None:
        """Count the notifications that a merged one replaced."""
        self.merged += count

    def fault(self, venue: str) -> None:
        """Count a frame of a venue that could not be used."""
        self.faults[venue] += 1

    def lose(self, venue: str, reason: str) -> None:
        """Count a book that became stale."""
        self.stale[venue, reason] += 1

    def resync(self, venue: str) -> None:
        """Count a stale book that became live again."""
        self.resyncs[venue] += 1

    def lag(self, venue: str, seconds: float) -> None:
        """Set the delay of a venue's last frame."""
        self.lag_s[venue] = seconds

    def closed(self, code: int) -> None:
        """Count a WebSocket connection that ended with this code."""
        self.closes[str(code) if code in CLOSE_CODES else "other"] += 1


class FaultLog:
    """Logs the first few faults of each venue within ten seconds, then the number of further ones."""

    def __init__(self, understood: Callable[[str], bool]) -> None:
        """`understood` says whether anything a venue has sent could be used; if not, it may be the wrong venue."""
        self._understood = understood
        self._begun_s: dict[str, float] = {}
        self._seen: dict[str, int] = {}

    def note(self, venue: str, reason: str, now_s: float) -> None:
        """Log or count a fault of a venue; `now_s` is from any monotonic clock."""
        self._begun_s.setdefault(venue, now_s)
        self._seen[venue] = self._seen.get(venue, 0) + 1
        if self._seen[venue] <= AT_ONCE:
            log.warning("fault", venue=venue, reason=reason)
        elif self._seen[venue] == AT_ONCE + 1:
            hint = "only counted from here on" if self._understood(venue) else "is this the right --venue?"
            log.warning(f"more faults; {hint}", venue=venue, reason=reason)

    def tick(self, now_s: float) -> None:
        """Time has passed: log the number of faults of windows that are over."""
        for venue in [venue for venue, begun in self._begun_s.items() if now_s - begun >= WINDOW_S]:
            del self._begun_s[venue]
            seen = self._seen.pop(venue)
            if seen > AT_ONCE:
                log.warning("faults", venue=venue, within_s=WINDOW_S, number=seen)
