"""A venue's own machine and a simulator of the venue, joined in memory."""

from collections import deque
from collections.abc import Sequence

from deltawire.model.events import Event
from deltawire.ports import Ask, Batch, Fetch, Output, Reconnect, Send, Venue
from deltawire.testing.simulators.simulator import Simulator

STEP_NS = 50_000_000


class Link:
    """One connection. Time passes only when the test says so.

    What the machine asks for is answered at once, unless the link is `slow`: then asks wait until `answer`.
    """

    def __init__(self, venue: Venue, simulator: Simulator, *, slow: bool = False) -> None:
        self.venue = venue
        self.simulator = simulator
        self.slow = slow
        self.asks: deque[Ask] = deque()
        self.batches: list[Batch] = []
        self.reconnects: list[Reconnect] = []

    @property
    def now(self) -> int:
        """The time at both ends, in nanoseconds since 1970."""
        return self.simulator.now_ns

    @property
    def events(self) -> list[Event]:
        """Everything the machine has said."""
        return [event for batch in self.batches for event in batch.events]

    def open(self) -> list[Event]:
        """The connection opens, and what is asked for is answered."""
        return self._collect(self.venue.opened(self.simulator.wants(), self.now))

    def close(self) -> list[Event]:
        """The connection is lost, and with it every request on its way."""
        self.asks.clear()
        return self._collect(self.venue.closed(self.now))

    def receive(self, frame: bytes) -> list[Event]:
        """A frame arrives; returns what the machine says of it and of the answers to its asks."""
        return self._collect(self.venue.received(frame, self.now))

    def fetch(self, ask: Fetch, body: bytes) -> list[Event]:
        """The answer to a `Fetch` arrives."""
        return self._collect(self.venue.fetched(ask.tag, body, self.now))

    def delta(self, name: str) -> list[Event]:
        """The market moves and the machine hears of it."""
        self.pass_time()
        return self.receive(self.simulator.delta(name))

    def answer(self) -> list[Event]:
        """Carry out what is asked for, until nothing more is."""
        events: list[Event] = []
        while self.asks:
            ask = self.asks.popleft()
            if isinstance(ask, Send):
                for frame in self.simulator.answer(ask.frame):
                    events += self.receive(frame)
            elif isinstance(ask, Fetch):
                events += self.fetch(ask, self.simulator.body(ask.url))
        return events

    def pass_time(self, ns: int = STEP_NS) -> list[Event]:
        """Time passes; the machine is called whenever it wants to be."""
        events: list[Event] = []
        end = self.now + ns
        while (deadline := self.venue.deadline()) is not None and deadline <= end:
            self.simulator.advance(max(self.now, deadline))
            events += self._collect(self.venue.tick(self.now))
        self.simulator.advance(end)
        return events

    def _collect(self, outputs: Sequence[Output]) -> list[Event]:
        events: list[Event] = []
        for output in outputs:
            if isinstance(output, Reconnect):
                self.reconnects.append(output)
            elif isinstance(output, Send | Fetch):
                self.asks.append(output)
            else:
                events.append(output)
        self.batches.append(Batch(self.venue.name, self.now, events))
        return events if self.slow else events + self.answer()
