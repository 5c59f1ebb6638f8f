"""The HTTP side of a simulated venue: weights, refusals, delays, images of another time."""

from collections.abc import Callable
from copy import copy

import h11

from deltawire.testing.simulators.market import Walk
from deltawire.testing.simulators.simulator import Simulator
from deltawire.testing.venue_server.faults import Faults
from deltawire.testing.venue_server.limits import SECOND_NS, Limits, Rate, Tally, Window
from deltawire.testing.venue_server.market import Market

BANNED_AFTER = 10
"""So many requests after a 429 are a reason for a 418."""
Headers = list[tuple[str, str]]


class Answer:
    """What a request gets: status, body, headers, and after how many seconds."""

    def __init__(self, status: int, body: bytes, headers: Headers, *, after_s: float = 0.0) -> None:
        self.status, self.body, self.headers, self.after_s = status, body, headers, after_s


class Desk:
    """Answers HTTP requests of one venue."""

    def __init__(
        self,
        make: Callable[[dict[str, Walk]], Simulator],
        market: Market,
        *,
        limits: Limits,
        faults: Faults,
        tally: Tally,
    ) -> None:
        """`make` gives the simulator that writes the answers, from books."""
        self._make, self._simulator = make, make(market.walks)
        self._market, self._limits = market, limits
        self._faults, self._tally = faults, tally
        self._windows: dict[tuple[str, str], Window] = {}
        self._refused: dict[str, int] = {}
        self._banned_until_ns: dict[str, int] = {}

    def answer(self, address: str, method: str, target: str, body: bytes) -> Answer:
        """The answer to a request from an address."""
        now = self._market.now_ns
        self._tally.count("requests")
        pool, weight = self._simulator.cost(target)
        self._tally.count(f"weight {pool}", weight)
        if now < self._banned_until_ns.get(address, 0):
            return self._refuse(418, (self._banned_until_ns[address] - now) / SECOND_NS)
        rate = self._limits.pools.get(pool) or self._limits.pools.get(pool.partition(" ")[0])
        window = self._windows.setdefault((address, pool), Window(rate or Rate(1 << 60, 1.0)))
        if not self._tally.take(f"weight {pool}", window, now, weight):
            return self._limited(address, window, now)
        self._refused.pop(address, None)
        if fault := self._faults.first("error", now, 0, target):
            return self._refuse(fault.status, fault.retry)
        slow, stale = (self._faults.first(kind, now, 0, target) for kind in ("slow", "stale"))
        status, text = self._body(method, target, body, stale.by if stale else 0.0)
        headers = self._simulator.stated(window.used)
        return Answer(status, text, headers, after_s=slow.by if slow else 0.0)

    def _body(self, method: str, target: str, body: bytes, age_s: float) -> tuple[int, bytes]:
        simulator, now = self._simulator, self._market.now_ns
        if age_s:
            now -= int(age_s * SECOND_NS)
            walks = self._market.walks.items()
            simulator = self._make({name: self._earlier(walk, now) for name, walk in walks})
        simulator.advance(now)
        return simulator.fetched(method, target, body)

    def _earlier(self, walk: Walk, then_ns: int) -> Walk:
        earlier = copy(walk)
        earlier.id, earlier.book = self._market.book_at(walk.contract.name, then_ns)
        return earlier

    def _limited(self, address: str, window: Window, now: int) -> Answer:
        self._refused[address] = self._refused.get(address, 0) + 1
        if self._refused[address] <= BANNED_AFTER:
            return self._refuse(429, window.wait_s(now))
        self._refused.pop(address)
        self._banned_until_ns[address] = now + int(self._limits.banned_s * SECOND_NS)
        return self._refuse(418, self._limits.banned_s)

    def _refuse(self, status: int, retry_s: float) -> Answer:
        self._tally.count(f"requests {status}")
        headers = [("retry-after", f"{max(1, round(retry_s + 0.5))}")] if retry_s else []
        return Answer(status, b'{"code":-1003,"msg":"Too many requests."}', headers)


def encoded(answer: Answer, connection: h11.Connection) -> bytes:
    """An answer on the wire."""
    headers = [
        ("content-type", "application/json"),
        ("content-length", f"{len(answer.body)}"),
        *answer.headers,
    ]
    parts = [
        connection.send(h11.Response(status_code=answer.status, headers=headers)),
        connection.send(h11.Data(data=answer.body)) if answer.body else b"",
        connection.send(h11.EndOfMessage()),
    ]
    return b"".join(part for part in parts if part)


def received(request: bytes) -> tuple[h11.Connection, str, str]:
    """The connection's state after a whole request, its method and its target; `h11.RemoteProtocolError` if wrong."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(request)
    head = connection.next_event()
    while connection.their_state is h11.SEND_BODY:
        connection.next_event()
    if not isinstance(head, h11.Request):
        raise h11.RemoteProtocolError("no request")
    return connection, head.method.decode(), head.target.decode()
