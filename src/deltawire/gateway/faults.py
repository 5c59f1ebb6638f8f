"""What is logged of faults: a source that brings nothing but faults must not fill the log."""

import structlog

log = structlog.get_logger("deltawire")
AT_ONCE = 5
WINDOW_S = 10.0


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
