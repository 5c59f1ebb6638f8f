"""What a server knows and answers after a recording, without a socket."""

from pathlib import Path
from typing import Any

from deltawire.fanout.hub import Hub
from deltawire.market.market import Market
from deltawire.model.events import Event
from deltawire.recording import Recording
from deltawire.session.methods import Context
from deltawire.session.server import answer_http
from deltawire.sources.replay import play
from deltawire.venues import make_venue
from deltawire.wire.rpc import Reply, Request
from tests.support.conversations import nobodys_access


class PlayedMarket:
    """The market as the last record of a recording leaves it, and all events on the way."""

    def __init__(self, path: Path, venue: str) -> None:
        self.market = Market(home=venue)
        self.events: list[Event] = []
        self._hub = Hub(self.market, "epoch")
        for batch in play(Recording(path).records(), make_venue(venue)):
            self._hub.advance(venue, batch.at_ns)
            self._hub.publish(batch.events)
            self.events += batch.events

    def ask(self, method: str, **params: Any) -> Reply:
        """The reply to a request."""
        context = Context(self.market, 0, "1", nobodys_access(), strict=False)
        return answer_http(Request(f"public/{method}", params), context)

    def result(self, method: str, **params: Any) -> Any:
        """The result of a request that succeeds."""
        reply = self.ask(method, **params)
        assert reply.error is None, reply.error
        return reply.result

    def listed(self, **params: Any) -> dict[str, dict[str, Any]]:
        """`get_instruments` by name."""
        return {each["instrument_name"]: each for each in self.result("get_instruments", **params)}
