"""Who starts from the image of a market is where the market was: the same bytes from then on, in every channel."""

import gc
from collections.abc import Iterator
from random import Random

import msgspec
import pytest

from deltawire.bus.images import decode_market, encode_market, restored
from deltawire.errors import BusError
from deltawire.fanout.channel_encoding import PROTO
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import JSON, Encoding
from deltawire.market.market import Market
from deltawire.model.events import Event
from tests.fanout.test_two_hubs import compare, joined_as, keys, told
from tests.support.market_events import VENUE, make_listing
from tests.support.random_markets import RandomMarket
from tests.support.subscribers import Inbox


def copied(market: Market) -> Market:
    """The market that an image of this one gives."""
    return restored(encode_market(market.freeze()))


def fed(market: RandomMarket, count: int, *hubs: Hub) -> None:
    for now_ns, events in market.moments(count) if market.book.sequence == 0 else market.more(count):
        put(now_ns, events, *hubs)


def put(now_ns: int, events: list[Event], *hubs: Hub) -> None:
    for hub in hubs:
        hub.advance(VENUE, now_ns)
        hub.publish(events)
        hub.flush()


@pytest.mark.parametrize("encoding", [JSON, PROTO])
@pytest.mark.parametrize("seed", range(25))
def test_who_starts_from_an_image_tells_the_same_bytes(seed: int, encoding: Encoding) -> None:
    random, market = Random(seed), RandomMarket(seed)
    hub = Hub(Market(VENUE), "epoch")
    fed(market, 1 + random.randint(1, 150), hub)
    first: dict[str, Inbox] = {
        key.id: joined_as(hub, key, encoding)
        for key in keys()
        if not key.instrument or hub.market.find(key.instrument)
    }
    late = [(hub, Hub(copied(hub.market), "epoch"))]
    joins = []
    for now_ns, events in market.more(120):
        put(now_ns, events, hub, *(other for _, other in late))
        if random.random() < 0.05:
            late.append((hub, Hub(copied(hub.market), "epoch")))
        joins += [
            (key, joined_as(random.choice(late)[1], key, encoding))
            for key in keys()
            if key.id in first and random.random() < 0.03
        ]
    assert len(joins) > 50
    for key, inbox in joins:
        if inbox.subscriber.waiting:
            assert not inbox.writes
        else:
            compare(
                key,
                told(b"".join(inbox.writes), encoding),
                told(b"".join(first[key.id].writes), encoding),
            )
    for _, other in late:
        assert other.market.freeze() == hub.market.freeze()


def test_a_market_that_forgets_a_venue_keeps_the_others() -> None:
    hub, market = Hub(Market(VENUE), "epoch"), RandomMarket(3)
    fed(market, 60, hub)
    foreign = msgspec.structs.replace(market.book.instrument, venue="okx", name="BTC-USD-SWAP")
    hub.advance("okx", market.now_ns)
    hub.publish([make_listing(foreign, market.now_ns)])
    assert hub.market.forget(VENUE)
    assert [*hub.market.names()] == ["okx:BTC-USD-SWAP"]
    assert hub.market.index_names() == []
    assert [change[1].name for change in hub.market.active_changes] == ["okx:BTC-USD-SWAP"]
    assert not hub.market.forget(VENUE)
    assert copied(hub.market).freeze() == hub.market.freeze()
    hub.publish([make_listing(market.book.instrument, market.now_ns)])
    numbers = [state.number for state in hub.market]
    assert len({*numbers}) == 2


def test_a_damaged_image_is_refused() -> None:
    hub = Hub(Market(VENUE), "epoch")
    fed(RandomMarket(1), 50, hub)
    data = encode_market(hub.market.freeze())
    for damaged in (data[:-1], data[: len(data) // 2], b"", b"\x00" * 100, data[:20] + b"\xff" + data[21:]):
        with pytest.raises(BusError):
            decode_market(damaged)


@pytest.fixture
def nothing_frozen() -> Iterator[None]:
    gc.unfreeze()  # what `conftest.py` froze
    yield
    gc.freeze()


@pytest.mark.usefixtures("nothing_frozen")
def test_what_an_image_is_made_of_is_not_young_to_the_collector() -> None:
    hub = Hub(Market(VENUE), "epoch")
    fed(RandomMarket(3), 30, hub)
    data = encode_market(hub.market.freeze())
    market = restored(data)
    young = {id(each) for generation in (0, 1) for each in gc.get_objects(generation)}
    assert not any(id(state) in young for state in market)
