"""Tables; printed as blocks of lines if the terminal is too narrow."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.console import Console, JustifyMethod, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 130
"""Width without a terminal, so that lines are not wrapped."""
GREATEST_WIDTH = 160


def make_console() -> Console:
    """Standard output, wide enough for a table if it is not a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)


def format_rows(
    console: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[Text]],
    *,
    right: Sequence[str] = (),
    wrapped: Sequence[str] = (),
) -> RenderableType:
    """A table; if it does not fit, one block per row: its first cell, then the others with their headings.

    Columns in `right` are right-aligned; those in `wrapped` may be wrapped before the table becomes blocks.
    """
    table = Table(box=SIMPLE, pad_edge=False)
    for place, heading in enumerate(headings):
        whole = heading not in wrapped
        width = max([len(heading), *(row[place].cell_len for row in rows)]) if whole else None
        justify: JustifyMethod = "right" if heading in right else "left"
        table.add_column(heading, justify=justify, no_wrap=whole, min_width=width)
    for row in rows:
        table.add_row(*row)
    needed = Measurement.get(console, console.options.update(width=GREATEST_WIDTH), table).minimum
    return table if needed <= console.width else _blocks(headings, rows)


def _blocks(headings: Sequence[str], rows: Sequence[Sequence[Text]]) -> RenderableType:
    blocks = Text()
    for first, *rest in rows:
        blocks.append_text(first).append("\n")
        named = zip(headings[1:], rest, strict=True)
        cells = [Text.assemble((f"{name} ", "dim"), cell) for name, cell in named if cell]
        blocks.append_text(Text("  ")).append_text(Text(", ").join(cells)).append("\n")
    blocks.rstrip()
    return blocks
