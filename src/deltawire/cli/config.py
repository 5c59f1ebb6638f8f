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
    """Say whether a configuration file is good; if not, one line with its key, and exit code 2.

    Everything that `deltawire serve --config FILE` reads before it listens is read: certificates, recordings, keys and
    accounts, and the address is tried. Only what another process holds now (the port, the journal) is not held
    against the file, so a configuration can be checked beside a server that runs.

    Example: `deltawire config check deltawire.toml && deltawire serve --config deltawire.toml`
    """
    config = load_config(file)
    prepare(config)
    check_address(config.listen)
    print(f"{file} is good")
