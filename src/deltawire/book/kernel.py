"""Which kernel runs: the compiled one where it is built, else its twin in pure Python.

`DELTAWIRE_PURE=1` in the environment asks for the twin. Nobody else chooses.
"""

import os
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from deltawire.book import twin

ASKED_PURE = os.environ.get("DELTAWIRE_PURE", "") not in ("", "0")


def compiled(name: str) -> ModuleType | None:
    """A compiled module by its full name, None where pure Python takes its place."""
    if ASKED_PURE:
        return None
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None


if TYPE_CHECKING:
    from deltawire.book.twin import Pending, Router, Side, Track, read_columns

    ChangeFormat: Any
    COMPILED: bool
else:
    chosen = compiled("deltawire.book._kernel") or twin
    COMPILED = chosen is not twin
    Pending, Router, Side, Track = chosen.Pending, chosen.Router, chosen.Side, chosen.Track
    read_columns = chosen.read_columns
    ChangeFormat = chosen.ChangeFormat if COMPILED else None

DESCRIPTION = (
    "compiled kernel"
    if COMPILED
    else "pure Python, as DELTAWIRE_PURE asks"
    if ASKED_PURE
    else "pure Python: the compiled kernel is not built (it needs a C++ compiler when deltawire is installed)"
)
"""Which one runs, and why, in words."""

__all__ = [
    "ASKED_PURE",
    "COMPILED",
    "DESCRIPTION",
    "ChangeFormat",
    "Pending",
    "Router",
    "Side",
    "Track",
    "compiled",
    "read_columns",
]
