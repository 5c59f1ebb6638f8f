"""Values as rows: structs with instruments become tuples, and these numbers in a table beside them.

How is read once from the types of the fields. What is read back is checked against them.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from deltawire.analytics import figures
from deltawire.bus.columns import Column, column_of, is_by_name, repeated, sparse
from deltawire.market.images import InstrumentImage
from deltawire.model.events import Changes
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import KnownRange

UNCHANGED = Changes([], [], [])
COLUMNAR = (InstrumentImage,)
"""Lists of these, and all that is in them, travel as columns."""
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
def _known_range(row: tuple[int | None, int | None, int]) -> KnownRange:
    """One object for equal ranges: a book compares them by identity first."""
    return KnownRange(*row)


class TableWriter:
    """The instruments of one message, in the order in which they were first met."""

    def __init__(self) -> None:
        self.rows: list[msgspec.Raw] = []
        self._numbers: dict[int, int] = {}
        self._by_definition: dict[bytes, int] = {}
        self._kept: list[Instrument] = []

    def number(self, instrument: Instrument) -> int:
        """The place of an instrument in the table; equal ones have one place."""
        number = self._numbers.get(id(instrument))
        if number is None:
            definition = _definition(instrument)
            number = self._numbers[id(instrument)] = self._by_definition.setdefault(
                definition, len(self.rows)
            )
            self._kept.append(instrument)
            if number == len(self.rows):
                self.rows.append(msgspec.Raw(definition))
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
        return Shape(_Number, lambda value, table: table.number(value), _instrument_at)
    if hint is KnownRange:
        return Shape(
            tuple[int | None, int | None, int],
            lambda value, table: _range_row(value),
            _range_from,
        )
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


_Number = Annotated[int, msgspec.Meta(ge=0)]
"""The place of an instrument in the table; reading raises `IndexError` if it is none."""


def _instrument_at(number: int, table: list[Instrument]) -> Instrument:
    return table[number]


def _range_from(row: tuple[int | None, int | None, int], table: list[Instrument]) -> KnownRange:
    return _known_range(row)


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
    return Shape(_tuple_of(shapes), _to_row(names, shapes), _from_row(kind, shapes, by_place=True))


def _to_row(names: Sequence[str], shapes: list[Shape], *first: int) -> Convert:
    """Convert a struct to a tuple of its fields, after `first`."""
    converts = [(name, shape.to_wire) for name, shape in zip(names, shapes, strict=True)]

    def convert_to(value: Any, table: Any) -> Any:
        return (
            *first,
            *[
                getattr(value, name) if convert is None else convert(getattr(value, name), table)
                for name, convert in converts
            ],
        )

    return convert_to


def _from_row(kind: type[msgspec.Struct], shapes: list[Shape], *, by_place: bool = False) -> Convert:
    """Convert a row, whose fields are called as those of a struct, or `by_place` are those of a tuple, to the struct.

    One expression for all fields, compiled once from the names in the type: this is done for every event.
    """
    scope: dict[str, Any] = {"make": kind, "known_range": _known_range}
    arguments: list[str] = []
    by_name = is_by_name(kind)
    for place, (name, shape) in enumerate(zip(kind.__struct_fields__, shapes, strict=True)):
        field = f"row[{place}]" if by_place else f"row.{name}"
        if shape.from_wire is _instrument_at:
            field = f"table[{field}]"
        elif shape.from_wire is _range_from:
            field = f"known_range({field})"
        elif shape.from_wire is not None:
            scope[f"convert_{place}"] = shape.from_wire
            field = f"convert_{place}({field}, table)"
        arguments.append(f"{name}={field}" if by_name else field)
    convert: Convert = eval(f"lambda row, table: make({', '.join(arguments)})", scope)
    return convert


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
    """One of several: its place among them, and its fields, in one array."""
    places = {kind: place for place, kind in enumerate(kinds)}
    to_wire: list[Convert] = []
    from_wire: dict[type, Convert] = {}
    for kind, place in places.items():
        hints, names = get_type_hints(kind), kind.__struct_fields__
        shapes = [shape_of(hints[name]) for name in names]
        fields = [(name, shape.wire) for name, shape in zip(names, shapes, strict=True)]
        row = msgspec.defstruct(f"{kind.__name__}Row", fields, array_like=True, tag=place, gc=False)
        to_wire.append(_to_row(names, shapes, place))
        from_wire[row] = _from_row(kind, shapes)

    def convert_to(value: Any, table: Any) -> Any:
        return to_wire[places[type(value)]](value, table)

    def convert_from(value: Any, table: Any) -> Any:
        return from_wire[type(value)](value, table)

    return Shape(Union[tuple(from_wire)], convert_to, convert_from)  # noqa: UP007


def _of_columns(hint: Any) -> Shape:
    wire, to_wire, from_wire = column_of(hint, _plain_column)
    return Shape(wire, to_wire, from_wire)


def _plain_column(hint: Any) -> Column | None:
    """The column of what is no struct of columns; instruments and ranges are found without a step per value."""
    wire, to_wire, from_wire = shape_of(hint)
    if hint is Instrument:
        return Column(
            list[_Number],
            lambda values, table: list(map(table.number, values)),
            lambda numbers, table: list(map(table.__getitem__, numbers)),
        )
    if hint is KnownRange:
        ranges = Column(
            list[wire],  # type: ignore[valid-type]
            lambda values, table: list(map(_range_row, values)),
            lambda rows, table: list(map(_known_range, rows)),
        )
        return repeated(ranges, _range_row)
    if to_wire is None or from_wire is None:
        plain = Column(list[wire], lambda values, table: values, lambda values, table: values)  # type: ignore[valid-type]
        return sparse(plain, UNCHANGED) if hint is Changes else plain
    return None


def _range_row(value: KnownRange) -> tuple[int | None, int | None, int]:
    return value.bids, value.asks, value.levels


def _of_sequence(make: Any, hint: Any) -> Shape:
    if hint in COLUMNAR:
        return _of_columns(hint)
    wire, to_wire, from_wire = shape_of(hint)
    if to_wire is None or from_wire is None:
        return Shape(list[wire] if make is list else tuple[wire, ...], None, None)  # type: ignore[valid-type]

    def to_list(value: Any, table: Any) -> Any:
        return [from_wire(each, table) for each in value]

    return Shape(
        list[wire],  # type: ignore[valid-type]
        lambda value, table: [to_wire(each, table) for each in value],
        to_list if make is list else lambda value, table: make(to_list(value, table)),
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
    if len(converts) == 1:
        place, convert_one = converts[0]
        return lambda value, table: (*value[:place], convert_one(value[place], table), *value[place + 1 :])

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
