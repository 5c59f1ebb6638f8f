"""Values as rows: structs with instruments become tuples, and these numbers in a table beside them.

How is read once from the types of the fields. What is read back is checked against them.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from inspect import Parameter, signature
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from deltawire.analytics import figures
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import KnownRange

Convert = Callable[[Any, Any], Any]
"""From a value and the table of instruments."""
_encode = msgspec.msgpack.encode
_KNOWN_RANGES = 65_536
_DEFINITIONS = 100_000
FIGURES = {
    name: kind
    for name, kind in vars(figures).items()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
}
"""The types of data that figures have, by name."""


@lru_cache(_KNOWN_RANGES)
def _one_object(known: KnownRange) -> KnownRange:
    """One object for equal ranges: a book compares them by identity first."""
    return known


class TableWriter:
    """The instruments of one message, in the order in which they were first met."""

    def __init__(self) -> None:
        self.rows: list[msgspec.Raw] = []
        self._numbers: dict[int, int] = {}
        self._kept: list[Instrument] = []

    def number(self, instrument: Instrument) -> int:
        """The place of an instrument in the table."""
        number = self._numbers.get(id(instrument))
        if number is None:
            number = self._numbers[id(instrument)] = len(self.rows)
            self._kept.append(instrument)
            self.rows.append(msgspec.Raw(_definition(instrument)))
        return number


@lru_cache(_DEFINITIONS)
def _definition(instrument: Instrument) -> bytes:
    return _encode(instrument)


@lru_cache(_DEFINITIONS)
def read_definition(row: bytes) -> Instrument:
    """An instrument of the table; the same bytes give the same object. `msgspec.DecodeError` if it is none."""
    return _decode_definition(row)


_decode_definition = msgspec.msgpack.Decoder(Instrument).decode


class Shape(NamedTuple):
    """How values of one type travel: as which type, and the conversions there and back; None: as they are."""

    wire: Any
    to_wire: Convert | None
    from_wire: Convert | None


@cache
def shape_of(hint: Any) -> Shape:
    """The shape of a type; `TypeError` if there is none."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Instrument:
        return Shape(int, lambda value, table: table.number(value), _instrument_at)
    if hint is KnownRange:
        return Shape(KnownRange, _same, lambda value, table: _one_object(value))
    if hint is msgspec.Struct:
        return Shape(tuple[str, msgspec.Raw], _figure_to, _figure_from)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _of_struct(hint)
    if origin in (Union, UnionType):
        return _of_union([each for each in arguments if each is not NoneType], NoneType in arguments)
    if origin is list or (origin is tuple and arguments[1:] == (...,)):
        return _of_sequence(origin, arguments[0])
    if origin is tuple:
        return _of_tuple(arguments)
    if origin is dict:
        return _of_dict(*arguments)
    return Shape(hint, None, None)


def _instrument_at(number: int, table: list[Instrument]) -> Instrument:
    if not 0 <= number < len(table):
        raise msgspec.ValidationError(f"no instrument {number} in a table of {len(table)}")
    return table[number]


def _figure_to(value: msgspec.Struct, table: TableWriter) -> tuple[str, msgspec.Raw]:
    return type(value).__name__, msgspec.Raw(_encode(value))


def _figure_from(value: tuple[str, msgspec.Raw], table: list[Instrument]) -> msgspec.Struct:
    kind = FIGURES.get(value[0])
    if kind is None:
        raise msgspec.ValidationError(f"no figures are called {value[0]!r}")
    figure: msgspec.Struct = msgspec.msgpack.decode(value[1], type=kind)
    return figure


def _of_struct(kind: type[msgspec.Struct]) -> Shape:
    hints = get_type_hints(kind)
    names = kind.__struct_fields__
    shapes = [shape_of(hints[name]) for name in names]
    if not any(shape.from_wire for shape in shapes):
        return Shape(kind, None, None)  # nothing in it needs the table: it is decoded as it is
    to_wire = [(name, shape.to_wire) for name, shape in zip(names, shapes, strict=True)]
    back = [(place, shape.from_wire) for place, shape in enumerate(shapes) if shape.from_wire]
    make: Callable[..., Any] = kind
    by_name = any(each.kind is Parameter.KEYWORD_ONLY for each in signature(kind).parameters.values())

    def convert_to(value: Any, table: Any) -> Any:
        return tuple(
            [
                getattr(value, name) if convert is None else convert(getattr(value, name), table)
                for name, convert in to_wire
            ]
        )

    def convert_from(value: Any, table: Any) -> Any:
        row = list(value)
        for place, convert in back:
            row[place] = convert(row[place], table)
        return make(**dict(zip(names, row, strict=True))) if by_name else make(*row)

    return Shape(_tuple_of(shapes), convert_to, convert_from)


def _of_union(kinds: list[Any], optional: bool) -> Shape:
    if len(kinds) > 1 and all(isinstance(each, type) and issubclass(each, msgspec.Struct) for each in kinds):
        shape = _of_structs(tuple(kinds))
    elif len(kinds) == 1:
        shape = shape_of(kinds[0])
    else:
        shape = Shape(Union[tuple(kinds)], None, None)  # noqa: UP007
    wire, to_wire, from_wire = shape
    if not optional:
        return shape
    return Shape(wire | None, to_wire and _optional(to_wire), from_wire and _optional(from_wire))


def _optional(convert: Convert) -> Convert:
    return lambda value, table: None if value is None else convert(value, table)


def _of_structs(kinds: tuple[type[msgspec.Struct], ...]) -> Shape:
    """One of several: its place among them, and its row."""
    places = {kind: place for place, kind in enumerate(kinds)}
    shapes = [shape_of(kind) for kind in kinds]
    to_wire = [shape.to_wire or _same for shape in shapes]
    from_wire = [shape.from_wire or _same for shape in shapes]
    decode = [msgspec.msgpack.Decoder(shape.wire).decode for shape in shapes]

    def convert_to(value: Any, table: Any) -> Any:
        place = places[type(value)]
        return place, msgspec.Raw(_encode(to_wire[place](value, table)))

    def convert_from(value: Any, table: Any) -> Any:
        place, row = value
        if not 0 <= place < len(decode):
            raise msgspec.ValidationError(f"no kind {place} among {len(decode)}")
        return from_wire[place](decode[place](row), table)

    return Shape(tuple[int, msgspec.Raw], convert_to, convert_from)


def _same(value: Any, table: Any) -> Any:
    return value


def _of_sequence(make: Any, hint: Any) -> Shape:
    wire, to_wire, from_wire = shape_of(hint)
    if to_wire is None or from_wire is None:
        return Shape(list[wire] if make is list else tuple[wire, ...], None, None)  # type: ignore[valid-type]
    return Shape(
        list[wire],  # type: ignore[valid-type]
        lambda value, table: [to_wire(each, table) for each in value],
        lambda value, table: make([from_wire(each, table) for each in value]),
    )


def _of_tuple(hints: tuple[Any, ...]) -> Shape:
    shapes = [shape_of(hint) for hint in hints]
    wire: Any = _tuple_of(shapes)
    if not any(shape.to_wire for shape in shapes):
        return Shape(wire, None, None)
    return Shape(
        wire,
        _each([(place, shape.to_wire) for place, shape in enumerate(shapes) if shape.to_wire]),
        _each([(place, shape.from_wire) for place, shape in enumerate(shapes) if shape.from_wire]),
    )


def _each(converts: list[tuple[int, Convert]]) -> Convert:
    """Convert some places of a tuple."""

    def convert_places(value: Any, table: Any) -> Any:
        row = list(value)
        for place, convert in converts:
            row[place] = convert(row[place], table)
        return tuple(row)

    return convert_places


def _tuple_of(shapes: list[Shape]) -> Any:
    return tuple[tuple(shape.wire for shape in shapes)]  # type: ignore[misc]


def _of_dict(key: Any, hint: Any) -> Shape:
    wire, to_wire, from_wire = shape_of(hint)
    if to_wire is None or from_wire is None:
        return Shape(dict[key, wire], None, None)  # type: ignore[valid-type]
    return Shape(
        dict[key, wire],  # type: ignore[valid-type]
        lambda value, table: {name: to_wire(each, table) for name, each in value.items()},
        lambda value, table: {name: from_wire(each, table) for name, each in value.items()},
    )
