"""`deltawire.replay`: the events of a recording, to iterate over or as tables."""

from collections.abc import Iterator
from os.path import isdir
from pathlib import Path

from deltawire.model.events import Event
from deltawire.recording import Recording
from deltawire.recording.directory import Connected
from deltawire.sources.recorded import batches_at, connections_at
from deltawire.tables import Tabular
from deltawire.venues import make_venue


class Replay(Tabular):
    """The verified events of a recording: iterate over it, or make tables of it. It is read anew every time."""

    def __init__(self, path: str | Path, venue: str = "") -> None:
        self.path, self.venue = Path(path), venue
        for each in self._connections():
            make_venue(each.venue)

    def __iter__(self) -> Iterator[Event]:
        for batch in batches_at(self.path, self.venue):
            yield from batch.events

    def _connections(self) -> list[Connected]:
        if isdir(self.path):
            return connections_at(self.path, self.venue)
        recording = Recording(self.path)
        origin = None if self.venue else recording.origin()
        return [Connected(self.path.name, origin.venue if origin else self.venue, recording)]

    def _events(self) -> Iterator[Event]:
        return iter(self)

    def __repr__(self) -> str:
        return f"<replay of {self.path}, {self.venue}>"


def replay(path: str | Path, venue: str = "") -> Replay:
    """The verified events of a recording, at full speed: iterate over what this returns, or make tables of it.

    `path` is a file, or a directory that `deltawire record` has written, which says itself of which venues it is.
    `UsageError` if the file or the venue does not exist, `RecordingError` while it is read if the file is no recording.
    """
    return Replay(path, venue)
