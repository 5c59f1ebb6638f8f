"""Scopes: the rights of a key, and the part that a login asks for.

A scope consists of words: rights (`trade:read_write`), the kind of token (`connection`, `session:NAME`), and limits
(`expires:SECONDS`, `ip:ADDRESS`). Source: docs.deribit.com, Authentication, Access scope.
"""

from collections.abc import Iterable
from ipaddress import ip_address

import msgspec

from deltawire.errors import RequestError

INVALID_PARAMS = -32602
AREAS = ("account", "trade", "wallet", "block_trade", "block_rfq")
FOREIGN_AREAS = ("custody",)
"""Areas of the dialect that this server does not have: a scope may name them, and they grant nothing."""
LEVELS = ("none", "read", "read_write")
EVERYTHING = tuple(f"{area}:read_write" for area in AREAS)
READING = tuple(f"{area}:read" for area in AREAS)
PLAIN_WORDS = ("connection", "mainaccount")
LONGEST_NAME = 64
LONGEST_SHOWN = 40

Rights = dict[str, int]
"""Levels by area; a missing area means `none`."""


class Scope(msgspec.Struct, frozen=True):
    """The scope of a login. `rights` is None if it names no right: then it asks for all rights of the key."""

    rights: tuple[str, ...] | None = None
    session: str = ""
    expires_s: int = 0
    address: str = ""


def parse_scope(text: str) -> Scope:
    """Parse a client's scope; the dialect's error names an invalid or contradictory word.

    No word is ignored: a misspelt right would otherwise mean all rights.
    """
    words: dict[str, str] = {}
    for word in text.split():
        name, _, value = word.partition(":")
        if not _is_word(word, name, value) or words.setdefault(name, value) != value:
            raise RequestError(
                INVALID_PARAMS, "Invalid params", reason=f"no scope {word[:LONGEST_SHOWN]!r}", param="scope"
            )
    named = words.keys() & {*AREAS, *FOREIGN_AREAS}
    return Scope(
        rights=tuple(f"{area}:{words[area]}" for area in AREAS if area in words) if named else None,
        session=words.get("session", ""),
        expires_s=int(words.get("expires", 0)),
        address=words.get("ip", ""),
    )


def _is_word(word: str, name: str, value: str) -> bool:
    if name in AREAS or name in FOREIGN_AREAS:
        return value in LEVELS
    match name:
        case "session":
            return 0 < len(value) <= LONGEST_NAME
        case "expires":
            return value.isascii() and value.isdigit() and len(value) < 10 and int(value) > 0
        case "ip":
            return _is_address(value)
        case "name":  # the key's name and id in the scope of an answer, which clients send back
            return True
    return word in PLAIN_WORDS


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def to_rights(words: Iterable[str]) -> Rights:
    """Levels by area; `ValueError` names a word that is not a right."""
    rights: Rights = {}
    for word in words:
        area, _, level = word.partition(":")
        if area not in AREAS or level not in LEVELS:
            raise ValueError(
                f"unknown right {word!r}: AREA:LEVEL, AREA one of {', '.join(AREAS)}, LEVEL one of {', '.join(LEVELS)}"
            )
        rights[area] = LEVELS.index(level)
    return rights


def lesser(held: Iterable[str], asked: Iterable[str] | None) -> tuple[str, ...]:
    """The requested part of the rights held, per area the lower level; all of them if None was requested.

    An empty `asked` means no rights: it must not be confused with None.
    """
    have = to_rights(held)
    want = have if asked is None else to_rights(asked)
    levels = {area: min(level, want.get(area, 0)) for area, level in have.items()}
    return tuple(f"{area}:{LEVELS[levels[area]]}" for area in AREAS if levels.get(area))


def allows(held: Iterable[str], needed: str) -> bool:
    """Whether rights include one; every set of rights includes the empty one."""
    area, _, level = needed.partition(":")
    return not needed or to_rights(held).get(area, 0) >= LEVELS.index(level)
