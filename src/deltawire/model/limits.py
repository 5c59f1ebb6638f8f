"""What a venue allows and requires of a live connection, as data: each venue's file states its own `Limits`."""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

PingForm = Literal["frame", "message", "none"]


class Rate(msgspec.Struct, frozen=True):
    """At most `amount` within any `seconds`."""

    amount: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.amount} per {self.seconds:g} s"


class Cost(msgspec.Struct, frozen=True):
    """The REST weight of addresses whose path ends with `path`, by the largest `limit` parameter that has it."""

    path: str
    weight: int = 1
    by_limit: tuple[tuple[int, int], ...] = ()

    def of(self, query: str) -> int:
        """The weight of one request."""
        limit = int(parse_qs(query).get("limit", ["0"])[0] or 0)
        return next((weight for most, weight in self.by_limit if limit <= most), self.weight)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Endpoints and limits of one venue. 0 or None: the venue states none."""

    endpoints: Mapping[str, tuple[str, ...]]
    """By path: addresses, the first one preferred; the others are tried in turn when it fails."""
    rest: tuple[str, ...] = ()
    """Hosts that answer the same requests; the first one is in the addresses of `Fetch`."""
    pool: str = ""
    """Venues with the same pool share REST weight and connects, per address of the client; default: the venue's own."""
    connections: int = 0
    """Open at once, per address of the client."""
    connects: Rate | None = None
    """New connections, per address of the client."""
    messages: Rate | None = None
    """Messages of the client, per connection."""
    messages_of_address: Rate | None = None
    """Messages of the client on all its connections together."""
    pongs_count: bool = False
    """Whether the client's pings and pongs count as messages."""
    streams: int = 0
    """Subscriptions per connection."""
    books: int = 0
    """Books per connection: the venue's advice, or ours."""
    streams_of_address: int = 0
    """Subscriptions of all connections together."""
    arguments_bytes: int = 0
    """Bytes of the arguments of all subscriptions of a connection."""
    streams_per_request: int = 0
    request_bytes: int = 0
    """The longest message that the venue takes."""
    weight: Rate | None = None
    """REST weight, per address of the client."""
    costs: tuple[Cost, ...] = ()
    used_weight_header: str = ""
    """The header in which the venue states the weight used so far in the present interval."""
    ping: PingForm = "none"
    """What keeps a quiet connection open: WebSocket ping frames, a message of the venue's own, or nothing."""
    ping_s: float = 0.0
    lifetime_s: float = 0.0
    """After this time the venue closes every connection."""
    max_message_size: int = 4 * 1024 * 1024
    """Bytes; a longer message ends the connection."""
    joins: bool = False
    """Whether messages have the same ids on every connection, so that two connections can be joined exactly."""
    lists_when_asked: bool = False
    """Whether the stream of the instrument list sends it once, and news only when it is asked for again."""
    acknowledges: bool = True
    """Whether every subscription is acknowledged."""
    instruments: str = ""
    """Which instruments patterns find; empty if all of the venue's list."""
    status: str = ""
    """How the venue says that it is down; empty if it has no such channel."""
    cannot_show: str = ""
    """What no check can show at this venue."""
    source: str = ""
    """Where the numbers are stated."""

    def cost(self, url: str) -> int:
        """The REST weight of an address."""
        parts = urlsplit(url)
        found = next((cost for cost in self.costs if parts.path.endswith(cost.path)), None)
        return found.of(parts.query) if found else 1
