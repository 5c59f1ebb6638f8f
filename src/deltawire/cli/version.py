"""`deltawire version`."""

import platform
from typing import Annotated

import typer

from deltawire import __version__
from deltawire.book.kernel import DESCRIPTION
from deltawire.cli.output import print_json
from deltawire.journal.frames import JOURNAL_VERSION
from deltawire.journal.recovery import STATE_VERSION
from deltawire.store.home import STORE_VERSION
from deltawire.wire.protobuf import SUBPROTOCOL


def versions() -> dict[str, str | int]:
    """Every version that something outside this process depends on."""
    return {
        "deltawire": __version__,
        "python": platform.python_version(),
        "kernel": DESCRIPTION,
        "protocol": "v2",
        "subprotocol": SUBPROTOCOL,
        "journal": JOURNAL_VERSION,
        "state": STATE_VERSION,
        "store": STORE_VERSION,
    }


def version(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print the versions of the program, its protocol, and the files that it writes.

    `journal` is the layout of journal files, `state` that of their snapshots, `store` that of `DELTAWIRE_HOME`. A
    deltawire reads all versions up to its own, and refuses later ones.

    Example: `deltawire version`
    """
    if as_json:
        print_json(versions())
        return
    for name, value in versions().items():
        print(f"{name:12} {value}")
