"""A market, its hub, and one scripted book on it: where fan-out tests begin."""

from typing import Any

from deltawire.fanout.history import RetentionPolicy
from deltawire.fanout.hub import Hub
from deltawire.market.market import Market
from deltawire.model.events import Event
from deltawire.model.instruments import Instrument
from tests.support.market_events import MS_NS, START_NS, VENUE, ScriptedBook
from tests.support.subscribers import Inbox, joined

BIDS = {1000: 10, 999: 20}
ASKS = {1001: 30, 1003: 40}


class HubHarness:
    """One venue's time, instrument and book; `publish` and `advance_ms` flush, as the end of a tick does."""

    def __init__(
        self, instrument: Instrument | None = None, retention: RetentionPolicy | None = None
    ) -> None:
        self.market = Market(VENUE)
        self.hub = Hub(self.market, "epoch", retention=retention)
        self.book = ScriptedBook(instrument)
        self.instrument = self.book.instrument
        self.now_ns = START_NS
        self.hub.advance(VENUE, self.now_ns)

    def publish(self, *events: Event) -> None:
        """Events of one moment."""
        self.hub.publish(events)
        self.hub.flush()

    def advance_ms(self, milliseconds: int) -> None:
        """Time passes."""
        self.now_ns += milliseconds * MS_NS
        self.book.now_ns = self.now_ns
        self.hub.advance(VENUE, self.now_ns)
        self.hub.flush()

    def end_idle_channels(self) -> None:
        """Nobody comes back for an hour."""
        self.hub.directory.sweep(START_NS)
        self.hub.directory.sweep(START_NS + 3_600_000 * MS_NS)

    def joined(self, *channels: str) -> Inbox:
        """A new subscriber."""
        return joined(self.hub, *channels)


def live_hub_harness(
    instrument: Instrument | None = None, retention: RetentionPolicy | None = None, **sides: Any
) -> HubHarness:
    """A hub whose book is live."""
    harness = HubHarness(instrument, retention)
    harness.publish(*harness.book.image(sides.get("bids", BIDS), sides.get("asks", ASKS)))
    return harness
