"""Subscription notifications: the envelope around a channel's data, and book levels as the dialect writes them."""

from typing import Any

import msgspec

from deltawire.model.events import Changes, Levels
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import unit

_encode = msgspec.json.Encoder().encode

Triple = tuple[str, float, float]


class Envelope:
    """Wraps one channel's data; `epoch` and the channel's name never change, `seq` does."""

    __slots__ = ("_head",)

    def __init__(self, channel: str, epoch: str) -> None:
        params = _encode({"channel": channel, "epoch": epoch})[:-1]
        self._head = b'{"jsonrpc":"2.0","method":"subscription","params":' + params + b',"seq":'

    @property
    def head(self) -> bytes:
        """What stands before the sequence number."""
        return self._head

    def wrap(self, seq: int, data: bytes) -> bytes:
        """One notification as JSON."""
        return b'%b%d,"data":%b}}' % (self._head, seq, data)


class BookStatus(msgspec.Struct, omit_defaults=True):
    """A book's state inside its notifications, present when it is news."""

    state: str
    reason: str = ""


class BookData(msgspec.Struct, omit_defaults=True):
    """Data of `book.X.{raw,100ms,agg2}`: an image (no `prev_change_id`) or the changes since the one before."""

    type: str
    timestamp: int
    instrument_name: str
    change_id: int
    bids: list[Triple]
    asks: list[Triple]
    prev_change_id: int | None = None
    status: BookStatus | None = None
    checksum: int | None = None


class GroupedBook(msgspec.Struct, omit_defaults=True):
    """Data of `book.X.{group}.{depth}.{interval}`: the best levels, a full replacement each time.

    With a `status` there are no levels: the book is not live.
    """

    timestamp: int
    instrument_name: str
    change_id: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    status: BookStatus | None = None


class ChangeFormat:
    """One channel's notifications of changes, without other news: what `Envelope` makes of `BookData`.

    The kernel has it compiled: `deltawire.book.kernel.ChangeFormat`.
    """

    def __init__(self, head: bytes, name: str) -> None:
        self._head, self._name = head, name

    def format(
        self,
        seq: int,
        timestamp_ms: int,
        change_id: int,
        prev_change_id: int,
        bids: Changes,
        asks: Changes,
        instrument: Instrument,
        checksum: int | None = None,
    ) -> bytes:
        """One notification as JSON; `checksum` is that of the book it leads to, where it is told."""
        data = BookData(
            "change",
            timestamp_ms,
            self._name,
            change_id,
            change_triples(bids, instrument),
            change_triples(asks, instrument),
            prev_change_id,
            checksum=checksum,
        )
        return b'%b%d,"data":%b}}' % (self._head, seq, _encode(data))


def format_data(data: Any) -> bytes:
    """Any channel's data as JSON."""
    return _encode(data)


def change_triples(changes: Changes, instrument: Instrument) -> list[Triple]:
    """[action, price, amount] of each change; a deleted level has amount 0.0."""
    per_price, per_size = unit(instrument.price_exponent), unit(instrument.size_exponent)
    return [
        ("new" if not before else "change" if size else "delete", price / per_price, size / per_size)
        for price, size, before in zip(changes.prices, changes.sizes, changes.previous, strict=True)
    ]


def image_triples(levels: Levels, instrument: Instrument) -> list[Triple]:
    """Every level as ["new", price, amount], best first."""
    return [("new", price, size) for price, size in level_pairs(levels, instrument)]


def level_pairs(levels: Levels, instrument: Instrument) -> list[tuple[float, float]]:
    """Every level as (price, amount), best first."""
    per_price, per_size = unit(instrument.price_exponent), unit(instrument.size_exponent)
    return [
        (price / per_price, size / per_size) for price, size in zip(levels.prices, levels.sizes, strict=True)
    ]
