"""`deltawire`: the table of commands, and the output of errors."""

import errno
import os
import sys
from collections.abc import Sequence
from io import TextIOBase
from typing import Annotated, Any

import typer

from deltawire import __version__
from deltawire.book.kernel import DESCRIPTION
from deltawire.cli import (
    account,
    config,
    export,
    journal,
    keys,
    mcp,
    plan,
    record,
    repair,
    replay,
    score,
    serve,
    simulate,
    verify,
    watch,
)
from deltawire.cli.output import write_what_fits
from deltawire.errors import JournalError, RecordingError, UsageError

UNWRITABLE = errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG
"""Errors of an output; if its reader has gone (EPIPE), the command ends without a message."""
app = typer.Typer(
    name="deltawire",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"deltawire {__version__} ({DESCRIPTION})")
        raise typer.Exit


@app.callback()
def deltawire(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """One verified WebSocket API in front of recordings of crypto-derivatives venues, or of a built-in exchange.

    Start with `deltawire serve`, an exchange to test bots against, and in another terminal `deltawire watch
    127.0.0.1:8080 book.BTC-PERPETUAL.100ms`. `deltawire account add bot --deposit BTC=10` creates an account with a
    key for a bot; `deltawire verify FILE --venue NAME` checks the books of a recording; `deltawire simulate --venue
    NAME` is a venue to test its clients against, with faults.
    """


app.command("serve")(serve.serve)
app.command("record")(record.record)
app.command("replay")(replay.replay)
app.command("simulate")(simulate.simulate)
app.command("plan")(plan.plan)
app.command("verify")(verify.verify)
app.command("repair")(repair.repair_directory)
app.command("compact")(export.compact_directory)
app.command("export")(export.export)
app.command("score")(score.score)
app.command("watch")(watch.watch)
app.command("mcp")(mcp.mcp)
app.add_typer(keys.app)
app.add_typer(account.app)
app.add_typer(config.app)
app.add_typer(journal.app, name="journal")


class NullOutput(TextIOBase):
    """Replaces an output that is closed."""

    def write(self, text: str) -> int:
        """Discard the text."""
        return len(text)


def _open_outputs() -> None:
    """Replace closed outputs, and characters that the terminal cannot show."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, NullOutput())
    write_what_fits()


def _give_up_output() -> None:
    """Discard what could not be written, so that it is not tried again when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _asked(arguments: Sequence[str]) -> str:
    """The command that the arguments name, as far as it exists."""
    command: Any = typer.main.get_command(app)
    path = "deltawire"
    for word in arguments:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        path += f" {word}"
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; errors that the user can fix are one line on standard error, with exit code 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _open_outputs()
    try:
        code = app(arguments or ["--help"], standalone_mode=False, prog_name="deltawire")
        sys.stdout.flush()  # the last write may fail, too
    except typer.TyperException as error:
        where = _asked(arguments)
        print(f"deltawire: {error.format_message().rstrip('.?')}; see {where} --help", file=sys.stderr)
        sys.exit(2)
    except (UsageError, RecordingError, JournalError) as error:
        print(f"deltawire: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        print(f"deltawire: cannot write the output: {error.strerror}", file=sys.stderr)
        _give_up_output()
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
