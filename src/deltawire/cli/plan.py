"""`deltawire plan`."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

import typer

from deltawire.cli.output import print_json
from deltawire.cli.preparation import parse_endpoints
from deltawire.cli.serve import VENUES, split_patterns
from deltawire.errors import FeedError, UsageError
from deltawire.model.limits import Limits
from deltawire.roles.gateway import WallClock
from deltawire.sources.live.source import LiveSettings, LiveSource, open_live
from deltawire.venues import REGISTRY, make_venue
from deltawire.venues.live.planning import Plan


def plan(
    venue: Annotated[str, typer.Option(metavar="NAME", help=f"The venue: {VENUES}.")],
    instruments: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="`BTC-*`, `*USDT`, several with commas between; `all` is all. Can be repeated. [default: all]",
        ),
    ] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VENUE=URL",
            help="Another address for the venue's hosts, such as a simulator's: `NAME=ws://127.0.0.1:8090`.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Print how `deltawire serve --venue` would connect: connections, requests, REST weight, time to all books.

    Only the list of instruments is fetched. The time assumes that every answer takes 0.2 s, and that nobody else uses
    the venue's limits at this address.

    Example: `deltawire plan --venue binance_usdm --instruments all`
    """
    if venue not in REGISTRY:
        raise UsageError(f"unknown venue {venue!r}; known: {VENUES}")
    patterns = split_patterns([venue], instruments or [])[venue]
    moved = parse_endpoints(endpoint or [])
    source = open_live(LiveSettings(venue, patterns, endpoints=moved.get(venue, ())), WallClock())
    try:
        made = asyncio.run(_plan(source))
    except FeedError as error:
        raise UsageError(str(error)) from error
    if json:
        print_json(
            {**_figures(made), "instruments": len(source.wanted), "connections": [*_connections(made)]}
        )
        return
    for line in _lines(made, make_venue(venue).limits, len(source.wanted)):
        print(line)


async def _plan(source: LiveSource) -> Plan:
    try:
        await source.load()
        return source.plan()
    finally:
        await source.close()


def _figures(made: Plan) -> dict[str, object]:
    return {
        "venue": made.venue,
        "streams": made.streams,
        "requests": made.requests,
        "lists": made.lists,
        "images": made.images,
        "weight": made.weight,
        "seconds": round(made.seconds, 1),
        "problems": list(made.problems),
    }


def _connections(made: Plan) -> Iterator[dict[str, object]]:
    for connection in made.connections:
        yield {
            "path": connection.path,
            "books": connection.books,
            "streams": len(connection.streams),
            "requests": connection.requests,
        }


def _lines(made: Plan, limits: Limits, instruments: int) -> Iterator[str]:
    yield f"{made.venue}: {_count(instruments, 'instrument')}, {_count(made.streams, 'subscription')}"
    yield f"  connections  {len(made.connections)}{_limit(limits.connections)}"
    yield "     path      books  subscriptions  requests"
    for number, connection in enumerate(made.connections, 1):
        counts = f"{connection.books:>5}  {len(connection.streams):>13}  {connection.requests:>8}"
        yield f"  {number:>2} {connection.path or '-':<9} {counts}"
    yield f"  requests     {made.requests}{_pace(limits)}"
    rated = f" (the venue allows {limits.weight})" if limits.weight else ""
    fetched = f"{_count(made.lists, 'list')} of instruments, {_count(made.images, 'image')} of books"
    yield f"  REST         {fetched}: weight {made.weight}{rated}"
    yield f"  all books    live after {made.seconds:.1f} s"
    if limits.instruments:
        yield f"  instruments  {limits.instruments.replace('`', '')}"
    for problem in made.problems:
        yield f"  NOT POSSIBLE {problem}"


def _pace(limits: Limits) -> str:
    if limits.messages:
        return f" (the venue allows {limits.messages} on a connection)"
    return f" (the venue allows {limits.messages_of_address} in all)" if limits.messages_of_address else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _limit(number: int) -> str:
    return f" (the venue allows {number})" if number else ""
