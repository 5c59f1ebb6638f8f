"""Names of sub-accounts: they are opened as `OWNER_1`, `OWNER_2`, …, so such names are reserved for their owner."""

import re

LONGEST = 80
"""Longer than an operator's account may be named, for the number behind it."""
_OPENED_AS = re.compile(r"(.+)_[0-9]+")


def owner_of(name: str) -> str:
    """The account whose sub-accounts are opened under such a name; empty if none are."""
    match = _OPENED_AS.fullmatch(name)
    return match[1] if match else ""


def is_name(name: str) -> bool:
    """Whether a sub-account can be given a name: one that people can see."""
    return 0 < len(name) <= LONGEST and name.isprintable() and name == name.strip()
