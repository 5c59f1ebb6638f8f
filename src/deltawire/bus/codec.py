"""Values as the bytes that travel over a bus: msgpack, with the instruments that they name in a table of their own.

What is read is checked against the types; nothing read is ever executed.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from deltawire.bus.shapes import TableWriter, read_definition, shape_of
from deltawire.errors import NOT_DECODED, BusError
from deltawire.model.events import Event
from deltawire.model.instruments import Instrument
from deltawire.ports import Batch

VERSION = 3
"""Of the rows of all messages; raised when a row changes."""
_Value = TypeVar("_Value")
_Made = TypeVar("_Made")
_encode = msgspec.msgpack.encode


class Codec(Generic[_Value]):
    """Encodes and decodes values of one type."""

    def __init__(self, hint: Any) -> None:
        shape = shape_of(hint)
        self._to_wire: Callable[[Any, Any], Any] = shape.to_wire or (lambda value, table: value)
        self._from_wire: Callable[[Any, Any], Any] = shape.from_wire or (lambda value, table: value)
        wire: Any = shape.wire
        whole: Any = tuple[list[msgspec.Raw], wire]
        self._decode = msgspec.msgpack.Decoder(whole).decode

    def encode(self, value: _Value) -> bytes:
        """The value as bytes; the same value gives the same bytes."""
        table = TableWriter()
        row = self._to_wire(value, table)
        return _encode((table.rows, row))

    def decode(self, data: bytes) -> _Value:
        """The value again; `BusError` if the bytes are none."""
        value: _Value = self.decode_with(data, self._from_wire)
        return value

    def decode_with(self, data: bytes, convert: Callable[[Any, list[Instrument]], _Made]) -> _Made:
        """What `convert` makes of the value as it travels; `BusError` as from `decode`."""
        try:
            rows, row = self._decode(data)
            made = convert(row, [read_definition(bytes(each)) for each in rows])
        except (*NOT_DECODED, ValueError, TypeError, IndexError, OverflowError) as error:
            raise BusError("garbage", str(error)) from error
        return made


_Row = tuple[str, int, list[Event]]
_BATCHES: Codec[list[_Row]] = Codec(list[_Row])


def encode_batches(batches: Sequence[Batch]) -> bytes:
    """Some batches of one topic, in order."""
    return _BATCHES.encode([(batch.venue, batch.at_ns, batch.events) for batch in batches])


_EVENTS_OF: Any = shape_of(list[Event]).from_wire


def _to_batches(rows: list[Any], table: list[Instrument]) -> list[Batch]:
    return [Batch(venue, at_ns, _EVENTS_OF(events, table)) for venue, at_ns, events in rows]


def decode_batches(data: bytes) -> list[Batch]:
    """The batches again; `BusError` if the bytes are none."""
    return _BATCHES.decode_with(data, _to_batches)
