"""Scopes: what a key may do, and what of it a login asks for.

A scope is words: rights (`trade:read_write`), where the token lives (`connection`, `session:NAME`), and bounds
(`expires:SECONDS`, `ip:ADDRESS`). Source: docs.deribit.com, Authentication, Access scope.
"""

from collections.abc import Iterable

import msgspec

AREAS = ("account", "trade", "wallet", "block_trade", "block_rfq")
LEVELS = ("none", "read", "read_write")
EVERYTHING = tuple(f"{area}:read_write" for area in AREAS)
READING = tuple(f"{area}:read" for area in AREAS)

Rights = dict[str, int]
"""Levels by area; an area that is not there is `none`."""


class Scope(msgspec.Struct, frozen=True):
    """What a login asks for. Without rights it is everything that the key has."""

    rights: tuple[str, ...] = ()
    session: str = ""
    expires_s: int = 0
    address: str = ""


def parse_scope(text: str) -> Scope:
    """A scope as a client writes it; words that mean nothing here are left out, as the dialect has it."""
    found = dict(word.partition(":")[::2] for word in text.split())
    expires = found.get("expires", "")
    return Scope(
        rights=tuple(f"{area}:{found[area]}" for area in AREAS if found.get(area) in LEVELS),
        session=found.get("session", "")[:64],
        expires_s=int(expires) if expires.isascii() and expires.isdigit() and len(expires) < 10 else 0,
        address=found.get("ip", ""),
    )


def to_rights(words: Iterable[str]) -> Rights:
    """Levels by area; `ValueError` names a word that is no right."""
    rights: Rights = {}
    for word in words:
        area, _, level = word.partition(":")
        if area not in AREAS or level not in LEVELS:
            raise ValueError(f"no right {word!r}: AREA:LEVEL of {', '.join(AREAS)} and {', '.join(LEVELS)}")
        rights[area] = LEVELS.index(level)
    return rights


def lesser(held: Iterable[str], asked: Iterable[str]) -> tuple[str, ...]:
    """What of the rights held was asked for: per area the lower level, all of it when nothing was asked."""
    have, want = to_rights(held), to_rights(asked)
    levels = {area: min(level, want.get(area, 0) if want else level) for area, level in have.items()}
    return tuple(f"{area}:{LEVELS[levels[area]]}" for area in AREAS if levels.get(area))


def allows(held: Iterable[str], needed: str) -> bool:
    """Whether rights include one; every right includes the empty one."""
    area, _, level = needed.partition(":")
    return not needed or to_rights(held).get(area, 0) >= LEVELS.index(level)
