"""What a subscription yields beside events."""

import msgspec

from deltawire.dialect.grammar import ResumePosition
from deltawire.model.events import Event
from deltawire.session.account_items import AccountItem
from deltawire.session.client import Notification


class Outage(msgspec.Struct, frozen=True):
    """The connection is lost, and why; another is tried in `wait_s` seconds. No book is live meanwhile."""

    reason: str
    wait_s: float


class Gap(msgspec.Struct, frozen=True):
    """What a channel published after `position` is lost: the server no longer had all of it.

    A channel with an image sends that next; whatever was built from the notifications before is void.
    """

    channel: str
    position: ResumePosition


class Recovered(msgspec.Struct, frozen=True):
    """The connection is back: of these channels everything that was missed follows, in order, none twice."""

    channels: tuple[str, ...]


Item = Event | AccountItem | Notification | Outage | Gap | Recovered
RawItem = Notification | Outage | Gap | Recovered
