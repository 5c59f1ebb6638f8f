"""`deltawire`: the table of commands, and the output of errors."""

import errno
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from io import TextIOBase
from typing import Annotated, Any

import typer

from deltawire import __version__
from deltawire.book.kernel import DESCRIPTION
from deltawire.cli.output import write_what_fits
from deltawire.errors import BusError, JournalError, PublishError, RecordingError, UsageError

UNWRITABLE = errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG
"""Errors of an output; if its reader has gone (EPIPE), the command ends without a message."""
COMMANDS = {
    "serve": "serve.serve",
    "feed": "bus.feed",
    "exchange": "bus.exchange",
    "gateway": "bus.gateway",
    "keeper": "bus.keeper",
    "record": "record.record",
    "replay": "replay.replay",
    "simulate": "simulate.simulate",
    "plan": "plan.plan",
    "verify": "verify.verify",
    "repair": "repair.repair_directory",
    "compact": "export.compact_directory",
    "export": "export.export",
    "score": "score.score",
    "watch": "watch.watch",
    "mcp": "mcp.mcp",
    "drain": "drain.drain",
    "doctor": "doctor.doctor",
    "backup": "backup.backup",
    "restore": "backup.restore",
    "version": "version.version",
    "keys": "keys.app",
    "account": "account.app",
    "config": "config.app",
    "journal": "journal.app",
}
"""Every command and where it is in `deltawire.cli`; what a command needs is imported when it is asked for."""


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"deltawire {__version__} ({DESCRIPTION})")
        raise typer.Exit


def deltawire(
    asked: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """One verified WebSocket API in front of crypto-derivatives venues, recordings of them, or a built-in exchange.

    Start with `deltawire serve`, an exchange to test bots against, and in another terminal `deltawire watch
    127.0.0.1:8080 book.BTC-PERPETUAL.100ms`. `deltawire account add bot --deposit BTC=10` creates an account with a
    key for a bot; `deltawire verify FILE --venue NAME` checks the books of a recording; `deltawire simulate --venue
    NAME` is a venue to test its clients against, with faults.
    """


def make_app(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with these commands."""
    app = typer.Typer(
        name="deltawire",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    app.callback()(deltawire)
    for name in names:
        module, _, attribute = COMMANDS[name].partition(".")
        command = getattr(import_module(f"deltawire.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The command line with the command that the arguments name; with all commands if they name none."""
    name = next((word for word in arguments if not word.startswith("-")), "")
    return make_app([name] if name in COMMANDS else COMMANDS)


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


def _asked(app: typer.Typer, arguments: Sequence[str]) -> str:
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
    app = app_for(arguments)
    try:
        code = app(
            arguments or ["--help"],
            standalone_mode=False,
            prog_name="deltawire",
            auto_envvar_prefix="DELTAWIRE",
        )
        sys.stdout.flush()  # the last write may fail, too
    except typer.TyperException as error:
        where = _asked(app, arguments)
        print(f"deltawire: {error.format_message().rstrip('.?')}; see {where} --help", file=sys.stderr)
        sys.exit(2)
    except (UsageError, RecordingError, JournalError, BusError, PublishError) as error:
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
