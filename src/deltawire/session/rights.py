"""Which channels are for whom, and by whose rights a connection hears them."""

from deltawire.access.tokens import Identity
from deltawire.dialect.families import FAMILIES
from deltawire.dialect.grammar import parse_channel

HEADS = tuple(
    {template.partition("{")[0] for row in FAMILIES.values() if row.right for template in row.names}
)
"""How private channels begin: whoever asks for hundreds of public ones costs little."""


def channel_right(name: str) -> str:
    """The right that a channel needs; empty where it is public."""
    if not name.startswith(HEADS):
        return ""
    key = parse_channel(name)
    assert key is not None, "only channels are asked about"
    return FAMILIES[key.family].right


def may_subscribe(identity: Identity | None, name: str) -> bool:
    """Whether somebody, or nobody, may subscribe to a channel."""
    if identity is None:
        return not channel_right(name)
    return identity.may(channel_right(name)) and identity.may_subscribe(name)


def covers(own: Identity | None, by: Identity | None, name: str) -> bool:
    """Whether a connection's own identity covers a channel that was asked for by (perhaps) another's token.

    Else the channel is heard by that token, and no longer than it lives.
    """
    if not channel_right(name):
        return own is None or own.may_subscribe(name)
    return own is not None and by is not None and own.account == by.account and may_subscribe(own, name)
