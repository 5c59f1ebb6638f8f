"""`deltawire serve`."""

import asyncio
import contextlib
import signal
import socket
import sys
from typing import Annotated

import structlog
import typer
import uvloop

from deltawire import __version__
from deltawire.app import App, WallClock, listen
from deltawire.app import serve as serve_app
from deltawire.book.kernel import DESCRIPTION
from deltawire.errors import UsageError
from deltawire.sources.recordings import Recording
from deltawire.sources.replay import ReplaySource
from deltawire.venues import REGISTRY, make_venue

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
) -> None:
    """Serve recordings as a Deribit-dialect WebSocket and HTTP API.

    Instruments of the first venue (home) keep their own names; those of any other are `venue:NAME`.

    Example: `deltawire serve --replay btcusdt.gz --venue binance_usdm --speed 10 --loop`
    """
    pairs = _pairs(replay or [], venue or [])
    pace = parse_speed(speed)
    sources = [
        ReplaySource(Recording(file), make_venue(name), WallClock(), speed=pace, loop=loop)
        for file, name in pairs
    ]
    sock = listen(host, port)
    _log_to_stderr()
    bound = sock.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    print(f"deltawire {__version__} serves {', '.join(f'{file} ({name})' for file, name in pairs)}")
    print(f"  books      {DESCRIPTION}")
    print(f"  WebSocket  ws://{shown}:{bound}/ws/api/v2")
    print(f"  HTTP       http://{shown}:{bound}/api/v2/public/get_instruments", flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_stopped(App(sources), sock))


async def _until_stopped(app: App, sock: socket.socket) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve_app(app, sock, stop)


def _pairs(files: list[str], names: list[str]) -> list[tuple[str, str]]:
    if not files:
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
