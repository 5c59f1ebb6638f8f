"""Which clients may subscribe to which channels, and which identity a subscription depends on."""

from deltawire.access.tokens import Identity
from deltawire.dialect.families import FAMILIES
from deltawire.dialect.grammar import parse_channel

HEADS = tuple(
    {template.partition("{")[0] for row in FAMILIES.values() if row.right for template in row.names}
)
"""Prefixes of private channels; a fast test, because a client may request hundreds of public ones."""


def channel_right(name: str) -> str:
    """The right that a channel needs; empty for public ones."""
    if not name.startswith(HEADS):
        return ""
    key = parse_channel(name)
    assert key is not None, "only channels are asked about"
    return FAMILIES[key.family].right


def may_subscribe(identity: Identity | None, name: str) -> bool:
    """Whether an identity, or an anonymous client (None), may subscribe to a channel."""
    if identity is None:
        return not channel_right(name)
    return identity.may(channel_right(name)) and identity.may_subscribe(name)


def covers(own: Identity | None, by: Identity | None, name: str) -> bool:
    """Whether a connection's own identity covers a channel that was requested with another token.

    If not, the channel depends on that token and ends with it.
    """
    if not channel_right(name):
        return own is None or own.may_subscribe(name)
    return own is not None and by is not None and own.account == by.account and may_subscribe(own, name)
