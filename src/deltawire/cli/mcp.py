"""`deltawire mcp`."""

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated

import typer

from deltawire.errors import FeedError, RequestError, UsageError, how_to_install
from deltawire.roles.opening import open as open_data


def mcp(
    where: Annotated[
        str,
        typer.Argument(
            metavar="WHERE",
            help="What to read: `127.0.0.1:8080`, `wss://…`, `replay:FILE?venue=NAME`, `sim:`.",
        ),
    ],
    cafile: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Trust the certificates in this PEM file instead of the system's."),
    ] = None,
) -> None:
    """Serve market data to AI agents over the Model Context Protocol, on standard input and output. Read only.

    Tools: instruments, book, trades, chain, health. Every answer says its state, its age and what range it covers.
    Needs the extra `mcp`: `pip install '.[mcp]'` in a checkout of deltawire.

    Example: `deltawire mcp 127.0.0.1:8080`
    """
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(where, cafile))


async def _serve(where: str, cafile: Path | None) -> None:
    try:
        from deltawire.roles.mcp_server import make_mcp_server
    except ImportError as error:
        raise UsageError(f"deltawire mcp needs {error.name}: {how_to_install('mcp')}") from error
    try:
        async with open_data(where, cafile=cafile) as dw:
            await make_mcp_server(dw).run_stdio_async()
    except (FeedError, RequestError) as error:
        raise UsageError(str(error)) from error
