"""A source that falls silent: its books are told stale where they are, and live again, and no position moves."""

import json
from random import Random
from typing import Any

import pytest

from deltawire.fanout.channel_encoding import PROTO
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import JSON, Encoding
from deltawire.market.market import Market
from deltawire.session.client import BookMirror, ClientSession, Notification
from tests.fanout.test_two_hubs import joined_as, keys, told
from tests.support.frames import take_frames
from tests.support.hub_harness import live_hub_harness
from tests.support.market_events import VENUE
from tests.support.random_markets import RandomMarket
from tests.support.subscribers import Inbox

SILENT = "the bus is silent"


def read(session: ClientSession, inbox: Inbox) -> list[Notification]:
    """What a client makes of what was written since; it holds every channel to its chain."""
    frames = take_frames(bytearray(b"".join(inbox.writes)))
    found = [session.received(frame.payload.decode()) for frame in frames]
    inbox.writes.clear()
    return [each for each in found if isinstance(each, Notification)]


@pytest.mark.parametrize(
    "name",
    ["book.BTC-PERPETUAL.raw", "book.BTC-PERPETUAL.100ms", "book.BTC-PERPETUAL.agg2"],
)
def test_subscribers_of_a_book_are_told_and_the_chain_goes_on(name: str) -> None:
    harness, session, mirror = live_hub_harness(), ClientSession(), BookMirror()
    inbox = harness.joined(name)
    harness.publish(harness.book.change({1000: 11}, {}))
    harness.advance_ms(2000)
    for note in read(session, inbox):
        mirror.apply(note.data)
    position = session.reconnected()
    levels = dict(mirror.bids), dict(mirror.asks)

    harness.hub.withhold(VENUE, SILENT)
    (note,) = read(session, inbox)
    mirror.apply(note.data)
    assert (mirror.state, mirror.reason, mirror.detail) == ("stale", "lost", SILENT)
    assert (mirror.bids, mirror.asks) == levels

    harness.hub.release(VENUE)
    (note,) = read(session, inbox)
    mirror.apply(note.data)
    assert (mirror.state, mirror.reason) == ("live", "")
    assert session.reconnected() == position

    harness.publish(harness.book.change({1000: 12}, {}))
    harness.advance_ms(2000)
    for note in read(session, inbox):
        mirror.apply(note.data)
    assert mirror.bids == {100.0: 12.0, 99.9: 20.0}


@pytest.mark.parametrize(
    "name", ["book.BTC-PERPETUAL.none.10.raw", "status.BTC-PERPETUAL", "ticker.BTC-PERPETUAL.raw"]
)
def test_so_are_those_of_its_other_channels(name: str) -> None:
    harness = live_hub_harness()
    inbox = harness.joined(name)
    inbox.writes.clear()
    harness.hub.withhold(VENUE, SILENT)
    assert state_told(inbox) == "stale"
    harness.hub.release(VENUE)
    assert state_told(inbox) == "live"


def state_told(inbox: Inbox) -> str:
    (frame,) = take_frames(bytearray(b"".join(inbox.writes)))
    inbox.writes.clear()
    data: dict[str, Any] = json.loads(frame.payload)["params"]["data"]
    status = data if "instrument_name" in data and "reason" in data else data.get("status")
    return "live" if status is None else str(status["state"])


def test_who_joins_a_withheld_book_waits_for_it() -> None:
    harness = live_hub_harness()
    harness.hub.withhold(VENUE, SILENT)
    inbox = harness.joined("book.BTC-PERPETUAL.raw")
    assert inbox.writes == []
    state = harness.market.find("BTC-PERPETUAL")
    assert state is not None
    assert state.best() == (0.0, 0.0, 0.0, 0.0)
    harness.hub.release(VENUE)
    assert b'"snapshot"' in b"".join(inbox.writes)
    assert state.best() == (100.0, 10.0, 100.1, 30.0)


def test_a_book_that_was_stale_before_is_stale_behind_it() -> None:
    harness = live_hub_harness()
    harness.publish(harness.book.stale())
    inbox = harness.joined("status.BTC-PERPETUAL")
    inbox.writes.clear()
    harness.hub.withhold(VENUE, SILENT)
    harness.hub.release(VENUE)
    assert inbox.writes == []


@pytest.mark.parametrize("encoding", [JSON, PROTO])
@pytest.mark.parametrize("seed", range(10))
def test_a_hub_that_was_silent_goes_on_with_the_bytes_of_one_that_was_not(
    seed: int, encoding: Encoding
) -> None:
    random, market = Random(seed), RandomMarket(seed)
    hubs = [Hub(Market(VENUE), "epoch"), Hub(Market(VENUE), "epoch")]
    inboxes: dict[str, list[Inbox]] = {}
    for now_ns, events in market.moments(80):
        for hub in hubs:
            hub.advance(VENUE, now_ns)
            hub.publish(events)
            hub.flush()
        for key in keys():
            if key.id not in inboxes and (not key.instrument or hubs[0].market.find(key.instrument)):
                inboxes[key.id] = [joined_as(hub, key, encoding) for hub in hubs]
        if random.random() < 0.3:
            before = {id_: len(pair[1].writes) for id_, pair in inboxes.items()}
            hubs[1].withhold(VENUE, SILENT)
            hubs[1].release(VENUE)
            for id_, pair in inboxes.items():
                del pair[1].writes[before[id_] :]
    for key in keys():
        if key.id in inboxes:
            first, silent = (told(b"".join(inbox.writes), encoding) for inbox in inboxes[key.id])
            assert first == silent, key.id
    assert hubs[0].market.freeze() == hubs[1].market.freeze()
