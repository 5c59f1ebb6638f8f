"""`deltawire export` and `deltawire compact`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, get_args

import typer

from deltawire.cli.record import format_bytes
from deltawire.errors import UsageError
from deltawire.model.events import Fault
from deltawire.recording.entry import parse_time
from deltawire.roles.compaction import SCHEMAS, compact
from deltawire.roles.exporting import Export, Format, write
from deltawire.tables import SCHEMAS as KNOWN
from deltawire.tables import schema_of
from deltawire.tables.table import Prices
from deltawire.venues import REGISTRY

ENDINGS = {"tardis": "csv"}


def export(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A directory that `deltawire record` has written, a recording, or a CSV file of Tardis.",
        ),
    ],
    schema: Annotated[str, typer.Option(metavar="NAME", help=f"What to export: {', '.join(KNOWN)}.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="`parquet` or `csv` (Databento's names), `tardis` (Tardis CSV: book, trades, ticker), `dbn` "
            "(Databento's binary), `npz` (hftbacktest: --schema book, with trades).",
        ),
    ] = "parquet",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write. [default: SCHEMA.FORMAT]")
    ] = None,
    symbol: Annotated[str, typer.Option(metavar="NAME", help="Only this instrument.")] = "",
    venue: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"The venue, if the recording does not say it: {', '.join(sorted(REGISTRY))}.",
        ),
    ] = "",
    begin: Annotated[
        str, typer.Option("--from", metavar="TIME", help="From this time on (UTC, or since 1970).")
    ] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Before this time.")] = "",
    prices: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="Prices and sizes in Parquet: `float`, `decimal` (exact), or `fixed` (integers: prices of 1e-9, "
            "sizes in lots, with the exponent in the column's metadata). CSV is always exact.",
        ),
    ] = "float",
) -> None:
    """Write rows of a recording for other programs.

    Rows of a book that was stale have the flag F_MAYBE_BAD_BOOK (4). Sizes are lots of 64 bits in `fixed`, where
    Databento has 32.

    Example: `deltawire export recorded --schema trades --format csv --symbol BTC-PERPETUAL`
    """
    schema_of(schema)
    if form not in get_args(Format):
        raise UsageError(f"--format is one of {', '.join(get_args(Format))}, not {form!r}")
    if prices not in get_args(Prices):
        raise UsageError(f"--prices is one of {', '.join(get_args(Prices))}, not {prices!r}")
    target = out or Path(f"{schema}.{ENDINGS.get(form, form)}")
    asked = Export(
        schema,
        form,  # type: ignore[arg-type]
        symbol,
        venue,
        _time(begin, "--from"),
        _time(end, "--to"),
        prices,  # type: ignore[arg-type]
    )
    faults = list[Fault]()
    count = write(path, asked, target, on_fault=faults.append)
    _report(faults, path)
    print(f"{target}: {count:,} rows of {schema}, {format_bytes(target.stat().st_size)}")
    if not count:
        raise typer.Exit(1)


def compact_directory(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory that `deltawire record` has written.")
    ],
    schema: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help=f"A table to make; can be repeated. [default: {', '.join(SCHEMAS)}]"
        ),
    ] = None,
    venue: Annotated[
        str, typer.Option(metavar="NAME", help="The venue, if the recording does not say it.")
    ] = "",
) -> None:
    """Make Parquet tables of a recording, store its events so that any time is found at once, recompress its files.

    The tables are `DIR/table/SCHEMA/venue=…/symbol=…/date=…/…parquet`, with prices in ticks and sizes in lots and the
    exponents of each row. `DIR/manifest.json` says what there is, when each book could be relied on, and what is
    missing. It may be repeated, and interrupted at any time.

    Example: `deltawire compact recorded`
    """
    for name in schema or ():
        schema_of(name)
    done = compact(directory, schema or SCHEMAS, venue=venue)
    _report(done.faults, directory)
    rows = sum(file.rows for file in done.files)
    size = sum((directory / file.path).stat().st_size for file in done.files)
    print(f"{len(done.files):,} tables, {rows:,} rows, {format_bytes(size)}: {directory / 'table'}")
    kept = sum(log.bytes for log in done.stored)
    print(f"events for seeking: {format_bytes(kept)}: {directory / 'events'}")
    print(f"recordings: {format_bytes(done.before)} are now {format_bytes(done.after)}")


def _report(faults: Sequence[Fault], path: Path) -> None:
    """Say what could not be read, on standard error."""
    if faults:
        more = f" and {len(faults) - 1:,} more" if len(faults) > 1 else ""
        print(
            f"deltawire: not all of {path} could be read: {faults[0].reason}{more}; `deltawire verify` lists all",
            file=sys.stderr,
        )


def _time(text: str, option: str) -> int:
    try:
        return parse_time(text) if text else 0
    except ValueError as error:
        raise UsageError(f"{option} is a time such as 2024-08-08T10:00, not {text!r}") from error
