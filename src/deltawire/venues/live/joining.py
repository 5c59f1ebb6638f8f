"""Joins a second connection to a first one exactly, by the venue's own ids of book messages.

The first connection is authoritative. What the second one says of a book is held until the first one has told
everything before it; from then on the book is *joined*: both connections send the same messages, and of each the one
that arrives first is used. When the first connection ends, what is held follows without a gap, or begins with an image.
"""

from collections import deque
from collections.abc import Callable

import msgspec

from deltawire.ports import FrameIds

REMEMBERED = 4096
"""Ids of a book's messages that are remembered to recognise the second arrival."""
HELD = 2000
"""Messages of a book that are held; beyond it the second connection is not joined, but replaces the first."""


class _Joint(msgspec.Struct):
    """One book on two connections."""

    last: int
    """The venue's id of the book as the first connection has told it."""
    joined: bool = False
    held: deque[tuple[FrameIds, bytes]] = msgspec.field(default_factory=lambda: deque(maxlen=HELD))
    seen: dict[int, None] = {}

    def note(self, ids: FrameIds) -> None:
        """A message was used."""
        self.last = ids.last
        self.seen[ids.last] = None
        if len(self.seen) > REMEMBERED:
            del self.seen[next(iter(self.seen))]


class Joining:
    """`identify` reads the ids of a message; `last` is the venue's id of a book, None if there is no live one."""

    def __init__(
        self, identify: Callable[[bytes], FrameIds | None], last: Callable[[str], int | None]
    ) -> None:
        self._identify = identify
        self._last = last
        self._joints: dict[str, _Joint] = {}
        self._first_ended = False
        self.repeated = 0
        """Messages that had arrived on the other connection before."""

    def joined(self, symbol: str) -> bool:
        """Whether a book continues on the second connection without a gap."""
        joint = self._joints.get(symbol)
        return joint is not None and joint.joined

    @property
    def over(self) -> bool:
        """Whether the first connection has ended."""
        return self._first_ended

    def first(self, frame: bytes) -> list[bytes]:
        """A message of the first connection: what to use now, in order."""
        ids = self._identify(frame)
        if ids is None:
            return [frame]
        joint = self._joint(ids.symbol)
        if ids.last in joint.seen and not ids.image:
            self.repeated += 1
            return []
        joint.note(ids)
        return [frame, *self._release(joint)]

    def second(self, frame: bytes) -> list[bytes]:
        """A message of the second connection: what to use now, in order."""
        ids = self._identify(frame)
        if ids is None:
            return [frame]
        joint = self._joint(ids.symbol)
        if joint.joined and not ids.image:
            if ids.last in joint.seen:
                self.repeated += 1
                return []
            joint.note(ids)
            return [frame]
        if self._first_ended:
            return self._follow(joint, ids, frame)
        joint.held.append((ids, frame))
        return self._release(joint)

    def end_of_first(self) -> list[bytes]:
        """The first connection has ended: what was held, in order; a book that could not be joined has its image."""
        self._first_ended = True
        frames: list[bytes] = []
        for joint in self._joints.values():
            held = [*joint.held]
            joint.held.clear()
            for ids, frame in held:
                frames += self._follow(joint, ids, frame)
        return frames

    def _follow(self, joint: _Joint, ids: FrameIds, frame: bytes) -> list[bytes]:
        """A message of the second connection alone: what the first one has told already is not used again."""
        if not joint.joined and ids.last <= joint.last:
            self.repeated += 1
            return []
        joint.joined = True
        joint.note(ids)
        return [frame]

    def _joint(self, symbol: str) -> _Joint:
        joint = self._joints.get(symbol)
        if joint is None:
            last = self._last(symbol)
            joint = self._joints[symbol] = _Joint(last or 0, seen={last: None} if last else {})
        return joint

    def _release(self, joint: _Joint) -> list[bytes]:
        """Once the first connection has reached an id that the second one stands at, what follows it is used."""
        held = joint.held
        while held and (held[0][0].last in joint.seen or held[0][0].last < joint.last):
            reached = held[0][0].last == joint.last
            held.popleft()
            if reached:
                joint.joined = True
        if held and not held[0][0].image and held[0][0].previous == joint.last:
            joint.joined = True
        frames: list[bytes] = []
        while joint.joined and held:
            ids, frame = held.popleft()
            if ids.last not in joint.seen:
                joint.note(ids)
                frames.append(frame)
        return frames
