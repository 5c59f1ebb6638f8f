"""The state shared by all connections: market, hub, clock, and the timers of connections."""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from prometheus_client.registry import Collector

from deltawire.access.access import TOO_MANY_REQUESTS, Access
from deltawire.access.connections import ConnectionLimiter
from deltawire.access.keys import KeyRing, is_within
from deltawire.access.rate_limits import RateLimits, TokenBucket, TokenBuckets
from deltawire.access.tokens import Identity
from deltawire.errors import RequestError
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import Subscriber
from deltawire.gateway.extra_modules import ExtraModules
from deltawire.gateway.free_memory import make_give_back
from deltawire.gateway.held import HeldEffects
from deltawire.gateway.intake import TURN_NS, Turns
from deltawire.gateway.network_simulator import NetworkSimulator
from deltawire.gateway.server_health import server_health
from deltawire.gateway.telemetry import Telemetry
from deltawire.market.market import Market
from deltawire.market.venue_health import venue_healths
from deltawire.ports import Clock, FramedSource, LiveFeed, Replaying, Source
from deltawire.session.echo import EchoSession
from deltawire.session.effects import Close, Durable, Effect, EnableMac, Heartbeat, Join, Leave, SendMessage
from deltawire.session.methods import Context
from deltawire.session.private.trading import Trading
from deltawire.session.server import ServerSession
from deltawire.wire.frames import BINARY, TEXT
from deltawire.wire.rpc import Reply, format_heartbeat, format_reply

if TYPE_CHECKING:
    from deltawire.recording.past_trades import PastTrades

TOKEN_BYTES = 32
CONNECTIONS_PER_ADDRESS = 64
AHEAD_LOOK_S = 0.005
JOINED_AT_ONCE = 50
"""Channels that a connection joins in one slice, at most; fewer if their first frames take long to make."""
JOINED_TOGETHER = 5
"""Channels joined before the clock is read again."""
WATCHED_AT_ONCE = 500
"""Connections whose timers run in one turn."""
LEFT_AT_ONCE = 200
"""Channels that a connection leaves in one slice."""
LOOPBACK = ("127.0.0.0/8", "::1/128")
PRIVATE_NETWORKS = (*LOOPBACK, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
PATH = "/ws/api/v2"
REPLAY_PATH = f"{PATH}/replay"
ECHO_PATH = "/echo"


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of connections: sizes in bytes, durations in seconds, and numbers."""

    connections_per_address: int | None = None
    """By default 64, unlimited from loopback; a stated number holds for every address."""
    connections_per_key: int = 16
    subscriptions: int = 5_000
    """Channels per connection."""
    replays: int = 4
    """Connections that replay a recording, each at its own time; 0: none may."""

    max_message_size: int = 256 * 1024
    max_fragments: int = 1024
    max_unsent_bytes: int = 4 * 1024 * 1024
    """Unread data that cannot be merged; beyond it, the connection is closed."""
    write_timeout: float = 60.0
    """A connection that reads nothing for this time is closed."""
    compress: bool = True
    """Whether permessage-deflate is accepted."""
    request_timeout: float = 10.0
    """From the first byte of an HTTP request (for the first request, from the opening) to its last."""
    ping_interval: float = 20.0
    ping_timeout: float = 20.0
    close_timeout: float = 3.0
    auth_timeout: float = 10.0
    """Time in which a client must authenticate on a private-only server."""
    watch_interval: float = 1.0


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which clients the server accepts."""

    private_only: bool = False
    """Whether all data needs authentication."""
    addresses: tuple[str, ...] = ()
    """Networks that may connect; if empty, all."""
    metrics: tuple[str, ...] = PRIVATE_NETWORKS
    """Networks that may read `/metrics`."""
    origins: tuple[str, ...] = ()
    """Origins of web pages that may open a WebSocket, such as `https://desk.example.com`, besides the server's own."""


class Connection(Protocol):
    """What the gateway needs of a connection."""

    subscriber: Subscriber

    @property
    def closing(self) -> bool:
        """Whether the connection is closing, so that nothing more is done for the peer."""

    @property
    def unsent(self) -> int:
        """Number of bytes that the peer has not read yet."""

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        """Send one message."""

    def attest(self, key: bytes) -> None:
        """Cover every later frame by a running MAC with this key."""

    def close(self, code: int, reason: str) -> None:
        """Start to close."""

    def watch(self, now: int) -> None:
        """Time has passed."""

    def check_rights(self, now: int) -> None:
        """Keys may have been revoked."""

    def resume(self) -> None:
        """Continue what had to wait, for one slice."""


class Session(Protocol):
    """The state machine of one client: takes messages, returns effects."""

    takes_binary: bool

    def received(self, frame: bytes, now: int) -> list[Effect]:
        """Handle a text message."""

    def received_binary(self, frame: bytes, now: int) -> list[Effect]:
        """Handle a binary message."""

    def deadline(self) -> int | None:
        """When to call `tick`."""

    def tick(self, now: int) -> list[Effect]:
        """Time has passed."""

    def rights_changed(self, now: int) -> list[Effect]:
        """Keys may have been revoked."""

    def withheld(self, identity: Identity, now: int) -> RequestError | None:
        """Why an identity may no longer get the answer to an earlier request; empty if it may."""

    def closed(self) -> None:
        """The connection has ended."""


class ReplayRoom(Protocol):
    """The replay of one connection."""

    @property
    def gateway(self) -> "Gateway":
        """What executes the connection's effects, over the market of the recorded time."""

    def close(self) -> None:
        """The connection has ended."""


class ReplayRooms(Replaying, Protocol):
    """What can be replayed here."""

    def open(self, home: "Gateway", query: str) -> ReplayRoom:
        """A room of its own for a connection; raises `RequestError` if the query is wrong or there are too many."""


class JournalledTrading(Trading, Protocol):
    """An exchange that reports when submitted records are on disk."""

    def when_durable(self, ticket: int, then: Callable[[], None]) -> bool:
        """Call `then` when the journal is on disk up to the ticket; returns False if it already is."""


class Gateway:
    """Executes the effects of sessions. Without `rate_limits`, requests are free.

    With `echo`, the path `/echo` echoes messages.
    """

    def __init__(
        self,
        market: Market,
        hub: Hub,
        clock: Clock,
        *,
        version: str,
        limits: Limits | None = None,
        access: Access | None = None,
        policy: Policy | None = None,
        rate_limits: RateLimits | None = None,
        echo: bool = False,
        trading: JournalledTrading | None = None,
        sources: Sequence[Source] = (),
        make_network: Callable[[], NetworkSimulator] | None = None,
        past_trades: Sequence["PastTrades"] = (),
        replays: ReplayRooms | None = None,
        replaying: Replaying | None = None,
        shared: "Gateway | None" = None,
        collectors: Sequence[Collector] = (),
        ahead_within_s: float = 0.0,
        gather_metrics: Callable[[], Awaitable[bytes]] | None = None,
    ) -> None:
        """`sources` must send data before the server is ready. `past_trades` are stores of earlier trades.

        `replays` are rooms for connections of their own time. In such a room `replaying` is its replay, and the
        connections, access and credits are `shared` with the gateway from which it was opened.

        `make_network`, if not None, creates the network simulator of each connection. `collectors` have metrics
        besides the gateway's own. A client that states a position which is not reached here yet waits for it up to
        `ahead_within_s`, where other gateways have the same events. `gather_metrics` asks for the metrics of all
        processes behind the port, where there are several.
        """
        self.trading = trading
        self._held: dict[Connection, HeldEffects] = {}
        """Effects that wait for the disk or for the next slice, by request."""
        self.access: Access = shared.access if shared else access or Access(KeyRing(), make_token)
        self.policy = policy or Policy()
        self.market = market
        self.hub = hub
        self.clock = clock
        self.now = clock.now
        """One object for all connections, which keep it."""
        self.version = version
        self.limits = limits or Limits()
        self.connection_limiter = ConnectionLimiter(self._most_connections)
        self._buckets: TokenBuckets | None = (
            shared._buckets if shared else TokenBuckets(rate_limits) if rate_limits else None
        )
        self.connections: dict[Connection, Session | None] = shared.connections if shared else {}
        self.replays = replays
        self._home = shared or self
        self._own_health = partial(server_health, self._home)
        """Again one object for all."""
        self.turns: Turns = shared.turns if shared else Turns()
        self._replaying = replaying or replays
        self.venues = tuple(source.venue for source in sources)
        """The venues that must send data before the server is ready."""
        self.framed = {source.venue: source for source in sources if isinstance(source, FramedSource)}
        """By venue, the sources whose books are read from frames."""
        self.live = [source for source in sources if isinstance(source, LiveFeed)]
        """The sources with connections to venues."""
        self._heard: set[str] = set()
        """The venues that have sent data."""
        self._silent: dict[str, str] = {}
        """The venues of which nothing comes any more, and why."""
        self._ended: dict[str, str] = {}
        """The venues whose source has ended or failed, and why; the server does not wait for them."""
        self._extra_modules = ExtraModules()
        self.telemetry = Telemetry()
        self._draining = False
        self.make_network = make_network
        self.past_trades = past_trades
        self.collectors = collectors
        self.gather_metrics = gather_metrics
        self._ahead_ns = int(ahead_within_s * 1e9)
        self._ahead_until: dict[Connection, int] = {}
        """Until when clients that come from a gateway that is ahead wait."""
        self._sessions: dict[str, Callable[[str, Identity | None], Session]] = {PATH: self.make_session}
        if echo:
            self._sessions[ECHO_PATH] = lambda address, identity: EchoSession()

    def make_session(self, address: str = "", identity: Identity | None = None) -> ServerSession:
        """A session for a new connection."""
        if identity is not None and not self.access.connections.enter(identity.client_id):
            raise RequestError(
                TOO_MANY_REQUESTS, "too_many_requests", reason="too many connections of this key"
            )
        auth_by_ns = self.clock.now() + int(self.limits.auth_timeout * 1e9) if self.policy.private_only else 0
        return ServerSession(
            self.market,
            self.version,
            self.access,
            address=address,
            identity=identity,
            auth_by_ns=auth_by_ns,
            trading=self.trading,
            bucket=self._bucket(address, identity),
            buckets=self._buckets,
            most_channels=self.limits.subscriptions,
            replaying=self._replaying,
            server_health=self._server_health(address),
        )

    def _server_health(self, address: str) -> Callable[[], dict[str, Any]] | None:
        """What says how the server is doing, for addresses that may read the metrics."""
        return self._own_health if is_within(address, self.policy.metrics) else None

    def heard_from(self, venue: str) -> None:
        """A venue's source has sent data."""
        self._heard.add(venue)

    def source_ended(self, venue: str, why: str) -> None:
        """A venue's source has ended or failed."""
        self._ended[venue] = why

    def withhold(self, venue: str, why: str) -> None:
        """Nothing comes any more of a venue."""
        self._silent[venue] = why

    def release(self, venue: str) -> None:
        """Something has come again."""
        self._silent.pop(venue, None)

    def drain(self) -> None:
        """The server stops, and is not ready from now on."""
        self._draining = True

    def refusal(self, address: str) -> int:
        """The HTTP status with which a new connection is refused, 0 if it is accepted."""
        welcome = not self.policy.addresses or is_within(address, self.policy.addresses)
        status = 403 if not welcome else 0 if self.connection_limiter.enter(address) else 429
        if status:
            self.telemetry.refuse(status)
        return status

    def unready(self) -> str:
        """Why the server is not ready; empty if it is."""
        if self._draining:
            return "the server stops"
        awaited = [venue for venue in self.venues if venue not in self._heard and venue not in self._ended]
        if awaited:
            return f"nothing heard of {', '.join(awaited)} yet"
        venues = {state.instrument.venue for state in self.market}
        if self._silent and venues <= self._silent.keys():
            return "; ".join(self._silent.values())
        closed = self.closed()
        return "; ".join(closed.values()) if self.venues and len(closed) == len(self.venues) else ""

    def closed(self) -> dict[str, str]:
        """The venues that send no more data, and why: their source has ended, or all their instruments."""
        going = {state.instrument.venue for state in self.market if state.instrument.active}
        listed = {state.instrument.venue for state in self.market}
        return {venue: f"{venue}: {self._ended[venue]}" for venue in self.venues if venue in self._ended} | {
            venue: f"{venue}: every instrument has ended"
            for venue in self.venues
            if venue in listed - going and venue not in self._ended
        }

    def healths(self) -> list[str]:
        """What venues say of themselves unless they are up, what audits have found, and which book is known least far.

        A line for each venue that has one of these.
        """
        said = [
            f"{venue}: the venue says {standing.state}{f' ({standing.why})' if standing.why else ''}"
            for venue, standing in self.market.standings.items()
            if standing.state != "up"
        ]
        return [*said, *(f"{venue}: {health}" for venue, health in venue_healths(self.market).items())]

    def may_pay(self, address: str, identity: Identity | None, method: str) -> bool:
        """Whether an HTTP client has enough credits."""
        bucket = self._bucket(address, identity)
        return bucket is None or bucket.pay_for(method, self.clock.now())

    def _bucket(self, address: str, identity: Identity | None) -> TokenBucket | None:
        """The credits of an account or of an address; on loopback every connection has its own."""
        if self._buckets is None:
            return None
        if identity is not None:
            return self._buckets.of(f"account {identity.account}")
        return self._buckets.make() if is_within(address, LOOPBACK) else self._buckets.of(address)

    def _most_connections(self, address: str) -> int | None:
        stated = self.limits.connections_per_address
        if stated is None:
            return None if is_within(address, LOOPBACK) else CONNECTIONS_PER_ADDRESS
        return stated

    def session_at(self, path: str, address: str, identity: Identity | None) -> Session | None:
        """A session for a new connection to this path; None if the path has no WebSocket."""
        make = self._sessions.get(path)
        return make(address, identity) if make else None

    def make_context(self, address: str, identity: Identity | None = None, *, strict: bool = True) -> Context:
        """The context of one HTTP request; `strict` is False if its parameters are query text."""
        return Context(
            self.market,
            self.clock.now(),
            self.version,
            self.access,
            identity=identity,
            address=address,
            private_only=self.policy.private_only,
            trading=self.trading,
            replaying=self._replaying,
            server_health=self._server_health(address),
            limits=self._buckets.limits if self._buckets else None,
            strict=strict,
        )

    def rights_changed(self) -> None:
        """Keys may have been revoked: check all connections at once."""
        self.access.tokens.take_ended()
        now = self.clock.now()
        for connection in list(self.connections):
            connection.check_rights(now)

    def enforce_ended_grants(self) -> None:
        """Grants may have ended: check the connections that depend on them before anything is sent."""
        ended = self.access.tokens.take_ended()
        if ended:
            now = self.clock.now()
            for connection, session in list(self.connections.items()):
                if session in ended:
                    connection.check_rights(now)

    def execute(self, connection: Connection, effects: Sequence[Effect]) -> None:
        """Execute the effects of a session in order.

        After `Durable` when it is on disk, many joins over several slices.
        """
        held = self._held.get(connection)
        if held is not None:
            self.enforce_ended_grants()
            held.add(effects)
            return
        rest = deque(effects)
        if not self._do_request(connection, rest):
            held = self._held[connection] = HeldEffects()
            held.add(rest)

    def resume(self, connection: Connection) -> None:
        """Continue the requests of a connection, in order and for at most one slice."""
        held = self._held.get(connection)
        until_ns = self.clock.now() + TURN_NS
        while held is not None and held.requests:
            if not self._do_request(connection, held.requests[0]):
                return
            held.drop_first()
            held = self._held.get(connection)
            if self.clock.now() >= until_ns and held is not None and held.requests:
                self._soon(connection)
                return
        self.drop_held(connection)

    def _do_request(self, connection: Connection, rest: deque[Effect]) -> bool:
        """Execute the effects of one request; returns False if some remain, which `resume` continues later.

        What its channels need is imported before it is answered, so that nothing is missed after the answer.
        """
        self.enforce_ended_grants()
        keys = [key for each in rest if isinstance(each, Join) and not each.expanded for key in each.keys]
        if keys and self._extra_modules.wait_for(keys, connection.resume):
            return False
        while rest and not connection.closing:
            effect = rest[0]
            later: Effect | None = None
            if isinstance(effect, Durable):
                if self._waits(connection, effect):
                    return False
                if error := self._withheld(connection, effect.identity):
                    self._withhold(connection, error, effect, rest)
                    return True
            elif isinstance(effect, Join):
                if self._waits_for_position(connection, effect):
                    return False
                later = self._join(connection, effect)
            elif isinstance(effect, Leave):
                later = self._leave(connection, effect)
            else:
                self._perform(connection, effect)
            if later is not None:
                rest[0] = later
                self._soon(connection)
                return False
            rest.popleft()
        return True

    def enforce(self, connection: Connection, effects: Sequence[Effect]) -> None:
        """Execute the effects of a change of rights at once; a connection that closes gets no more answers."""
        if any(isinstance(effect, Close) for effect in effects):
            self.drop_held(connection)
        for effect in effects:
            self._perform(connection, effect)
        self.enforce_ended_grants()

    def held(self, connection: Connection) -> int:
        """Approximate number of bytes of a connection's answers that wait."""
        held = self._held.get(connection)
        return 0 if held is None else held.bytes

    def drop_held(self, connection: Connection) -> None:
        """A connection is closing: drop what waits for it."""
        self._held.pop(connection, None)

    def _waits_for_position(self, connection: Connection, effect: Join) -> bool:
        """Whether a client states a position that is not reached here yet: it comes from a gateway that is ahead."""
        if not self._ahead_ns or not effect.resume or effect.expanded:
            return False
        now = self.clock.now()
        if now < self._ahead_until.setdefault(connection, now + self._ahead_ns) and self.hub.is_ahead(
            effect.keys, effect.resume
        ):
            asyncio.get_running_loop().call_later(AHEAD_LOOK_S, connection.resume)
            return True
        del self._ahead_until[connection]
        return False

    def _join(self, connection: Connection, effect: Join) -> Join | None:
        """Join as many channels as fit into one slice; returns the rest.

        Channels with a position come first and together: the answer, which says which of them are recovered, is sent
        before their data and in the same slice.
        """
        if effect.expanded and self._withheld(connection, effect.by):
            return None
        resume = effect.resume or {}
        keys = effect.keys if effect.expanded else self.hub.expand(connection.subscriber, effect.keys)
        keys = sorted(keys, key=lambda key: key.name not in resume) if resume else keys
        count = max(JOINED_TOGETHER, sum(key.name in resume for key in keys))
        missed = self.hub.missed(connection.subscriber, keys[:count], resume)
        if effect.reply is not None:
            recovered = {name: frames is not None for name, frames in missed.items()}
            self._perform(connection, msgspec.structs.replace(effect.reply, more={"recovered": recovered}))
            if connection.closing:
                return None
        resumes = effect.resume is not None
        self.hub.join_plain(connection.subscriber, keys[:count], missed, resumes=resumes)
        until_ns = self.clock.now() + TURN_NS
        while (
            count < min(len(keys), JOINED_AT_ONCE) and not connection.closing and self.clock.now() < until_ns
        ):
            self.hub.join_plain(connection.subscriber, keys[count : count + JOINED_TOGETHER])
            count += JOINED_TOGETHER
        if connection.closing or not keys[count:]:
            return None
        return Join(tuple(keys[count:]), None, expanded=True, by=effect.by)

    def _leave(self, connection: Connection, effect: Leave) -> Leave | None:
        """Leave as many channels as fit into one slice; returns the rest."""
        ids = effect.ids if effect.expanded else self.hub.expand_left(connection.subscriber, effect.ids)
        self.hub.leave_plain(connection.subscriber, ids[:LEFT_AT_ONCE])
        return Leave(tuple(ids[LEFT_AT_ONCE:]), expanded=True) if ids[LEFT_AT_ONCE:] else None

    def _waits(self, connection: Connection, effect: Durable) -> bool:
        return self.trading is not None and self.trading.when_durable(effect.ticket, connection.resume)

    def _soon(self, connection: Connection) -> None:
        asyncio.get_running_loop().call_soon(connection.resume)

    async def durable(self) -> None:
        """Wait until everything submitted so far is on disk."""
        done = asyncio.get_running_loop().create_future()
        trading = self.trading
        if trading is not None and trading.when_durable(trading.ticket(), partial(done.set_result, None)):
            await asyncio.shield(done)

    def _withheld(self, connection: Connection, identity: Identity | None) -> RequestError | None:
        """The error for an identity that may no longer get its answer after the wait; None if it may."""
        session = self.connections.get(connection)
        if session is None or identity is None:
            return None
        return session.withheld(identity, self.clock.now())

    def _withhold(
        self, connection: Connection, error: RequestError, durable: Durable, effects: Iterable[Effect]
    ) -> None:
        """Replace the answer by an error; of the other effects keep only those that end something."""
        for effect in effects:
            reply = effect.reply if isinstance(effect, Join) else effect
            if isinstance(reply, Reply):
                self._perform(connection, Reply(durable.request_id, error=error, us_in=reply.us_in))
            elif isinstance(effect, (Leave, Close)):
                self._perform(connection, effect)

    def _perform(self, connection: Connection, effect: Effect) -> None:
        match effect:
            case Leave():
                self.hub.leave(connection.subscriber, effect.ids)
            case SendMessage():
                connection.send(effect.payload, BINARY if effect.binary else TEXT)
            case Heartbeat():
                connection.send(format_heartbeat(effect.kind))
            case EnableMac():
                connection.attest(effect.key)
            case Close():
                connection.close(effect.code, effect.reason)
            case Reply():
                connection.send(format_reply(effect, self.clock.now() // 1000))

    def opened(self, connection: Connection, session: Session | None) -> None:
        """The handshake of a connection has succeeded."""
        self.connections[connection] = session
        self.telemetry.accept()

    def disconnected(self, connection: Connection) -> None:
        """A connection has ended."""
        if connection in self.connections:
            del self.connections[connection]
            self.drop_held(connection)
            self._ahead_until.pop(connection, None)
            self.hub.gone(connection.subscriber)
        self.enforce_ended_grants()

    async def watch(self) -> None:
        """Run the timers of all connections regularly; never returns."""
        give_back = make_give_back()
        while True:
            await asyncio.sleep(self.limits.watch_interval)
            give_back()
            now = self.clock.now()
            self.access.set_offset(self.clock.wall() - now)
            for number, connection in enumerate(list(self.connections), 1):
                connection.watch(now)
                if number % WATCHED_AT_ONCE == 0:
                    await asyncio.sleep(0)
            while self.hub.directory.sweep(now):  # noqa: ASYNC110 (a turn for others, no event)
                await asyncio.sleep(0)


def make_token() -> str:
    """A new token of 256 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)
