"""Two hubs behind one recording; and what the recording comes to, as ever."""

from collections.abc import Iterator
from hashlib import sha256
from random import Random

import pytest

from deltawire.dialect.grammar import ChannelKey, parse_channel
from deltawire.fanout.channel_encoding import PROTO
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import JSON, Encoding
from deltawire.market.market import Market
from deltawire.model.events import BookDelta, BookImage, Event, Status, Trade
from deltawire.ports import Batch
from deltawire.sources.replay import play
from deltawire.testing.recordings import make_recording
from deltawire.venues import make_venue
from tests.fanout.test_two_hubs import compare, joined_as, told
from tests.support.subscribers import Inbox

LOSSES = (150, 500)
TEMPLATES = [
    "book.{}.raw",
    "book.{}.100ms",
    "book.{}.agg2",
    "book.{}.none.10.100ms",
    "book.{}.5.1.raw",
    "trades.{}.100ms",
    "ticker.{}.raw",
    "ticker.{}.100ms",
    "incremental_ticker.{}",
    "quote.{}",
    "perpetual.{}.agg2",
    "chart.trades.{}.1",
    "status.{}",
]
OTHERS = [
    "trades.any.any.100ms",
    "deribit_price_index.btc_usd",
    "deribit_price_statistics.btc_usd",
    "estimated_expiration_price.btc_usd",
    "markprice.options.btc_usd",
    "instrument.state.any.any",
]
DIGEST = "19307a727dde05cdfc0092710346f4b8bdb4e28ff6c4069389f562ecad8a7c44"
"""Of books, trades and checksums of the recording, as they were when positions were still counted by channels."""


def recorded() -> Iterator[Batch]:
    """A recording with two gaps."""
    return play(make_recording(3, steps=700, losses=LOSSES), make_venue("deribit"))


@pytest.mark.parametrize("encoding", [JSON, PROTO])
def test_who_joins_a_replay_late_gets_the_same_bytes(encoding: Encoding) -> None:
    random = Random(4)
    hubs = [Hub(Market("deribit"), "epoch"), Hub(Market("deribit"), "epoch")]
    first: dict[str, Inbox] = {}
    late: list[tuple[str, Inbox]] = []
    for batch in recorded():
        for hub in hubs:
            hub.advance(batch.venue, batch.at_ns)
            hub.publish(batch.events)
            hub.flush()
        known = [template.format(name) for name in hubs[0].market.names() for template in TEMPLATES]
        for name in [*known, *OTHERS]:
            if name not in first:
                first[name] = joined_as(hubs[0], _key(name), encoding)
            elif random.random() < 0.002:
                late.append((name, joined_as(random.choice(hubs), _key(name), encoding)))
    assert len(late) > 20
    for name, inbox in late:
        if not inbox.subscriber.waiting:
            reference = told(b"".join(first[name].writes), encoding)
            compare(_key(name), told(b"".join(inbox.writes), encoding), reference)


def _key(name: str) -> ChannelKey:
    key = parse_channel(name)
    assert key is not None, name
    return key


def test_a_recording_gives_the_books_trades_and_checksums_that_it_always_gave() -> None:
    market, digest = Market("deribit"), sha256()
    for batch in recorded():
        for event in batch.events:
            state = market.apply(event)
            if isinstance(event, BookImage | BookDelta | Status | Trade) and state is not None:
                digest.update(_text(event, state.checksum()).encode())
    assert digest.hexdigest() == DIGEST


def _text(event: Event, checksum: int) -> str:
    match event:
        case BookImage() | BookDelta():
            sides = [[*side.prices, *side.sizes] for side in (event.bids, event.asks)]
            return f"{event.instrument.name} {event.sequence} {sides} {event.venue_ns} {checksum}\n"
        case Status():
            return f"{event.instrument.name} {event.state} {event.reason} {event.seen_ns}\n"
        case Trade():
            return f"{event.instrument.name} {event.trade_id} {event.price_ticks} {event.size_lots}\n"
    return ""
