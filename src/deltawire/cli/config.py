"""`deltawire config`."""

from pathlib import Path
from typing import Annotated

import typer

from deltawire.config import load_config
from deltawire.sources.recordings import Recording
from deltawire.store.certificates import load_tls

app = typer.Typer(name="config", help="The configuration file of `deltawire serve`.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """The configuration file of `deltawire serve`."""


@app.command("check")
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="The file (TOML).")]) -> None:
    """Say whether a configuration file is good; if not, one line with its key, and exit code 2.

    The certificate and the recordings that it names are looked at too.

    Example: `deltawire config check deltawire.toml && deltawire serve --config deltawire.toml`
    """
    found = load_config(file)
    if found.tls.certificate:
        load_tls(Path(found.tls.certificate), Path(found.tls.key) if found.tls.key else None)
    for replay in found.replay:
        Recording(replay.file).probe()
    print(f"{file} is good")
