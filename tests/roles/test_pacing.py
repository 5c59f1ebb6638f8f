"""Intervals that end together are published over many turns, with the same bytes as at once."""

import asyncio

import pytest

from deltawire.fanout.hub import Hub
from deltawire.market.market import Market
from deltawire.model.events import Event
from deltawire.ports import Batch
from deltawire.roles import pacing
from deltawire.roles.pacing import PacedHub
from tests.support.market_events import MS_NS, START_NS, VENUE, make_instrument, make_listing, make_trade
from tests.support.subscribers import Inbox, join

COUNT = 60
INSTRUMENTS = [make_instrument(f"I{number}") for number in range(COUNT)]
LATER_NS = START_NS + 150 * MS_NS


def market() -> tuple[Hub, Inbox]:
    """A hub that has listed the instruments, and a subscriber to the trades of all, every 100 ms."""
    hub = Hub(Market(VENUE), "epoch")
    hub.advance(VENUE, START_NS)
    hub.publish([make_listing(instrument) for instrument in INSTRUMENTS])
    inbox = Inbox()
    join(hub, inbox, "trades.*.100ms", "trades.I1.raw")
    return hub, inbox


def trades(number: int) -> list[Event]:
    """One of each instrument."""
    return [make_trade(instrument, 100 + number, 1) for instrument in INSTRUMENTS]


def batches() -> list[Batch]:
    """Trades, the end of their interval, and trades of the next one."""
    return [
        Batch(VENUE, START_NS, trades(0)),
        Batch(VENUE, LATER_NS, []),
        Batch(VENUE, LATER_NS, trades(1)),
        Batch(VENUE, LATER_NS + 100 * MS_NS, trades(2)),
    ]


async def test_the_ends_of_many_intervals_take_many_turns_and_change_no_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "TURN_NS", 0)
    hub, inbox = market()
    applied: list[Batch] = []
    paced = PacedHub(hub, applied.append)
    for batch in batches():
        paced.apply(batch)
    turns, sizes = 0, [len(b"".join(inbox.writes))]
    idle = asyncio.create_task(paced.idle())
    while not idle.done():
        await asyncio.sleep(0)
        turns += 1
        sizes.append(len(b"".join(inbox.writes)))
    hub.flush()
    assert applied == batches()
    assert turns > 2 * COUNT // pacing.ENDED_TOGETHER
    assert len(set(sizes)) > COUNT // pacing.ENDED_TOGETHER, "what is published is written turn by turn"

    other, at_once = market()
    for batch in batches():
        other.advance(VENUE, batch.at_ns)
        other.publish(batch.events)
    other.flush()
    assert b"".join(inbox.writes) == b"".join(at_once.writes)


async def test_a_channel_that_ends_while_its_interval_does_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "TURN_NS", 0)
    hub, inbox = market()
    paced = PacedHub(hub, lambda batch: None)
    for batch in batches()[:2]:
        paced.apply(batch)
    hub.gone(inbox.subscriber)
    written = len(inbox.writes)
    hub.directory.sweep(1)
    while hub.directory.sweep(1 << 62):
        pass
    await paced.idle()
    hub.flush()
    assert len(inbox.writes) == written
    assert hub.directory.listened() == 0


async def test_without_subscribers_a_batch_is_applied_in_the_same_turn() -> None:
    hub = Hub(Market(VENUE), "epoch")
    applied: list[Batch] = []
    paced = PacedHub(hub, applied.append)
    paced.apply(Batch(VENUE, START_NS, [make_listing(INSTRUMENTS[0])]))
    assert len(applied) == 1
    await asyncio.wait_for(paced.idle(), 1)
