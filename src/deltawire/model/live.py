"""The state of live connections, for metrics and displays."""

import msgspec


class LaneStatus(msgspec.Struct, frozen=True):
    """One connection to a venue."""

    number: int
    path: str
    endpoint: str
    sockets: int
    """0 while it is down, 2 while a second one is joined."""
    joined: bool
    """Whether every live book would continue on the second socket without a gap."""
    reconnects: int
    streams: dict[str, int]
    """Number by state: asked, acknowledged, flowing, silent, refused."""
    queued: int
    """Messages that wait for the budget."""
    why: str
    """Why the last socket ended, or could not be opened."""


class LiveStatus(msgspec.Struct, frozen=True):
    """All connections to a venue."""

    venue: str
    lanes: list[LaneStatus]
    weight_used: int
    """REST weight used within the venue's interval."""
    weight_limit: int
    """0 where the venue states none."""
    fetching: int
    refused: int
    """Subscriptions refused so far."""
    listed: int
    """Instruments that the venue lists as active."""
    wanted: int
    """Those that are subscribed to."""
