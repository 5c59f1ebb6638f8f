"""The broker over NATS JetStream: the contract of `deltawire.ports.Broker`, between processes."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from deltawire.bus.frames import Frame, TopicReader, parse_part
from deltawire.bus.nats.connection import Address, Connection, StreamSettings, connect
from deltawire.bus.nats.following import Follower
from deltawire.bus.nats.publishing import Outlet
from deltawire.errors import BusError
from deltawire.ports import Batch

Listener = Callable[[Batch], None]


class _Subscription(NamedTuple):
    pattern: str
    listener: Listener
    after: int | None
    """The newest sequence when it began; None until that is known."""
    held: list[tuple[int, str, Batch]]
    """What came before it was known."""

    def hear(self, sequence: int, topic: str, batch: Batch) -> None:
        """A batch has come."""
        if not fnmatchcase(topic, self.pattern):
            return
        if self.after is None:
            self.held.append((sequence, topic, batch))
        elif sequence > self.after:
            self.listener(batch)


class NatsBroker:
    """Publishes on any topic, and calls listeners with what anybody publishes; see `deltawire.ports.SharedBroker`."""

    def __init__(self, connection: Connection, created: str, after: int) -> None:
        self.connection = connection
        self._outlets: dict[str, Outlet] = {}
        self._subscriptions: dict[object, _Subscription] = {}
        self._follower = Follower(connection, self._handle, after=after, created=created)
        self._following = asyncio.create_task(self._follower.run())

    @classmethod
    async def open(cls, address: Address, settings: StreamSettings | None = None) -> "NatsBroker":
        """Connect, and make the stream if there is none."""
        connection = await connect(address, settings)
        info = await connection.make_stream()
        return cls(connection, str(info.created), 0)

    async def close(self) -> None:
        """Publish nothing more, call nobody any more."""
        for outlet in self._outlets.values():
            outlet.close()
        self._following.cancel()
        with contextlib.suppress(asyncio.CancelledError, BusError):
            await self._following
        await self.connection.close()

    def outlet(self, topic: str) -> Outlet:
        """What publishes on a topic."""
        outlet = self._outlets.get(topic)
        if outlet is None:
            outlet = self._outlets[topic] = Outlet(self.connection, topic)
        return outlet

    async def publish(self, topic: str, batch: Batch, expected: int | None = None) -> int:
        """Store a batch; returns its number. `PublishError` if `expected` is not the newest number."""
        return await self.outlet(topic).put(batch, expected)

    async def newest(self, topic: str) -> int:
        """The number of a topic's newest batch; 0 before the first."""
        return await self.outlet(topic).newest()

    async def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with later batches of topics that match the pattern (`fnmatch`); returns how to end it."""
        key, waiting = object(), _Subscription(pattern, listener, None, [])
        self._subscriptions[key] = waiting
        info = await self.connection.info()
        begun = waiting._replace(after=0 if info is None else info.state.last_seq)
        self._subscriptions[key] = begun
        for held in waiting.held:
            begun.hear(*held)

        def end() -> None:
            self._subscriptions.pop(key, None)

        return end

    async def history(self, topic: str, after: int) -> Sequence[Batch] | None:
        """The batches after number `after`, oldest first; None if they are not all kept."""
        frames = await self._kept(topic)
        if not frames:
            return [] if after == 0 else None
        numbered = [
            (number, batch) for frame in frames for number, batch in enumerate(frame.batches, frame.first)
        ]
        first, last = numbered[0][0], numbered[-1][0]
        if not first - 1 <= after <= last:
            return None
        return [batch for number, batch in numbered if number > after]

    async def _kept(self, topic: str) -> list[Frame]:
        """The frames of the newest epoch of a topic that are kept."""
        client, name = self.connection.client, self.connection.settings.name
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox)
        config = ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.ALL,
            filter_subject=topic,
            ack_policy=AckPolicy.NONE,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=5.0,
        )
        frames: list[Frame] = []
        reader: TopicReader | None = None
        info = await self.connection.js.add_consumer(name, config)
        left = info.num_pending or 0
        with contextlib.suppress(NatsTimeoutError):
            while left:
                message = await subscription.next_msg(timeout=5.0)
                left = message.metadata.num_pending or 0
                reader, frame = _continued(reader, message.data)
                if frame is not None:
                    frames = [frame] if frame.begins else [*frames, frame]
        await subscription.unsubscribe()
        return frames

    def _handle(self, topic: str, sequence: int, frame: Frame) -> None:
        for batch in frame.batches:
            for subscription in list(self._subscriptions.values()):
                subscription.hear(sequence, topic, batch)


def _continued(reader: TopicReader | None, data: bytes) -> tuple[TopicReader, Frame | None]:
    """Read the next message of what is kept, wherever that begins."""
    if reader is None:
        part = parse_part(data)
        reader = TopicReader(part.epoch, part.first - 1)
    return reader, reader.read(data)
