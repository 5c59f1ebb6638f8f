"""Tables are exact, and what Arrow, pandas and polars make of them says the same."""

import sys
from decimal import Decimal
from pathlib import Path

import pandas
import polars
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deltawire
from deltawire.errors import UsageError
from deltawire.tables import SCHEMAS, Table, rows, schema_of
from deltawire.testing.recordings import make_recording, write_log
from tests.support.market_events import START_NS, make_instrument, make_trade


def trades(*of: tuple[int, int, int, int]) -> Table:
    """Trades by price in ticks, size in lots, and the exponents of both."""
    events = [
        make_trade(make_instrument(price_exponent=price_exponent, size_exponent=size_exponent), ticks, lots)
        for ticks, lots, price_exponent, size_exponent in of
    ]
    return Table(schema_of("trades"), [*rows("trades", events)])


NUMBERS = st.tuples(
    st.integers(-(10**12), 10**12), st.integers(0, 10**12), st.integers(-12, 0), st.integers(-12, 0)
)


@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_decimals_are_the_numbers_whatever_their_exponents(of: list[tuple[int, int, int, int]]) -> None:
    table = trades(*of)
    wanted = [Decimal(f"{ticks}E{exponent}") for ticks, _, exponent, _ in of]
    sizes = [Decimal(f"{lots}E{exponent}") for _, lots, _, exponent in of]
    arrow = table.to_arrow()
    assert arrow["price"].to_pylist() == table.columns()["price"] == wanted
    assert arrow["size"].to_pylist() == table.columns()["size"] == sizes
    floats = table.to_arrow("float")["price"].to_pylist()
    assert floats == table.columns("float")["price"] == [float(price) for price in wanted]


def test_integers_are_in_databentos_unit_which_is_stated_beside() -> None:
    fixed = trades((10_005, 30, -1, -3)).to_arrow("fixed")
    assert fixed["price"].to_pylist() == [1_000_500_000_000]
    assert fixed.schema.field("price").metadata == {b"exponent": b"-9"}
    assert (fixed["size"].to_pylist(), fixed.schema.field("size").metadata) == ([30], {b"exponent": b"-3"})
    assert fixed.schema.metadata == {b"schema": b"trades", b"prices": b"fixed"}
    assert trades((5, 1, -12, 0)).to_arrow("fixed").schema.field("price").metadata == {b"exponent": b"-12"}
    with pytest.raises(
        UsageError, match="price does not fit into 64 bits in units of 1e-09; take prices='dec"
    ):
        trades((10**12, 1, 0, 0)).to_arrow("fixed")
    with pytest.raises(UsageError, match="prices is decimal, float, fixed, not 'exact'"):
        trades((1, 1, 0, 0)).to_arrow("exact")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(
        make_recording(7, steps=400, losses=(200,)), tmp_path_factory.mktemp("log") / "deribit.ws.1.1"
    )


@pytest.mark.parametrize("schema", SCHEMAS)
def test_all_three_read_the_same_from_a_recording(recording: Path, schema: str) -> None:
    replay = deltawire.replay(recording, "deribit")
    table = replay.table(schema)  # type: ignore[arg-type]
    columns = table.columns()
    arrow = replay.to_arrow(schema)  # type: ignore[arg-type]
    assert arrow.num_rows == len(table)
    assert [*arrow.column_names] == [*table.schema.names]
    frame = replay.to_polars(schema)  # type: ignore[arg-type]
    panda = replay.to_pandas(schema, prices="float")  # type: ignore[arg-type]
    assert (frame.height, len(panda)) == (len(table), len(table))
    if schema in ("ticker",):
        return
    assert len(table) > 0
    for column in table.schema.columns:
        told = frame[column.name]
        if column.kind == "time":
            told = told.cast(polars.Int64)
        assert told.to_list() == columns[column.name], column


def test_times_are_times_and_a_symbol_may_be_chosen(recording: Path) -> None:
    replay = deltawire.replay(recording, "deribit")
    panda = replay.to_pandas("mbp-10", "BTC-PERPETUAL", prices="float")
    assert str(panda["ts_recv"].dtype) == "datetime64[ns, UTC]"
    assert panda["bid_px_00"].dtype == float
    assert (panda["bid_px_00"].dropna() < panda["ask_px_00"].dropna()).all()
    assert {*panda["symbol"]} == {"BTC-PERPETUAL"}
    assert (panda["flags"] & 4 > 0).any(), "a frame was lost"
    assert len(replay.table("trades", "NO-SUCH")) == 0
    assert isinstance(panda, pandas.DataFrame)
    assert isinstance(replay.to_arrow("trades"), pyarrow.Table)


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(UsageError, match=r"this needs polars: pip install '\.\[polars\]'"):
        trades((1, 1, 0, 0)).to_polars()


def test_a_table_says_what_it_is() -> None:
    assert repr(trades((1, 1, 0, 0))).startswith(
        "<1 rows of trades: ts_event, ts_recv, venue, symbol, action"
    )
    assert trades((1, 1, 0, 0)).columns()["ts_event"] == [START_NS]
