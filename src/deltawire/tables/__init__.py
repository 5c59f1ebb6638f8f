"""Tables of events, in Databento's column names: schemas, rows, and what Arrow, pandas and polars take."""

from deltawire.tables.rows import RowMaker, row_maker, rows, schema_of
from deltawire.tables.schemas import SCHEMAS, Column, Schema, SchemaName
from deltawire.tables.table import Prices, Table, Tabular
from deltawire.tables.values import Row

__all__ = [
    "SCHEMAS",
    "Column",
    "Prices",
    "Row",
    "RowMaker",
    "Schema",
    "SchemaName",
    "Table",
    "Tabular",
    "row_maker",
    "rows",
    "schema_of",
]
