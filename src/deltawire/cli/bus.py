"""`deltawire feed`, `exchange`, `gateway`, `keeper`: one server as several processes, with a bus between them."""

import asyncio
import contextlib
import gc
import socket
import ssl
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
import uvloop

from deltawire import __version__
from deltawire.cli.logs import keep_no_core, log_to_stderr
from deltawire.cli.preparation import prepare, serves_exchange
from deltawire.cli.serve import (
    COLLECTED_AFTER,
    bus_address,
    import_bus,
    make_bus,
    make_tls,
    self_signed_tls,
    serve,
    stop_by_signal,
)
from deltawire.config import Config, Listen, load_config
from deltawire.errors import UsageError
from deltawire.gateway.metrics import format_metrics
from deltawire.roles.draining import Draining, drainable
from deltawire.roles.gateway import App, bind
from deltawire.roles.worker_link import WorkerLink
from deltawire.roles.workers import Workers, check_count
from deltawire.store.keys import KeyStore

if TYPE_CHECKING:
    from deltawire.roles.bus_market import BusMarket

AHEAD_WITHIN_S = 5.0
"""How long a client waits that comes from a gateway which is ahead."""
MOST_WORKERS = 256
BusOption = Annotated[
    str | None, typer.Option(metavar="URL", help="The NATS server, such as nats://127.0.0.1:4222.")
]
CredentialsOption = Annotated[str | None, typer.Option(metavar="FILE", help="Credentials for the bus.")]
CafileOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="Certificates (PEM) to trust at the bus.")
]
HostOption = Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")]
PortOption = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Port to listen on; 0 selects a free one. [default: 8080]"),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A configuration file (TOML); options take precedence over it."),
]


def feed(
    bus: BusOption = None,
    venue: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A venue to connect to, or that of a recording; can be repeated."),
    ] = None,
    instruments: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Which instruments: see `serve`.")
    ] = None,
    replay: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="A recording, with its --venue.")
    ] = None,
    endpoint: Annotated[
        list[str] | None, typer.Option(metavar="VENUE=URL", help="Another address for a venue's hosts.")
    ] = None,
    speed: Annotated[str | None, typer.Option(metavar="S", help="Of recordings: see `serve`.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Start recordings again at their end.")] = False,
    host: HostOption = None,
    port: PortOption = None,
    config: ConfigOption = None,
    bus_credentials: CredentialsOption = None,
    bus_cafile: CafileOption = None,
) -> None:
    """Read venues or recordings and publish them on a bus, for gateways.

    One process publishes a venue; one that is started beside it stands by, and takes over when the other has been
    silent for 3 s. Health and metrics are on its port, and its own clients are served like those of `deltawire serve`.

    Example: `deltawire feed --bus nats://127.0.0.1:4222 --venue okx --instruments 'BTC-*'`
    """
    _needs_bus(bus, config)
    settings = load_config(config) if config else Config()
    if not (venue or replay or settings.live or settings.replay):
        raise UsageError("a feed needs a --venue to connect to, or a --replay with its --venue")
    serve(
        replay=replay,
        venue=venue,
        instruments=instruments,
        endpoint=endpoint,
        speed=speed,
        loop=loop,
        host=host,
        port=port,
        config=config,
        bus=bus,
        bus_credentials=bus_credentials,
        bus_cafile=bus_cafile,
    )


def exchange(
    bus: BusOption = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Random seed of its market.")] = None,
    speed: Annotated[str | None, typer.Option(metavar="S", help="Simulated seconds per second.")] = None,
    host: HostOption = None,
    port: PortOption = None,
    config: ConfigOption = None,
    certificate: Annotated[
        str | None, typer.Option(metavar="FILE", help="Serve wss and https with this certificate (PEM).")
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="FILE", help="The private key of the certificate.")
    ] = None,
    bus_credentials: CredentialsOption = None,
    bus_cafile: CafileOption = None,
) -> None:
    """Run the built-in exchange, and publish its market data on a bus, for gateways.

    Orders are taken on its own port: they never travel over the bus, so that what is acknowledged is on disk.

    Example: `deltawire exchange --bus nats://127.0.0.1:4222 --port 8081`
    """
    _needs_bus(bus, config)
    settings = load_config(config) if config else Config()
    if not serves_exchange(settings):
        raise UsageError(f"{config} serves venues or recordings, not the exchange alone: see deltawire feed")
    serve(
        seed=seed,
        speed=speed,
        host=host,
        port=port,
        config=config,
        certificate=certificate,
        key=key,
        bus=bus,
        bus_credentials=bus_credentials,
        bus_cafile=bus_cafile,
    )


def gateway(
    bus: BusOption = None,
    host: HostOption = None,
    port: PortOption = None,
    config: ConfigOption = None,
    certificate: Annotated[
        str | None, typer.Option(metavar="FILE", help="Serve wss and https with this certificate (PEM).")
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="FILE", help="The private key of the certificate.")
    ] = None,
    own_signed: Annotated[
        bool, typer.Option("--self-signed", help="Serve wss and https with a self-signed certificate.")
    ] = False,
    stale_after: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Without a message of a venue for this long its books are stale. [default: 2]",
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=MOST_WORKERS,
            help="Processes behind the port, one per core that it may use.",
        ),
    ] = 1,
    bus_credentials: CredentialsOption = None,
    bus_cafile: CafileOption = None,
    worker: Annotated[bool, typer.Option("--worker", hidden=True)] = False,
) -> None:
    """Serve what feeds and an exchange publish on a bus; as many gateways as there are clients for.

    All say the same, so a client that loses one goes on at another, with the position that it has. It listens when it
    knows the market. Orders are refused here: they are placed at the exchange's own port.

    With `--workers` several processes serve one port. Each is a gateway of its own, with limits of its own; one that
    ends is started anew, and its clients go on at the others.

    Example: `deltawire gateway --bus nats://127.0.0.1:4222 --port 8080 --workers 4`
    """
    if worker:
        _run_worker(WorkerLink())
        return
    settings = load_config(config) if config else Config()
    made = make_bus(settings.bus, bus, bus_credentials, bus_cafile)
    if stale_after is not None:
        made = msgspec.structs.replace(made, stale_after=stale_after)
    _needs_bus(made.url, None)
    if made.stale_after < 0.1:
        raise UsageError(f"--stale-after must be at least 0.1, not {made.stale_after:g}")
    if settings.live or settings.replay or settings.with_exchange:
        raise UsageError(f"{config} names sources; a gateway has none: see deltawire feed")
    at = Listen(
        settings.listen.host if host is None else host, settings.listen.port if port is None else port
    )
    settings = msgspec.structs.replace(
        settings, listen=at, tls=make_tls(settings.tls, certificate, key, own_signed=own_signed), bus=made
    )
    if workers > 1:
        raise typer.Exit(_run_workers(settings, workers))
    _run_gateway(settings, None)


def _run_gateway(settings: Config, link: WorkerLink | None) -> None:
    gc.set_threshold(*COLLECTED_AFTER)
    log_to_stderr(**({"worker": link.number} if link else {}))
    prepared = prepare(settings, gateway=True)
    at = settings.listen
    # it listens when it can answer: until then clients go elsewhere
    with bind(at.host, at.port, shared=link is not None) as sock:
        tls = self_signed_tls(at.host) if settings.tls.self_signed else prepared.tls
        keep_no_core()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve_bus(settings, sock, tls, link))


def _run_worker(link: WorkerLink) -> None:
    _run_gateway(msgspec.json.decode(link.settings, type=Config), link)


def _run_workers(settings: Config, count: int) -> int:
    """Hold the port, and keep its workers; the exit code."""
    check_count(count)
    log_to_stderr()
    keep_no_core()
    prepare(settings, gateway=True)
    host, port = settings.listen.host, settings.listen.port
    with bind(host, port) as alone:  # nobody else has it: sockets that share a port would not tell
        port = alone.getsockname()[1]
    with bind(host, port, shared=True):
        if settings.tls.self_signed:
            self_signed_tls(host)
        settings = msgspec.structs.replace(settings, listen=Listen(host, port))
        command = [sys.executable, "-m", "deltawire", "gateway", "--worker"]

        async def keep() -> int:
            workers = Workers(
                count,
                command,
                msgspec.json.encode(settings),
                serving=lambda: _announce(settings, port, workers=count),
            )
            async with drainable(port, workers.request):
                return await workers.run(stop_by_signal())

        with asyncio.Runner() as runner:
            return runner.run(keep())


def _announce(settings: Config, port: int, *, workers: int = 1) -> None:
    s, host = "s" * bool(settings.tls.self_signed or settings.tls.certificate), settings.listen.host
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    print(f"deltawire {__version__} serves the bus at {settings.bus.url.rpartition('@')[2]}")
    if workers > 1:
        print(f"  workers    {workers}")
    print(f"  WebSocket  ws{s}://{place}/ws/api/v2")
    print(f"  HTTP       http{s}://{place}/api/v2/public/get_instruments", flush=True)


async def _serve_bus(
    settings: Config, sock: socket.socket, tls: ssl.SSLContext | None, link: WorkerLink | None
) -> None:
    role = import_bus("deltawire.roles.bus_gateway")
    metrics = import_bus("deltawire.roles.bus_metrics")
    port = sock.getsockname()[1]

    def make_app(market: "BusMarket") -> App:
        app = App(
            [],
            epoch=market.epoch,
            limits=settings.limits,
            keys=KeyStore(),
            policy=settings.access,
            rate_limits=settings.credits,
            login_backoff=settings.logins,
            market=market.market,
            collectors=[metrics.FollowerCollector(market)],
            ahead_within_s=AHEAD_WITHIN_S,
            gather_metrics=None if link is None else link.gather,
        )
        if link is not None:
            link.follow(partial(format_metrics, app.gateway))
        return app

    stop, draining = stop_by_signal(), Draining()
    bus_settings = role.BusSettings(bus_address(settings.bus), settings.bus.stale_after)
    announce = link.serving if link is not None else partial(_announce, settings, port)
    served = role.BusGateway(bus_settings, make_app, sock, tls=tls, draining=draining, serving=announce)
    answering = drainable(port, draining.request) if link is None else link.answering(draining, stop)
    async with answering:
        await served.run(stop)


def keeper(
    bus: BusOption = None,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="How often an image is written.")
    ] = 10.0,
    config: ConfigOption = None,
    bus_credentials: CredentialsOption = None,
    bus_cafile: CafileOption = None,
) -> None:
    """Keep images of a bus's market, so that gateways begin at the newest one and not at the first message.

    Of several keepers one writes; another takes over when it is gone.

    Example: `deltawire keeper --bus nats://127.0.0.1:4222`
    """
    settings = load_config(config) if config else Config()
    made = make_bus(settings.bus, bus, bus_credentials, bus_cafile)
    _needs_bus(made.url, None)
    log_to_stderr()
    role = import_bus("deltawire.roles.keeper")

    async def keep() -> None:
        await role.keep_images(bus_address(made), stop_by_signal(), every_s=every)

    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(keep())


def _needs_bus(url: str | None, config: Path | None) -> Any:
    if not url and not (config and load_config(config).bus.url):
        raise UsageError("--bus is needed: the NATS server, such as nats://127.0.0.1:4222")
