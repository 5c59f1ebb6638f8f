"""The bounded queue between connections and the thread that writes; never blocks, counts what it leaves out."""

import threading
from collections.abc import Mapping

import msgspec

from deltawire.ports import Direction

OVERHEAD = 100
"""Bytes that a queued frame takes beside its own."""


class Passed(msgspec.Struct, frozen=True, gc=False):
    """A frame, or a fetched body."""

    connection: str
    at_ns: int
    direction: Direction
    data: bytes
    url: str = ""


class Happened(msgspec.Struct, frozen=True):
    """Something to note of a connection."""

    connection: str
    at_ns: int
    what: str
    facts: Mapping[str, object]


class LeftOut(msgspec.Struct, gc=False):
    """Frames that did not fit in, one after the other."""

    connection: str
    from_ns: int
    to_ns: int
    frames: int = 0
    bytes: int = 0


Item = Passed | Happened | LeftOut


class Intake:
    """What waits to be written, at most so many bytes; in order."""

    def __init__(self, most_bytes: int, wake_at: int) -> None:
        """Whoever waits is woken when `wake_at` bytes wait."""
        self._most, self._wake_at = most_bytes, wake_at
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._items: list[Item] = []
        self._left_out: dict[str, LeftOut] = {}
        self._waiting = 0
        """Bytes of the items, and of those that were taken but are not yet written."""
        self._taken = 0
        self._closed = False
        self.left_out = 0
        """Frames that did not fit in, of all connections."""

    def put(self, item: Passed) -> None:
        """Queue a frame, or count it as left out."""
        cost = len(item.data) + len(item.url) + OVERHEAD
        with self._lock:
            if self._waiting + cost > self._most or self._closed:
                self._leave_out(item)
                return
            self._left_out.pop(item.connection, None)
            self._items.append(item)
            self._waiting += cost
            wakes = self._waiting >= self._wake_at
        if wakes and not self._wake.is_set():
            self._wake.set()

    def note(self, item: Happened) -> None:
        """Queue an event: there are few, and none is left out."""
        with self._lock:
            self._left_out.pop(item.connection, None)
            self._items.append(item)

    def _leave_out(self, item: Passed) -> None:
        gap = self._left_out.get(item.connection)
        if gap is None:
            gap = self._left_out[item.connection] = LeftOut(item.connection, item.at_ns, item.at_ns)
            self._items.append(gap)
        gap.to_ns = item.at_ns
        gap.frames += 1
        gap.bytes += len(item.data)
        self.left_out += 1

    def wait(self, timeout_s: float) -> None:
        """Wait until there is much to write, until it is closed, or so long."""
        self._wake.wait(timeout_s)

    def take(self) -> list[Item]:
        """All that waits; it counts as waiting until `written`."""
        with self._lock:
            self._wake.clear()
            items, self._items = self._items, []
            self._left_out.clear()
            self._taken = self._waiting
        return items

    def written(self) -> None:
        """What was taken last takes no memory any more."""
        with self._lock:
            self._waiting -= self._taken
            self._taken = 0
            if self._closed or self._waiting >= self._wake_at:
                self._wake.set()

    def close(self) -> None:
        """Nothing more is queued."""
        with self._lock:
            self._closed = True
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Bytes that wait to be written."""
        return self._waiting

    @property
    def crowded(self) -> bool:
        """Whether half of it is taken."""
        return self._waiting > self._most // 2

    @property
    def closed(self) -> bool:
        """Whether nothing more comes."""
        return self._closed
