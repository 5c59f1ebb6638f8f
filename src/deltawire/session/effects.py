"""The effects that a session returns; the gateway executes them in order."""

import msgspec

from deltawire.access.tokens import Identity
from deltawire.dialect.grammar import ChannelKey, ResumePosition
from deltawire.wire.rpc import Reply, RequestId


class Join(msgspec.Struct, frozen=True):
    """Subscribe the connection to these channels, and send what it missed since a position, or else their images.

    `resume` is None if the client has not asked for positions. If it has stated some, it is decided at the join which
    channels are recovered: `reply` is completed with the result and sent first.
    """

    keys: tuple[ChannelKey, ...]
    resume: dict[str, ResumePosition] | None = None
    reply: Reply | None = None
    expanded: bool = False
    """Whether patterns have been replaced by the channels that they match."""
    by: Identity | None = None
    """The identity that asked, if any: channels that are joined later are joined only while it is valid."""


class Leave(msgspec.Struct, frozen=True):
    """Unsubscribe the connection from these channels, by their ids."""

    ids: tuple[str, ...]
    expanded: bool = False
    """Whether patterns have been replaced by the channels that they match."""


class Heartbeat(msgspec.Struct, frozen=True):
    """Send a heartbeat notification of this type."""

    kind: str


class Durable(msgspec.Struct, frozen=True):
    """Hold the following effects until the exchange's journal is on disk up to this ticket.

    They are for `identity`, whose rights are checked again after the wait.
    """

    ticket: int
    identity: Identity | None = None
    request_id: RequestId = None


class Close(msgspec.Struct, frozen=True):
    """Close the connection with this WebSocket code."""

    code: int
    reason: str


class SendMessage(msgspec.Struct, frozen=True):
    """Send this message unchanged."""

    payload: bytes
    binary: bool = False


class EnableMac(msgspec.Struct, frozen=True):
    """Cover every later frame by a running MAC with this key (`deltawire.wire.mac`).

    Follows the reply that announces it.
    """

    key: bytes

    def __repr__(self) -> str:
        return "EnableMac()"


Effect = SendMessage | Reply | Join | Leave | Heartbeat | Durable | Close | EnableMac
