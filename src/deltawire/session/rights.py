"""Which channels are for whom, and by whose rights a connection hears them."""

from deltawire.access.tokens import Identity

PRIVATE = {
    "user.orders.": "trade:read",
    "user.trades.": "trade:read",
    "user.changes.": "trade:read",
    "user.combo_trades.": "trade:read",
    "user.mmp_trigger.": "trade:read",
    "user.portfolio.": "account:read",
    "user.access_log": "account:read",
    "user.lock": "account:read",
    "user.": "account:read_write",
    "block_rfq.maker.": "block_rfq:read",
    "block_rfq.taker.": "block_rfq:read",
}
"""The right that a channel needs, by how its name begins; the first that fits counts."""


HEADS = ("user.", "block_rfq.")
"""How each of these begins: whoever asks for hundreds of public channels costs little."""


def channel_right(name: str) -> str:
    """The right that a channel needs; empty where it is public."""
    if not name.startswith(HEADS):
        return ""
    return next((right for prefix, right in PRIVATE.items() if name.startswith(prefix)), "")


def may_hear(identity: Identity | None, name: str) -> bool:
    """Whether somebody, or nobody, may subscribe to a channel."""
    if identity is None:
        return not channel_right(name)
    return identity.may(channel_right(name)) and identity.may_hear(name)


def covers(own: Identity | None, by: Identity | None, name: str) -> bool:
    """Whether a connection's own identity covers a channel that was asked for by (perhaps) another's token.

    Else the channel is heard by that token, and no longer than it lives.
    """
    if not channel_right(name):
        return own is None or own.may_hear(name)
    return own is not None and by is not None and own.account == by.account and may_hear(own, name)
