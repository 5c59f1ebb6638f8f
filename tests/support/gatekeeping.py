"""A gateway over the exchange in memory, its connections without sockets, and a clock that is set by hand."""

import base64
import json
from itertools import count
from typing import Any

from deltawire.access.access import Access, HttpRequest
from deltawire.access.backoff import BackoffPolicy
from deltawire.access.keys import KeyRing
from deltawire.errors import RequestError
from deltawire.exchange.orders.records import CancelMany
from deltawire.gateway.gateway import Gateway
from deltawire.model.account_events import AccountLock
from deltawire.session.server import answer_http
from deltawire.wire.frames import TEXT
from deltawire.wire.rpc import Request
from tests.support.contracts import PERPETUAL
from tests.support.conversations import read
from tests.support.market_events import START_NS
from tests.support.subscribers import Inbox
from tests.support.trading import Exchange
from tests.support.transports import StillClock

LOW = 20_000.0
"""A price at which a bid rests."""


class Peer:
    """A connection: what the gateway does with it, and what its client has been sent."""

    def __init__(self, gateway: Gateway, address: str, header: str = "") -> None:
        """Raises what the handshake is refused with."""
        self._gateway = gateway
        self._inbox = Inbox()
        self.subscriber = self._inbox.subscriber
        self.messages: list[dict[str, Any]] = []
        self.code = 0
        now = gateway.clock.now()
        request = HttpRequest("GET", "/ws/api/v2", b"")
        identity = gateway.access.by_headers([header] if header else [], request, address, now)
        self.session = gateway.make_session(address, identity)
        gateway.opened(self, self.session)
        self._numbers = count(1)

    # What the gateway calls.

    @property
    def unsent(self) -> int:
        """See `Connection`."""
        return 0

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        """See `Connection`."""
        if not self.code:
            self.messages.append(json.loads(payload))

    def attest(self, key: bytes) -> None:
        """See `Connection`."""

    def close(self, code: int, reason: str) -> None:
        """See `Connection`."""
        self.code = self.code or code
        self._gateway.hub.gone(self.subscriber)

    def watch(self, now: int) -> None:
        """See `Connection`."""
        self.check_rights(now)
        if not self.code:
            self._gateway.execute(self, self.session.tick(now))

    def check_rights(self, now: int) -> None:
        """See `Connection`."""
        if not self.code:
            self._gateway.enforce(self, self.session.rights_changed(now))

    @property
    def closing(self) -> bool:
        """See `Connection`."""
        return bool(self.code)

    def resume(self) -> None:
        """See `Connection`."""
        self._gateway.resume(self)

    # What its client does.

    def sends(self, method: str, **params: Any) -> int:
        """Send a request, also behind the server's close, and return its number."""
        number = next(self._numbers)
        frame = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        effects = self.session.received(frame.encode(), self._gateway.clock.now())
        self._gateway.execute(self, effects)
        return number

    def asks(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a request; without one an error, or what stands for the close."""
        number = self.sends(method, **params)
        for message in self.messages:
            if message.get("id") == number:
                self.messages.remove(message)
                return message
        return {"closed": self.code}

    def heard(self) -> list[dict[str, Any]]:
        """The notifications of channels since the last call, in their order."""
        return [
            message["params"] for message in self._inbox.take() if message.get("method") == "subscription"
        ]

    def told_off(self) -> list[str]:
        """The channels that it was told since the last call that it has left."""
        notes = [each for each in self.messages if each.get("method") == "unsubscribed"]
        self.messages = [each for each in self.messages if each not in notes]
        return [name for note in notes for name in note["params"]["channels"]]

    def gone(self) -> None:
        """The client has closed, or the server's close is through."""
        self.code = self.code or 1000
        self.session.closed()
        self._gateway.disconnected(self)


class Gatekeeping:
    """Keys, a gateway, and whoever is connected, over an exchange that may be shared."""

    def __init__(self, exchange: Exchange | None = None) -> None:
        self.exchange = exchange or Exchange()
        self.clock = StillClock(START_NS)
        tokens = (f"token-{number}" for number in count(1))
        self.access = Access(KeyRing(), tokens.__next__, BackoffPolicy(free=1_000_000))
        self.gateway = Gateway(
            self.exchange.market,
            self.exchange.hub,
            self.clock,
            version="9.9",
            access=self.access,
            trading=self.exchange.service,
        )

    def opens(self, address: str, header: str = "") -> Peer | None:
        """A new connection, None where the handshake is refused."""
        try:
            return Peer(self.gateway, address, header)
        except RequestError:
            return None

    def http(self, address: str, method: str, header: str = "", **params: Any) -> dict[str, Any]:
        """The answer to one request over HTTP."""
        request, headers = HttpRequest("POST", "/api/v2", b""), [header] if header else []
        try:
            identity = self.access.by_headers(headers, request, address, self.clock.now())
        except RequestError as error:
            return {"error": {"code": error.code}}
        reply = answer_http(Request(method, params), self.gateway.make_context(address, identity))
        self.gateway.enforce_ended_grants()
        return read(reply, self.clock.now())

    def passes(self, seconds: float) -> None:
        """Time passes, and every connection sees it."""
        self.clock.now_ns += int(seconds * 1e9)
        for peer in list(self.gateway.connections):
            peer.watch(self.clock.now())

    def happens(self, account: int) -> None:
        """An order of an account comes and goes, and the account is locked."""
        harness = self.exchange.harness
        harness.order(account, PERPETUAL, 10.0, LOW)
        harness.do(CancelMany, account=account)
        self.exchange.hub.publish_private(account, [AccountLock(locked=True, currency="BTC")])
        self.exchange.hub.flush()

    def cancels(self, account: int) -> CancelMany:
        """The record that ends an account's orders."""
        return CancelMany(at_ns=self.exchange.harness.now, account=account)

    def forgets(self) -> None:
        """Nobody looks at what was recorded."""
        self.exchange.harness.records.clear()
        self.exchange.disk.payloads.clear()


def basic(client_id: str, secret: str) -> str:
    """An `Authorization` header."""
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()
