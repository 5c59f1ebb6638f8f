"""A client of a hub without a connection: what is written to it, as the events that it decodes."""

from collections.abc import Iterable
from typing import Any

import msgspec

from deltawire.dialect.grammar import parse_channel
from deltawire.dialect.payloads import Definitions
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import JSON, Encoding, Subscriber
from deltawire.model.events import Event
from deltawire.session.client import ClientSession, Notification
from deltawire.session.decoding import EventDecoder, Item
from tests.support.frames import BINARY, take_frames

RECEIVED_NS = 7


class DecodingClient:
    """Subscribed to some channels; `items` is everything that has come, decoded."""

    def __init__(self, hub: Hub, *channels: str, encoding: Encoding = JSON, stamps: bool = False) -> None:
        self.decoder = EventDecoder()
        self._hub = hub
        self._session = ClientSession()
        self._written = bytearray()
        self.subscriber = Subscriber(self, encoding)
        keys = [parse_channel(channel) for channel in channels]
        assert None not in keys
        hub.join(
            self.subscriber,
            [msgspec.structs.replace(key, stamps=stamps) for key in keys if key is not None],
        )

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        self._written += data

    def notes(self) -> list[Notification]:
        """What has come since the last call."""
        self._hub.flush()
        found = []
        for frame in take_frames(self._written):
            received = self._session.received_binary if frame.opcode == BINARY else self._session.received
            message = received(frame.payload)
            if isinstance(message, Notification):
                found.append(message)
        return found

    def items(self) -> list[Item]:
        """The same, decoded; what is not defined yet is asked of the market."""
        return [item for note in self.notes() for item in self.decode(note)]

    def decode(self, note: Notification) -> list[Item]:
        """What a notification says."""
        unknown = self.decoder.unknown(note)
        if unknown is None and (listed := self.decoder.listed(note)):
            unknown = [listed]
        if unknown is not None:
            self.decoder.define(definitions(self._hub, unknown))
            assert self.decoder.unknown(note) is None
        return self.decoder.decode(note, RECEIVED_NS)


def definitions(hub: Hub, names: Iterable[str]) -> Definitions:
    """What the server says of these, as it comes over the wire."""
    market = hub.market
    states = [state for name in names if (state := market.find(name))]
    venues = sorted({market.home, *(state.instrument.venue for state in market)})
    told = Definitions(market.home, venues, {state.name: state.instrument for state in states})
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(told)), Definitions)


def as_told(event: Event, **more: Any) -> Event:
    """An event of the server's as a client can know it: without the venue's own numbers and clocks of receipt."""
    known: dict[str, Any] = {"seen_ns": RECEIVED_NS, "venue_sequence": 0}
    fields = {name: value for name, value in known.items() if hasattr(event, name)}
    return msgspec.structs.replace(event, **(fields | more))
