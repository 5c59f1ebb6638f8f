"""Continuity rules: whether an update follows the previous one.

Each rule is the venue's documented procedure and nothing else. `check` takes the update's three numbers as sent by
the venue (0 for missing ones) and returns the result; it advances only when that is NEXT.
"""

from enum import Enum
from typing import ClassVar, Protocol


class Verdict(Enum):
    """What an update is to the book as it stands."""

    NEXT = "next"
    OLD = "old"
    GAP = "gap"


class Sequencer(Protocol):
    """One book's continuity rule. `last` is the venue's number of the book as it stands.

    `settled` says that an update is judged by the one before it, no longer by an image.
    """

    last: int
    numbered: ClassVar[bool]
    """Whether an update's number can show that none is missing before it."""

    @property
    def settled(self) -> bool:
        """Whether the rule is past any allowance it makes for an image."""

    def reset(self, last: int) -> None:
        """A new image with number `last` is the book now."""

    def check(self, first: int, last: int, previous: int) -> Verdict:
        """Judge an update that covers first…last and says it follows `previous`."""


class PreviousIdChain:
    """An update names the id it follows.

    Deribit book channel: `prev_change_id` of a change equals the last `change_id`; anything else is a gap.
    OKX `books`: `prevSeqId` equals the last `seqId`; a keep-alive repeats it (prev = seq), and after
    maintenance one update may have seq < prev, so the new id itself is not judged.
    """

    numbered: ClassVar[bool] = True
    settled = True

    def __init__(self) -> None:
        self.last = 0

    def reset(self, last: int) -> None:
        """A new image with id `last` is the book now."""
        self.last = last

    def check(self, first: int, last: int, previous: int) -> Verdict:
        """NEXT exactly when `previous` is the id of the book as it stands."""
        if previous != self.last:
            return Verdict.GAP
        self.last = last
        return Verdict.NEXT


class UpdateIdRange:
    """Updates cover contiguous ranges of ids, and the image comes by REST (Binance spot, "manage a local book").

    Step 6 of the procedure: an update with u below the local id is old; one with U above local id + 1 leaves
    a gap; otherwise it applies and the local id becomes u. Right after the image the same test is step 4: the
    first update kept must bracket lastUpdateId + 1.
    """

    numbered: ClassVar[bool] = True
    settled = True

    def __init__(self) -> None:
        self.last = 0

    def reset(self, last: int) -> None:
        """An image with lastUpdateId `last` is the book now."""
        self.last = last

    def check(self, first: int, last: int, previous: int) -> Verdict:
        """Judge the range first…last (U…u)."""
        if last <= self.last:
            return Verdict.OLD
        if first > self.last + 1:
            return Verdict.GAP
        self.last = last
        return Verdict.NEXT


class BridgedChain:
    """A previous-id chain whose first update must bracket a REST image (Binance USD-M and COIN-M).

    Updates with u below lastUpdateId are dropped; the first one applied must have U <= lastUpdateId <= u; from
    then on `pu` must equal the u before it (the ranges themselves jump). An image may end just where an update
    ended that is already gone: the next one, whose `pu` is lastUpdateId, follows it as well.
    """

    numbered: ClassVar[bool] = True

    def __init__(self) -> None:
        self.last = 0
        self.settled = False

    def reset(self, last: int) -> None:
        """An image with lastUpdateId `last` is the book now."""
        self.last = last
        self.settled = False

    def check(self, first: int, last: int, previous: int) -> Verdict:
        """Judge the update U…u that follows pu."""
        if self.settled:
            if last <= self.last:
                return Verdict.OLD
            follows = previous == self.last
        else:
            if last < self.last:
                return Verdict.OLD
            follows = first <= self.last <= last or previous == self.last
        if not follows:
            return Verdict.GAP
        self.last, self.settled = last, True
        return Verdict.NEXT


class Counter:
    """Updates are numbered consecutively.

    Bybit order book: `snapshot` replaces the local book, `delta` is applied to it, and `u` rises by one with each
    message of a topic. `u` 1 is the first after a restart of the service: its snapshot restarts the numbering, so a
    number below the last is a gap, unless it repeats the last one.

    Kraken Futures `book`: `book_snapshot` has the product's `seq`, and each later message of the product the next.
    """

    numbered: ClassVar[bool] = True
    settled = True

    def __init__(self) -> None:
        self.last = 0

    def reset(self, last: int) -> None:
        """A new image with number `last` is the book now."""
        self.last = last

    def check(self, first: int, last: int, previous: int) -> Verdict:
        """NEXT exactly when `last` is one above the number of the book as it stands."""
        if last == self.last:
            return Verdict.OLD
        if last != self.last + 1:
            return Verdict.GAP
        self.last = last
        return Verdict.NEXT


class ConnectionCounter:
    """One numbering over all messages of a connection, whatever their subject.

    Coinbase Advanced Trade, "Sequence numbers": `sequence_num` rises by one with each message of a connection, over
    all channels. A larger step: a message was dropped, and its subject is unknown. A number that is not above the
    last: the message is out of order or a repetition, and is ignored. But 0, and a number far below the last, belong
    to another connection: the numbering has restarted, and messages in between are missing.
    """

    REORDERED: ClassVar[int] = 100
    """How far below the last a number may be and still be of the same count."""

    def __init__(self) -> None:
        self.last: int | None = None

    def reset(self) -> None:
        """A connection is opened: its first message may have any number."""
        self.last = None

    def check(self, number: int) -> Verdict:
        """Judge a message, and count on from it; after a gap as well, since no message can be asked for again."""
        last = self.last
        if last is not None and number <= last < number + self.REORDERED and (number or not last):
            return Verdict.OLD
        self.last = number
        return Verdict.NEXT if last is None or number == last + 1 else Verdict.GAP


class OnCountedConnection:
    """A book whose updates have no numbers of their own; that none is missing is judged by a `ConnectionCounter`.

    An update reaches the book only while the connection has no gap; its number is that of its message.
    """

    numbered: ClassVar[bool] = True
    settled = True

    def __init__(self) -> None:
        self.last = 0

    def reset(self, last: int) -> None:
        """The image in message `last` is the book now."""
        self.last = last

    def check(self, first: int, last: int, previous: int) -> Verdict:
        """Always NEXT."""
        self.last = last
        return Verdict.NEXT


class Unsequenced:
    """The venue numbers nothing; its checksum after every update is the continuity rule (Kraken v2)."""

    numbered: ClassVar[bool] = False
    settled = True

    def __init__(self) -> None:
        self.last = 0

    def reset(self, last: int) -> None:
        """A new image is the book now."""

    def check(self, first: int, last: int, previous: int) -> Verdict:
        """Always NEXT."""
        return Verdict.NEXT
