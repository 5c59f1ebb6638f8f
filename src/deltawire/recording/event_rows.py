"""Verified events as lines of JSON, and back. An instrument stands in the first line that needs it, then a number.

    [at_ns, {"0": instrument, …}, [["BookDelta", 0, sequence, …], …]]

The members of an event are in the order of its class in `deltawire.model.events`.
"""

from collections.abc import Sequence
from typing import Any, Union, get_args, get_type_hints

import msgspec

from deltawire.model.events import Event
from deltawire.model.instruments import Instrument
from deltawire.ports import Batch

_EVENTS: tuple[type[Any], ...] = get_args(Event)
_OF_INSTRUMENTS = {kind for kind in _EVENTS if get_type_hints(kind).get("instrument") is Instrument}
"""Their first member is an instrument."""


def _row_type(kind: type[Any]) -> Any:
    hints = get_type_hints(kind)
    fields = [(name, hints[name]) for name in kind.__struct_fields__]
    if kind in _OF_INSTRUMENTS:
        assert fields[0][0] == "instrument"
        fields[0] = ("instrument", int)
    return msgspec.defstruct(kind.__name__, fields, array_like=True, tag=kind.__name__, gc=False)


_ROWS: dict[type[Any], Any] = {kind: _row_type(kind) for kind in _EVENTS}
_KINDS: dict[Any, type[Any]] = {row: kind for kind, row in _ROWS.items()}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(
    tuple[int, dict[int, Instrument], list[Union[tuple(_ROWS.values())]]]  # type: ignore[misc]  # noqa: UP007
).decode


class RowWriter:
    """Writes the lines of a unit."""

    def __init__(self) -> None:
        self._instruments: list[Instrument] = []
        self._numbers: dict[str, int] = {}

    def line(self, at_ns: int, events: Sequence[Event]) -> bytes:
        """The line of what one moment gave."""
        first = len(self._instruments)
        rows = [self._row(event) for event in events]
        return _encode((at_ns, dict(enumerate(self._instruments[first:], first)), rows)) + b"\n"

    def _row(self, event: Event) -> Any:
        members = msgspec.structs.astuple(event)
        kind = type(event)
        if kind in _OF_INSTRUMENTS:
            return _ROWS[kind](self._number(members[0]), *members[1:])
        return _ROWS[kind](*members)

    def _number(self, instrument: Instrument) -> int:
        number = self._numbers.get(instrument.name)
        if number is None or self._instruments[number] != instrument:
            number = self._numbers[instrument.name] = len(self._instruments)
            self._instruments.append(instrument)
        return number


class RowReader:
    """Reads the lines of a unit, from its first on; `MsgspecError` or `KeyError` where one is none of ours."""

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self._instruments: dict[int, Instrument] = {}

    def batch(self, line: bytes) -> Batch:
        """What the moment of a line gave."""
        at_ns, added, rows = _decode(line)
        self._instruments.update(added)
        return Batch(self._venue, at_ns, [self._event(row) for row in rows])

    def _event(self, row: Any) -> Event:
        kind = _KINDS[type(row)]
        members = msgspec.structs.asdict(row)
        if kind in _OF_INSTRUMENTS:
            members["instrument"] = self._instruments[members["instrument"]]
        event: Event = kind(**members)
        return event
