"""What unmodified clients rely on in book channels, where the dialect's description leaves it open."""

from typing import Any

import msgspec
import pytest

from deltawire.dialect.grammar import parse_channel
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import Subscriber
from deltawire.market.market import Market
from deltawire.model.events import BookDelta, BookImage, Changes, Levels, StaleReason, Status
from deltawire.model.instruments import Instrument
from deltawire.session.client import BookMirror

INSTRUMENT = Instrument(
    venue="venue",
    name="X",
    kind="spot",
    base="A",
    quote="B",
    settlement="B",
    price_exponent=0,
    size_exponent=0,
)
NOTHING = Changes([], [], [])
START_MS = 1_700_000_000_000
MS_NS = 1_000_000
STALE = {"state": "stale", "reason": "closed"}
LIVE = {"state": "live"}


class DataInbox:
    """Keeps the data of the notifications written to it, one frame at a time."""

    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        self.data.append(msgspec.json.decode(data[data.index(b"{") :])["params"]["data"])


class SteppedHubHarness:
    """A hub with one book; every call is a moment of its own, 30 ms after the one before."""

    def __init__(self, bids: Levels, asks: Levels) -> None:
        self.hub = Hub(Market(home="venue"), "epoch")
        self.now_ms = START_MS
        at_ns = self.now_ms * MS_NS
        self.hub.advance("venue", at_ns)
        image = BookImage(INSTRUMENT, 1, bids, asks, at_ns, at_ns, 0)
        self.hub.publish([Status(INSTRUMENT, "live", "", at_ns), image])

    def joined(self, channel: str) -> DataInbox:
        inbox = DataInbox()
        key = parse_channel(channel)
        assert key is not None
        self.hub.join(Subscriber(inbox), [key])
        return inbox

    def bid_changes(self, sequence: int, price: int, before: int, after: int) -> None:
        at_ns = self._next_ns()
        change = Changes([price], [after], [before])
        self.hub.publish([BookDelta(INSTRUMENT, sequence, change, NOTHING, at_ns, at_ns, 0)])
        self.hub.flush()

    def turns_stale(self, reason: StaleReason = "closed") -> None:
        self.hub.publish([Status(INSTRUMENT, "stale", reason, self._next_ns())])
        self.hub.flush()

    def resynchronises_unchanged(self, sequence: int) -> None:
        at_ns = self._next_ns()
        same = BookDelta(INSTRUMENT, sequence, NOTHING, NOTHING, at_ns, at_ns, 0)
        self.hub.publish([Status(INSTRUMENT, "live", "", at_ns), same])
        self.hub.flush()

    def advance_ms(self, milliseconds: int) -> None:
        self.now_ms += milliseconds
        self.hub.advance("venue", self.now_ms * MS_NS)
        self.hub.flush()

    def _next_ns(self) -> int:
        self.advance_ms(30)
        return self.now_ms * MS_NS


def full_harness() -> SteppedHubHarness:
    return SteppedHubHarness(Levels([9, 8], [1, 2]), Levels([10], [3]))


def test_late_joiner_gets_the_published_levels_with_the_time_they_were_published_for() -> None:
    # ccxt knows a book by its time alone
    harness = full_harness()
    harness.joined("book.X.100ms")
    harness.bid_changes(2, 9, before=1, after=5)
    harness.advance_ms(100)  # it is published
    harness.bid_changes(3, 9, before=5, after=7)  # this is still held back
    held_ms = harness.now_ms

    late = harness.joined("book.X.100ms")
    harness.advance_ms(100)

    image, change = late.data
    assert (image["timestamp"], image["change_id"]) == (START_MS + 30, 2)
    assert image["bids"] == [["new", 9.0, 5.0], ["new", 8.0, 2.0]]
    assert (change["timestamp"], change["change_id"]) == (held_ms, 3)
    assert change["bids"] == [["change", 9.0, 7.0]]


@pytest.mark.parametrize("interval", ["raw", "100ms"])
def test_a_lone_status_restates_the_best_levels(interval: str) -> None:
    # nautilus_trader ends the process on a change without levels
    harness = full_harness()
    inbox = harness.joined(f"book.X.{interval}")
    harness.turns_stale()
    harness.resynchronises_unchanged(2)
    _, stale, live = inbox.data
    for told, status in ((stale, STALE), (live, LIVE)):
        assert told["type"] == "change"
        assert told["status"] == status
        assert (told["bids"], told["asks"]) == ([["change", 9.0, 1.0]], [["change", 10.0, 3.0]])
    assert [told["change_id"] for told in inbox.data] == [1, 1, 2]
    assert [told["prev_change_id"] for told in (stale, live)] == [1, 1]


@pytest.mark.parametrize("interval", ["raw", "100ms"])
def test_a_lone_status_of_a_book_without_levels_is_an_empty_image(interval: str) -> None:
    harness = SteppedHubHarness(Levels([], []), Levels([], []))
    inbox = harness.joined(f"book.X.{interval}")
    harness.turns_stale()
    harness.resynchronises_unchanged(2)
    mirror, states = BookMirror(), []
    for told in inbox.data:
        assert (told["type"], told["bids"], told["asks"]) == ("snapshot", [], [])
        mirror.apply(told)
        states.append(mirror.state)
    assert states == ["live", "stale", "live"]
