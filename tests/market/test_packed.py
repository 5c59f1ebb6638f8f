"""Rows that are kept in chunks."""

from hypothesis import given
from hypothesis import strategies as st

from deltawire.market.packed import PackedRows


@given(count=st.integers(0, 400), kept=st.integers(1, 200), chunk=st.integers(1, 70))
def test_the_newest_rows_are_kept_and_come_back(count: int, kept: int, chunk: int) -> None:
    rows = PackedRows(kept, chunk)
    for number in range(count):
        rows.add((number, str(number)))
    unpacked = rows.rows()
    assert unpacked == [(number, str(number)) for number in range(count)][-len(unpacked) or count :]
    assert min(count, kept) <= len(unpacked) <= kept + 2 * chunk + 1
    restored = PackedRows(kept, chunk)
    restored.thaw(rows.freeze())
    assert (restored.rows(), restored.last) == (unpacked, unpacked[-1] if unpacked else None)


def test_the_newest_row_can_be_replaced() -> None:
    rows = PackedRows(10)
    rows.add((1, "a"))
    rows.replace((1, "b"))
    assert rows.rows() == [(1, "b")]
