"""`deltawire replay`."""

from pathlib import Path
from typing import Annotated

import typer

from deltawire.cli.serve import parse_speed, serve_settings
from deltawire.config import Config, Listen, Replay
from deltawire.errors import UsageError
from deltawire.recording.entry import SECOND_NS, format_time, parse_time
from deltawire.sources.recorded import connections_at, span_of
from deltawire.venues import REGISTRY


def replay(
    path: Annotated[
        str,
        typer.Argument(metavar="DIR", help="What `deltawire record` has written, or files of any format."),
    ],
    seek: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Begin at this time: `2024-08-08T10:00` (UTC), seconds, ms, µs or ns since 1970, or `+90`, seconds "
            "after the beginning.",
        ),
    ] = "",
    speed: Annotated[
        str, typer.Option(metavar="S", help="Recorded seconds per second (1, 10, 0.5, …), or `max`.")
    ] = "1",
    venue: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The venue of files that do not say it; selects one of several. "
            f"{', '.join(sorted(REGISTRY))}.",
        ),
    ] = "",
    loop: Annotated[bool, typer.Option("--loop", help="Start again at the end.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 selects a free one.")
    ] = 8080,
) -> None:
    """Serve a recording as it was: every connection in it at once, venue by venue.

    Books are known at the time of `--seek`: at once after `deltawire compact DIR`; else reading begins where their
    connection was opened, and what is before that time passes at full speed. Watch it in another terminal:
    `deltawire watch 127.0.0.1:8080 CHANNEL`.

    Example: `deltawire replay recorded --seek +60 --speed 10`
    """
    names = list(dict.fromkeys(each.venue for each in connections_at(path, venue)))
    from_ns = _seek_ns(path, venue, seek)
    config = Config(
        listen=Listen(host, port),
        replay=tuple(Replay(path, name) for name in names),
        speed=parse_speed(speed),
        loop=loop,
    )
    serve_settings(config, from_ns=from_ns)


def _seek_ns(path: str, venue: str, seek: str) -> int:
    if not seek:
        return 0
    first_ns, last_ns = span_of(Path(path), venue)
    try:
        at_ns = first_ns + int(float(seek[1:]) * SECOND_NS) if seek.startswith("+") else parse_time(seek)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--seek is a time such as 2024-08-08T10:00, or +90 seconds after the beginning, not {seek!r}"
        ) from error
    if not first_ns <= at_ns <= last_ns:
        raise UsageError(
            f"--seek {seek} is outside of the recording: {format_time(first_ns)} to {format_time(last_ns)}"
        )
    return at_ns
