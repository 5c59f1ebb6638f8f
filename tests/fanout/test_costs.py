"""What one client costs: channels that patterns stand for are bounded, and the next item owed is found at once."""

from typing import Any

from deltawire.dialect.grammar import parse_channel
from deltawire.fanout.directory import ENDED_AT_ONCE
from deltawire.fanout.history import RetentionPolicy
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import Subscriber
from deltawire.market.market import Market
from tests.support.counting import called
from tests.support.market_events import START_NS, VENUE, make_instrument, make_listing, make_trade
from tests.support.subscribers import Inbox, join

MANY = 400


def listed(hub: Hub, count: int, prefix: str = "I") -> list[Any]:
    instruments = [make_instrument(f"{prefix}{number}") for number in range(count)]
    hub.publish([make_listing(instrument) for instrument in instruments])
    return instruments


def cost_of_catching_up(channels: int) -> int:
    hub = Hub(Market(VENUE), "epoch")
    hub.advance(VENUE, START_NS)
    instruments = listed(hub, channels)
    inbox = Inbox()
    join(hub, inbox, "ticker.*.raw")
    hub.fall_behind(inbox.subscriber, 1 << 20, lambda: None)
    hub.publish([make_trade(instruments[0], 1, 1)])
    hub.flush()
    return len(called(lambda: hub.catch_up(inbox.subscriber)))


def test_what_a_slow_reader_is_owed_next_is_found_whatever_it_is_on() -> None:
    assert cost_of_catching_up(MANY) <= cost_of_catching_up(10) + 20


def test_leaving_one_of_many_patterns_costs_what_it_stands_for() -> None:
    def cost(patterns: int) -> int:
        hub = Hub(Market(VENUE), "epoch")
        listed(hub, 20)
        listed(hub, 1, "Z")
        inbox = Inbox()
        names = [f"trades.I*{'*' * (number % 2)}.{pace}" for number, pace in enumerate(("raw", "100ms"))]
        names += [f"quote.*{number}" for number in range(patterns)]
        join(hub, inbox, *names, "trades.Z*.raw")
        return len(called(lambda: hub.leave(inbox.subscriber, ["trades.Z*.raw"])))

    assert cost(9) <= cost(1) + 50


class CrowdedInbox(Inbox):
    """A subscriber that may be on few channels."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.crowded = 0
        self.subscriber = Subscriber(self, most_channels=most, crowded=self.crowd)

    def crowd(self) -> None:
        self.crowded += 1


def test_instruments_listed_later_do_not_take_a_member_past_its_bound() -> None:
    hub = Hub(Market(VENUE), "epoch")
    crowd, other = CrowdedInbox(10), Inbox()
    for name in ("trades.*.raw", "quote.*"):
        key = parse_channel(name)
        assert key is not None
        hub.join(crowd.subscriber, [key])
    join(hub, other, "trades.*.raw")
    listed(hub, 5)
    assert (len(crowd.subscriber.channels), crowd.crowded) == (10, 0)
    listed(hub, 1, "J")
    assert (len(crowd.subscriber.channels), crowd.crowded) == (10, 1)
    assert len(other.subscriber.channels) == 6


def test_who_leaves_thousands_of_channels_at_once_leaves_their_end_to_later_turns() -> None:
    hub = Hub(Market(VENUE), "epoch", retention=RetentionPolicy(most_idle=10))
    hub.advance(VENUE, START_NS)
    listed(hub, MANY)
    inbox = Inbox()
    join(hub, inbox, "trades.*.raw")
    assert len(called(lambda: hub.gone(inbox.subscriber))) < 40 * MANY
    assert hub.directory.get("trades.I0.raw") is not None
    turns = 1
    while hub.directory.sweep(START_NS):
        turns += 1
    assert turns == -(-(MANY - 10) // ENDED_AT_ONCE)
    assert hub.directory.get("trades.I0.raw") is None


def test_idle_channels_become_no_more_by_opening_and_leaving_others() -> None:
    hub = Hub(Market(VENUE), "epoch", retention=RetentionPolicy(most_idle=10))
    hub.advance(VENUE, START_NS)
    listed(hub, MANY)
    for family in ("trades.*.raw", "trades.*.100ms", "quote.*", "ticker.*.raw"):
        inbox = Inbox()
        join(hub, inbox, family)
        hub.gone(inbox.subscriber)
    kept = [
        name
        for number in range(MANY)
        for name in (
            f"trades.I{number}.raw",
            f"trades.I{number}.100ms",
            f"quote.I{number}",
            f"ticker.I{number}.raw",
        )
        if hub.directory.get(name) is not None
    ]
    assert len(kept) <= MANY + 10
