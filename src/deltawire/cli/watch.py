"""`deltawire watch`."""

import asyncio
import contextlib
import ssl
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from difflib import get_close_matches
from getpass import getpass
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from deltawire.access.access import UNAUTHORIZED
from deltawire.cli.output import print_json
from deltawire.cli.screens import Screen
from deltawire.client import Client, Feed, Login, Outage, connect
from deltawire.errors import FeedError, RequestError, UsageError, how_to_install
from deltawire.roles.opening import open as open_data
from deltawire.session.client import Notification
from deltawire.store.certificates import SELF_SIGNED
from deltawire.store.home import home

FRAMES_PER_SECOND = 10
UNTRUSTED = (18, 19, 20, 21)
"""OpenSSL's verification errors of a certificate without a trusted issuer (X509_V_ERR_…)."""


def watch(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Address of the server: `127.0.0.1:8080` or `ws://…`.")
    ],
    channels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CHANNEL]",
            show_default=False,
            help="A channel such as `book.BTC-PERPETUAL.100ms`; can be repeated. Without any: a full screen.",
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Stop after this number of notifications.")
    ] = None,
    client_id: Annotated[
        str,
        typer.Option(
            metavar="ID",
            envvar="DELTAWIRE_CLIENT_ID",
            help="Authenticate with this key; needed for `user.…` channels.",
        ),
    ] = "",
    client_secret: Annotated[
        str,
        typer.Option(
            metavar="SECRET",
            envvar="DELTAWIRE_CLIENT_SECRET",
            help="The secret of the key, which is never sent. Other users can see options: use the environment "
            "variable, or omit it and type the secret.",
        ),
    ] = "",
    cafile: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Trust the certificates in this PEM file instead of the system's: for `serve --self-signed`, its "
            "`self-signed.pem` under `DELTAWIRE_HOME`.",
        ),
    ] = None,
    proven: Annotated[
        bool,
        typer.Option("--proven", help="Show only frames that are verified by a running HMAC of the server."),
    ] = False,
) -> None:
    """Show a live order book, trades or a ticker in the terminal; print one JSON line per notification when piped.

    Without channels it is a full screen: ladder, trades, options and the connection, one instrument at a time (`n` and
    `p` change it, `o` shows options, `q` quits). It needs the extra `watch`, and takes `sim:` and
    `replay:FILE?venue=NAME` as well.

    Ctrl-C ends it. It reconnects by itself. A book with a broken chain, or without recent data, is never shown as
    live.

    Example: `deltawire watch 127.0.0.1:8080 book.BTC-PERPETUAL.100ms trades.BTC-PERPETUAL.raw`
    """
    login = _login(client_id, client_secret, proven=proven)
    if not channels:
        if not sys.stdout.isatty():
            raise UsageError(
                "name a channel, such as book.BTC-PERPETUAL.100ms; without one it needs a terminal"
            )
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_full_screen(Wanted(url, (), login, proven, cafile)))
        return
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_watch(Wanted(url, tuple(channels), login, proven, cafile), count))


class Wanted(msgspec.Struct, frozen=True):
    """What to watch, on which server, and with which login."""

    url: str
    channels: tuple[str, ...]
    login: Login | None
    proven: bool
    cafile: Path | None

    @property
    def status(self) -> str:
        """The line above the display; empty without a login."""
        if self.login is None:
            return ""
        who = f"authenticated as {self.login.client_id}"
        return f"{who}; every frame verified (HMAC-SHA256)" if self.proven else who


def _login(client_id: str, secret: str, *, proven: bool) -> Login | None:
    if not client_id:
        if proven or secret:
            raise UsageError(
                f"{'--proven' if proven else '--client-secret'} needs --client-id: "
                "`deltawire account add` or `deltawire keys add` creates a key"
            )
        return None
    if not secret and sys.stdin.isatty():
        secret = getpass(f"secret of {client_id} (not shown): ")
    if not secret:
        raise UsageError("--client-id needs a secret: set DELTAWIRE_CLIENT_SECRET")
    return Login(client_id, secret)


async def _full_screen(wanted: Wanted) -> None:
    try:
        from deltawire.cli.watch_app import WatchApp
    except ImportError as error:
        raise UsageError(
            f"the full screen needs {error.name}: {how_to_install('watch')}; or name a channel"
        ) from error
    opening = open_data(wanted.url, login=wanted.login, proven=wanted.proven, cafile=wanted.cafile)
    try:
        async with opening as dw:
            await WatchApp(dw, wanted.url).run_async()
    except FeedError as error:
        raise UsageError(f"{error}{_remedy(error.__cause__, wanted.url)}") from error


async def _watch(wanted: Wanted, count: int | None) -> None:
    try:
        await _check(wanted)
        async with contextlib.aclosing(_items(wanted, count)) as items:
            await (_show_screen(items, wanted.status) if sys.stdout.isatty() else _print_lines(items))
    except FeedError as error:
        raise UsageError(f"{error}{_remedy(error.__cause__, wanted.url)}") from error
    except RequestError as error:
        advice = "" if wanted.login or error.code != UNAUTHORIZED else "; authenticate with --client-id"
        raise UsageError(f"{wanted.url} refused the request: {error}{advice}") from error


def _remedy(cause: BaseException | None, url: str) -> str:
    """A suggestion if the connection failed."""
    if isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code in UNTRUSTED:
        own = home() / SELF_SIGNED
        file = own if own.is_file() else f"{SELF_SIGNED} of its DELTAWIRE_HOME"
        return f"; --cafile FILE trusts a certificate; for a server with --self-signed: {file}"
    if isinstance(cause, ConnectionRefusedError):
        return "; is the server running? `deltawire serve` starts one"
    return ""


async def _items(wanted: Wanted, count: int | None) -> AsyncGenerator[Notification | Outage]:
    """Yield notifications, up to `count`, and outages between them; gaps are reported on standard error."""
    feeding = Feed(
        wanted.url, *wanted.channels, login=wanted.login, proven=wanted.proven, cafile=wanted.cafile
    )
    async with feeding as feed:
        async for item in feed:
            if isinstance(item, Notification):
                yield item
                count = None if count is None else count - 1
                if count == 0:
                    return
            elif isinstance(item, Outage):
                print(f"{item.reason}; next attempt in {item.wait_s:.1f} s", file=sys.stderr)
                yield item
            else:
                print(
                    f"{item.channel}: notifications after seq {item.position.seq} are lost", file=sys.stderr
                )


async def _check(wanted: Wanted) -> None:
    """Raise `UsageError` at once if the server or a channel does not exist."""
    connecting = connect(wanted.url, login=wanted.login, proven=wanted.proven, cafile=wanted.cafile)
    async with connecting as client:
        accepted = await client.call("public/subscribe", channels=wanted.channels)
        refused = [channel for channel in wanted.channels if channel not in accepted]
        if refused:
            raise UsageError(await _advice(client, refused[0], signed_in=wanted.login is not None))


async def _advice(client: Client, channel: str, *, signed_in: bool) -> str:
    if channel.startswith("user."):
        why = (
            "the key lacks the right, or the channel does not exist"
            if signed_in
            else "authenticate with --client-id"
        )
        return f"cannot subscribe to {channel!r}: {why}"
    names = [instrument["instrument_name"] for instrument in await client.call("public/get_instruments")]
    if not names:
        return f"no channel {channel!r} on this server, and no instruments yet"
    asked = channel.split(".")[1] if "." in channel else channel
    near = get_close_matches(asked, names, 3, 0.3) or names[:3]
    return f"no channel {channel!r} on this server; instruments are {', '.join(near)} … (book.{near[0]}.raw)"


async def _show_screen(items: AsyncIterator[Notification | Outage], status: str) -> None:
    """Show a display that is updated with new data, and at regular times without it."""
    console, screen = Console(), Screen(status)
    loop = asyncio.get_running_loop()
    with Live(Text(""), console=console, auto_refresh=False, screen=False) as live:

        def show() -> None:
            live.update(screen.render(console.height, loop.time()), refresh=True)

        async def keep_showing() -> None:
            while True:
                await asyncio.sleep(1 / FRAMES_PER_SECOND)
                show()

        showing = asyncio.create_task(keep_showing())
        try:
            async for item in items:
                if isinstance(item, Notification):
                    screen.take(item, loop.time())
                else:
                    screen.lose(item.reason)
        finally:
            showing.cancel()
        show()


async def _print_lines(items: AsyncIterator[Notification | Outage]) -> None:
    async for item in items:
        if isinstance(item, Notification):
            print_json(item)
