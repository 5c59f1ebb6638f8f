"""`deltawire feed`, `exchange`, `gateway`, `keeper`: one server as several processes, with a bus between them."""

import asyncio
import contextlib
import gc
import socket
import ssl
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
from deltawire.roles.draining import Draining, drainable
from deltawire.roles.gateway import App, bind
from deltawire.store.keys import KeyStore

if TYPE_CHECKING:
    from deltawire.roles.bus_market import BusMarket

AHEAD_WITHIN_S = 5.0
"""How long a client waits that comes from a gateway which is ahead."""
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
    bus_credentials: CredentialsOption = None,
    bus_cafile: CafileOption = None,
) -> None:
    """Serve what feeds and an exchange publish on a bus; as many gateways as there are clients for.

    All say the same, so a client that loses one goes on at another, with the position that it has. It listens when it
    knows the market. Orders are refused here: they are placed at the exchange's own port.

    Example: `deltawire gateway --bus nats://127.0.0.1:4222 --port 8080`
    """
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
    gc.set_threshold(*COLLECTED_AFTER)
    log_to_stderr()
    prepared = prepare(settings, gateway=True)
    with bind(at.host, at.port) as sock:  # it listens when it can answer: until then clients go elsewhere
        tls = self_signed_tls(at.host) if settings.tls.self_signed else prepared.tls
        keep_no_core()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve_bus(settings, sock, tls))


async def _serve_bus(settings: Config, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
    role = import_bus("deltawire.roles.bus_gateway")
    metrics = import_bus("deltawire.roles.bus_metrics")
    host, port = settings.listen.host, sock.getsockname()[1]

    def make_app(market: "BusMarket") -> App:
        return App(
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
        )

    def announce() -> None:
        s = "s" * bool(tls)
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        print(f"deltawire {__version__} serves the bus at {settings.bus.url.rpartition('@')[2]}")
        print(f"  WebSocket  ws{s}://{place}/ws/api/v2")
        print(f"  HTTP       http{s}://{place}/api/v2/public/get_instruments", flush=True)

    stop, draining = stop_by_signal(), Draining()
    bus_settings = role.BusSettings(bus_address(settings.bus), settings.bus.stale_after)
    served = role.BusGateway(bus_settings, make_app, sock, tls=tls, draining=draining, serving=announce)
    async with drainable(port, draining):
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
