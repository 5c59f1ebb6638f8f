"""The contract of every broker, within a process and between processes. Another one is one more entry in a fixture."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from deltawire.bus.memory import MemoryBroker
from deltawire.errors import PublishError
from deltawire.model.events import BookImage, Levels
from deltawire.ports import Batch, SharedBroker
from tests.support.bus.nats_server import NatsServer
from tests.support.market_events import make_instrument
from tests.support.waiting import HANG_S

A, B, OTHER = "md.v1.a", "md.v1.b", "else.a"
KEPT = 4


class AwaitedBroker:
    """The broker within a process, whose methods return at once, behind those that are awaited."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def publish(self, topic: str, batch: Batch, expected: int | None = None) -> int:
        return self._broker.publish(topic, batch, expected)

    async def subscribe(self, pattern: str, listener: Callable[[Batch], None]) -> Callable[[], None]:
        return self._broker.subscribe(pattern, listener)

    async def newest(self, topic: str) -> int:
        return self._broker.newest(topic)

    async def history(self, topic: str, after: int) -> Sequence[Batch] | None:
        return self._broker.history(topic, after)


class Brokers(NamedTuple):
    """Two ends of one bus: within a process these are the same."""

    here: SharedBroker
    there: SharedBroker


@pytest.fixture(params=["memory", "nats"])
async def brokers(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Brokers]:
    """Brokers that keep four batches of each topic."""
    if request.param == "memory":
        broker = AwaitedBroker(MemoryBroker(kept=KEPT))
        yield Brokers(broker, broker)
        return
    pytest.importorskip("nats", reason="needs deltawire[nats]")
    from deltawire.bus.nats.broker import NatsBroker
    from deltawire.bus.nats.connection import Address, StreamSettings

    settings = StreamSettings(subjects=("md.v1.>", "else.>"), kept_per_topic=KEPT)
    with NatsServer(tmp_path / "nats") as server:
        ends = [await NatsBroker.open(Address(server.url), settings) for _ in range(2)]
        yield Brokers(*ends)
        for end in ends:
            await end.close()


def batch(at_ns: int, venue: str = "a") -> Batch:
    return Batch(venue, at_ns, [])


async def heard(broker: SharedBroker, received: list[int], *, until: int = 1_000) -> list[int]:
    """What a listener of everything under `md.v1` has received, once all that was published before has come."""
    await broker.publish("md.v1.end", batch(until))
    async with asyncio.timeout(HANG_S):
        while until not in received:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    return [at for at in received if at != until]


async def test_batches_of_a_topic_are_numbered_from_one(brokers: Brokers) -> None:
    here, there = brokers
    assert await here.newest(A) == 0
    assert [await here.publish(A, batch(at)) for at in range(3)] == [1, 2, 3]
    assert await here.publish(B, batch(9)) == 1
    assert [(await end.newest(A), await end.newest(B)) for end in (here, there)] == [(3, 1), (3, 1)]


async def test_who_expects_the_newest_batch_may_publish_behind_it(brokers: Brokers) -> None:
    number = 0
    for at in range(6):
        number = await brokers[at % 2].publish(A, batch(at), expected=number)
    assert number == await brokers.here.newest(A) == 6


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_of_two_publishers_of_a_topic_one_is_told_and_nothing_of_its_batch_is_published(
    brokers: Brokers, expected: int
) -> None:
    received: list[int] = []
    for at in range(2):
        await brokers.there.publish(A, batch(at))
    await brokers.here.subscribe("md.v1.*", lambda batch: received.append(batch.at_ns))
    with pytest.raises(PublishError) as caught:
        await brokers.here.publish(A, batch(9), expected=expected)
    assert (caught.value.expected, caught.value.newest) == (expected, 2)
    assert await heard(brokers.here, received) == []
    assert await brokers.here.newest(A) == 2


async def test_a_publisher_that_was_overtaken_is_told(brokers: Brokers) -> None:
    assert await brokers.here.publish(A, batch(1), expected=0) == 1
    assert await brokers.there.publish(A, batch(2), expected=1) == 2
    with pytest.raises(PublishError) as caught:
        await brokers.here.publish(A, batch(3), expected=1)
    assert caught.value.newest == 2
    assert await brokers.here.publish(A, batch(4)) == 3


async def test_all_listeners_get_all_batches_in_one_order_across_topics(brokers: Brokers) -> None:
    first: list[int] = []
    second: list[int] = []
    await brokers.here.subscribe("md.v1.*", lambda batch: first.append(batch.at_ns))
    await brokers.there.subscribe("md.v1.*", lambda batch: second.append(batch.at_ns))
    for at in range(20):
        await brokers[at % 2].publish((A, B, OTHER)[at % 3], batch(at))
    expected = [at for at in range(20) if at % 3 != 2]
    assert await heard(brokers.here, first) == expected
    assert await heard(brokers.here, second, until=2_000) == [*expected, 1_000]


async def test_what_comes_at_once_keeps_its_order(brokers: Brokers) -> None:
    received: list[int] = []
    await brokers.there.subscribe("md.v1.*", lambda batch: received.append(batch.at_ns))
    numbers = await asyncio.gather(*(brokers.here.publish(A, batch(at), at) for at in range(500)))
    assert numbers == list(range(1, 501))
    assert await heard(brokers.here, received) == list(range(500))


async def test_a_batch_larger_than_a_message_arrives_whole_and_in_its_place(brokers: Brokers) -> None:
    received: list[Batch] = []
    prices = list(range(1_000_000, 1_400_000))
    levels = Levels(prices, prices)
    image = BookImage(make_instrument(), 1, levels, levels, 1, 1, 1)
    large = Batch("a", 2, [image])
    await brokers.there.subscribe("md.v1.*", received.append)
    told = [brokers.here.publish(A, each, at) for at, each in enumerate([batch(1), large, batch(3)])]
    assert await asyncio.gather(*told) == [1, 2, 3]
    async with asyncio.timeout(HANG_S):
        while len(received) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert received == [batch(1), large, batch(3)]
    assert await brokers.there.newest(A) == 3
    assert await brokers.there.publish(A, batch(4), expected=3) == 4


async def test_a_subscription_has_nothing_from_before_it_or_from_behind_its_end(brokers: Brokers) -> None:
    received: list[int] = []
    await brokers.here.publish(A, batch(1))
    end = await brokers.here.subscribe("md.v1.*", lambda batch: received.append(batch.at_ns))
    await brokers.here.publish(A, batch(2))
    assert await heard(brokers.here, received) == [2]
    end()
    await brokers.here.publish(A, batch(3))
    later: list[int] = []
    await brokers.here.subscribe("md.v1.*", lambda batch: later.append(batch.at_ns))
    assert await heard(brokers.here, later, until=2_000) == []
    assert received == [2, 1_000]


async def test_history_is_whole_or_not_there(brokers: Brokers) -> None:
    for at in range(1, 7):
        await brokers.here.publish(A, batch(at))
    kept = [await brokers.there.history(A, after) for after in range(8)]
    assert [None if part is None else [batch.at_ns for batch in part] for part in kept] == [
        None,
        None,
        [3, 4, 5, 6],
        [4, 5, 6],
        [5, 6],
        [6],
        [],
        None,
    ]


async def test_who_subscribes_and_then_reads_history_has_missed_nothing(brokers: Brokers) -> None:
    received: list[int] = []
    await brokers.here.publish(A, batch(1))
    await brokers.here.publish(A, batch(2))
    seen = await brokers.here.newest(A)
    await brokers.here.subscribe("md.v1.*", lambda batch: received.append(batch.at_ns))
    await brokers.here.publish(A, batch(3))
    history = await brokers.here.history(A, 0)
    assert history is not None
    assert [batch.at_ns for batch in history][:seen] + await heard(brokers.here, received) == [1, 2, 3]
