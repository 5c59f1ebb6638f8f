"""Selects the channel of each instrument's book: the finest that can be used.

Venues send one book on channels of several speeds and depths. Messages of two channels do not continue each other, so
only one is the book, and the others are counted as unread.
"""

from collections.abc import Callable

Rank = tuple[int, ...]
"""The rank of a channel; the finest is the least."""


class BookChannels:
    """The book channels of one connection. `rank` returns the rank of a channel.

    A message of a channel `opens` if the book can start with it: an image, or an update if images are fetched
    separately.
    """

    def __init__(self, rank: Callable[[str], Rank]) -> None:
        self._rank = rank
        self._chosen: dict[str, str] = {}
        self._opened: set[str] = set()
        """Instruments whose chosen channel has opened their book."""

    def takes(self, symbol: str, channel: str, *, opens: bool) -> bool:
        """Whether a message of this channel belongs to the instrument's book.

        The first channel is used until a finer one opens, or any other while it has not opened itself.
        """
        chosen = self._chosen.get(symbol)
        if chosen is None or channel == chosen:
            return True
        return opens and (symbol not in self._opened or self._rank(channel) < self._rank(chosen))

    def choose(self, symbol: str, channel: str, *, opens: bool) -> bool:
        """As `takes`; if it does, this channel is the book's from now on."""
        if not self.takes(symbol, channel, opens=opens):
            return False
        if channel != self._chosen.get(symbol):
            self._chosen[symbol] = channel
            self._opened.discard(symbol)
        if opens:
            self._opened.add(symbol)
        return True

    def of(self, symbol: str) -> str | None:
        """The channel of an instrument's book, None if there is none yet."""
        return self._chosen.get(symbol)

    def clear(self) -> None:
        """The connection has ended; the next one may have other channels."""
        self._chosen.clear()
        self._opened.clear()
