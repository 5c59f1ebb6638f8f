"""What a session wants done; the shell does it in this order."""

import msgspec

from deltawire.access.tokens import Identity
from deltawire.dialect.grammar import ChannelKey, ResumePosition
from deltawire.wire.rpc import Reply, RequestId


class Join(msgspec.Struct, frozen=True):
    """Subscribe the connection to these channels, and send what it missed since a position, else their images.

    `resume` is None when the client has not asked to be told positions. Where it has given some, which channels are
    recovered is decided when they are joined: `reply` is completed with it then, and goes first.
    """

    keys: tuple[ChannelKey, ...]
    resume: dict[str, ResumePosition] | None = None
    reply: Reply | None = None
    expanded: bool = False
    """Whether patterns have been replaced by the channels that they stand for."""
    by: Identity | None = None
    """Who asked, if anyone has signed in: what is joined later than the rest is joined only while they count."""


class Leave(msgspec.Struct, frozen=True):
    """Unsubscribe the connection from these channels, by their ids."""

    ids: tuple[str, ...]
    expanded: bool = False
    """Whether no pattern is among them any more."""


class Heartbeat(msgspec.Struct, frozen=True):
    """Send a heartbeat notification of this type."""

    kind: str


class Durable(msgspec.Struct, frozen=True):
    """What follows waits until the exchange's journal is on disk up to this ticket.

    It is for `identity`, whose rights are looked at again when the wait is over.
    """

    ticket: int
    identity: Identity | None = None
    request_id: RequestId = None


class Close(msgspec.Struct, frozen=True):
    """Close the connection with this WebSocket code."""

    code: int
    reason: str


class SendMessage(msgspec.Struct, frozen=True):
    """Send this message as it is."""

    payload: bytes
    binary: bool = False


class EnableMac(msgspec.Struct, frozen=True):
    """Attest every frame from now on with this key (`deltawire.wire.mac`); comes after the reply that says so."""

    key: bytes

    def __repr__(self) -> str:
        return "EnableMac()"


Effect = SendMessage | Reply | Join | Leave | Heartbeat | Durable | Close | EnableMac
