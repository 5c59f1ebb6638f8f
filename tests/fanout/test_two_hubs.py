"""Two hubs that are fed the same events say the same, byte for byte, whoever joins which of them when."""

import json
from random import Random
from typing import NamedTuple

import msgspec
import pytest

from deltawire.dialect.grammar import ChannelKey, parse_channel
from deltawire.fanout.channel_encoding import PROTO
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import JSON, Encoding
from deltawire.market.market import Market
from deltawire.wire.protobuf import ProtoDecoder
from tests.fanout.test_hub import CHANNELS
from tests.support.frames import TEXT, messages_in, take_frames
from tests.support.market_events import MS_NS, VENUE
from tests.support.random_markets import RandomMarket
from tests.support.subscribers import Inbox

NAMES = [
    *CHANNELS.values(),
    "book.BTC-PERPETUAL.100ms",
    "book.BTC-PERPETUAL.agg2",
    "book.BTC-PERPETUAL.none.1.raw",
    "book.BTC-PERPETUAL.5.10.agg2",
    "trades.BTC-PERPETUAL.raw",
    "trades.option.BTC.raw",
    "ticker.BTC-PERPETUAL.raw",
    "ticker.BTC-29DEC23-40000-C.100ms",
    "quote.BTC-29DEC23-40000-C",
    "perpetual.BTC-PERPETUAL.100ms",
    "chart.trades.BTC-PERPETUAL.1",
    "instrument.state.future.ETH",
]
LIMITED = [
    ("book.BTC-PERPETUAL.raw", {"levels": 1}),
    ("book.BTC-PERPETUAL.raw", {"levels": 2, "pace_ns": 200 * MS_NS}),
    ("book.BTC-PERPETUAL.100ms", {"levels": 3}),
    ("book.BTC-PERPETUAL.raw", {"pace_ns": 500 * MS_NS}),
    ("book.BTC-PERPETUAL.none.10.raw", {"pace_ns": 50 * MS_NS}),
    ("ticker.BTC-PERPETUAL.raw", {"pace_ns": 1000 * MS_NS}),
    ("incremental_ticker.BTC-PERPETUAL", {"pace_ns": 100 * MS_NS}),
    ("quote.BTC-PERPETUAL", {"pace_ns": 2000 * MS_NS}),
    ("trades.BTC-PERPETUAL.raw", {"pace_ns": 500 * MS_NS}),
]


class Told(NamedTuple):
    """A notification, and what it says of its place."""

    seq: int
    prev_seq: int | None
    payload: bytes


def keys() -> list[ChannelKey]:
    """A channel of every public family, and others of them."""
    plain = [parse_channel(name) for name in NAMES]
    limited = [(parse_channel(name), limits) for name, limits in LIMITED]
    return [
        *(key for key in plain if key is not None),
        *(msgspec.structs.replace(key, **limits) for key, limits in limited if key is not None),
    ]


def told(data: bytes, encoding: Encoding) -> list[Told]:
    """Every notification in what was written."""
    if encoding == JSON:
        frames = take_frames(bytearray(data))
        notes = [message["params"] for message in messages_in(data)]
        return [
            Told(note["seq"], note.get("prev_seq"), frame.payload)
            for note, frame in zip(notes, frames, strict=True)
        ]
    decoder, found = ProtoDecoder(), []
    for frame in take_frames(bytearray(data)):
        if frame.opcode == TEXT:
            found.append(Told(json.loads(frame.payload)["params"]["seq"], None, frame.payload))
        elif (note := decoder.decode(frame.payload)) is not None:
            found.append(Told(note.seq, note.prev_seq, frame.payload))
    return found


@pytest.mark.parametrize("encoding", [JSON, PROTO])
@pytest.mark.parametrize("seed", range(25))
def test_who_joins_late_gets_the_bytes_that_who_was_there_first_gets(seed: int, encoding: Encoding) -> None:
    random, market = Random(seed), RandomMarket(seed)
    hubs = [Hub(Market(VENUE), "epoch"), Hub(Market(VENUE), "epoch")]
    first: dict[str, Inbox] = {}
    late: list[tuple[ChannelKey, Inbox]] = []
    for now_ns, events in market.moments(150):
        for hub in hubs:
            hub.advance(VENUE, now_ns)
            hub.publish(events)
            hub.flush()
        for key in keys():
            if key.instrument and not hubs[0].market.find(key.instrument):
                continue
            if key.id not in first:
                first[key.id] = joined_as(hubs[0], key, encoding)
            if random.random() < 0.03:
                late.append((key, joined_as(hubs[random.choice([0, 1])], key, encoding)))
    assert len(late) > 50
    reference = {id_: told(b"".join(inbox.writes), encoding) for id_, inbox in first.items()}
    for key, inbox in late:
        if inbox.subscriber.waiting:
            assert not inbox.writes, "who waits for an image has nothing"
        elif key.id in reference:
            compare(key, told(b"".join(inbox.writes), encoding), reference[key.id])


def joined_as(hub: Hub, key: ChannelKey, encoding: Encoding) -> Inbox:
    """A new subscriber of a channel that asks for positions."""
    inbox = Inbox()
    inbox.subscriber.encoding = encoding
    hub.join(inbox.subscriber, [key], {})
    return inbox


def compare(key: ChannelKey, notes: list[Told], reference: list[Told]) -> None:
    """From its first notification on, somebody has exactly what was told to the first."""
    changes = [note for note in notes if note.prev_seq is not None]
    images = [note.seq for note in notes if note.prev_seq is None]
    expected = [note for note in reference if note.prev_seq is not None]
    if changes:
        expected = expected[-len(changes) :]
        assert changes == expected, key.id
    assert images, key.id
    if changes:
        assert images[-1] == changes[0].prev_seq, key.id
    elif expected:
        assert images[-1] == expected[-1].seq, key.id
