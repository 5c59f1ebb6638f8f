"""`deltawire verify`."""

import time
from collections.abc import Iterable, Sequence
from os.path import isdir
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from deltawire.cli.certificate import SideCoverage
from deltawire.cli.output import print_json
from deltawire.cli.tables import format_rows, make_console
from deltawire.cli.verification import BookReport, Report, Verification
from deltawire.errors import UsageError
from deltawire.recording import Recording, format_time
from deltawire.recording.directory import Connected, RecordedDirectory
from deltawire.recording.inspection import StoreDamage, damaged_in_store
from deltawire.recording.ledger import NAME
from deltawire.sources.recorded import connections_at
from deltawire.venues import REGISTRY, make_venue
from deltawire.venues.connection import VenueConnection

PROGRESS_EVERY = 256
ALWAYS = {"images": "images", "deltas": "deltas", "gaps": "gaps"}
WHERE_ANY = {
    "checksums_ok": "sums ok",
    "checksums_bad": "sums bad",
    "tops_ok": "best ok",
    "mismatches": "mismatches",
    "crossed": "crossed",
    "malformed": "malformed",
    "silences": "silences",
    "losses": "losses",
    "resyncs": "resyncs",
    "waited": "waited",
}
"""Columns that are left out if they are 0 for every book."""
PRICES = {"best_bid": "best bid", "best_ask": "best ask"}
BOOKS_SHOWN = 40
PLACES_SHOWN = 10
CLOCKS = {
    "wall": "stamps in {unit}",
    "monotonic": "monotonic stamps in {unit}, shifted to the frames' own times",
    "frames": "no stamps: the frames' own times",
    "counted": "no times: silence cannot be detected",
}


def verify(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="The recording, or a directory that `deltawire record` has written."
        ),
    ],
    venue: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"The venue of a recording that does not say it: {', '.join(sorted(REGISTRY))}.",
        ),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of a table.")
    ] = False,
) -> None:
    """Replay a recording at full speed and report for every book whether it is correct, and if not, where.

    A recording is what `deltawire record` writes, lines of `<stamp> <json>` or of JSON alone, a `CBCAP1` file, or raw
    data (`wss://… <-> t`), plain or as .gz, .zst, .bz2 or .xz. Of a directory every connection is verified, and what
    `deltawire compact` has made of it is read. Damaged lines are reported and skipped.

    Exit code 0: every book was verified to the end (or there is only other data, and all of it could be read). 1: a
    book was not, there was no data, or what was made of a directory is damaged. 2: the file is not a recording.

    Example: `deltawire verify btcusdt.gz --venue binance_usdm`

    Example: `deltawire verify recorded`
    """
    connections = connections_at(file, venue)
    reports = [_verified(each) for each in connections]
    stored = list(damaged_in_store(Path(file))) if isdir(file) else []
    if not isdir(file):
        (report,) = reports
        print_json(report) if as_json else _print(report)
    elif as_json:
        print_json(
            {
                "directory": file,
                "connections": reports,
                "gaps": _gaps(file),
                "store": _damaged_in_store(stored),
            }
        )
    else:
        _print_directory(file, connections, reports)
        _print_store(stored)
    if stored or not all(report.verified for report in reports):
        raise typer.Exit(1)


def _verified(connection: Connected) -> Report:
    recording, feed = connection.recording, make_venue(connection.venue)
    if not isinstance(feed, VenueConnection):
        raise UsageError(f"{connection.venue} has no order books")
    verification = Verification(recording, feed)
    started = time.perf_counter()
    _replay(recording, verification)
    return verification.report(time.perf_counter() - started)


def _gaps(directory: str) -> list[dict[str, Any]]:
    """What the recorder has noted as missing."""
    return [
        {
            "at": format_time(entry.at_ns),
            "event": entry.event,
            "connection": entry.connection,
            **entry.facts,
        }
        for entry in RecordedDirectory(Path(directory)).ledger()
        if entry.event in ("gap", "damaged")
    ]


def _damaged_in_store(stored: Sequence[StoreDamage]) -> list[dict[str, Any]]:
    return [{"file": each.file, "after": format_time(each.at_ns), "reason": each.reason} for each in stored]


def _print_store(stored: Sequence[StoreDamage]) -> None:
    console = make_console()
    for each in stored[:PLACES_SHOWN]:
        after = f", after {format_time(each.at_ns)}" if each.at_ns else ""
        console.print(f"[red]damaged[/] {escape(f'{each.file}{after}: {each.reason}')}", highlight=False)
    if len(stored) > PLACES_SHOWN:
        console.print(f"[red]and {len(stored) - PLACES_SHOWN:,} more damaged places of the store")


def _print_directory(directory: str, connections: Sequence[Connected], reports: Sequence[Report]) -> None:
    console = make_console()
    for connection, report in zip(connections, reports, strict=True):
        console.print(f"[bold]{escape(connection.name)}[/] ({escape(connection.venue)})", highlight=False)
        _print(report)
    gaps = _gaps(directory)
    for gap in gaps[:PLACES_SHOWN]:
        if gap["event"] == "damaged":
            where = f"{NAME} line {gap['line']}, after {gap['at'] or 'the beginning'}"
            console.print(f"[red]damaged[/] {escape(where)}: no entry of a ledger", highlight=False)
            continue
        missing = f"{gap['frames']:,} frames: " if gap.get("frames") else ""
        times = f"{format_time(gap.get('from_ns', 0)) or '?'} to {format_time(gap.get('to_ns', 0)) or '?'}"
        reason = gap.get("reason", "")
        reason = f"{gap['instrument']}: {reason}" if gap.get("instrument") else reason
        line = escape(f"{gap['connection']}, {times}: {missing}{reason}")
        console.print(f"[yellow]gap[/] {line}", highlight=False)
    if len(gaps) > PLACES_SHOWN:
        console.print(f"[yellow]and {len(gaps) - PLACES_SHOWN:,} more gaps: --json shows all")


def _replay(recording: Recording, verification: Verification) -> None:
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(escape(recording.path.name), total=1.0)
        for messages in verification.run():
            if messages % PROGRESS_EVERY == 0:
                progress.update(task, completed=recording.progress())


def _print(report: Report) -> None:
    console = make_console()
    for line in _summary(report):
        console.print(line, highlight=False)
    if report.instruments:
        _print_books(console, report)
    _print_certificate(console, report)
    if report.fast_path.share is not None:
        of = f"{report.fast_path.share:.1%} of {report.fast_path.of:,} book frames"
        console.print(f"fast path: {of}", highlight=False)
    if report.unread:
        _print_list(console, "not read", (f"{name} {count:,}" for name, count in report.unread.items()))
    for fault in report.faults[:PLACES_SHOWN]:
        times = f"{fault.count:,} × " if fault.count > 1 else ""
        line = f"{fault.file} line {fault.line}".lstrip()
        where = f"({line})" if fault.count == 1 else f"(first in {line})"
        console.print(f"[yellow]fault[/] {times}{escape(fault.reason)} [dim]{where}", highlight=False)
    if len(report.faults) > PLACES_SHOWN:
        console.print(f"[yellow]and {len(report.faults) - PLACES_SHOWN} more kinds of faults")
    for damage in report.damage[:PLACES_SHOWN]:
        console.print(f"[red]damaged[/] {escape(f'{damage.place}: {damage.reason}')}", highlight=False)
    if report.damaged > PLACES_SHOWN:
        console.print(f"[red]and {report.damaged - PLACES_SHOWN:,} more damaged places")


def _summary(report: Report) -> Iterable[str]:
    yield f"{report.messages:,} messages in {report.seconds:.2f} s"
    clock = report.clock
    if clock.kind:
        span = f"{clock.first} to {clock.last}, " if clock.first else ""
        back = f", {clock.backward} of them earlier than the previous one" if clock.backward else ""
        yield f"{span}{CLOCKS[clock.kind].format(unit=clock.unit)}{back}"
    if not report.instruments:
        yield "[red]no book in this recording[/]" + ("" if report.events else ": is this the right --venue?")
        if report.events:
            counts = (f"{count:,} {kind.replace('_', ' ')}" for kind, count in report.events.items())
            yield f"found: {', '.join(counts)}"
        return
    books = len(report.instruments)
    bad = sum(not book.verified for book in report.instruments.values())
    yield (
        f"[red]{bad:,} of {books:,} books not verified to the end"
        if bad
        else f"[green]{books:,} of {books:,} books verified to the end"
    )


def _print_books(console: Console, report: Report) -> None:
    """Print the books, unverified ones first, and where each became stale."""
    ordered = sorted(report.instruments.items(), key=lambda item: item[1].verified)
    shown = ordered[:BOOKS_SHOWN]
    used = {
        name: heading for name, heading in WHERE_ANY.items() if any(getattr(book, name) for _, book in shown)
    }
    columns = ALWAYS | used | PRICES
    rows = [_row(name, book, columns) for name, book in shown]
    headings = tuple(columns.values())
    console.print(format_rows(console, ("instrument", *headings, "state"), rows, right=headings))
    if len(ordered) > len(shown):
        hidden = ordered[len(shown) :]
        verified = sum(book.verified for _, book in hidden)
        console.print(f"and {len(hidden):,} more books, {verified:,} of them verified: --json shows all")
    for name, book in shown:
        if not book.verified and not book.outages and book.detail:
            waited = f"; {book.waited:,} updates waited" if book.waited else ""
            line = escape(f"{name}: {book.detail}{waited}")
            console.print(f"[yellow]{book.state}[/] {line}", highlight=False)
    places = [(name, outage) for name, book in ordered for outage in book.outages]
    for name, outage in places[:PLACES_SHOWN]:
        detail = f": {outage.detail}" if outage.detail else ""
        console.print(
            f"[yellow]{outage.reason}[/] {escape(f'{name}, {outage.place}{detail}')}", highlight=False
        )
    if len(places) > PLACES_SHOWN:
        console.print(f"[yellow]and {len(places) - PLACES_SHOWN:,} more: --json shows all")


def _print_certificate(console: Console, report: Report) -> None:
    """How far the books were known, what audits found, and which streams fell silent."""
    books = [(name, book) for name, book in report.instruments.items() if _is_limited(book)]
    for name, book in books[:PLACES_SHOWN]:
        assert book.coverage is not None, "limited"
        sides = (
            f"bids {_coverage(book.coverage.bids)}, {book.coverage.known_bids:,} of {book.coverage.all_bids:,} levels",
            f"asks {_coverage(book.coverage.asks)}, {book.coverage.known_asks:,} of {book.coverage.all_asks:,} levels",
        )
        console.print(f"[cyan]known[/] {escape(name)}: {'; '.join(sides)}", highlight=False)
    if len(books) > PLACES_SHOWN:
        console.print(f"and {len(books) - PLACES_SHOWN:,} more limited books: --json shows all")
    audits = [(name, audit) for name, book in report.instruments.items() for audit in book.audited]
    for name, audit in audits[:PLACES_SHOWN]:
        equal = f"{audit.equal_share:.2%} of {audit.compared:,} levels equal"
        console.print(f"[cyan]audit[/] {escape(f'{name}, {audit.place}')}: {equal}", highlight=False)
    for silence in report.silent[:PLACES_SHOWN]:
        last = f"last event {silence.seconds:,.0f} s before the end"
        stream = escape(f"{silence.instrument} {silence.stream}, {silence.place}")
        console.print(f"[yellow]silent[/] {stream}: {last}", highlight=False)
    if len(report.silent) > PLACES_SHOWN:
        console.print(
            f"[yellow]and {len(report.silent) - PLACES_SHOWN:,} more silent streams: --json shows all"
        )


def _is_limited(book: BookReport) -> bool:
    """Whether a book was not known to its ends."""
    coverage = book.coverage
    return coverage is not None and not (coverage.bids.least is None and coverage.asks.least is None)


def _coverage(side: SideCoverage) -> str:
    if side.least is None:
        return "to the end"
    now = "to the end" if side.last is None else f"{side.last:.1f} bp"
    return f"least {side.least:.1f} bp, at the end {now}, below 10 bp {side.narrow:.0%} of the time"


def _print_list(console: Console, title: str, parts: Iterable[str]) -> None:
    console.print(f"[yellow]{title}:[/] {escape(', '.join(parts))}", highlight=False)


def _row(name: str, book: BookReport, columns: dict[str, str]) -> list[Text]:
    state = f"{book.state} {book.reason}".rstrip()
    values = (getattr(book, column) for column in columns)
    cells = (Text("–" if value is None else str(value)) for value in values)
    return [Text(name), *cells, Text(state, "green" if book.verified else "red")]
