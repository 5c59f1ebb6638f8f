"""Rows that travel as columns come out as they went in; columns that do not fit together are refused."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deltawire.bus.codec import Codec
from deltawire.bus.columns import Column, column_of
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


@pytest.mark.parametrize("place", [-2, -1, 2, 1 << 40])
def test_a_value_of_no_kind_is_refused(place: int) -> None:
    column = column_of(Number | Word, plain)
    wire = msgspec.msgpack.encode(([0, place], ([[1]], [[]])))
    with pytest.raises(msgspec.ValidationError):
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
