"""What all connections share: the market, the hub, the clock, and the watch over every connection's time."""

import asyncio
import time
from typing import Protocol

import msgspec

from deltawire.fanout.hub import Hub
from deltawire.fanout.roster import Member
from deltawire.market.market import Market
from deltawire.ports import Clock
from deltawire.session.effects import Close, Effect, EnableMac, Heartbeat, Join, Leave
from deltawire.session.server import ServerSession
from deltawire.wire.rpc import format_heartbeat, format_reply

JUMP_NS = 1_000_000_000
"""By how much the clock must have been set for it to count."""


class Limits(msgspec.Struct, frozen=True):
    """What a connection may cost, in bytes, and how long it may take, in seconds."""

    largest_message: int = 256 * 1024
    most_fragments: int = 1024
    unsent_bytes: int = 4 * 1024 * 1024
    """Of what cannot be merged, a peer that leaves more than this unread is given up."""
    unread_for_s: float = 60.0
    """So is one that takes nothing for so long."""
    compress: bool = True
    """Whether clients that offer permessage-deflate get it."""
    request_within_s: float = 10.0
    """From the first byte (of a connection: from its opening) to the last of an HTTP request."""
    ping_after_s: float = 20.0
    pong_within_s: float = 20.0
    close_within_s: float = 3.0
    watch_every_s: float = 1.0


class Connection(Protocol):
    """What the gateway needs of a connection."""

    member: Member

    def send(self, payload: bytes) -> None:
        """Send one text message."""

    def attest(self, key: bytes) -> None:
        """Prove every frame from now on."""

    def close(self, code: int, reason: str) -> None:
        """Begin to close."""

    def watch(self, now: int) -> None:
        """Time has passed."""

    def shift(self, jump_ns: int) -> None:
        """The clock was set: move whatever was noted by it along."""


class Gateway:
    """Carries out what sessions want."""

    def __init__(
        self, market: Market, hub: Hub, clock: Clock, version: str, limits: Limits | None = None
    ) -> None:
        self.market = market
        self.hub = hub
        self.clock = clock
        self.version = version
        self.limits = limits or Limits()
        self.connections: dict[Connection, None] = {}
        self._ahead_ns: int | None = None
        self.merged = 0
        """Notifications for which others stood."""

    def make_session(self) -> ServerSession:
        """A session for a new connection."""
        return ServerSession(self.market, self.version)

    def carry_out(self, connection: Connection, effects: list[Effect]) -> None:
        """Do what a session wants, in order."""
        for effect in effects:
            if isinstance(effect, Join):
                self.hub.join(connection.member, effect.keys, effect.resume)
            elif isinstance(effect, Leave):
                self.hub.leave(connection.member, effect.ids)
            elif isinstance(effect, Heartbeat):
                connection.send(format_heartbeat(effect.kind))
            elif isinstance(effect, EnableMac):
                connection.attest(effect.key)
            elif isinstance(effect, Close):
                connection.close(effect.code, effect.reason)
            else:
                connection.send(format_reply(effect, self.clock.now() // 1000))

    def gone(self, connection: Connection) -> None:
        """A connection is over."""
        if connection in self.connections:
            del self.connections[connection]
            self.hub.gone(connection.member)

    def see_clock(self, steady_ns: int) -> None:
        """Compare the clock with one that nobody sets; when it was set, no deadline may come sooner or later."""
        ahead_ns = self.clock.now() - steady_ns
        jump_ns = ahead_ns - self._ahead_ns if self._ahead_ns is not None else 0
        if self._ahead_ns is None or abs(jump_ns) > JUMP_NS:
            self._ahead_ns = ahead_ns
            for connection in list(self.connections):
                connection.shift(jump_ns)

    async def watch(self) -> None:
        """Once in a while let every connection see the time; never returns."""
        while True:
            self.see_clock(time.monotonic_ns())
            await asyncio.sleep(self.limits.watch_every_s)
            self.see_clock(time.monotonic_ns())
            now = self.clock.now()
            for connection in list(self.connections):
                connection.watch(now)
            self.hub.sweep(time.monotonic_ns())
