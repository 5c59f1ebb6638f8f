"""`deltawire simulate`."""

import asyncio
import signal
import time
from collections import Counter
from typing import Annotated

import typer

from deltawire import __version__
from deltawire.cli.serve import parse_speed
from deltawire.errors import UsageError
from deltawire.store.certificates import load_tls, self_signed
from deltawire.store.home import home
from deltawire.testing.simulators import SERVED
from deltawire.testing.venue_server import (
    Limits,
    Market,
    VenueServer,
    follow_exchange,
    follow_recording,
    parse_fault,
)

VENUES = ", ".join(sorted(SERVED))


def simulate(
    venue: Annotated[str, typer.Option(metavar="NAME", help=f"The venue to simulate: {VENUES}.")],
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT",
            help="A fault, `kind:key=value,…`; can be repeated. Kinds for frames: drop, duplicate, reorder, corrupt, "
            "delay, silence, mute (subscribed, but silent). For connections: close, cut, half-open, notice, refuse. "
            "For requests: reject (subscriptions); slow, stale, error (HTTP). For instruments: list, expire, rename. "
            "Keys: after, for, every (`30`, `500ms`, `2m`, `24h`), stream (a pattern such as `books:BTC-*`), share, "
            "times, by (seconds of delay or age), code, status, retry, how (torn, digit), name, to.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed of the market and of the faults.")] = 1,
    speed: Annotated[str, typer.Option(metavar="S", help="The venue's seconds per second.")] = "1",
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Follow a recording of this venue, again and again, with new ids and times.",
        ),
    ] = None,
    exchange: Annotated[
        bool, typer.Option("--exchange", help="Follow the two perpetuals of the built-in exchange.")
    ] = False,
    depth: Annotated[
        int, typer.Option(min=2, max=20_000, help="Levels of a side; images show as many as the venue's do.")
    ] = 60,
    moves: Annotated[float, typer.Option(min=0, max=1000, help="Changes of each book per second.")] = 5.0,
    drift: Annotated[float, typer.Option(help="Drift of prices in basis points per hour.")] = 0.0,
    unlimited: Annotated[
        bool, typer.Option("--unlimited", help="Enforce none of the venue's limits.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 selects a free one.")
    ] = 8090,
    own_signed: Annotated[
        bool, typer.Option("--self-signed", help="Serve wss and https with a self-signed certificate.")
    ] = False,
) -> None:
    """Simulate a venue on a real socket, in the venue's own dialect, to test clients against.

    One port serves its WebSocket paths and its REST addresses, with its acknowledgements, refusals, heartbeats and
    limits. The same seed gives the same market. At the end it prints what clients did, and which limits they exceeded.

    Without `--from` or `--exchange` prices walk at random; `--depth`, `--moves` and `--drift` say how.

    Example: `deltawire simulate --venue okx --fault silence:after=30,for=10,stream=books:BTC-USDT`

    Example: `deltawire simulate --venue binance_usdm --depth 2000 --drift 300 --fault stale:by=30 --fault cut:every=60`
    """
    pace = parse_speed(speed)
    if not isinstance(pace, float):
        raise UsageError("--speed max has no meaning for a venue: give a number")
    if venue not in SERVED:
        raise UsageError(f"no simulator of venue {venue!r}; known: {VENUES}")
    if source and exchange:
        raise UsageError("use either --from or --exchange, not both")
    now = time.time_ns()
    if source:
        market: Market = follow_recording(source, venue, start_ns=now)
    elif exchange:
        market = follow_exchange(venue, seed, start_ns=now)
    else:
        contracts = SERVED[venue]().contracts
        market = Market(contracts, seed, depth=depth, moves_per_s=moves, drift=drift, start_ns=now)
    server = VenueServer(
        venue,
        market=market,
        seed=seed,
        speed=pace,
        faults=[parse_fault(each) for each in fault or []],
        limits=Limits() if unlimited else None,
        host=host,
        port=port,
        tls=load_tls(self_signed(home(), host), None) if own_signed else None,
    )
    asyncio.run(_serve(server))


async def _serve(server: VenueServer) -> None:
    """Serve until a signal comes; then say what clients did."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await server.start()
    except OSError as error:
        raise UsageError(f"cannot listen on {server.base}: {error.strerror}") from None
    print(f"deltawire {__version__} simulates {server.venue}: {', '.join(server.market.walks)}")
    for path in server.make().addresses():
        print(f"  WebSocket  {server.base}{path}")
    print(f"  to it      deltawire serve --venue {server.venue} --endpoint {server.venue}={server.base}")
    print(f"  HTTP       {server.rest}", flush=True)
    ends = [asyncio.create_task(stop.wait()), asyncio.create_task(server.failed())]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in ends:
        end.cancel()
    await asyncio.gather(*ends, return_exceptions=True)
    await server.stop()
    _report(server)


def _report(server: VenueServer) -> None:
    tally = server.tally
    for name, number in sorted(tally.counts.items()):
        print(f"{name}: {number:,}")
    for name, number in sorted(tally.most.items()):
        print(f"most {name}: {number:,}")
    for kind, number in sorted(Counter(struck.kind for struck in server.faults.struck).items()):
        print(f"fault {kind}: {number:,}")
    for name, number in sorted(tally.violations.items()):
        print(f"LIMIT EXCEEDED {name}: {number:,} times")
    if not tally.violations:
        print("no limit was exceeded")
