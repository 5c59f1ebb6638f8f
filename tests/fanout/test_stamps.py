"""Latency stamps: for those who ask, on every change, in every encoding."""

from typing import Any

import msgspec
import pytest

from deltawire.dialect.grammar import parse_channel
from deltawire.fanout.channel_encoding import PROTO
from deltawire.fanout.hub import Hub
from deltawire.session.client import ClientSession, Notification
from deltawire.wire.notifications import Stamps
from tests.support.frames import TEXT, take_frames
from tests.support.hub_harness import BIDS, HubHarness, live_hub_harness
from tests.support.market_events import MS_NS, START_NS
from tests.support.subscribers import Inbox
from tests.support.transports import StillClock

RAW = "book.BTC-PERPETUAL.raw"


def stamped_harness() -> HubHarness:
    harness = live_hub_harness()
    harness.hub = Hub(harness.market, "epoch", clock=StillClock(START_NS + 7))
    return harness


def notes(inbox: Inbox) -> list[Notification]:
    session = ClientSession()
    frames = take_frames(bytearray(b"".join(inbox.writes)))
    heard: list[Any] = [
        session.received(frame.payload) if frame.opcode == TEXT else session.received_binary(frame.payload)
        for frame in frames
    ]
    return [note for note in heard if isinstance(note, Notification)]


@pytest.mark.parametrize("encoding", ["json", PROTO])
@pytest.mark.parametrize("channel", [RAW, "book.BTC-PERPETUAL.100ms", "quote.BTC-PERPETUAL"])
def test_a_change_says_when_it_happened_was_seen_and_was_sent(encoding: str, channel: str) -> None:
    harness = stamped_harness()
    key = parse_channel(channel)
    assert key is not None
    plain, stamped = Inbox(), Inbox()
    for inbox in (plain, stamped):
        inbox.subscriber.encoding = encoding
    harness.hub.join(plain.subscriber, [key])
    harness.hub.join(stamped.subscriber, [msgspec.structs.replace(key, stamps=True)])
    harness.book.now_ns = START_NS + MS_NS
    harness.publish(harness.book.change(bids={1000: 1 + BIDS[1000]}))
    harness.now_ns = START_NS
    harness.advance_ms(100)
    assert [note.stamps for note in notes(plain)] == [None, None]
    assert [note.stamps for note in notes(stamped)] == [
        None,
        Stamps(START_NS + MS_NS, START_NS + MS_NS, START_NS + 7),
    ]
