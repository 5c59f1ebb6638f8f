"""One client's conversation in memory: requests as a client makes them, answers as it reads them."""

import json
from itertools import count
from typing import Any

from deltawire.access.access import Access
from deltawire.access.keys import KeyRing
from deltawire.market.market import Market
from deltawire.session.effects import Effect
from deltawire.session.methods import Context
from deltawire.session.server import ServerSession, answer_http
from deltawire.wire.rpc import Reply, Request, format_reply
from tests.support.market_events import START_NS

VERSION = "9.9"


class Conversation:
    """A WebSocket session and its time."""

    def __init__(self, market: Market, access: Access | None = None, **more: Any) -> None:
        self.session = ServerSession(market, VERSION, access or nobodys_access(), **more)
        self.now_ns = START_NS
        self._asked = 0

    def effects(self, method: str, **params: Any) -> list[Effect]:
        """What a request leads to."""
        self._asked += 1
        request = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        return self.session.received(json.dumps(request).encode(), self.now_ns)

    def answer(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a request, as the client reads it."""
        (reply,) = [effect for effect in self.effects(method, **params) if isinstance(effect, Reply)]
        return read(reply, self.now_ns)

    def result(self, method: str, **params: Any) -> Any:
        """What an answer says; it must not be an error."""
        answer = self.answer(method, **params)
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, **params: Any) -> dict[str, Any]:
        """The error of an answer; it must be one."""
        error: dict[str, Any] = self.answer(method, **params)["error"]
        return error

    def passes(self, nanoseconds: int) -> list[Effect]:
        """Time passes."""
        self.now_ns += nanoseconds
        return self.session.tick(self.now_ns)


def read(reply: Reply, now_ns: int) -> dict[str, Any]:
    """A reply as its receiver reads it, sent at once."""
    found: dict[str, Any] = json.loads(format_reply(reply, now_ns // 1000))
    return found


def ask_http(market: Market, method: str, *, strict: bool, **params: Any) -> dict[str, Any]:
    """The answer over HTTP: `strict` as a POST body's values, else as a query's text."""
    context = Context(market, START_NS, VERSION, nobodys_access(), strict=strict)
    return read(answer_http(Request(method, params), context), START_NS)


def nobodys_access() -> Access:
    """No keys at all; tokens are numbered."""
    numbers = count(1)
    return Access(KeyRing(), lambda: f"token-{next(numbers)}")
