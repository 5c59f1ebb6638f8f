"""The manifest of a store: what its tables have, when each book could be relied on, and what is missing."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from deltawire.errors import NOT_DECODED
from deltawire.model.events import Event, Fault, Status
from deltawire.recording.disk import Disk
from deltawire.recording.event_log import StoredEvents
from deltawire.recording.ledger import LedgerEntry
from deltawire.recording.parquet import TableFile

NAME = "manifest.json"
VERSION = 1
MOST_FAULTS = 1000


class Outage(msgspec.Struct, frozen=True):
    """When a book could not be relied on; `to_ns` is 0 if that was so to the end."""

    from_ns: int
    to_ns: int
    reason: str


class BookCoverage(msgspec.Struct):
    """When a book was live, and when it was not any more. `from_ns` is 0 if it never was."""

    from_ns: int = 0
    to_ns: int = 0
    outages: list[Outage] = msgspec.field(default_factory=list)


class Coverage:
    """Collects from events when each book could be relied on."""

    def __init__(self) -> None:
        self._books: dict[str, BookCoverage] = {}
        self._down: dict[str, tuple[int, str]] = {}
        self._last_ns = 0

    def take(self, event: Event) -> None:
        """Take over an event."""
        self._last_ns = max(self._last_ns, getattr(event, "seen_ns", 0))
        if not isinstance(event, Status):
            return
        key = event.instrument.key
        book = self._books.get(key)
        if event.state == "live":
            if book is None:
                self._books[key] = BookCoverage(event.seen_ns)
            elif key in self._down:
                book.outages.append(Outage(self._down[key][0], event.seen_ns, self._down[key][1]))
            self._down.pop(key, None)
        elif event.state == "stale" and book is not None and key not in self._down:
            self._down[key] = event.seen_ns, event.reason

    def books(self) -> dict[str, BookCoverage]:
        """What was collected, by `venue:name`."""
        found: dict[str, BookCoverage] = {}
        for key, book in sorted(self._books.items()):
            outages = list(book.outages)
            end_ns = self._last_ns
            if key in self._down:
                end_ns, reason = self._down[key]
                outages.append(Outage(end_ns, 0, reason))
            found[key] = BookCoverage(book.from_ns, end_ns, outages)
        return found


class _Stored(msgspec.Struct, frozen=True):
    events: list[StoredEvents] = []


def stored_events(directory: Path) -> list[StoredEvents]:
    """The logs of events that a directory has; none where it has no manifest, or a damaged one."""
    try:
        return msgspec.json.decode((directory / NAME).read_bytes(), type=_Stored).events
    except (OSError, *NOT_DECODED):
        return []


def write_manifest(
    disk: Disk,
    files: Iterable[TableFile],
    coverage: Coverage,
    ledger: Iterable[LedgerEntry],
    stored: Iterable[StoredEvents],
    faults: Sequence[Fault] = (),
) -> None:
    """Write the manifest; what was there before stays until it is whole."""
    gaps: list[dict[str, Any]] = [
        {"connection": entry.connection, **entry.facts} for entry in ledger if entry.event == "gap"
    ]
    content = {
        "version": VERSION,
        "tables": list(files),
        "events": list(stored),
        "books": coverage.books(),
        "gaps": gaps,
        "faults": faults[:MOST_FAULTS],
    }
    disk.replace(NAME, msgspec.json.format(msgspec.json.encode(content), indent=1))
