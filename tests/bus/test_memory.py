"""The broker inside one process."""

import pytest

from deltawire.bus.memory import MemoryBroker
from deltawire.ports import Batch


def test_a_batch_reaches_every_pattern_that_fits_its_topic_in_order_of_subscribing() -> None:
    broker, batches = MemoryBroker(), []
    for pattern in ("md.v1.*", "md.v1.okx", "md.v1.deribit", "other.*"):
        broker.subscribe(pattern, lambda batch, pattern=pattern: batches.append((pattern, batch.at_ns)))
    broker.publish("md.v1.okx", Batch("okx", 1, []))
    broker.publish("md.v1.deribit", Batch("deribit", 2, []))
    assert batches == [("md.v1.*", 1), ("md.v1.okx", 1), ("md.v1.*", 2), ("md.v1.deribit", 2)]


def test_batches_arrive_in_the_publishers_own_call_and_order() -> None:
    broker, heard = MemoryBroker(), []
    broker.subscribe("*", heard.append)
    batches = [Batch("okx", number, []) for number in range(5)]
    for number, batch in enumerate(batches):
        broker.publish("a", batch)
        assert heard == batches[: number + 1]


def test_a_subscription_hears_nothing_from_before_it_or_after_its_end() -> None:
    broker, batches = MemoryBroker(), []
    broker.publish("a", Batch("okx", 1, []))
    end = broker.subscribe("a", batches.append)
    broker.publish("a", Batch("okx", 2, []))
    end()
    end()
    broker.publish("a", Batch("okx", 3, []))
    assert [batch.at_ns for batch in batches] == [2]


def test_a_listener_may_end_its_own_subscription_while_it_is_called() -> None:
    broker, batches = MemoryBroker(), []

    def once(batch: Batch) -> None:
        batches.append(("once", batch.at_ns))
        end()

    end = broker.subscribe("a", once)
    broker.subscribe("a", lambda batch: batches.append(("always", batch.at_ns)))
    broker.publish("a", Batch("okx", 1, []))
    broker.publish("a", Batch("okx", 2, []))
    assert batches == [("once", 1), ("always", 1), ("always", 2)]


def test_a_listener_that_fails_is_seen_by_the_publisher() -> None:
    broker = MemoryBroker()
    broker.subscribe("a", lambda batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        broker.publish("a", Batch("okx", 1, []))
