"""The bounded queue of a client's unread notifications, with exact merging.

A full queue *merges* until it is half empty: of each channel that can be merged it holds one notification. These are
the server's rules for slow readers (docs/protocol.md, *Slow readers*) on the client's side.
"""

from collections import deque
from collections.abc import Container, Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, get_args

import msgspec

from deltawire.dialect.families import FAMILIES, Merging
from deltawire.dialect.grammar import parse_channel
from deltawire.errors import FeedError
from deltawire.session.client import Notification

OnFull = Literal["conflate", "raise"]
MOST, MOST_BYTES = 10_000, 16 * 1024 * 1024
ROW_BYTES = 32
"""Approximate size of a level of a book in JSON."""
_AFTER: dict[tuple[str, str], str] = {
    ("new", "change"): "new",
    ("new", "delete"): "",
    ("change", "change"): "change",
    ("change", "delete"): "delete",
    ("delete", "new"): "change",
}
"""The result of two actions on a price ("": none); any other pair is a contradiction."""

_ACTIONS = "new", "change", "delete"

_Side = dict[float, tuple[str, float]]
_SIDES = "bids", "asks"

RANGE = ("complete_to", "complete_levels")
"""The members that state a book's known range, together."""


class _Waiting:
    """A waiting notification, into which `take` merges the next of its channel."""

    __slots__ = ("note", "size")

    def __init__(self, note: Notification, size: int) -> None:
        self.note = note
        self.size = size

    def take(self, note: Notification, size: int) -> bool:
        """Merge the next notification; returns False, without change, if that is impossible."""
        return False

    def given(self) -> Notification:
        """The notification to return."""
        return self.note


class _Newest(_Waiting):
    """Keeps only the newest notification, for channels that publish their whole state."""

    __slots__ = ()

    def take(self, note: Notification, size: int) -> bool:
        """Replace the notification by the next one."""
        if note.epoch != self.note.epoch:
            return False
        self.note, self.size = _standing_for(self.note, note, note.data), size
        return True


class _Book(_Waiting):
    """Merges an image or changes of a book with the changes after them."""

    __slots__ = ("_sides",)

    def __init__(self, note: Notification, size: int) -> None:
        super().__init__(note, size)
        self._sides: dict[str, _Side] = {}

    def take(self, note: Notification, size: int) -> bool:
        """Merge changes, price by price, if they continue the book."""
        data, first = note.data, self.note.data
        if note.epoch != self.note.epoch:
            return False
        if data["type"] == "snapshot":  # an image replaces everything before it
            self.note, self.size, self._sides = _standing_for(self.note, note, data), size, {}
            return True
        if data.get("prev_change_id") != first["change_id"]:
            return False
        image = first["type"] == "snapshot"
        try:
            sides = self._sides or {name: _step({}, first[name], image=image) for name in _SIDES}
            steps = {name: _step(sides[name], data[name], image=image) for name in _SIDES}
        except (TypeError, ValueError):
            return False
        for name, step in steps.items():
            _apply(sides[name], step)
        self._sides = sides
        self.note = _standing_for(self.note, note, _continued(first, data))
        self.size = ROW_BYTES * (4 + sum(map(len, sides.values())))
        return True

    def given(self) -> Notification:
        """Replace the notification by the next one."""
        if not self._sides:
            return self.note
        rows = {
            name: [[action, price, amount] for price, (action, amount) in side.items()]
            for name, side in self._sides.items()
        }
        return msgspec.structs.replace(self.note, data=self.note.data | rows)


class NotificationQueue:
    """A first-in, first-out queue; full with more than `most` notifications or, as received, `most_bytes`."""

    def __init__(
        self, most: int = MOST, on_full: OnFull = "conflate", *, most_bytes: int = MOST_BYTES
    ) -> None:
        if most < 1 or most_bytes < 1:
            raise ValueError(f"the queue must hold at least 1, not {min(most, most_bytes)}")
        if on_full not in get_args(OnFull):
            raise ValueError(f"on_full must be one of {', '.join(get_args(OnFull))}, not {on_full!r}")
        self._most, self._most_bytes = most, most_bytes
        self._merges = on_full == "conflate"
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._last: dict[str, _Waiting] | None = None
        """While merging, the last waiting notification of each channel."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether a bound is exceeded."""
        return len(self._waiting) > self._most or (self._bytes > self._most_bytes and len(self._waiting) > 1)

    def error(self) -> FeedError:
        """The error that ends a connection whose queue is full; a retry helps if merging was not sufficient."""
        held = f"{len(self)} notifications wait to be read ({self._bytes} bytes)"
        how = "nothing among them can be merged any more" if self._merges else 'see on_full="conflate"'
        return FeedError(f"the queue is full: {held}, {how}", retry=self._merges)

    def put(self, note: Notification, size: int) -> bool:
        """Add a notification of this size, or merge it; returns False if the queue is still full."""
        self._add(_waiting(note, size) if self._last is not None else _Waiting(note, size))
        if self.full and self._merges and self._last is None:
            self._begin_merging()
        return not self.full

    def pop(self) -> Notification:
        """Remove and return the oldest notification; `IndexError` if there is none."""
        oldest = self._waiting.popleft()
        self._bytes -= oldest.size
        if self._last is not None:
            if self._last.get(oldest.note.channel) is oldest:
                del self._last[oldest.note.channel]
            if 2 * len(self._waiting) <= self._most and 2 * self._bytes <= self._most_bytes:
                self._last = None
        return oldest.given()

    def discard(self, channels: Container[str]) -> None:
        """Drop what waits of these channels."""
        waiting, self._waiting, self._bytes = self._waiting, deque(), 0
        for each in waiting:
            if each.note.channel not in channels:
                self._waiting.append(each)
                self._bytes += each.size
        if self._last is not None:
            self._last = {each.note.channel: each for each in self._waiting}

    def _add(self, new: _Waiting) -> None:
        if self._last is not None:
            last = self._last.get(new.note.channel)
            if last is not None and type(last) is type(new):
                before = last.size
                if last.take(new.note, new.size):
                    self._bytes += last.size - before
                    return
            self._last[new.note.channel] = new
        self._waiting.append(new)
        self._bytes += new.size

    def _begin_merging(self) -> None:
        """Merge what waits; later notifications are merged into it."""
        waiting, self._waiting, self._bytes, self._last = self._waiting, deque(), 0, {}
        for waiter in waiting:
            self._add(_waiting(waiter.given(), waiter.size))


_MERGING: dict[Merging, type[_Waiting]] = {"never": _Waiting, "newest": _Newest, "book": _Book}


def _waiting(note: Notification, size: int) -> _Waiting:
    kind = _kind(note.channel)
    return (_Waiting if kind is _Book and not _is_book(note.data) else kind)(note, size)


@lru_cache(maxsize=4096)
def _kind(channel: str) -> type[_Waiting]:
    key = parse_channel(channel)
    return _Waiting if key is None else _MERGING[FAMILIES[key.family].merging]


def _is_book(data: Any) -> bool:
    return isinstance(data, Mapping) and {"type", "change_id", *_SIDES} <= data.keys()


def _standing_for(before: Notification, note: Notification, data: Any) -> Notification:
    """The later notification, standing for both."""
    prev_seq = None if note.prev_seq is None else before.prev_seq
    conflated = before.conflated + note.conflated
    return msgspec.structs.replace(note, data=data, conflated=conflated, prev_seq=prev_seq)


def _continued(first: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The members other than levels.

    Those of the later notification, but with the type and predecessor of the first.
    """
    kept = ("type", "prev_change_id")
    later = {name: value for name, value in data.items() if name not in kept}
    dropped = ("checksum", *(RANGE if any(name in data for name in RANGE) else ()))
    earlier = {name: value for name, value in first.items() if name not in dropped}
    return earlier | later


def _step(side: _Side, rows: Iterable[tuple[str, float, float]], *, image: bool) -> _Side:
    """Apply a change to the touched prices; `ValueError` if it contradicts what is known of them."""
    changes: _Side = {}
    for action, price, amount in rows:
        before = side.get(price)
        after = _AFTER.get((before[0], action)) if before else "" if image and action != "new" else action
        if price in changes or after is None or (before is None and after not in _ACTIONS):
            raise ValueError(f"{action} at {price}")
        changes[price] = (after, amount)
    return changes


def _apply(side: _Side, step: _Side) -> None:
    for price, (action, amount) in step.items():
        if action:
            side[price] = (action, amount)
        else:
            del side[price]
