"""What channels tell of books whose images are cut: levels within the known range, beyond it only if asked."""

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from deltawire.dialect.grammar import ChannelKey, ResumePosition, parse_channel
from deltawire.fanout.channel_encoding import PROTO
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import JSON, Encoding
from deltawire.market.market import Market
from deltawire.model.events import Event
from deltawire.model.instruments import Instrument
from deltawire.ports import Wants
from deltawire.session.channel_book import ChannelBook
from deltawire.session.client import BookMirror
from deltawire.venues import make_venue
from deltawire.wire.protobuf import ProtoDecoder
from tests.fanout.test_two_hubs import compare, joined_as, told
from tests.support.frames import messages_in, take_frames
from tests.support.narrow_books import NAME, Truth, run, steps
from tests.support.subscribers import Inbox

VENUE = "binance_usdm"
MS_NS = 1_000_000
KEYS: list[tuple[str, dict[str, Any]]] = [
    (f"book.{NAME}.raw", {}),
    (f"book.{NAME}.100ms", {}),
    (f"book.{NAME}.agg2", {}),
    (f"book.{NAME}.raw", {"levels": 3}),
    (f"book.{NAME}.100ms", {"levels": 10}),
    (f"book.{NAME}.raw", {"beyond": True}),
    (f"book.{NAME}.100ms", {"beyond": True}),
    (f"book.{NAME}.raw", {"beyond": True, "levels": 4}),
    (f"book.{NAME}.none.10.100ms", {}),
    (f"book.{NAME}.10.20.100ms", {}),
    (f"book.{NAME}.10.20.100ms", {"beyond": True}),
    (f"quote.{NAME}", {}),
    (f"ticker.{NAME}.100ms", {}),
]


def keys() -> list[ChannelKey]:
    parsed = [(parse_channel(name), options) for name, options in KEYS]
    return [msgspec.structs.replace(key, **options) for key, options in parsed if key is not None]


def moments(seed: int, count: int) -> Iterator[tuple[int, list[Event], Truth]]:
    """The venue's time, what came then, and what is true then."""
    random = Random(seed)
    truth, venue, now = Truth(random), make_venue(VENUE), 1_700_000_000_000 * MS_NS
    venue.opened(Wants((NAME,)), now)
    for step in steps(truth, random, count):
        now += random.choice([1, 20, 60, 130]) * MS_NS
        yield now, run(venue, step, now), truth


class Reader:
    """Somebody on one channel, and the book that he makes of it."""

    def __init__(self, hub: Hub, key: ChannelKey, encoding: Encoding) -> None:
        self.key, self.encoding = key, encoding
        self.inbox = joined_as(hub, key, encoding)
        self.book, self.mirror = ChannelBook(), BookMirror()
        self.seq = 0
        self._decoder = ProtoDecoder()

    def read(self, instrument: Instrument, now_ns: int) -> int:
        """Apply what came since; returns how many notifications."""
        written = b"".join(self.inbox.writes)
        self.inbox.writes.clear()
        if self.encoding == JSON:
            notes = [(note["seq"], note["data"]) for note in (m["params"] for m in messages_in(written))]
        else:
            decoded = (self._decoder.decode(frame.payload) for frame in take_frames(bytearray(written)))
            notes = [(note.seq, note.data) for note in decoded if note is not None]
        for self.seq, data in notes:
            self.book.take(data, instrument, (now_ns, now_ns))
            self.mirror.apply(data)
        return len(notes)


@pytest.mark.parametrize("encoding", [JSON, PROTO])
@pytest.mark.parametrize("seed", range(6))
def test_two_hubs_tell_the_same_bytes_of_a_narrow_book(seed: int, encoding: Encoding) -> None:
    random = Random(seed)
    hubs = [Hub(Market(VENUE), "epoch"), Hub(Market(VENUE), "epoch")]
    first: dict[str, Inbox] = {}
    late: list[tuple[ChannelKey, Inbox]] = []
    for now_ns, events, _ in moments(seed, 100):
        for hub in hubs:
            hub.advance(VENUE, now_ns)
            hub.publish(events)
            hub.flush()
        for key in keys() if hubs[0].market.find(NAME) else ():
            if key.id not in first:
                first[key.id] = joined_as(hubs[0], key, encoding)
            if random.random() < 0.04:
                late.append((key, joined_as(hubs[random.choice([0, 1])], key, encoding)))
    assert len(late) > 25
    reference = {id_: told(b"".join(inbox.writes), encoding) for id_, inbox in first.items()}
    for key, inbox in late:
        if not inbox.subscriber.waiting:
            compare(key, told(b"".join(inbox.writes), encoding), reference[key.id])


@pytest.mark.parametrize("encoding", [JSON, PROTO])
@pytest.mark.parametrize("seed", range(6))
def test_no_level_is_told_that_is_not_known(seed: int, encoding: Encoding) -> None:
    """Each change is checked as it comes: with what the client believes to be known, against the venue's own book."""
    hub, readers, checked = Hub(Market(VENUE), "epoch"), list[Reader](), 0
    for now_ns, events, truth in moments(seed, 100):
        hub.advance(VENUE, now_ns)
        hub.publish(events)
        hub.flush()
        state = hub.market.find(NAME)
        if state is None:
            continue
        readers = readers or [Reader(hub, key, encoding) for key in keys()[:6]]
        for reader in readers:
            if not reader.read(state.instrument, now_ns) or reader.book.state != "live":
                continue
            levels, edges = reader.key.levels, reader.book.complete_to()
            assert reader.mirror.complete_to == tuple(edge and edge.price_float for edge in edges)
            if reader.key.interval == "raw" and not (reader.key.beyond and levels):
                checked += 1
                check(reader, truth)
    assert checked > 100


def check(reader: Reader, truth: Truth) -> None:
    """What is shown are the venue's best levels up to where the client believes to know them."""
    levels = reader.key.levels
    low, high = reader.book.complete_to(levels)
    bids, asks = (
        {level.price_ticks: level.size_lots for level in side} for side in reader.book.top(levels or None)
    )
    true_bids = {p: s for p, s in truth.bids.items() if low is None or p >= low.price_ticks}
    true_asks = {p: s for p, s in truth.asks.items() if high is None or p <= high.price_ticks}
    assert bids == dict(sorted(true_bids.items(), reverse=True)[: levels or None])
    assert asks == dict(sorted(true_asks.items())[: levels or None])


@pytest.mark.parametrize("key", [keys()[0], keys()[3], keys()[5]], ids=lambda key: key.id)
@pytest.mark.parametrize("seed", range(4))
def test_who_comes_back_knows_the_range_again(seed: int, key: ChannelKey) -> None:
    """One who leaves and resumes has the book and the range of one who stayed."""
    random, hub = Random(seed), Hub(Market(VENUE), "epoch")
    stays: Reader | None = None
    comes, position, resumed = BookMirror(), None, 0
    for now_ns, events, _ in moments(seed, 100):
        hub.advance(VENUE, now_ns)
        hub.publish(events)
        hub.flush()
        state = hub.market.find(NAME)
        if state is None:
            continue
        stays = stays or Reader(hub, key, JSON)
        stays.read(state.instrument, now_ns)
        if not stays.seq or stays.inbox.subscriber.waiting or random.random() > 0.2:
            continue
        coming = Inbox()
        resume = {} if position is None else {key.name: ResumePosition("epoch", position)}
        recovered = hub.join(coming.subscriber, [key], resume)
        if coming.subscriber.waiting:
            hub.leave(coming.subscriber, [key.id])
            continue
        for message in messages_in(b"".join(coming.writes)):
            comes.apply(message["params"]["data"])
        hub.leave(coming.subscriber, [key.id])
        assert position is None or recovered[key.name]
        assert (comes.bids, comes.asks) == (stays.mirror.bids, stays.mirror.asks)
        assert comes.complete_to == stays.mirror.complete_to
        position, resumed = stays.seq, resumed + 1
    assert resumed > 5
