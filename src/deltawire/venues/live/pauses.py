"""A book whose stream has stopped on a connection that goes on: what other streams say, and the stream's own pace."""

SECOND_NS = 1_000_000_000
STOPPED_NS = 5 * SECOND_NS
"""A book without a message for so long, whose best prices are others by a ticker, has stopped."""
APART_NS = SECOND_NS
"""A ticker that came less than this after the book's last message may be of the same change."""
UNUSUAL_NS = 15 * SECOND_NS
"""A shorter pause is never unusual."""
LONGER = 3
"""A pause that is so many times as long as the longest of late is unusual."""
FORGOTTEN = 0.01
"""How much of what the longest pause was is forgotten at each further one."""
MOST_DOUBTS = 6
SAME = 1e-9
"""Prices that differ by less than this share of them are the same."""

Top = tuple[float | None, float | None]
"""The best bid and the best ask."""


class Pauses:
    """The pauses of one book on one connection. Time is passed in.

    A venue that promises no pace sends a book only when it changes, so silence alone shows nothing. A ticker with other
    best prices than the book's does: then the stream has stopped. Where no ticker tells, a pause that is unusually long
    is a reason to compare the book with an image earlier than it is due.
    """

    def __init__(self) -> None:
        self._progress = 0
        self._moved_ns = 0
        self._longest_ns = 0.0
        self._told_ns = 0
        """The length at which the present pause was called unusual last."""
        self._contradicted: Top | None = None
        """The book's best prices when it was found to have stopped last."""
        self._doubts = 0
        """How often in a row they were the same."""
        self._quote: Top = (None, None)
        self._quoted_ns = 0

    def progressed(self, progress: int, now: int) -> None:
        """How many messages of the book there have been."""
        if progress == self._progress:
            return
        if self._moved_ns:
            pause_ns = now - self._moved_ns
            forgotten_ns = FORGOTTEN * (self._longest_ns - pause_ns)
            self._longest_ns = max(pause_ns, self._longest_ns - forgotten_ns)
        self._progress, self._moved_ns, self._told_ns = progress, now, 0

    def quoted(self, bid: float | None, ask: float | None, now: int) -> None:
        """A ticker states the best prices, None or 0 for a side without any."""
        self._quote, self._quoted_ns = (bid or None, ask or None), now

    def lasts(self, now: int) -> bool:
        """Whether the book has said nothing for so long that a ticker may show that its stream has stopped."""
        since_ns, patience_ns = self._moved_ns, STOPPED_NS << min(self._doubts, MOST_DOUBTS)
        return bool(since_ns) and now - since_ns >= patience_ns and self._quoted_ns >= since_ns + APART_NS

    def has_stopped(self, top: Top, now: int) -> bool:
        """Whether a ticker contradicts the best prices of the book, which has said nothing for long enough.

        If the book was right, as its new image has the same best prices, it takes twice as long the next time.
        """
        if not self.lasts(now) or all(map(_same, top, self._quote)):
            return False
        self._doubts = self._doubts + 1 if self._contradicted == top else 0
        self._contradicted, self._moved_ns = top, now
        return True

    def is_unusual(self, now: int) -> bool:
        """Whether the book has said nothing for unusually long; told again when the pause is twice as long."""
        pause_ns = now - self._moved_ns
        least_ns = max(UNUSUAL_NS, LONGER * self._longest_ns, 2 * self._told_ns)
        if not self._moved_ns or pause_ns < least_ns:
            return False
        self._told_ns = pause_ns
        return True


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= SAME * abs(one)
