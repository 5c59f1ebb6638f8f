"""Long lists of rows as columns: a list per field, which C code decodes and joins again, without a step per row."""

from collections.abc import Callable, Iterator, Sequence
from inspect import Parameter, signature
from itertools import chain, compress, islice, repeat
from operator import attrgetter, itemgetter
from types import NoneType
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

Values = Sequence[Any]
Length = Annotated[int, msgspec.Meta(ge=0)]


class Column(NamedTuple):
    """How the values of one field travel: as which type, and the conversions there and back, each of all values."""

    wire: Any
    to_wire: Callable[[Values, Any], Any]
    from_wire: Callable[[Any, Any], Values]


Plain = Callable[[Any], Column | None]
"""The column of a type that is no struct of others; None if it is one."""


def column_of(hint: Any, plain: Plain) -> Column:
    """The column of a type: a struct, a tuple, one of several structs, or what `plain` knows."""
    if (known := plain(hint)) is not None:
        return known
    if get_origin(hint) is list:
        return _nested(column_of(get_args(hint)[0], plain))
    if NoneType in get_args(hint):
        return _optional(column_of(get_args(hint)[0], plain))
    if get_origin(hint) is tuple:
        columns = [column_of(each, plain) for each in get_args(hint)]
        return _joined(columns, [itemgetter(place) for place in range(len(columns))], _zipped)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        hints, names = get_type_hints(hint), hint.__struct_fields__
        columns = [column_of(hints[name], plain) for name in names]
        return _joined(columns, [attrgetter(name) for name in names], _maker(hint))
    return _mixed([column_of(each, plain) for each in get_args(hint)], get_args(hint))


def _maker(kind: type[msgspec.Struct]) -> Callable[[Sequence[Values]], Values]:
    """Structs of their fields."""
    make: Callable[..., Any] = kind
    if is_by_name(kind):
        names = kind.__struct_fields__
        return lambda fields: [
            make(**dict(zip(names, row, strict=True))) for row in zip(*fields, strict=True)
        ]
    return lambda fields: list(map(make, *fields))


def is_by_name(kind: type[msgspec.Struct]) -> bool:
    """Whether a struct takes fields by name only."""
    return any(each.kind is Parameter.KEYWORD_ONLY for each in signature(kind).parameters.values())


def _nested(column: Column) -> Column:
    """Lists of values: their lengths, and all values in one column."""

    def to_wire(values: Values, table: Any) -> Any:
        return list(map(len, values)), column.to_wire(list(chain.from_iterable(values)), table)

    def from_wire(wire: Any, table: Any) -> Values:
        lengths, values = wire[0], column.from_wire(wire[1], table)
        if sum(lengths) != len(values):
            raise msgspec.ValidationError("lists of other lengths than stated")
        rest = iter(values)
        return [list(islice(rest, length)) for length in lengths]

    wire: Any = tuple[list[Length], column.wire]  # type: ignore[name-defined]
    return Column(wire, to_wire, from_wire)


def _optional(column: Column) -> Column:
    """Values that may be None: which are not, and the column of these."""

    def to_wire(values: Values, table: Any) -> Any:
        present = bytes(value is not None for value in values)
        return present, column.to_wire([value for value in values if value is not None], table)

    def from_wire(wire: Any, table: Any) -> Values:
        return _merged(
            wire[0], [repeat(None), iter(values := column.from_wire(wire[1], table))], {1: len(values)}
        )

    wire: Any = tuple[bytes, column.wire]  # type: ignore[name-defined]
    return Column(wire, to_wire, from_wire)


def sparse(column: Column, empty: Any) -> Column:
    """Values of which many are equal to `empty`: all these become this one."""

    def to_wire(values: Values, table: Any) -> Any:
        present = bytes(value != empty for value in values)
        return present, column.to_wire(list(compress(values, present)), table)

    def from_wire(wire: Any, table: Any) -> Values:
        return _merged(
            wire[0], [repeat(empty), iter(values := column.from_wire(wire[1], table))], {1: len(values)}
        )

    wire: Any = tuple[bytes, column.wire]  # type: ignore[name-defined]
    return Column(wire, to_wire, from_wire)


def repeated(column: Column, key: Callable[[Any], Any]) -> Column:
    """Values of which many are equal, that is have one key: each once, and the place of every value among them."""

    def to_wire(values: Values, table: Any) -> Any:
        places: dict[Any, int] = {}
        order = [places.setdefault(key(value), len(places)) for value in values]
        firsts = dict(zip(reversed(order), reversed(values), strict=True))
        return column.to_wire([firsts[place] for place in range(len(firsts))], table), order

    def from_wire(wire: Any, table: Any) -> Values:
        return list(map(column.from_wire(wire[0], table).__getitem__, wire[1]))

    wire: Any = tuple[column.wire, list[Length]]  # type: ignore[name-defined]
    return Column(wire, to_wire, from_wire)


def _merged(order: bytes, sources: list[Iterator[Any]], lengths: dict[int, int]) -> Values:
    """The next value of the source that each byte names; `lengths` are those of the sources that end."""
    if any(order.count(place) != length for place, length in lengths.items()):
        raise msgspec.ValidationError("other values than stated")
    return list(map(next, map(sources.__getitem__, order)))


def _zipped(fields: Sequence[Values]) -> Values:
    return list(zip(*fields, strict=True))


def _joined(
    columns: Sequence[Column],
    getters: Sequence[Callable[[Any], Any]],
    join: Callable[[Sequence[Values]], Values],
) -> Column:
    """Rows of several fields."""

    def to_wire(values: Values, table: Any) -> Any:
        pairs = zip(columns, getters, strict=True)
        return tuple([column.to_wire(list(map(get, values)), table) for column, get in pairs])

    def from_wire(wire: Any, table: Any) -> Values:
        fields = [column.from_wire(each, table) for column, each in zip(columns, wire, strict=True)]
        if len({*map(len, fields)}) != 1:
            raise msgspec.ValidationError("columns of different lengths")
        return join(fields)

    wire: Any = tuple[tuple(column.wire for column in columns)]  # type: ignore[misc]
    return Column(wire, to_wire, from_wire)


def _mixed(columns: Sequence[Column], kinds: Sequence[type]) -> Column:
    """Values of several kinds: which each is, and the values of each kind."""
    places = {kind: place for place, kind in enumerate(kinds)}

    def to_wire(values: Values, table: Any) -> Any:
        order = bytes(places[type(value)] for value in values)
        parts = [
            column.to_wire([value for value in values if type(value) is kind], table)
            for column, kind in zip(columns, kinds, strict=True)
        ]
        return order, tuple(parts)

    def from_wire(wire: Any, table: Any) -> Values:
        values = [column.from_wire(part, table) for column, part in zip(columns, wire[1], strict=True)]
        return _merged(wire[0], [*map(iter, values)], dict(enumerate(map(len, values))))

    wire: Any = tuple[bytes, tuple[tuple(column.wire for column in columns)]]  # type: ignore[misc]
    return Column(wire, to_wire, from_wire)
