"""Subscription notifications: the envelope around a channel's data, and book levels in the dialect's format."""

from collections.abc import Callable
from typing import Any

import msgspec

from deltawire.model.events import Changes, Levels
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import KnownRange
from deltawire.model.numbers import unit
from deltawire.wire.frames import text_frame

_encode = msgspec.json.Encoder().encode

MS_NS = 1_000_000
Triple = tuple[str, float, float]


class Stamps(msgspec.Struct, frozen=True):
    """When the newest event happened, was received and was encoded, in nanoseconds since 1970; 0: unknown."""

    venue_ns: int = 0
    seen_ns: int = 0
    sent_ns: int = 0


class Envelope:
    """The envelope of a channel's data; `epoch` and the channel's name are constant, `seq` changes."""

    __slots__ = ("head",)

    def __init__(self, channel: str, epoch: str) -> None:
        params = _encode({"channel": channel, "epoch": epoch})[:-1]
        self.head = b'{"jsonrpc":"2.0","method":"subscription","params":' + params + b',"seq":'
        """The text before the sequence number."""

    def wrap(self, seq: int, prev_seq: int | None, data: bytes, more: bytes = b"") -> bytes:
        """One notification as JSON; an image has no `prev_seq`. `more` are further members (`format_members`)."""
        if prev_seq is None:
            return b'%b%d%b,"data":%b}}' % (self.head, seq, more, data)
        return b'%b%d,"prev_seq":%d%b,"data":%b}}' % (self.head, seq, prev_seq, more, data)


def format_members(conflated: int, stamps: Stamps | None) -> bytes:
    """What stands between the sequence numbers and the data; `conflated` is how many a notification stands for."""
    members = b',"conflated":%d' % conflated if conflated > 1 else b""
    return members if stamps is None else members + b"," + _encode(stamps)[1:-1]


class BookStatus(msgspec.Struct, omit_defaults=True):
    """A book's state inside its notifications, present when it has changed."""

    state: str
    reason: str = ""
    detail: str = ""
    """Details of the reason, if any: `expired`, `source ended`."""


class BookData(msgspec.Struct, omit_defaults=True):
    """Data of `book.X.{raw,100ms,agg2}`: an image (no `prev_change_id`) or the changes since the previous one."""

    type: str
    timestamp: int
    instrument_name: str
    change_id: int
    bids: list[Triple]
    asks: list[Triple]
    prev_change_id: int | None = None
    status: BookStatus | None = None
    checksum: int | None = None
    price_exponent: int | None = None
    size_exponent: int | None = None
    complete_to: list[float | None] | None = None
    """The lowest bid and the highest ask up to which every level is known; null: to the end of the side."""
    complete_levels: int | None = None
    """Or the number of best levels a side that are; a side with fewer is complete."""


class BookNote(msgspec.Struct, frozen=True, gc=False):
    """A book notification in ticks and lots, before any encoding; an image has all levels as new.

    `exponents` says that they must be sent: in an image, and when they have become finer. `known` is sent when it is
    another than before; an image without it is one of a book that is known to its ends.
    """

    type: str
    at_ns: int
    name: str
    instrument: Instrument
    change_id: int
    bids: Changes
    asks: Changes
    prev_change_id: int | None = None
    status: BookStatus | None = None
    checksum: int | None = None
    exponents: bool = False
    known: KnownRange | None = None

    def dialect(self) -> BookData:
        """The notification in the dialect's form."""
        instrument = self.instrument
        return BookData(
            self.type,
            self.at_ns // MS_NS,
            self.name,
            self.change_id,
            change_triples(self.bids, instrument),
            change_triples(self.asks, instrument),
            self.prev_change_id,
            self.status,
            self.checksum,
            instrument.price_exponent if self.exponents else None,
            instrument.size_exponent if self.exponents else None,
            **(self.known.members(instrument.price_exponent) if self.known is not None else {}),
        )


class GroupedBook(msgspec.Struct, omit_defaults=True):
    """Data of `book.X.{group}.{depth}.{interval}`: the best levels, complete each time.

    With a `status` there are no levels: the book is not live.
    """

    timestamp: int
    instrument_name: str
    change_id: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    status: BookStatus | None = None


class GroupedNote(msgspec.Struct, frozen=True, gc=False):
    """A grouped book in ticks and lots, before any encoding."""

    at_ns: int
    name: str
    instrument: Instrument
    change_id: int
    bids: Levels
    asks: Levels
    status: BookStatus | None = None

    def dialect(self) -> GroupedBook:
        """The notification in the dialect's form."""
        bids, asks = level_pairs(self.bids, self.instrument), level_pairs(self.asks, self.instrument)
        return GroupedBook(self.at_ns // MS_NS, self.name, self.change_id, bids, asks, self.status)


class BookFormat:
    """The book notifications of a channel as JSON.

    The kernel has a compiled version: `deltawire.book.kernel.BookFormat`.
    """

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope

    def format(self, seq: int, prev_seq: int | None, note: BookNote, more: bytes = b"") -> bytes:
        """One notification; the rest as in `Envelope.wrap`."""
        return self._envelope.wrap(seq, prev_seq, _encode(note.dialect()), more)


MakeFormat = Callable[[Envelope], BookFormat]


NOTES = (BookNote, GroupedNote)


def format_data(data: Any) -> bytes:
    """The data of any channel as JSON."""
    return _encode(data.dialect() if isinstance(data, NOTES) else data)


class JsonEncoder:
    """A channel's notifications as JSON in text frames."""

    def __init__(
        self, channel: str, epoch: str, number: int, instrument: str, make_format: MakeFormat = BookFormat
    ) -> None:
        self._channel, self._epoch = channel, epoch
        self._envelope = Envelope(channel, epoch)
        self._books = make_format(self._envelope)

    def opened(self) -> bytes:
        """Empty: every notification names its channel."""
        return b""

    def frame(
        self, seq: int, prev_seq: int | None, data: Any, conflated: int = 1, stamps: Stamps | None = None
    ) -> bytes:
        """A notification; an image names no predecessor."""
        return text_frame(self.payload(seq, prev_seq, data, conflated, stamps))

    def payload(
        self, seq: int, prev_seq: int | None, data: Any, conflated: int = 1, stamps: Stamps | None = None
    ) -> bytes:
        """A notification as JSON."""
        more = b"" if conflated == 1 and stamps is None else format_members(conflated, stamps)
        if type(data) is BookNote:
            return self._books.format(seq, prev_seq, data, more)
        return self._envelope.wrap(seq, prev_seq, format_data(data), more)

    def joined(self, seq: int) -> bytes:
        """The message that the channel is joined after this `seq`."""
        return text_frame(format_joined(self._channel, self._epoch, seq))


def format_joined(channel: str, epoch: str, seq: int) -> bytes:
    """The notification that a channel is joined after this `seq`, for channels without an image."""
    params = {"channel": channel, "epoch": epoch, "seq": seq}
    return _encode({"jsonrpc": "2.0", "method": "joined", "params": params})


def change_triples(changes: Changes, instrument: Instrument) -> list[Triple]:
    """[action, price, amount] of each change; a deleted level has amount 0.0."""
    per_price, per_size = unit(instrument.price_exponent), unit(instrument.size_exponent)
    return [
        ("new" if not before else "change" if size else "delete", price / per_price, size / per_size)
        for price, size, before in zip(changes.prices, changes.sizes, changes.previous, strict=True)
    ]


def all_new(levels: Levels) -> Changes:
    """Every level of an image, as a change from an empty book."""
    return Changes(levels.prices, levels.sizes, [0] * len(levels.prices))


def level_pairs(levels: Levels, instrument: Instrument) -> list[tuple[float, float]]:
    """Every level as (price, amount), best first."""
    per_price, per_size = unit(instrument.price_exponent), unit(instrument.size_exponent)
    return [
        (price / per_price, size / per_size) for price, size in zip(levels.prices, levels.sizes, strict=True)
    ]
