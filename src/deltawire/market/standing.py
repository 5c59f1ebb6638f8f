"""What venues have said of themselves: whether they work, and what they announce."""

import msgspec

from deltawire.model.events import VenueState, VenueStatus

WORST: tuple[VenueState, ...] = ("down", "limited", "scheduled", "up")
KEPT = 20
"""Announcements of a venue that are over or only told; of more the oldest is forgotten."""
MOST_OPEN = 1_000


class StandingImage(msgspec.Struct, frozen=True):
    """A venue's standing; announcements oldest first."""

    number: int
    announcements: list[VenueStatus]


class VenueStanding:
    """The newest word of one venue about each subject and announcement."""

    def __init__(self) -> None:
        self.number = 0
        """How many there have been."""
        self._newest: dict[tuple[str, str], VenueStatus] = {}

    @property
    def announcements(self) -> list[VenueStatus]:
        """The newest of each, newest first."""
        return [*reversed(self._newest.values())]

    @property
    def state(self) -> VenueState:
        """The worst that holds for all of the venue or a part of it; `up` if nothing was said."""
        states = {status.state for status in self._newest.values()}
        return next((state for state in WORST if state in states), "up")

    @property
    def why(self) -> str:
        """What the venue says about that; empty while it is up."""
        if self.state == "up":
            return ""
        worst = next(status for status in self.announcements if status.state == self.state)
        return " ".join(filter(None, (worst.subject, worst.text)))

    def take(self, status: VenueStatus) -> None:
        """The venue has said something."""
        self.number += 1
        self._newest.pop(status.key, None)
        self._newest[status.key] = status
        over = [key for key, each in self._newest.items() if each.state in ("up", "notice")]
        excess = len(over) - KEPT
        for key in over[: max(0, excess)]:
            del self._newest[key]
        if len(self._newest) > MOST_OPEN:
            del self._newest[next(iter(self._newest))]

    def down(self) -> set[str]:
        """The subjects that are down; an empty one stands for all of the venue."""
        return {status.subject for status in self._newest.values() if status.state == "down"}

    def freeze(self) -> StandingImage:
        """The whole of it, for `thaw`."""
        return StandingImage(self.number, [*self._newest.values()])

    def thaw(self, image: StandingImage) -> None:
        """Take over the result of `freeze`."""
        self.number = image.number
        self._newest = {status.key: status for status in image.announcements}
