"""What a row is made of."""

from typing import NamedTuple

from deltawire.model.instruments import Instrument

Value = int | float | str | None
Values = tuple[Value, ...]
SIDES = {"buy": "B", "sell": "A"}
"""Of a trade's aggressor, as Databento writes them: a buyer is a bid."""


class Row(NamedTuple):
    """One row: `values` in the order of the schema's columns, prices and sizes in this instrument's ticks and lots."""

    instrument: Instrument
    values: Values
