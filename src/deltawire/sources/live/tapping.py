"""What a lane tells a `Tap`: the frames as its state machine used them, so that a replay gives the same events.

While a lane has two sockets, a message that came over both is told once, at the time when it was used.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import structlog

from deltawire.model.events import Audit, Event, Fault, Status, VenueStatus
from deltawire.ports import (
    ALIVE,
    REFUSED,
    REQUEST,
    SILENT,
    STATED,
    Clock,
    Noted,
    Output,
    Receipt,
    Stream,
    Tap,
)

log = structlog.get_logger("deltawire")
Lists = dict[str, tuple[str, bytes]]
"""The newest instrument lists: tag, address and body."""


class Tapping:
    """One lane's connection in a recording. A tap that fails is a defect of its own, and never the lane's."""

    def __init__(self, tap: Tap | None, connection: str, clock: Clock) -> None:
        self._tap = tap
        self._connection = connection
        self._clock = clock

    def received(self, frame: bytes) -> None:
        """A frame is used."""
        if self._tap is not None:
            with self._safely():
                self._tap.passed(self._connection, self._clock.wall(), "received", frame)

    def sent(self, text: str) -> None:
        """A message was sent."""
        if self._tap is not None:
            with self._safely():
                self._tap.passed(self._connection, self._clock.wall(), "sent", text.encode())

    def alive(self) -> None:
        """The venue has shown a sign of life that is no message."""
        self.sent(ALIVE)

    def fell_silent(self, instrument: str) -> None:
        """The state machine is told that the stream of a book has stopped."""
        self.sent(SILENT + instrument)

    def refused_book(self, instrument: str, why: str) -> None:
        """The state machine is told that the stream of a book is refused."""
        self.sent(f"{REFUSED}{instrument} {why}")

    def stated(self, status: VenueStatus) -> None:
        """The state machine is told what another connection has heard of the venue."""
        self.sent(STATED + msgspec.json.encode(status).decode())

    def requested(self, url: str) -> None:
        """A fetch is asked for: an audit of a live book begins now, in a replay too."""
        self.sent(REQUEST + url)

    def fetched(self, url: str, body: bytes) -> None:
        """A body was fetched; `url` is the venue's own address of it, whatever endpoint answered."""
        if self._tap is not None:
            with self._safely():
                self._tap.passed(self._connection, self._clock.wall(), "fetched", body, url=url)

    def connected(self, url: str, lists: Lists) -> None:
        """A connection begins; the lists are told again, so that a replay may begin here."""
        self.noted("connected", url=url)
        if self._tap is None:
            return
        for address, body in lists.values():
            self.fetched(address, body)

    def asked(self, streams: Iterable[Stream]) -> None:
        """Streams are subscribed to."""
        if channels := [stream.name for stream in streams]:
            self.noted("asked", channels=channels)

    def answered(self, receipt: Receipt) -> None:
        """The venue has granted or refused streams."""
        if receipt.acknowledged:
            self.noted("acknowledged", channels=list(receipt.acknowledged))
        if receipt.refused:
            self.noted("refused", channels=list(receipt.refused), reason=receipt.reason)

    def told(self, outputs: Sequence[Output | Event]) -> None:
        """Gaps, silences, audits and complaints among events."""
        if self._tap is None:
            return
        for event in outputs:
            if isinstance(event, Status) and event.state == "stale" and event.reason != "closed":
                what: Noted = "silent" if event.reason == "silent" else "gap"
                reason = " ".join(filter(None, (event.reason, event.detail)))
                self.noted(what, instrument=event.instrument.name, from_ns=event.seen_ns, reason=reason)
            elif isinstance(event, Audit):
                self.noted(
                    "audit", instrument=event.instrument.name, compared=event.compared, unequal=event.unequal
                )
            elif isinstance(event, Fault) and event.reason.endswith("granted, but silent"):
                self.noted("silent", instrument=event.instrument, reason=event.reason)

    def noted(self, what: Noted, **facts: str | int | Sequence[str]) -> None:
        """Something happened to the connection."""
        if self._tap is not None:
            with self._safely():
                self._tap.noted(self._connection, self._clock.wall(), what, **facts)

    @contextlib.contextmanager
    def _safely(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            log.exception("defect", tap=self._connection)
