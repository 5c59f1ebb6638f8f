"""`deltawire serve`."""

import asyncio
import contextlib
import signal
import socket
import sys
from ipaddress import ip_address
from typing import Annotated

import structlog
import typer
import uvloop

from deltawire import __version__
from deltawire.app import App, WallClock, listen
from deltawire.app import serve as serve_app
from deltawire.errors import UsageError
from deltawire.gateway.gateway import Limits
from deltawire.sources.recordings import Recording
from deltawire.sources.replay import ReplaySource
from deltawire.store.keys import KeyStore
from deltawire.venues import REGISTRY, make_venue

ECHO_LIMITS = Limits(largest_message=64 * 1024 * 1024, most_fragments=1 << 20, unsent_bytes=256 * 1024 * 1024)
VENUES = ", ".join(sorted(REGISTRY))


def serve(
    replay: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="A recording to serve. Repeat, each with its --venue."),
    ] = None,
    venue: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Whose recording it is: {VENUES}. The first is *home*."),
    ] = None,
    speed: Annotated[
        str, typer.Option(metavar="S", help="Recorded seconds per second (1, 10, 0.5, …), or `max`.")
    ] = "1",
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end, for ever.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8080,
    echo: Annotated[
        bool,
        typer.Option(
            "--echo",
            help="Say every message to `/echo` back, for conformance suites; loopback only, up to 64 MiB each.",
        ),
    ] = False,
) -> None:
    """Serve recordings as a Deribit-dialect WebSocket and HTTP API.

    Instruments of the first venue (home) keep their own names; those of any other are `venue:NAME`.

    Example: `deltawire serve --replay btcusdt.gz --venue binance_usdm --speed 10 --loop`
    """
    pairs = _pairs(replay or [], venue or [], may_be_none=echo)
    pace = parse_speed(speed)
    sources = [
        ReplaySource(Recording(file), make_venue(name), WallClock(), speed=pace, loop=loop)
        for file, name in pairs
    ]
    app = App(sources, limits=ECHO_LIMITS if echo else None, keys=KeyStore(), echo=echo)
    sock = listen(host, port)
    if echo and not ip_address(sock.getsockname()[0]).is_loopback:
        sock.close()
        raise UsageError(f"--echo is for tests on one machine: it needs a loopback address, not {host}")
    _log_to_stderr()
    bound = sock.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    served = [f"{file} ({name})" for file, name in pairs] + ["/echo"] * echo
    print(f"deltawire {__version__} serves {', '.join(served)}")
    print(f"  WebSocket  ws://{shown}:{bound}/ws/api/v2")
    print(f"  HTTP       http://{shown}:{bound}/api/v2/public/get_instruments", flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_stopped(app, sock))


async def _until_stopped(app: App, sock: socket.socket) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve_app(app, sock, stop)


def _pairs(files: list[str], names: list[str], *, may_be_none: bool) -> list[tuple[str, str]]:
    if not (files or names or may_be_none):
        raise UsageError("nothing to serve: pass --replay FILE --venue NAME (see deltawire serve --help)")
    if len(files) != len(names):
        raise UsageError(
            f"{len(files)} --replay but {len(names)} --venue: each file needs its venue ({VENUES})"
        )
    if len(set(names)) != len(names):
        raise UsageError("each venue can be served once")
    return list(zip(files, names, strict=True))


def parse_speed(text: str) -> float | None:
    """Recorded seconds per second, None for `max`."""
    if text == "max":
        return None
    with contextlib.suppress(ValueError):
        if 0 < (speed := float(text)) < float("inf"):
            return speed
    raise UsageError(f"--speed is a number above 0 or max, not {text!r}")


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
