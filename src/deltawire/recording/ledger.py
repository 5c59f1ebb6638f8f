"""The ledger of a recording: what happened to its connections and to itself, one JSON object per line, each synced.

{"at_ns":…,"event":"connected","connection":"okx/1","url":"wss://…"}
{"at_ns":…,"event":"gap","connection":"okx/1","from_ns":…,"to_ns":…,"frames":12,"bytes":3456,"reason":"…"}
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from deltawire.errors import NOT_DECODED
from deltawire.recording.disk import Disk

NAME = "ledger.jsonl"


class LedgerEntry(msgspec.Struct, frozen=True):
    """One event; `facts` are its other members. One that cannot be read has the event `damaged`."""

    at_ns: int
    event: str
    connection: str = ""
    facts: dict[str, Any] = {}


class Ledger:
    """Appends to the ledger; what cannot be written now is kept and written with the next."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._waiting: list[bytes] = []
        path = disk.path(NAME)
        self._size = path.stat().st_size if path.exists() else 0
        self._mend()

    def add(
        self, at_ns: int, event: str, connection: str = "", facts: Mapping[str, object] | None = None
    ) -> None:
        """Note an event; it is durable after the next `flush`."""
        named = {"connection": connection} if connection else {}
        entry = {"at_ns": at_ns, "event": event, **named, **(facts or {})}
        self._waiting.append(msgspec.json.encode(entry) + b"\n")

    def flush(self) -> None:
        """Make all events durable; raises `OSError`, and keeps them, if that is not possible."""
        if not self._waiting:
            return
        lines = b"".join(self._waiting)
        try:
            self._disk.append(NAME, lines)
        except OSError:
            self._disk.close(NAME)
            if self._disk.path(NAME).exists():
                self._disk.truncate(NAME, self._size)
            raise
        self._size += len(lines)
        self._waiting.clear()

    def _mend(self) -> None:
        """End a line that was torn, so that the next begins a new one."""
        path = self._disk.path(NAME)
        if self._size:
            with path.open("rb") as raw:
                raw.seek(-1, 2)
                if raw.read(1) != b"\n":
                    self._waiting.append(b"\n")


def read_ledger(path: Path) -> Iterator[LedgerEntry]:
    """The events of a ledger; a line that is none is one of them, and reading goes on behind it."""
    if not path.exists():
        return
    at_ns = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                facts = msgspec.json.decode(line, type=dict[str, Any])
                at_ns, event = int(facts.pop("at_ns")), str(facts.pop("event"))
                connection = str(facts.pop("connection", ""))
            except (*NOT_DECODED, KeyError, TypeError, ValueError):
                yield LedgerEntry(at_ns, "damaged", facts={"line": number})
                continue
            yield LedgerEntry(at_ns, event, connection, facts)
