"""`deltawire journal`."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from deltawire.cli.output import print_json
from deltawire.errors import UsageError
from deltawire.journal.inspection import Inspection
from deltawire.roles.backup import inspect_journal
from deltawire.roles.exchange import JOURNAL

app = typer.Typer(help="The journal of the built-in exchange.", no_args_is_help=True)


@app.command()
def verify(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The journal's folder, or the DELTAWIRE_HOME that contains it."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check whether an exchange could start from a journal; changes nothing.

    The exit code is 1 if it is damaged. A torn tail is not damage: the next start cuts it and reports it.

    Example: `deltawire journal verify ~/.local/share/deltawire`
    """
    if not directory.is_dir():
        raise UsageError(f"{directory}: no such directory")
    if (directory / JOURNAL).is_dir():
        directory /= JOURNAL
    report = inspect_journal(directory)
    if not report.segments and not report.snapshots:
        raise UsageError(f"{directory}: contains no journal")
    if as_json:
        print_json(msgspec.structs.asdict(report) | {"sound": report.sound})
    else:
        _print(report)
    if not report.sound:
        raise typer.Exit(1)


def _print(report: Inspection) -> None:
    console = Console(soft_wrap=True, highlight=False)
    begin = "the beginning" if report.snapshot is None else f"the snapshot after record {report.snapshot}"
    console.print(
        f"{report.records} records in {report.batches} batches since {begin}; "
        f"{report.segments} segments, {report.snapshots} snapshots; the last record is {report.sequence}"
    )
    for name in report.ignored:
        console.print(f"[yellow]ignored[/] {escape(name)}: incomplete, the previous snapshot is used")
    if report.torn is not None:
        torn = report.torn
        console.print(
            f"[yellow]torn tail[/] {escape(torn.file)}: {torn.size} bytes from byte {torn.at}; a start cuts them"
        )
    if report.unreadable:
        console.print(f"[red]{report.unreadable} records cannot be read by this version")
    if report.damage:
        console.print(f"[red]damaged[/] {escape(report.damage)}")
