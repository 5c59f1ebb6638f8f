"""`deltawire config`."""

from pathlib import Path
from typing import Annotated

import typer

from deltawire.cli.preparation import check_address, prepare
from deltawire.config import load_config

app = typer.Typer(name="config", help="The configuration file of `deltawire serve`.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """The configuration file of `deltawire serve`."""


@app.command("check")
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="The file (TOML).")]) -> None:
    """Check a configuration file; if it is not valid, print one line with the key, and exit with code 2.

    The command reads everything that `deltawire serve --config FILE` reads before it listens: certificates,
    recordings, keys and accounts; it also tries the address. It ignores that another process uses the port or the
    journal, so a configuration can be checked while a server runs.

    Example: `deltawire config check deltawire.toml && deltawire serve --config deltawire.toml`
    """
    config = load_config(file)
    prepare(config)
    check_address(config.listen)
    print(f"{file} is valid")
