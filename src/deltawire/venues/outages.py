"""What a venue has said of its own state: which announcements hold, and which books they concern."""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from deltawire.model.events import VenueStatus
from deltawire.model.instruments import Instrument

RESTATED_NS = 10 * 1_000_000_000
"""On a new connection a venue says within this time what still holds."""
UNCONFIRMED = "not repeated on a new connection"
ENDED = "its announced end has passed"
MOST = 1_000
"""Announcements that are remembered; of more the oldest is forgotten."""
_Value = TypeVar("_Value")


def _keep(newest: dict[tuple[str, str], _Value], status: VenueStatus, value: _Value) -> None:
    """Put the newest last; a notice ends what was said before, and is not kept itself."""
    newest.pop(status.key, None)
    if status.state != "notice":
        newest[status.key] = value
    if len(newest) > MOST:
        del newest[next(iter(newest))]


class Statuses:
    """The newest status of a venue about each subject and announcement, whichever connections it came on."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], tuple[VenueStatus, str]] = {}

    def take(self, status: VenueStatus, path: str = "") -> bool:
        """Note what came on a connection of this path; returns whether it is news."""
        before, heard = self._newest.get(status.key, (None, path))
        news = not status.repeats(before)
        _keep(self._newest, status, (status, path if news else heard))
        return news

    def elsewhere(self, path: str) -> list[VenueStatus]:
        """What came on connections of other paths."""
        return [status for status, heard in self._newest.values() if heard != path]


class _Said(msgspec.Struct, frozen=True):
    status: VenueStatus
    until_ns: int
    """When it ends by itself; 0: not before the venue says so."""


class Outages:
    """The newest word about each subject and announcement. Time is passed in."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], _Said] = {}
        self._down: list[VenueStatus] = []

    def take(self, status: VenueStatus) -> bool:
        """Note what the venue says; returns whether it is news."""
        before = self._said.get(status.key)
        until_ns = status.end_ns if status.state == "down" and status.end_ns > status.seen_ns else 0
        _keep(self._said, status, _Said(status, until_ns))
        self._down = [said.status for said in self._said.values() if said.status.state == "down"]
        return before is None or not status.repeats(before.status)

    def over(self, instrument: Instrument) -> VenueStatus | None:
        """What says that the market of an instrument is down; None if nothing does."""
        if not self._down:
            return None
        about = "", instrument.name, instrument.index_name
        return next((status for status in self._down if status.subject in about), None)

    def subjects(self) -> set[str]:
        """The subjects that are said to be down."""
        return {status.subject for status in self._down}

    def reopened(self, now: int) -> None:
        """A new connection is open: what holds will be said again."""
        for status in self._down:
            self._said[status.key] = _Said(status, now + RESTATED_NS)

    def next_end(self) -> int | None:
        """When something ends by itself."""
        return min((said.until_ns for said in self._said.values() if said.until_ns), default=None)

    def ended(self, now: int) -> Iterator[VenueStatus]:
        """What has ended by itself, as if the venue had said so."""
        for said in [*self._said.values()]:
            if 0 < said.until_ns <= now:
                why = ENDED if said.until_ns == said.status.end_ns else UNCONFIRMED
                yield msgspec.structs.replace(said.status, state="up", seen_ns=now, text=why, venue_ns=0)
