"""Following a bus: every message once and in order, whatever happens to the connection and to the server."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, ReplayPolicy, StreamInfo
from nats.js.errors import APIError

from deltawire.bus.frames import Frame, TopicReader
from deltawire.bus.nats.connection import RETRY_S, TROUBLE, Connection, lost
from deltawire.errors import BusError

HEARTBEAT_S = 0.5
"""How often the server says that it is there, where it has nothing else to say."""
SILENT_S = 2.0
"""Without a word for this long the consumer is made anew."""
FORGOTTEN_S = 30.0
"""A consumer of somebody who has gone ends after this time."""
CONTROL = "100"
"""The status of messages that are the consumer's own."""


class Place(msgspec.Struct, frozen=True):
    """How far a topic is known: its epoch, and the number of the last batch."""

    epoch: str
    number: int


Handle = Callable[[str, int, Frame], None]
"""Takes a topic, the sequence of the message in the stream, and the frame that it completed.

`BusError` ends following before this frame.
"""


class Follower:
    """Passes every frame behind a sequence to `handle`, from one consumer for all topics."""

    def __init__(
        self,
        connection: Connection,
        handle: Handle,
        *,
        after: int = 0,
        places: Mapping[str, Place] | None = None,
        created: str = "",
    ) -> None:
        """`places` are those of the topics at the sequence `after`; `created` is when the stream was made."""
        self.sequence = after
        """Of the newest message that was read."""
        self.pending = 0
        """How many messages there were behind it."""
        self.heard_s = time.monotonic()
        """When the server was heard of last."""
        self.dropped: Counter[str] = Counter()
        """Messages that could not be used, by kind."""
        self.restarts = 0
        self._connection = connection
        self._handle = handle
        self._created = created
        self._readers = {
            topic: TopicReader(place.epoch, place.number) for topic, place in (places or {}).items()
        }
        self._known_topics = places is not None
        self._next = 1
        self._failed: Exception | None = None
        self._wake = asyncio.Event()

    def places(self) -> dict[str, Place]:
        """How far each topic is known."""
        return {topic: Place(reader.epoch, reader.number) for topic, reader in self._readers.items()}

    async def run(self) -> None:
        """Follow until cancelled; `BusError` if what was read so far cannot be continued."""
        while self._failed is None:
            subscription = await self._consume()
            try:
                await self._watch()
            finally:
                with contextlib.suppress(*TROUBLE):
                    await subscription.unsubscribe()
            self.restarts += 1
        raise self._failed

    async def _watch(self) -> None:
        """Wait until the consumer has to be made anew."""
        while not self._wake.is_set():
            left_s = self.heard_s + SILENT_S - time.monotonic()
            if left_s <= 0:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), left_s)

    async def _consume(self) -> Subscription:
        """Make a consumer behind the newest message that was read."""
        connection = self._connection
        client, settings = connection.client, connection.settings
        while True:
            self._check(await connection.info())
            inbox = client.new_inbox()
            self._wake.clear()
            self._next = 1
            subscription: Subscription | None = None
            try:
                subscription = await client.subscribe(inbox, cb=self._received)
                await connection.js.add_consumer(
                    settings.name,
                    ConsumerConfig(
                        deliver_subject=inbox,
                        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                        opt_start_seq=self.sequence + 1,
                        ack_policy=AckPolicy.NONE,
                        replay_policy=ReplayPolicy.INSTANT,
                        max_deliver=1,
                        flow_control=True,
                        idle_heartbeat=HEARTBEAT_S,
                        inactive_threshold=FORGOTTEN_S,
                        mem_storage=True,
                        num_replicas=1,
                    ),
                )
            except (APIError, *TROUBLE):
                if subscription is not None:
                    with contextlib.suppress(*TROUBLE):
                        await subscription.unsubscribe()
                await asyncio.sleep(RETRY_S)
                continue
            self.heard_s = time.monotonic()
            return subscription

    def _check(self, info: StreamInfo | None) -> None:
        """Hold the stream to what was read from it."""
        if info is None:
            raise lost(self._connection.settings.name) if self.sequence else BusError("absent", "no stream")
        created = str(info.created)
        if info.state.last_seq < self.sequence or (self._created and created != self._created):
            raise lost(self._connection.settings.name)
        if info.state.messages and info.state.first_seq > self.sequence + 1:
            first = info.state.first_seq
            raise BusError("gap", f"the stream begins at {first}, and {self.sequence + 1} is needed")
        self._created = created

    async def _received(self, message: Msg) -> None:
        self.heard_s = time.monotonic()
        headers = message.headers
        if headers and headers.get("Status") == CONTROL:
            reply = headers.get("Nats-Consumer-Stalled") or message.reply
            if reply:
                await self._connection.client.publish(reply)
            elif int(headers.get("Nats-Last-Consumer", 0)) >= self._next:
                self._wake.set()  # messages were lost on the way
            return
        if self._failed is not None or self._wake.is_set():
            return
        stored, consumed, self.pending = delivery_numbers(message.reply)
        if consumed != self._next:
            self._wake.set()
            return
        self._next += 1
        self._read(message.subject, stored, message.data)

    def _read(self, topic: str, sequence: int, data: bytes) -> None:
        reader = self._readers.get(topic)
        if reader is None:
            reader = self._readers[topic] = TopicReader()
        before = reader.epoch, reader.number
        try:
            frame = reader.read(data)
        except BusError as error:
            if error.kind != "gap":
                self.dropped[error.kind] += 1
                self.sequence = sequence
                return
            self._failed = BusError("gap", f"{topic}: {error.reason}")
            self._wake.set()
            return
        if frame is not None:
            try:
                self._handle(topic, sequence, frame)
            except BusError as error:
                self._failed = error
                self._readers[topic] = TopicReader(*before)
                self._wake.set()
                return
            except Exception as error:  # a batch must not be skipped, whatever was wrong with it
                self._failed = error
                self._wake.set()
                raise
        self.sequence = sequence


def delivery_numbers(reply: str) -> tuple[int, int, int]:
    """Of a delivered message: its place in the stream, its place for this consumer, and how many are behind it.

    The subject for acknowledgements says it: `$JS.ACK.STREAM.CONSUMER.deliveries.stored.consumed.time.pending`, from
    newer servers with a domain and an account before the stream and a random token at the end.
    """
    words = reply.split(".")
    first = 5 if len(words) == 9 else 7
    return int(words[first]), int(words[first + 1]), int(words[first + 3])
