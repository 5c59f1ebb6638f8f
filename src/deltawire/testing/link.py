"""Connects a venue's state machine to a simulator of the venue in memory."""

from collections import deque
from collections.abc import Sequence

from deltawire.model.events import Event
from deltawire.ports import Ask, Batch, Fetch, Output, Receipt, Reconnect, Send, Venue
from deltawire.testing.simulators.simulator import Simulator

STEP_NS = 50_000_000


class Link:
    """One connection. Time passes only when the test says so.

    The requests of the state machine are answered at once, unless the link is `slow`: then they wait until `answer`.
    """

    def __init__(self, venue: Venue, simulator: Simulator, *, slow: bool = False) -> None:
        self.venue = venue
        self.simulator = simulator
        self.slow = slow
        self.asks: deque[Ask] = deque()
        self.batches: list[Batch] = []
        self.reconnects: list[Reconnect] = []
        self.receipts: list[Receipt] = []
        self._answering = False

    @property
    def now(self) -> int:
        """The time at both ends, in nanoseconds since 1970."""
        return self.simulator.now_ns

    @property
    def events(self) -> list[Event]:
        """All events of the state machine so far."""
        return [event for batch in self.batches for event in batch.events]

    def open(self) -> list[Event]:
        """Open the connection and answer the requests."""
        return self._collect(self.venue.opened(self.simulator.wants(), self.now))

    def close(self) -> list[Event]:
        """Close the connection; requests in progress are lost."""
        self.asks.clear()
        return self._collect(self.venue.closed(self.now))

    def receive(self, frame: bytes) -> list[Event]:
        """Deliver a frame; returns the events that it and the answers to the resulting requests cause."""
        return self._collect(self.venue.received(frame, self.now))

    def fetch(self, ask: Fetch, body: bytes) -> list[Event]:
        """Deliver the answer to a `Fetch`."""
        return self._collect(self.venue.fetched(ask.tag, body, self.now))

    def delta(self, name: str) -> list[Event]:
        """Move the market and deliver the update."""
        self.pass_time()
        return self.receive(self.simulator.delta(name))

    def answer(self) -> list[Event]:
        """Answer requests until there are no more; frames arrive in the order in which they were sent."""
        events: list[Event] = []
        if self._answering:
            return events
        self._answering = True
        while self.asks:
            ask = self.asks.popleft()
            if isinstance(ask, Send):
                for frame in self.simulator.answer(ask.frame):
                    events += self.receive(frame)
            elif isinstance(ask, Fetch):
                events += self.fetch(ask, self.simulator.body(ask.url))
        self._answering = False
        return events

    def pass_time(self, ns: int = STEP_NS) -> list[Event]:
        """Let time pass; calls the state machine at its deadlines."""
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
            elif isinstance(output, Receipt):
                self.receipts.append(output)
            elif isinstance(output, (Send, Fetch)):
                self.asks.append(output)
            else:
                events.append(output)
        self.batches.append(Batch(self.venue.name, self.now, events))
        return events if self.slow else events + self.answer()
