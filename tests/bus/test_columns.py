"""Rows that travel as columns come out as they went in; columns that do not fit together are refused."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deltawire.bus.codec import Codec
from deltawire.bus.columns import Column, column_of, repeated, sparse
from deltawire.bus.shapes import TableWriter, shape_of
from deltawire.errors import BusError
from deltawire.fanout.hub import Hub
from deltawire.market.images import InstrumentImage
from deltawire.market.market import Market
from tests.bus.test_codec import of_type
from tests.bus.test_images import fed
from tests.support.effort import examples
from tests.support.market_events import VENUE, make_instrument
from tests.support.random_markets import RandomMarket

ROWS: Codec[list[InstrumentImage]] = Codec(list[InstrumentImage])


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[*HealthCheck])
@given(st.lists(of_type(InstrumentImage), max_size=2))
def test_rows_come_out_as_they_went_in(rows: list[InstrumentImage]) -> None:
    assert ROWS.decode(ROWS.encode(rows)) == rows


def test_equal_instruments_are_in_the_table_once() -> None:
    table = TableWriter()
    assert [table.number(make_instrument()) for _ in range(3)] == [0, 0, 0]
    assert table.number(make_instrument("ETH-PERPETUAL")) == 1
    assert len(table.rows) == 2


class Number(msgspec.Struct):
    value: int


class Word(msgspec.Struct):
    value: str


def plain(hint: Any) -> Column | None:
    return (
        Column(list[hint], lambda values, _: values, lambda values, _: values) if hint in (int, str) else None
    )


@pytest.mark.parametrize("place", [2, 255])
def test_a_value_of_no_kind_is_refused(place: int) -> None:
    column = column_of(Number | Word, plain)
    wire = msgspec.msgpack.encode((bytes([0, place]), ([[1]], [[]])))
    with pytest.raises(IndexError):
        column.from_wire(msgspec.msgpack.decode(wire, type=column.wire), None)


def test_definitions_nested_beyond_all_depth_are_garbage() -> None:
    nested = msgspec.Raw(b"\x91" * 100_000 + b"\xc0")
    with pytest.raises(BusError, match="garbage"):
        ROWS.decode(msgspec.msgpack.encode(([nested], [])))


def test_columns_that_do_not_fit_together_are_refused() -> None:
    hub = Hub(Market(VENUE), "epoch")
    fed(RandomMarket(1), 30, hub)
    table, to_wire = TableWriter(), shape_of(list[InstrumentImage]).to_wire
    assert to_wire is not None
    columns = msgspec.msgpack.decode(
        msgspec.msgpack.encode(to_wire(hub.market.freeze().instruments, table)), type=list[Any]
    )
    broken = [
        [*columns[:place], column[:-1], *columns[place + 1 :]]
        for place, column in enumerate(columns)
        if isinstance(column, list) and column
    ]
    assert len(broken) > 20
    for each in broken:
        with pytest.raises(BusError, match="garbage"):
            ROWS.decode(msgspec.msgpack.encode((table.rows, each)))


def test_an_empty_side_is_one_object_and_other_values_than_stated_are_refused() -> None:
    column = sparse(Column(list[int], lambda values, _: values, lambda values, _: values), 0)
    wire = column.to_wire([0, 5, 0, 0, 7], None)
    assert wire == (bytes([0, 1, 0, 0, 1]), [5, 7])
    assert column.from_wire(wire, None) == [0, 5, 0, 0, 7]
    for order in (bytes([0, 1]), bytes([1, 1, 1]), bytes([1, 1, 2])):
        with pytest.raises((msgspec.ValidationError, IndexError)):
            column.from_wire((order, [5, 7]), None)


def test_equal_values_travel_once() -> None:
    column = repeated(Column(list[str], lambda values, _: values, lambda values, _: values), str)
    assert column.to_wire(["a", "b", "a", "a"], None) == (["a", "b"], [0, 1, 0, 0])
    assert column.from_wire((["a", "b"], [0, 1, 0, 0]), None) == ["a", "b", "a", "a"]
    with pytest.raises(IndexError):
        column.from_wire((["a", "b"], [0, 2]), None)
