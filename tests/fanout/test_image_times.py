"""The time of a book image is that of its levels: clients without change ids know a book by its time."""

from typing import Any

import msgspec

from deltawire.fanout.hub import Hub
from deltawire.fanout.roster import Member
from deltawire.market.market import Market
from deltawire.model.events import BookDelta, BookImage, Changes, Levels, Status
from deltawire.model.instruments import Instrument
from deltawire.session.channels import parse_channel

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


class Inbox:
    """Keeps the data of the notifications written to it."""

    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        """One unfragmented text frame at a time."""
        self.data.append(msgspec.json.decode(data[data.index(b"{") :])["params"]["data"])


def joined(hub: Hub) -> Inbox:
    inbox = Inbox()
    key = parse_channel("book.X.100ms")
    assert key is not None
    hub.join(Member(inbox), [key])
    return inbox


def changed(hub: Hub, sequence: int, at_ms: int, sizes: tuple[int, int]) -> None:
    """The one bid changes from the first size to the second."""
    before, after = sizes
    at_ns = at_ms * 1_000_000
    hub.advance("venue", at_ns)
    hub.publish([BookDelta(INSTRUMENT, sequence, Changes([9], [after], [before]), NOTHING, at_ns, at_ns, 0)])


def test_late_joiner_gets_the_published_levels_with_the_time_they_were_published_for() -> None:
    hub = Hub(Market(home="venue"), "epoch")
    at_ns = START_MS * 1_000_000
    hub.advance("venue", at_ns)
    hub.publish(
        [
            Status(INSTRUMENT, "live", "", at_ns),
            BookImage(INSTRUMENT, 1, Levels([9], [1]), Levels([10], [1]), at_ns, at_ns, 0),
        ]
    )
    joined(hub)
    changed(hub, 2, START_MS + 30, (1, 5))  # published at 100 ms
    changed(hub, 3, START_MS + 130, (5, 7))  # still held back when the other joins

    late = joined(hub)
    hub.advance("venue", (START_MS + 200) * 1_000_000)
    hub.flush()

    image, change = late.data
    assert (image["timestamp"], image["change_id"]) == (START_MS + 30, 2)
    assert image["bids"] == [["new", 9.0, 5.0]]
    assert (change["timestamp"], change["change_id"]) == (START_MS + 130, 3)
    assert change["bids"] == [["change", 9.0, 7.0]]
