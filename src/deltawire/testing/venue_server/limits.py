"""The limits of the venues, and windows that count against them.

Sources: the venues' own pages, as named in `docs/simulate.md`.
"""

from collections import Counter, deque

import msgspec

SECOND_NS = 1_000_000_000
DAY_S = 86_400.0


class Rate(msgspec.Struct, frozen=True):
    """At most so many in so many seconds."""

    count: int
    seconds: float


class Limits(msgspec.Struct, frozen=True):
    """What one venue allows an address, or a connection; None and 0 mean no limit."""

    connects: Rate | None = None
    """New connections of an address."""
    connections: int = 0
    """Connections of an address at once."""
    streams: int = 0
    """Subscriptions of a connection."""
    arguments: int = 0
    """Streams in one request."""
    argument_bytes: int = 0
    """Sum of the names of a connection's subscriptions."""
    frame_bytes: int = 0
    """A client's message."""
    messages: Rate | None = None
    """A client's messages on one connection."""
    counts_pongs: bool = False
    """Whether pings and pongs count as messages."""
    requests: Rate | None = None
    """A client's subscription requests on one connection."""
    ping_s: float = 0.0
    """How often the venue pings."""
    pong_s: float = 0.0
    """How long it waits for the answer before it closes the connection."""
    idle_s: float = 0.0
    """A connection on which the client has sent nothing for so long is closed."""
    idle_code: int = 1001
    """The code of that."""
    pushes_count: bool = False
    """Whether what the venue sends counts as well."""
    first_s: float = 0.0
    """The first request must come so soon."""
    lifetime_s: float = 0.0
    """A connection is closed at this age."""
    pools: dict[str, Rate] = {}
    """Weight of HTTP requests of an address by pool; a pool `x` also counts for `x y`, each y for itself."""
    banned_s: float = 120.0
    """Who goes on after a 429 gets 418 for so long."""


FIVE_MINUTES = 300.0
BINANCE_FUTURES = Limits(
    connects=Rate(300, FIVE_MINUTES),
    streams=1024,
    messages=Rate(10, 1.0),
    ping_s=180.0,
    pong_s=600.0,
    lifetime_s=DAY_S,
    pools={"weight": Rate(2400, 60.0)},
)
BYBIT = Limits(
    connects=Rate(500, FIVE_MINUTES),
    argument_bytes=21_000,
    idle_s=600.0,
    pools={"requests": Rate(600, 5.0)},
)
LIMITS: dict[str, Limits] = {
    "binance_spot": Limits(
        connects=Rate(300, FIVE_MINUTES),
        streams=1024,
        messages=Rate(5, 1.0),
        counts_pongs=True,
        ping_s=20.0,
        pong_s=60.0,
        lifetime_s=DAY_S,
        pools={"weight": Rate(6000, 60.0)},
    ),
    "binance_usdm": BINANCE_FUTURES,
    "binance_coinm": BINANCE_FUTURES,
    "binance_options": msgspec.structs.replace(BINANCE_FUTURES, streams=200, ping_s=300.0, pong_s=900.0),
    "bybit_inverse": BYBIT,
    "bybit_linear": BYBIT,
    "bybit_option": msgspec.structs.replace(BYBIT, streams=2000),
    "bybit_spot": msgspec.structs.replace(BYBIT, arguments=10),
    "coinbase": Limits(
        connects=Rate(8, 1.0),
        messages=Rate(8, 1.0),
        first_s=5.0,
        idle_s=60.0,
        pushes_count=True,
        pools={"requests": Rate(10, 1.0)},
    ),
    "deribit": Limits(
        connections=32, frame_bytes=32_768, messages=Rate(20, 1.0), pools={"requests": Rate(50, 1.0)}
    ),
    "hyperliquid": Limits(
        connects=Rate(30, 60.0),
        connections=10,
        streams=1000,
        messages=Rate(2000, 60.0),
        idle_s=60.0,
        pushes_count=True,
        pools={"weight": Rate(1200, 60.0)},
    ),
    "kraken": Limits(connects=Rate(150, 600.0), messages=Rate(20, 1.0), idle_s=60.0, pushes_count=True),
    "kraken_futures": Limits(
        connections=100, messages=Rate(100, 1.0), idle_s=60.0, pools={"requests": Rate(50, 1.0)}
    ),
    "okx": Limits(
        connects=Rate(3, 1.0),
        requests=Rate(480, 3600.0),
        argument_bytes=64 * 1024,
        idle_s=30.0,
        idle_code=4004,
        pushes_count=True,
        pools={
            "/api/v5/public/instruments": Rate(20, 2.0),
            "/api/v5/market/books": Rate(40, 2.0),
            "/api/v5/market/books-full": Rate(10, 2.0),
            "/api/v5/system/status": Rate(1, 5.0),
        },
    ),
}
"""By venue."""


class Window:
    """Counts what happens within the length of a rate; the greatest count stays."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.used = 0
        self.most = 0
        self._past: deque[tuple[int, int]] = deque()

    def take(self, now_ns: int, weight: int = 1) -> bool:
        """Count something; whether it was within the limit."""
        self._forget(now_ns)
        self._past.append((now_ns, weight))
        self.used += weight
        self.most = max(self.most, self.used)
        return self.used <= self.rate.count

    def wait_s(self, now_ns: int) -> float:
        """How long until there is room again."""
        self._forget(now_ns)
        excess, waits_ns = self.used - self.rate.count, 0
        for at_ns, weight in self._past:
            if excess < 0:
                break
            excess -= weight
            waits_ns = at_ns + int(self.rate.seconds * SECOND_NS) - now_ns
        return max(0.0, waits_ns / SECOND_NS)

    def _forget(self, now_ns: int) -> None:
        since_ns = now_ns - int(self.rate.seconds * SECOND_NS)
        while self._past and self._past[0][0] <= since_ns:
            self.used -= self._past.popleft()[1]


class Tally:
    """What clients did, and where they went beyond a limit.

    `counts` are sums (`connects`, `messages`, `requests 429`), `most` the greatest values that a limit is compared
    with (`connects per 300 s`, `streams`), `violations` the limits that were exceeded, each as often as that happened.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.most: dict[str, int] = {}
        self.violations: Counter[str] = Counter()

    def count(self, name: str, number: int = 1) -> None:
        """Add to a sum."""
        self.counts[name] += number

    def reach(self, name: str, value: int, limit: int) -> bool:
        """Note a value that has a limit (0: none); whether it was kept."""
        self.most[name] = max(self.most.get(name, 0), value)
        kept = not limit or value <= limit
        if not kept:
            self.violations[name] += 1
        return kept

    def take(self, name: str, window: Window, now_ns: int, weight: int = 1) -> bool:
        """Count something against a rate; whether it was within the limit."""
        kept = window.take(now_ns, weight)
        label = f"{name} per {window.rate.seconds:g} s"
        self.most[label] = max(self.most.get(label, 0), window.used)
        if not kept:
            self.violations[label] += 1
        return kept
