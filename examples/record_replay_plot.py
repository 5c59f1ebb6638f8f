"""Record some seconds into Parquet, read them back, and plot prices and trades.

python examples/record_replay_plot.py [WHERE] [SECONDS] [FOLDER]; needs the extra `arrow`, polars and matplotlib.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import polars as pl
import pyarrow.parquet as pq

import deltawire.sync

NAME = "BTC-PERPETUAL"
DOUBTFUL = 4
"""The flag F_MAYBE_BAD_BOOK."""


def record(where: str, seconds: float, folder: Path) -> None:
    """Tables of the book and of the trades, with exact prices."""
    with deltawire.sync.open(where) as dw:
        collected = dw.subscribe(f"book.{NAME}.raw", f"trades.{NAME}.raw").collect(seconds=seconds)
    for schema in ("mbp-10", "trades"):
        pq.write_table(collected.to_arrow(schema, NAME), folder / f"{schema}.parquet")


def plot(folder: Path) -> Path:
    """A picture of what was recorded; where the book was in doubt there is no line."""
    book, trades = (pl.read_parquet(folder / f"{schema}.parquet") for schema in ("mbp-10", "trades"))
    good = pl.when(pl.col("flags") & DOUBTFUL == 0)
    book = book.with_columns(good.then(pl.col("bid_px_00", "ask_px_00").cast(pl.Float64)))
    figure, axes = plt.subplots(figsize=(9, 4))
    axes.step(book["ts_recv"], book["bid_px_00"], where="post", label="best bid")
    axes.step(book["ts_recv"], book["ask_px_00"], where="post", label="best ask")
    for side, marker, what in (("B", "^", "bought"), ("A", "v", "sold")):
        some = trades.filter(pl.col("side") == side)
        axes.plot(some["ts_recv"], some["price"].cast(pl.Float64), marker, label=what)
    axes.set(title=NAME, ylabel="USD")
    axes.legend()
    figure.savefig(folder / "prices.png")
    return folder / "prices.png"


if __name__ == "__main__":
    where, seconds, folder = [*sys.argv[1:], *("sim:seed=7&speed=5", "5", ".")[len(sys.argv) - 1 :]]
    record(where, float(seconds), Path(folder))
    print(plot(Path(folder)))
