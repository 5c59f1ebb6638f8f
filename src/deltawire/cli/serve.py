"""`deltawire serve`."""

import asyncio
import contextlib
import gc
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
import uvloop
from prometheus_client.registry import Collector

from deltawire import __version__
from deltawire.book.kernel import DESCRIPTION
from deltawire.bus.memory import MemoryBroker
from deltawire.cli.logs import keep_no_core, log_to_stderr
from deltawire.cli.preparation import Prepared, parse_endpoints, prepare, serves_exchange
from deltawire.config import (
    BUS_URLS,
    SPEEDS,
    Bus,
    Config,
    Listen,
    Live,
    Replay,
    Tls,
    is_bus,
    is_speed,
    load_config,
)
from deltawire.errors import JournalError, UsageError, how_to_install
from deltawire.gateway.gateway import Limits
from deltawire.ports import Source
from deltawire.roles.draining import Draining, drainable
from deltawire.roles.exchange import BuiltinExchange, Setup
from deltawire.roles.gateway import App, WallClock, listen
from deltawire.roles.gateway import serve as serve_app
from deltawire.store.home import home, make_home
from deltawire.store.keys import KeyStore
from deltawire.venues import REGISTRY

if TYPE_CHECKING:
    from deltawire.recording.past_trades import PastTrades
    from deltawire.recording.recorder import Recorder
    from deltawire.roles.replays import Rooms

ECHO_LIMITS = Limits(
    max_message_size=64 * 1024 * 1024, max_fragments=1 << 20, max_unsent_bytes=256 * 1024 * 1024
)
VENUES = ", ".join(sorted(REGISTRY))
COLLECTED_AFTER = 2_000, 10, 50
"""Thresholds of the garbage collector's generations; most values here have no cycles."""
FROZEN_AFTER_S = 0.0, 5.0
"""When to freeze living objects; a full collection would block the event loop for 25 to 100 ms and find nothing."""


def serve(
    replay: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="A recording to serve; can be repeated, each time with its --venue."
        ),
    ] = None,
    venue: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help=f"A venue: {VENUES}. As many as there are recordings are theirs, in order; with the others deltawire "
            "connects. The first is the *home* venue.",
        ),
    ] = None,
    instruments: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Which instruments of a venue to connect to: `BTC-*`, `*USDT`, several with commas between; one "
            "option for each venue, in order. [default: `*`]",
        ),
    ] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VENUE=URL",
            help="Another address for a venue's hosts: `NAME=ws://127.0.0.1:8090`; can be repeated, the next one is "
            "used when one fails. `http://…` is for REST.",
        ),
    ] = None,
    with_exchange: Annotated[
        bool,
        typer.Option(
            "--exchange",
            envvar="DELTAWIRE_SERVE_EXCHANGE",
            show_envvar=False,
            help="Serve the built-in exchange beside venues and recordings; it is home.",
        ),
    ] = False,
    speed: Annotated[
        str | None,
        typer.Option(
            metavar="S",
            help="Recorded or simulated seconds per second (1, 10, 0.5, …); for recordings also `max`. [default: 1]",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="Random seed of the built-in exchange's market. [default: 1]"),
    ] = None,
    latency: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Latency of the exchange's clients, one way: none, colocated (0.2 ms), cloud (5±2 ms), home (60±20 "
            "ms), or milliseconds such as 12±3. [default: none]",
        ),
    ] = None,
    drop: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Share of requests to the exchange that are lost. [default: 0]"),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT",
            help="A fault of the exchange, times in seconds after the start: `halt:BTC-PERPETUAL:60:30`, "
            "`maintenance:120:10`, `delay:0.05:200` (5 % of requests take 200 ms longer). Can be repeated.",
        ),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Start recordings again at their end.")] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on; 0 selects a free one. [default: 8080]"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A configuration file (TOML); options take precedence over it."),
    ] = None,
    certificate: Annotated[
        str | None, typer.Option(metavar="FILE", help="Serve wss and https with this certificate (PEM).")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="The private key of the certificate, if it is not in the same file."
        ),
    ] = None,
    own_signed: Annotated[
        bool,
        typer.Option(
            "--self-signed",
            envvar="DELTAWIRE_SERVE_SELF_SIGNED",
            show_envvar=False,
            help="Serve wss and https with a self-signed certificate, for development.",
        ),
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="DIR",
            help="Record to this directory what comes from the venues, or what the built-in exchange sends.",
        ),
    ] = None,
    bus: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Publish everything on this NATS server as well (`nats://127.0.0.1:4222`), for gateways: see "
            "`deltawire gateway`.",
        ),
    ] = None,
    bus_credentials: Annotated[
        str | None, typer.Option(metavar="FILE", help="Credentials for the bus.")
    ] = None,
    bus_cafile: Annotated[
        str | None, typer.Option(metavar="FILE", help="Certificates (PEM) to trust at the bus.")
    ] = None,
    echo: Annotated[
        bool,
        typer.Option(
            "--echo",
            help="Echo every message at `/echo`, for conformance tests; loopback only, messages up to 64 MiB.",
        ),
    ] = False,
) -> None:
    """Serve venues, recordings, or the built-in exchange, as a Deribit-dialect WebSocket and HTTP API.

    `--venue okx --instruments 'BTC-*'` connects to a venue: connections heal themselves, and a book that is not
    verified is never served as live. Without a venue or a recording it serves the exchange, whose state is stored under
    `DELTAWIRE_HOME` (default: the user's data folder); `deltawire account add` creates accounts. The instruments of the
    first venue (home) keep their own names; those of the others are named `venue:NAME`.

    Ctrl-C stops it: clients are told to reconnect and resume, and every accepted order is on disk.

    Example: `deltawire serve --port 8080 --latency cloud`

    Example: `deltawire serve --replay btcusdt.gz --venue binance_usdm --speed 10 --loop`
    """
    settings = load_config(config) if config else Config()
    changes: dict[str, Any] = {
        "listen": _listen(settings.listen, host, port),
        "tls": make_tls(settings.tls, certificate, key, own_signed=own_signed),
        "speed": parse_speed(str(settings.speed) if speed is None else speed),
        "loop": loop or settings.loop,
        "bus": make_bus(settings.bus, bus, bus_credentials, bus_cafile),
    }
    names = venue or []
    recorded, connected = names[: len(replay or [])], names[len(replay or []) :]
    if replay or names:
        changes["replay"] = _pairs(replay or [], recorded)
        changes["live"] = _connected(connected, instruments or [], endpoint or [], recorded)
    elif instruments or endpoint:
        raise UsageError(f"--instruments and --endpoint need a --venue to connect to: {VENUES}")
    changes["with_exchange"] = with_exchange or settings.with_exchange
    asked = {"seed": seed, "latency": latency, "drop": drop, "faults": tuple(fault) if fault else None}
    given = {name: value for name, value in asked.items() if value is not None}
    changes["exchange"] = msgspec.structs.replace(settings.exchange, **given)
    settings = msgspec.structs.replace(settings, **changes)
    if given and not serves_exchange(settings):
        raise UsageError(
            f"--{next(iter(given)).removesuffix('s')} applies to the built-in exchange, not to recordings and venues; "
            "--exchange serves it beside them"
        )
    if record is not None and settings.loop:
        raise UsageError("--record cannot be combined with --loop: times would go back")
    if record is None:
        serve_settings(settings, echo=echo)
        return
    _serve_recorded(settings, record, echo=echo)


def _serve_recorded(settings: Config, folder: Path, *, echo: bool) -> None:
    from deltawire.cli.record import format_progress  # without --record the server needs none of this
    from deltawire.recording.recorder import Recorder

    with contextlib.closing(Recorder(folder)) as recorder:
        serve_settings(settings, echo=echo, recorder=recorder, store=folder)
    print(f"recorded {format_progress(recorder.progress)}: {folder}", flush=True)


def serve_settings(
    settings: Config,
    *,
    echo: bool = False,
    recorder: "Recorder | None" = None,
    from_ns: int = 0,
    store: Path | None = None,
) -> None:
    """Serve until stopped. `recorder` taps the sources; recordings are played from `from_ns` on.

    Trades of the past are also served from `store` and from the directories of recordings.
    """
    gc.set_threshold(*COLLECTED_AFTER)
    log_to_stderr()
    prepared = prepare(settings, echo=echo, tap=recorder, from_ns=from_ns)
    host = settings.listen.host
    with listen(host, settings.listen.port) as sock:  # before the journal is replayed, which may take a while
        if echo and not ip_address(sock.getsockname()[0]).is_loopback:
            raise UsageError(f"--echo needs a loopback address, not {host}")
        tls = self_signed_tls(host) if settings.tls.self_signed else prepared.tls
        builtin = _open_exchange(settings, prepared) if serves_exchange(settings) and not echo else None
        stores = [*(Path(replay.file) for replay in settings.replay), *([store] if store else [])]
        broker = MemoryBroker()
        collectors: list[Collector] = [builtin.collector] if builtin else []
        app = _make_app(settings, prepared, builtin, stores, echo=echo, broker=broker, collectors=collectors)
        published = (
            partial(_published, settings.bus, app, broker, collectors) if settings.bus.url else nothing_more
        )
        keep_no_core()
        served = [
            " ".join([replay.file, f"({replay.venue})" * bool(replay.venue)]) for replay in settings.replay
        ]
        served += ["/echo"] * echo
        served += [f"{live.venue} ({' '.join(live.instruments)})" for live in settings.live]
        served += [f"the built-in exchange ({home()})"] if builtin else []
        _announce(served, f"[{host}]" if ":" in host else host, sock.getsockname()[1], secure=bool(tls))
        if builtin is not None:
            print("  trade      deltawire account add NAME --deposit BTC=10", flush=True)
            if active := _faults(settings.exchange):
                print(f"  faults     {active}", flush=True)
        _run(app, sock, tls, recorder, published=published)


def _faults(setup: Setup) -> str:
    """What makes the exchange worse than it is, for all to see; empty without."""
    conditions = [f"latency {setup.latency}"] * (setup.latency != "none") + [f"drop {setup.drop:g}"] * bool(
        setup.drop
    )
    return ", ".join([*conditions, *setup.faults])


def _past_trades(stores: list[Path]) -> "list[PastTrades]":
    if not stores:
        return []
    from deltawire.recording.past_trades import PastTrades  # only stores need it

    return [PastTrades(store) for store in dict.fromkeys(stores)]


def _replays(stores: list[Path], most: int) -> "Rooms | None":
    if not stores:
        return None
    from deltawire.roles.replays import Rooms  # only stores need it

    return Rooms(stores, WallClock(), most)


def _make_app(
    settings: Config,
    prepared: Prepared,
    builtin: BuiltinExchange | None,
    stores: list[Path],
    *,
    echo: bool,
    broker: MemoryBroker,
    collectors: Sequence[Collector],
) -> App:
    sources: list[Source] = [
        *([builtin.source] if builtin else []),
        *prepared.recordings,
        *prepared.live,
    ]
    return App(
        sources,
        trading=builtin.service if builtin else None,
        limits=ECHO_LIMITS if echo else settings.limits,
        keys=KeyStore(),
        policy=settings.access,
        rate_limits=None if echo else settings.credits,
        login_backoff=settings.logins,
        make_network=builtin.make_network if builtin else None,
        echo=echo,
        past_trades=_past_trades(stores),
        replays=_replays(stores, settings.limits.replays),
        broker=broker,
        collectors=collectors,
    )


Published = Callable[[asyncio.Event], AbstractAsyncContextManager[object]]
"""What goes on while a server runs, and may set the event that stops it."""


def nothing_more(stop: asyncio.Event) -> AbstractAsyncContextManager[object]:
    """Nothing."""
    return contextlib.nullcontext()


@contextlib.asynccontextmanager
async def _published(
    bus: Bus, app: App, broker: MemoryBroker, collectors: list[Collector], stop: asyncio.Event
) -> AsyncIterator[None]:
    """What a server has is published on a bus."""
    publishing = import_bus("deltawire.roles.publishing").publishing
    metrics = import_bus("deltawire.roles.bus_metrics")
    venues = [(source.venue, source.now()) for source in app.sources]
    async with publishing(broker, bus_address(bus), venues=venues, epoch=app.epoch, stop=stop) as publisher:
        collectors.append(metrics.PublishingCollector(publisher))
        yield


def import_bus(module: str) -> Any:
    """A module that needs the extra `nats`."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] == "nats":
            raise UsageError(f"a bus needs an extra: {how_to_install('nats')}") from error
        raise


def bus_address(bus: Bus) -> Any:
    """Where a bus is."""
    return import_bus("deltawire.bus.nats.connection").Address(bus.url, bus.credentials, bus.cafile)


def make_bus(stated: Bus, url: str | None, credentials: str | None, cafile: str | None) -> Bus:
    """The bus of a configuration file, with what options say; `UsageError` if the URL is none."""
    given = {"url": url, "credentials": credentials, "cafile": cafile}
    bus = msgspec.structs.replace(
        stated, **{name: value for name, value in given.items() if value is not None}
    )
    if bus.url and not is_bus(bus.url):
        raise UsageError(f"--bus must be {BUS_URLS}, not {bus.url!r}")
    return bus


def _run(
    app: App,
    sock: socket.socket,
    tls: ssl.SSLContext | None,
    recorder: "Recorder | None",
    *,
    published: Published,
) -> None:
    failed: BaseException | None = None
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_stopped(app, sock, tls, recorder, published))
    except* JournalError as group:
        failed = _first(group)
    if failed is not None:  # outside the except* block: Python 3.11.2 would wrap SystemExit in a group
        print(
            f"deltawire: the exchange stops, nothing is acknowledged any more: {failed}",
            file=sys.stderr,
        )
        raise SystemExit(1)


def _open_exchange(settings: Config, prepared: Prepared) -> BuiltinExchange:
    folder = home()
    make_home(folder)
    return BuiltinExchange(folder, WallClock(), settings.exchange, speed=prepared.pace or 1.0)


def _first(group: BaseExceptionGroup[JournalError]) -> BaseException:
    """The first error in a group or in its nested groups."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def stop_by_signal() -> asyncio.Event:
    """Set when the process is told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    stopping = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores SIGHUP
        stopping.append(signal.SIGHUP)
    for number in stopping:
        loop.add_signal_handler(number, stop.set)
    return stop


async def _until_stopped(
    app: App,
    sock: socket.socket,
    tls: ssl.SSLContext | None,
    recorder: "Recorder | None",
    published: Published,
) -> None:
    stop = stop_by_signal()
    loop = asyncio.get_running_loop()
    for after_s in FROZEN_AFTER_S:
        loop.call_later(after_s, gc.freeze)
    recording = _start_recording(app, recorder) if recorder is not None else []
    draining = Draining()
    try:
        async with published(stop), drainable(sock.getsockname()[1], draining.request):
            await serve_app(app, sock, stop, tls, draining=draining)
    finally:
        for task in recording:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _start_recording(app: App, recorder: "Recorder") -> list[asyncio.Task[None]]:
    from deltawire.roles.recording import record_own, report_trouble

    tasks = [asyncio.create_task(report_trouble(recorder))]
    if app.gateway.trading is not None:
        tasks.append(asyncio.create_task(record_own(app, recorder)))
    return tasks


def _announce(served: list[str], host: str, port: int, *, secure: bool) -> None:
    s = "s" * secure
    print(f"deltawire {__version__} serves {', '.join(served)}")
    print(f"  books      {DESCRIPTION}")
    print(f"  WebSocket  ws{s}://{host}:{port}/ws/api/v2")
    print(f"  HTTP       http{s}://{host}:{port}/api/v2/public/get_instruments", flush=True)


def _listen(stated: Listen, host: str | None, port: int | None) -> Listen:
    return Listen(stated.host if host is None else host, stated.port if port is None else port)


def make_tls(stated: Tls, certificate: str | None, key: str | None, *, own_signed: bool) -> Tls:
    if own_signed and certificate:
        raise UsageError("use either --self-signed or --certificate, not both")
    if key and not certificate:
        raise UsageError("--key needs --certificate")
    return Tls(certificate or "", key or "", own_signed) if own_signed or certificate else stated


def self_signed_tls(host: str) -> ssl.SSLContext:
    from deltawire.store.certificates import load_tls, self_signed

    return load_tls(self_signed(home(), host), None)


def _pairs(files: list[str], names: list[str]) -> tuple[Replay, ...]:
    if len(files) != len(names):
        raise UsageError(
            f"{len(files)} --replay but {len(names)} --venue: each recording needs its venue ({VENUES})"
        )
    if len(set(names)) != len(names):
        raise UsageError("each venue can be served only once, with one recording")
    return tuple(Replay(file, name) for file, name in zip(files, names, strict=True))


def _connected(
    names: list[str], patterns: list[str], endpoints: list[str], taken: list[str]
) -> tuple[Live, ...]:
    """The venues to connect to, with their instruments and endpoints."""
    if unknown := [name for name in names if name not in REGISTRY]:
        raise UsageError(f"unknown venue {unknown[0]!r}; known: {VENUES}")
    if len({*names, *taken}) != len(names) + len(taken):
        raise UsageError("each venue can be served only once")
    moved = parse_endpoints(endpoints)
    if strange := [name for name in moved if name not in names]:
        raise UsageError(f"--endpoint {strange[0]}=… needs --venue {strange[0]}")
    chosen = split_patterns(names, patterns)
    return tuple(Live(name, chosen[name], endpoints=moved.get(name, ())) for name in names)


def split_patterns(names: list[str], patterns: list[str]) -> dict[str, tuple[str, ...]]:
    """The patterns of each venue; those of a single venue may be given one by one."""
    if not patterns:
        return dict.fromkeys(names, ("*",))
    if len(names) == 1:
        patterns = [",".join(patterns)]
    if len(patterns) != len(names):
        raise UsageError(
            f"{len(names)} venues to connect to but {len(patterns)} --instruments: each needs its own, '*' is all"
        )
    split = [tuple(filter(None, map(str.strip, each.split(",")))) for each in patterns]
    if not all(split):
        raise UsageError("--instruments is empty: '*' means all")
    return {name: ("*",) if "all" in each else each for name, each in zip(names, split, strict=True)}


def parse_speed(text: str) -> float | str:
    """Recorded seconds per second, or `max`."""
    if text == "max":
        return text
    with contextlib.suppress(ValueError):
        if is_speed(speed := float(text)):
            return speed
    raise UsageError(f"--speed must be {SPEEDS}, not {text!r}")
