"""What `deltawire record` has written: connections and their files, and the ledger."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import msgspec

from deltawire.errors import RecordingError, UsageError
from deltawire.recording.entry import NO_TIME_NS
from deltawire.recording.ledger import NAME, LedgerEntry, read_ledger
from deltawire.recording.recording import OWN_NAME, Recording
from deltawire.recording.stream import RAW
from deltawire.recording.unit_files import span

HIDDEN = "."


class Connected(msgspec.Struct, frozen=True):
    """The recording of one connection, and the venue whose frames it has; empty if nobody says."""

    name: str
    venue: str
    recording: Recording


class RecordedDirectory:
    """A directory of recordings. `UsageError` if it has none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connections = _own_connections(path) or _one_of_any_files(path)
        if not self.connections:
            raise UsageError(f"{path}: no recording in it")

    @property
    def is_own(self) -> bool:
        """Whether a recorder of ours has written it: then it is known which venues it is of."""
        return bool(self.connections[0].venue)

    def venues(self) -> list[str]:
        """The venues, where they are known."""
        return sorted({connection.venue for connection in self.connections} - {""})

    def ledger(self) -> Iterator[LedgerEntry]:
        """The events that the recorder noted."""
        return read_ledger(self.path / NAME)

    def begins_at(self, connection: str, at_ns: int) -> int:
        """From when a connection must be replayed so that its books are known at a time: when it last connected."""
        connects = [
            entry.at_ns
            for entry in self.ledger()
            if entry.event == "connected" and entry.connection == connection and entry.at_ns <= at_ns
        ]
        return max(connects, default=0)

    def span(self) -> tuple[int, int] | None:
        """The first and the last time in the files of our own; None if there is none."""
        times = [
            found
            for connection in self.connections
            for path in connection.recording.files
            if (found := _span(path)) is not None
        ]
        if not times:
            return None
        return min(first for first, _ in times), max(last for _, last in times)


def _span(path: Path) -> tuple[int, int] | None:
    if not path.name.endswith(OWN_NAME):
        return None
    with path.open("rb") as raw:
        return span(raw)


def _own_connections(path: Path) -> list[Connected]:
    found = []
    for folder in sorted(each for each in path.glob(f"{RAW}/*/*") if each.is_dir()):
        files = sorted(each for each in folder.iterdir() if each.is_file() and each.name[0] != HIDDEN)
        if files:
            venue, number = unquote(folder.parent.name), unquote(folder.name)
            found.append(Connected(f"{venue}/{number}", venue, Recording(folder, files)))
    return found


def _one_of_any_files(path: Path) -> list[Connected]:
    """Files of any format are one connection's, in the order of their times; those that belong to others are not it."""
    files = [
        each
        for each in sorted(path.iterdir())
        if each.is_file() and each.name[0] != HIDDEN and not _belongs(each, path)
    ]
    if not files:
        return []
    began = {file: _first_ns(file) for file in files}
    if not any(began.values()):
        return []  # nothing in it has a time: these are files of another kind
    files.sort(key=lambda file: (began[file], file.name))
    return [Connected(path.name, "", Recording(path, files))]


def _belongs(file: Path, folder: Path) -> bool:
    """Whether a file holds what was fetched for a log of frames beside it: `NAME.0` for `NAME.ws.1.0`."""
    name = file.name.split(".")[0]
    return ".ws." not in file.name and any(folder.glob(f"{name}.ws.*"))


def _first_ns(file: Path) -> int:
    """The time of a file's first record; 0 if it has none."""
    try:
        first = next((record for record in Recording(file).records() if record.kind != "damaged"), None)
    except RecordingError:
        return 0
    return first.at_ns if first is not None and first.at_ns > NO_TIME_NS else 0
