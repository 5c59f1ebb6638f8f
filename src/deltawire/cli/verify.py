"""`deltawire verify`."""

import time
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from deltawire.book.book import Book
from deltawire.cli.tables import format_rows, make_console
from deltawire.model.events import Fault
from deltawire.ports import Batch
from deltawire.sources.recordings import Recording
from deltawire.sources.replay import play
from deltawire.venues import REGISTRY, make_venue
from deltawire.venues.feed import Feed

PROGRESS_EVERY = 256
HEADINGS = {
    "images": "images",
    "deltas": "deltas",
    "gaps": "gaps",
    "checksums_ok": "sums ok",
    "checksums_bad": "bad",
    "crossed": "crossed",
    "resyncs": "resyncs",
    "best_bid": "best bid",
    "best_ask": "best ask",
}
FAULTS_SHOWN = 10


class Report(msgspec.Struct):
    """What a replay at full speed found."""

    instruments: dict[str, dict[str, Any]]
    messages: int
    seconds: float


def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The recording.")],
    venue: Annotated[str, typer.Option(metavar="NAME", help=f"Whose it is: {', '.join(sorted(REGISTRY))}.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of a table.")
    ] = False,
) -> None:
    """Replay a recording at full speed and say whether every book in it can be trusted.

    A recording is lines of `<ns> <json>`, a `CBCAP1` file, or raw data (`wss://… <-> t`), gzipped or not.
    Exit code 1 when a book ended unverified, or when there was none.

    Example: `deltawire verify btcusdt.gz --venue binance_usdm`
    """
    recording, feed = Recording(file), make_venue(venue)
    started = time.perf_counter()
    messages, faults = _replay(recording, feed)
    seconds = time.perf_counter() - started
    books = feed.books if isinstance(feed, Feed) else {}
    report = Report({name: describe(book) for name, book in books.items()}, messages, round(seconds, 6))
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _print(report, books, faults)
    if not books or any(book.state != "live" for book in books.values()):
        raise typer.Exit(1)


def describe(book: Book) -> dict[str, Any]:
    """A book's counts and its best prices at the end, None where a side is empty."""
    counts, instrument = book.counts, book.instrument
    bid, ask = book.ladder.bids.best(), book.ladder.asks.best()
    return {
        "images": counts.images,
        "deltas": counts.deltas,
        "gaps": counts.gaps,
        "checksums_ok": counts.checksums_ok,
        "checksums_bad": counts.checksums_bad,
        "crossed": counts.crossed,
        "resyncs": counts.resyncs,
        "best_bid": None if bid is None else instrument.price(bid),
        "best_ask": None if ask is None else instrument.price(ask),
        "verified": book.state == "live",
    }


def _replay(recording: Recording, feed: Any) -> tuple[int, list[Fault]]:
    messages, faults = 0, []
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(escape(recording.path.name), total=1.0)

        def counted() -> Any:
            nonlocal messages
            for record in recording.records():
                messages += record.kind == "received"
                if messages % PROGRESS_EVERY == 0:
                    progress.update(task, completed=recording.progress())
                yield record

        for batch in play(counted(), feed):
            faults += _faults(batch)
    return messages, faults


def _faults(batch: Batch) -> list[Fault]:
    return [event for event in batch.events if isinstance(event, Fault)]


def _print(report: Report, books: dict[str, Book], faults: list[Fault]) -> None:
    console = make_console()
    console.print(f"{report.messages:,} messages in {report.seconds:.2f} s", highlight=False)
    if books:
        rows = [_row(name, found, books[name]) for name, found in report.instruments.items()]
        counts = tuple(HEADINGS.values())
        console.print(format_rows(console, ("instrument", *counts, "state"), rows, right=counts))
    for fault in faults[:FAULTS_SHOWN]:
        console.print(f"[yellow]fault[/] {escape(fault.reason)}")
    if len(faults) > FAULTS_SHOWN:
        console.print(f"[yellow]and {len(faults) - FAULTS_SHOWN} more faults")
    if not books:
        console.print("[red]no book in this recording[/]: is it this venue's?")


def _row(name: str, found: dict[str, Any], book: Book) -> list[Text]:
    state = f"{book.state} {book.reason}".rstrip()
    cells = (Text("–" if found[column] is None else str(found[column])) for column in HEADINGS)
    return [Text(name), *cells, Text(state, "green" if book.state == "live" else "red")]
