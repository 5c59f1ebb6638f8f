"""`deltawire watch`."""

import asyncio
import contextlib
import random
import sys
from difflib import get_close_matches
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from deltawire.cli.screens import Screen
from deltawire.client import Client, connect
from deltawire.errors import FeedError, UsageError

FRAMES_PER_SECOND = 10
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0


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
    show = _show_screen if sys.stdout.isatty() else _print_lines
    wait, left = FIRST_WAIT_S, [count if count is not None else -1]
    while left[0]:
        try:
            async with connect(url) as client:
                accepted = await client.subscribe(*channels)
                if missing := [channel for channel in channels if channel not in accepted]:
                    raise FeedError(f"{missing[0]} is not there yet", retry=True)
                wait = FIRST_WAIT_S
                await show(client, left)
        except FeedError as error:
            if not error.retry:
                raise UsageError(str(error)) from error
            print(f"{error}; again in {wait:.1f} s", file=sys.stderr)
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))
            wait = min(LONGEST_WAIT_S, wait * 2)


async def _check(url: str, channels: list[str]) -> None:
    """Fail at once, in words, when there is no such server or channel."""
    try:
        async with connect(url) as client:
            accepted = await client.subscribe(*channels)
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


async def _show_screen(client: Client, left: list[int]) -> None:
    console, screen = Console(), Screen()
    with Live(Text(""), console=console, auto_refresh=False, screen=False) as live:
        loop = asyncio.get_running_loop()
        shown = 0.0
        async for note in client:
            screen.take(note)
            left[0] -= 1
            if loop.time() - shown > 1 / FRAMES_PER_SECOND or not left[0]:
                shown = loop.time()
                live.update(screen.render(), refresh=True)
            if not left[0]:
                return


async def _print_lines(client: Client, left: list[int]) -> None:
    async for note in client:
        print(msgspec.json.encode(note).decode(), flush=True)
        left[0] -= 1
        if not left[0]:
            return
