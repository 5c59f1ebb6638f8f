"""Selects the kernel: the compiled one if it is built, else pure Python.

`DELTAWIRE_PURE=1` in the environment selects pure Python. No other module decides.
"""

import os
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from deltawire.book import pure

ASKED_PURE = os.environ.get("DELTAWIRE_PURE", "") not in ("", "0")


def compiled(name: str) -> ModuleType | None:
    """A compiled module by its full name, None if pure Python is used."""
    if ASKED_PURE:
        return None
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None


if TYPE_CHECKING:
    from deltawire.book.pure import (
        Image,
        Pending,
        Router,
        Side,
        Top,
        Track,
        join_changes,
        level_digits,
        read_columns,
        read_places,
    )

    BookFormat: Any
    COMPILED: bool
else:
    chosen = compiled("deltawire.book._kernel") or pure
    COMPILED = chosen is not pure
    Pending, Router, Side, Top, Track = chosen.Pending, chosen.Router, chosen.Side, chosen.Top, chosen.Track
    Image = chosen.Image
    join_changes, level_digits = chosen.join_changes, chosen.level_digits
    read_columns, read_places = chosen.read_columns, chosen.read_places
    BookFormat = chosen.BookFormat if COMPILED else None

DESCRIPTION = (
    "compiled kernel"
    if COMPILED
    else "pure Python, as DELTAWIRE_PURE asks"
    if ASKED_PURE
    else "pure Python: the compiled kernel is not built (it needs a C++ compiler when deltawire is installed)"
)
"""Which kernel runs, and why, as text."""

__all__ = [
    "ASKED_PURE",
    "COMPILED",
    "DESCRIPTION",
    "BookFormat",
    "Image",
    "Pending",
    "Router",
    "Side",
    "Top",
    "Track",
    "compiled",
    "join_changes",
    "level_digits",
    "read_columns",
    "read_places",
]
