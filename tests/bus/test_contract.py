"""The contract of every broker. Another implementation is one more entry in a fixture."""

import pytest

from deltawire.bus.memory import MemoryBroker
from deltawire.errors import PublishError
from deltawire.ports import Batch, Broker

A, B, OTHER = "md.v1.a", "md.v1.b", "else.a"


@pytest.fixture(params=[lambda: MemoryBroker(kept=4)], ids=["memory"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """A broker that keeps four batches of each topic."""
    made: Broker = request.param()
    return made


def batch(at_ns: int, venue: str = "a") -> Batch:
    return Batch(venue, at_ns, [])


def test_batches_of_a_topic_are_numbered_from_one(broker: Broker) -> None:
    assert broker.newest(A) == 0
    assert [broker.publish(A, batch(at)) for at in range(3)] == [1, 2, 3]
    assert broker.publish(B, batch(9)) == 1
    assert (broker.newest(A), broker.newest(B)) == (3, 1)


def test_who_expects_the_newest_batch_may_publish_behind_it(broker: Broker) -> None:
    number = 0
    for at in range(5):
        number = broker.publish(A, batch(at), expected=number)
    assert number == broker.newest(A) == 5


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_of_two_publishers_of_a_topic_one_is_told_and_nothing_of_its_batch_is_published(
    broker: Broker, expected: int
) -> None:
    received: list[Batch] = []
    for at in range(2):
        broker.publish(A, batch(at))
    broker.subscribe(A, received.append)
    with pytest.raises(PublishError) as caught:
        broker.publish(A, batch(9), expected=expected)
    assert (caught.value.expected, caught.value.newest) == (expected, 2)
    assert (received, broker.newest(A)) == ([], 2)


def test_all_listeners_get_all_batches_in_one_order_across_topics(broker: Broker) -> None:
    first: list[int] = []
    second: list[int] = []
    broker.subscribe("md.v1.*", lambda batch: first.append(batch.at_ns))
    broker.subscribe("md.v1.*", lambda batch: second.append(batch.at_ns))
    for at in range(20):
        broker.publish((A, B, OTHER)[at % 3], batch(at))
    assert first == second == [at for at in range(20) if at % 3 != 2]


def test_a_subscription_has_nothing_from_before_it_or_from_behind_its_end(broker: Broker) -> None:
    received: list[int] = []
    broker.publish(A, batch(1))
    end = broker.subscribe(A, lambda batch: received.append(batch.at_ns))
    broker.publish(A, batch(2))
    end()
    broker.publish(A, batch(3))
    assert received == [2]


def test_history_is_whole_or_not_there(broker: Broker) -> None:
    for at in range(1, 7):
        broker.publish(A, batch(at))
    kept = [broker.history(A, after) for after in range(8)]
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


def test_who_subscribes_and_then_reads_history_has_missed_nothing(broker: Broker) -> None:
    received: list[int] = []
    broker.publish(A, batch(1))
    broker.publish(A, batch(2))
    seen = broker.newest(A)
    broker.subscribe(A, lambda batch: received.append(batch.at_ns))
    broker.publish(A, batch(3))
    history = broker.history(A, 0)
    assert history is not None
    assert [batch.at_ns for batch in history][:seen] + received == [1, 2, 3]
