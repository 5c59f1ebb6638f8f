"""Channels of what venues say of themselves."""

from typing import Any

from deltawire.fanout.channel import Channel, Recovered
from deltawire.market.market import LockChange
from deltawire.market.standing import VenueStanding
from deltawire.market.state import InstrumentState
from deltawire.model.events import Event, VenueStatus

MS_NS = 1_000_000


class VenueStatusChannel(Channel):
    """`venue_status.{venue}`: how a venue says it is, and all that it has announced, whenever it says something."""

    merges = True

    @property
    def _standing(self) -> VenueStanding | None:
        return self.market.standings.get(self.key.venue)

    def opened(self) -> None:
        """What was said counts as published."""
        standing = self._standing
        self.seq = standing.number if standing is not None else 0

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """The venue has said something."""
        standing = self._standing
        if standing is not None and standing.number > self.seq:
            self.publish(standing.number, self.image())

    def image(self) -> Any:
        """What holds now; None if the venue has said nothing."""
        standing = self._standing
        if standing is None:
            return None
        announcements = standing.announcements
        return {
            "venue": self.key.venue,
            "timestamp": announcements[0].seen_ns // MS_NS,
            "state": standing.state,
            "reason": standing.why,
            "announcements": [_announcement(status) for status in announcements],
        }


class PlatformStateChannel(Channel):
    """`platform_state`: the indices whose markets the home venue has locked, whenever one is locked or unlocked."""

    def opened(self) -> None:
        """Changes so far count as published."""
        changes = self.market.lock_changes
        self.seq = changes[-1][0] if changes else 0

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """The home venue has said something."""
        for number, data in self._since(self.seq):
            self.publish(number, data)

    def recovered(self, seq: int) -> Recovered | None:
        """Every change since; None if they are not all kept."""
        changes = self.market.lock_changes
        if changes and changes[0][0] > seq + 1:
            return None
        return self._since(seq)

    def _since(self, seq: int) -> Recovered:
        return [_lock(change) for change in self.market.lock_changes if change[0] > seq]


def _lock(change: LockChange) -> tuple[int, dict[str, Any]]:
    number, index, locked = change
    return number, {"price_index": index, "locked": locked}


def _announcement(status: VenueStatus) -> dict[str, Any]:
    return {
        "subject": status.subject,
        "id": status.id,
        "state": status.state,
        "text": status.text,
        "begin": status.begin_ns // MS_NS or None,
        "end": status.end_ns // MS_NS or None,
        "timestamp": status.seen_ns // MS_NS,
    }
