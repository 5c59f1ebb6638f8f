"""`deltawire watch`."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from difflib import get_close_matches
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from deltawire.cli.screens import Screen
from deltawire.client import Client, Feed, Outage, connect
from deltawire.errors import FeedError, UsageError
from deltawire.session.client import Notification

FRAMES_PER_SECOND = 10


def watch(
    url: Annotated[str, typer.Argument(metavar="URL", help="A server: `127.0.0.1:8080` or `ws://…`.")],
    channels: Annotated[
        list[str], typer.Argument(metavar="CHANNEL…", help="Such as `book.BTCUSDT.100ms trades.BTCUSDT.raw`.")
    ],
    count: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Stop after so many notifications.")
    ] = None,
) -> None:
    """Show a live ladder, tape or ticker in the terminal; one JSON line per notification when piped.

    Reconnects by itself. A book whose chain breaks is never shown as live.
    """
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_watch(url, channels, count))


async def _watch(url: str, channels: list[str], count: int | None) -> None:
    await _check(url, channels)
    notes = _notes(url, channels, count)
    try:
        await (_show_screen(notes) if sys.stdout.isatty() else _print_lines(notes))
    except FeedError as error:
        raise UsageError(str(error)) from error


async def _notes(url: str, channels: list[str], count: int | None) -> AsyncIterator[Notification]:
    """So many notifications; what else happens is told on standard error."""
    async for item in Feed(url, *channels):
        if isinstance(item, Notification):
            yield item
            count = None if count is None else count - 1
            if count == 0:
                return
        elif isinstance(item, Outage):
            print(f"{item.reason}; again in {item.wait_s:.1f} s", file=sys.stderr)
        else:
            print(f"{item.channel}: what followed seq {item.position.seq} is lost", file=sys.stderr)


async def _check(url: str, channels: list[str]) -> None:
    """Fail at once, in words, when there is no such server or channel."""
    try:
        async with connect(url) as client:
            accepted = await client.call("public/subscribe", channels=channels)
            refused = [channel for channel in channels if channel not in accepted]
            if refused:
                raise UsageError(await _advice(client, refused[0]))
    except FeedError as error:
        raise UsageError(str(error)) from error


async def _advice(client: Client, channel: str) -> str:
    names = [each["instrument_name"] for each in await client.call("public/get_instruments")]
    if not names:
        return f"no channel {channel!r} there, and no instruments yet"
    asked = channel.split(".")[1] if "." in channel else channel
    near = get_close_matches(asked, names, 3, 0.3) or names[:3]
    return f"no channel {channel!r} there; instruments are {', '.join(near)} … (book.{near[0]}.raw)"


async def _show_screen(notes: AsyncIterator[Notification]) -> None:
    console, screen = Console(), Screen()
    with Live(Text(""), console=console, auto_refresh=False, screen=False) as live:
        loop = asyncio.get_running_loop()
        shown = 0.0
        async for note in notes:
            screen.take(note)
            if loop.time() - shown > 1 / FRAMES_PER_SECOND:
                shown = loop.time()
                live.update(screen.render(), refresh=True)
        live.update(screen.render(), refresh=True)


async def _print_lines(notes: AsyncIterator[Notification]) -> None:
    async for note in notes:
        print(msgspec.json.encode(note).decode(), flush=True)
