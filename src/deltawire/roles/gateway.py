"""Wires rooms together for a gateway: sources → broker → market and hub → gateway."""

import asyncio
import contextlib
import errno
import secrets
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import structlog
from prometheus_client.registry import Collector

from deltawire import __version__
from deltawire.access.access import Access
from deltawire.access.backoff import BackoffPolicy
from deltawire.access.keys import KeyRing
from deltawire.access.rate_limits import RateLimits
from deltawire.analytics.derivations import Derivations
from deltawire.bus.memory import TOPIC, MemoryBroker
from deltawire.errors import DeltawireError, JournalError, UsageError
from deltawire.fanout.hub import Hub
from deltawire.gateway.gateway import Gateway, Limits, Policy, ReplayRooms, make_token
from deltawire.gateway.network_simulator import NetworkSimulator
from deltawire.gateway.outgoing import make_write
from deltawire.gateway.server import Server, make_server
from deltawire.gateway.telemetry import FaultLog
from deltawire.market.market import Market
from deltawire.model.account_events import AccountEvent, AccountId
from deltawire.model.events import Event, Fault, Status
from deltawire.ports import Batch, Broker, Clock, Replaying, Source, Wants
from deltawire.roles.draining import Draining
from deltawire.roles.pacing import PacedHub, extended
from deltawire.sources.exchange_service import ExchangeService
from deltawire.store.keys import KeyStore
from deltawire.store.watching import WatchedFile

if TYPE_CHECKING:
    from deltawire.recording.past_trades import PastTrades

NOT_OURS = errno.EADDRNOTAVAIL, errno.EINVAL
"""Errors of the system for an address on which this machine cannot listen."""
log = structlog.get_logger("deltawire")
TIMER_S = 0.02
KEYS_EVERY_S = 0.25
KEYS_PAUSE = 20
"""Most polls between two attempts to read keys that cannot be read."""
LONGEST_LOGGED = 80
LAST_INTERVAL_NS = 1_000_000_000
BEGINS_WITHIN_S = 5.0
"""How long connections wait for the exchange to begin: a disk that hangs does not hold back the other venues."""
SOURCE_ENDED = "source ended"
"""Detail of the books of a recording that has been played to its end."""


class WallClock:
    """The machine's time: `now` starts at the wall clock and continues monotonically."""

    def __init__(self) -> None:
        self._ahead_ns = time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        """Nanoseconds since 1970, monotonic."""
        return time.monotonic_ns() + self._ahead_ns

    def wall(self) -> int:
        """Nanoseconds since 1970 by the wall clock."""
        return time.time_ns()


class App:
    """A server over some sources. The first source's venue is home: its instruments have no venue prefix.

    Whoever has one of `keys` may sign in; `trading` is what they trade on. With `echo` it also says back
    whatever comes to `/echo`. Several servers may share a `broker` and an `epoch`: they say the same, so that clients
    may move between them; `home` is the home venue of one without sources of its own.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        epoch: str | None = None,
        limits: Limits | None = None,
        keys: KeyStore | None = None,
        policy: Policy | None = None,
        rate_limits: RateLimits | None = None,
        login_backoff: BackoffPolicy | None = None,
        trading: ExchangeService | None = None,
        make_network: Callable[[], NetworkSimulator] | None = None,
        echo: bool = False,
        broker: Broker | None = None,
        home: str | None = None,
        clock: Clock | None = None,
        past_trades: Sequence["PastTrades"] = (),
        derivations: Derivations | None = None,
        replays: ReplayRooms | None = None,
        replaying: Replaying | None = None,
        shared: Gateway | None = None,
        market: Market | None = None,
        collectors: Sequence[Collector] = (),
        ahead_within_s: float = 0.0,
        gather_metrics: Callable[[], Awaitable[bytes]] | None = None,
    ) -> None:
        """`clock` is the machine's unless another is given. `past_trades` are stores of earlier trades.

        `replays`, `replaying` and `shared` are those of `Gateway`.

        Servers that share a broker share the `derivations` of the one with the sources as well. `market` is what is
        known already; its home counts. A client that comes from a server which is ahead waits up to `ahead_within_s`.
        `gather_metrics` is that of `Gateway`.
        """
        self.sources = sources
        self._keys = (
            WatchedFile(keys.read, keys.stamp, KEYS_PAUSE, failed=_keys_stay, recovered=_keys_read)
            if keys
            else None
        )
        self.access = Access(
            KeyRing(self._keys.first() if self._keys else ()),
            make_token,
            login_backoff,
            connections_per_key=(limits or Limits()).connections_per_key,
            refused=_login_refused,
        )
        home = home if home is not None else sources[0].venue if sources else ""
        self.market = market if market is not None else Market(home)
        clock = clock or WallClock()
        self.epoch = epoch or f"{int(time.time()):x}-{secrets.token_hex(3)}"
        self.derivations = derivations or Derivations()
        self.hub = Hub(
            self.market,
            self.epoch,
            clock=clock,
            make_write=make_write,
            states=trading,
            derivations=self.derivations,
        )
        self.gateway = Gateway(
            self.market,
            self.hub,
            clock,
            version=__version__,
            limits=limits,
            access=self.access,
            policy=policy,
            rate_limits=rate_limits,
            echo=echo,
            trading=trading,
            sources=sources,
            make_network=make_network,
            past_trades=past_trades,
            replays=replays,
            replaying=replaying,
            shared=shared,
            collectors=collectors,
            ahead_within_s=ahead_within_s,
            gather_metrics=gather_metrics,
        )
        if trading is not None:
            trading.account_events.subscribe(self._on_account_events)
        self._broker = broker or MemoryBroker()
        self._paced = PacedHub(self.hub, self._applied)
        self._broker.subscribe(f"{TOPIC}.*", self._paced.apply)
        self._publishing = asyncio.Lock()
        self._reached: dict[str, int] = {}
        self._flush_scheduled = False
        self._seen_s = 0.0
        self._exchange = next((each for each in sources if trading and each.venue == trading.venue), None)
        self.begun = asyncio.Event()
        """Set when requests can be answered: at once, or where orders are taken, when the exchange has begun."""
        if self._exchange is None:
            self.begun.set()
        self._faults = FaultLog(self._lists)
        self._stale: set[tuple[str, str]] = set()

    async def pump(self, source: Source) -> None:
        """Publish a source's batches until it ends; a failure does not affect other sources.

        In either case its books are closed. `JournalError` is raised: an exchange that can acknowledge nothing must
        stop.
        """
        try:
            async for batch in source.events(Wants()):
                if not batch.events or not all(isinstance(event, Fault) for event in batch.events):
                    self.gateway.heard_from(source.venue)
                await self.publish(batch)
                self._may_answer(source)
        except JournalError:
            raise
        except DeltawireError as error:
            log.error("source failed", venue=source.venue, error=str(error))
            why = f"source failed: {error}"
        else:
            self._ended(source)
            why = SOURCE_ENDED
        await self.publish(Batch(source.venue, source.now(), self._gone_stale(source, why)))
        self.gateway.source_ended(source.venue, why)
        await self.publish(Batch(source.venue, source.now() + LAST_INTERVAL_NS, []))
        self._may_answer(source)

    def _may_answer(self, source: Source) -> None:
        """The exchange's instruments are known: an order that comes now is not for one that does not exist."""
        if source is self._exchange:
            self.begun.set()

    def begin_with(self, batch: Batch) -> None:
        """Take in the state from which a source goes on, before there is anybody to hear of it."""
        self._reached[batch.venue] = batch.at_ns
        self._broker.publish(f"{TOPIC}.{batch.venue}", batch)

    async def publish(self, batch: Batch) -> None:
        """Publish one batch after the other, with what is derived from it; others have turns meanwhile.

        A batch that waited while its venue's time went on gets the time reached.
        """
        venue, events = batch.venue, batch.events
        async with self._publishing:
            at_ns = self._reached[venue] = max(batch.at_ns, self._reached.get(venue, 0))
            await self._paced.advance(venue, at_ns)
            if self.derivations.late or (self.derivations.active and events):
                events = await extended(self.derivations, events)
            self._broker.publish(f"{TOPIC}.{venue}", Batch(venue, at_ns, events))

    def _ended(self, source: Source) -> None:
        if self._lists(source.venue):
            log.info("source ended: its books are closed", venue=source.venue)
        else:
            log.warning("source ended without any instrument; is this the right --venue?", venue=source.venue)

    def _lists(self, venue: str) -> bool:
        """Whether any instrument of a venue is known."""
        return any(state.instrument.venue == venue for state in self.market)

    def _gone_stale(self, source: Source, why: str) -> list[Event]:
        """Mark the instruments of a source that has ended as stale, whether they have books or only tickers."""
        return [
            Status(state.instrument, "stale", "closed", source.now(), why)
            for state in self.market
            if state.instrument.venue == source.venue and state.instrument.active
        ]

    async def keep_time(self) -> None:
        """Between batches, say how far each venue's time has come, so that intervals end on time; never returns.

        Time comes through the broker like events, so that every gateway ends an interval between the same two.
        """
        while True:
            await asyncio.sleep(TIMER_S)
            for source in self.sources:
                await self.publish(Batch(source.venue, source.now(), []))
            self._faults.tick(time.monotonic())

    async def watch_keys(self) -> None:
        """Apply changes of the key file; never returns."""
        if self._keys is None:
            return
        while True:
            keys = self._keys.poll()
            if keys is not None:
                self.access.replace(keys)
                self.gateway.rights_changed()
            await asyncio.sleep(KEYS_EVERY_S)

    def _on_account_events(self, account: AccountId, events: Iterable[AccountEvent]) -> None:
        if self.hub.has_listeners(account):
            self.hub.publish_private(account, events)
            self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._seen_s = time.perf_counter()
            asyncio.get_running_loop().call_soon(self._flush)

    def _applied(self, batch: Batch) -> None:
        if not batch.events:
            self.hub.flush()
            return
        self._flush_soon()
        for event in batch.events:
            if isinstance(event, (Fault, Status)):
                self._count_event(event)
        stamped_ns = getattr(batch.events[-1], "venue_ns", 0)
        if stamped_ns:
            self.gateway.telemetry.lag(batch.venue, (batch.at_ns - stamped_ns) / 1e9)

    def _count_event(self, event: Fault | Status) -> None:
        """Count faults and resynchronisations."""
        telemetry = self.gateway.telemetry
        if isinstance(event, Fault):
            telemetry.fault(event.venue)
            self._faults.note(event.venue, event.reason, time.monotonic())
        elif event.state == "stale":
            telemetry.lose(event.instrument.venue, event.reason)
            self._stale.add((event.instrument.venue, event.instrument.name))
        elif event.state == "live" and (event.instrument.venue, event.instrument.name) in self._stale:
            telemetry.resync(event.instrument.venue)
            self._stale.discard((event.instrument.venue, event.instrument.name))

    def _flush(self) -> None:
        self._flush_scheduled = False
        self.hub.flush()
        self.gateway.telemetry.seen_to_sent.add(time.perf_counter() - self._seen_s)


class AddressInUseError(UsageError):
    """Another process already listens on the address."""


def _login_refused(who: str, address: str) -> None:
    log.warning("login refused", client_id=who[:LONGEST_LOGGED], address=address)


def _keys_stay(reason: str) -> None:
    log.error("cannot read the keys; the last ones stay valid", error=reason)


def _keys_read() -> None:
    log.info("keys can be read again")


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; `UsageError` says in one line why that fails."""
    sock = bind(host, port)
    try:
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise _unusable(error, host, port) from error
    return sock


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Bind a socket without listening; `UsageError` says in one line why that fails.

    Several sockets that are `shared` may have one address: the kernel spreads new connections over those that listen.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with contextlib.ExitStack() as undo:
            sock = undo.enter_context(socket.socket(family))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind((host, port))
            undo.pop_all()
    except (OSError, OverflowError, UnicodeError) as error:
        raise _unusable(error, host, port) from error
    return sock


def _unusable(error: Exception, host: str, port: int) -> UsageError:
    why = getattr(error, "strerror", None) or error
    in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    kind = AddressInUseError if in_use else UsageError
    return kind(f"cannot listen on {host}:{port}: {why}; {_advice(error, host)}")


def _advice(error: Exception, host: str) -> str:
    """A suggestion how to change the address so that listening works."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, socket.gaierror | UnicodeError) or number in NOT_OURS:
        return (
            f"{host!r} is no address of this machine: "
            "--host 127.0.0.1 serves this machine alone, --host 0.0.0.0 all who can reach it"
        )
    return "choose another port with --port"


async def serve(
    app: App,
    sock: socket.socket,
    stop: asyncio.Event,
    tls: ssl.SSLContext | None = None,
    *,
    draining: Draining | None = None,
) -> None:
    """Serve until `stop` is set or an unexpected error occurs; clients are told to reconnect in both cases.

    When a drain is requested, they are told one after the other, before `stop` is set.
    """
    gateway = app.gateway
    server = make_server(gateway, tls)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(gateway.watch())
        serving = group.create_task(_answer(app, server, sock))
        emptying = group.create_task(_drain(app, server, draining or Draining(), stop))
        try:
            await _feed(app, stop)
            log.info("stopping: clients are told to reconnect", clients=len(server.server_state.connections))
        finally:
            emptying.cancel()
            app.begun.set()
            gateway.drain()
            server.refuse()
            app.hub.flush()
            server.should_exit = True
            await serving
            watching.cancel()


async def _drain(app: App, server: Server, draining: Draining, stop: asyncio.Event) -> None:
    """Wait for the request; then accept nobody, close everybody in turn, and stop."""
    draining.follow(server.server_state.connections)
    await draining.requested.wait()
    log.info("draining", grace_s=draining.grace_s, connections=len(server.server_state.connections))
    app.gateway.drain()
    server.refuse()
    await draining.spread()
    stop.set()


async def _answer(app: App, server: Server, sock: socket.socket) -> None:
    """Accept connections when the exchange has begun; until then they wait in the socket's queue, but not for long."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(app.begun.wait(), BEGINS_WITHIN_S)
    await server.serve(sockets=[sock])


async def _feed(app: App, stop: asyncio.Event) -> None:
    work = [app.watch_keys(), *(app.pump(source) for source in app.sources), app.keep_time()]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in work]
        await stop.wait()
        for task in tasks:
            task.cancel()
