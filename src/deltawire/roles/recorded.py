"""A recording in Python: a file of any format, or a directory of the recorder, as verified events and as tables."""

from collections.abc import Iterator
from pathlib import Path

from deltawire.model.events import Event
from deltawire.recording.directory import RecordedDirectory
from deltawire.roles.compaction import events_at
from deltawire.roles.opening import parse_time_ns
from deltawire.sources.recorded import connections_at
from deltawire.tables import Tabular

Time = str | int | None
"""A time as ISO 8601 (UTC unless it says otherwise), or a number since 1970 in s, ms, µs or ns."""


class RecordedEvents(Tabular):
    """The verified events of a recording within some time: iterate over them, or make tables. Read anew every time."""

    def __init__(self, path: Path, venue: str, symbol: str | None, *, from_ns: int, to_ns: int) -> None:
        self._path = path
        self._venue = venue
        self._symbol = symbol
        self._from_ns = from_ns
        self._to_ns = to_ns

    def __iter__(self) -> Iterator[Event]:
        for event in events_at(self._path, self._venue, self._from_ns):
            if self._to_ns and getattr(event, "seen_ns", 0) >= self._to_ns:
                continue
            instrument = getattr(event, "instrument", None)
            if self._symbol is None or getattr(instrument, "name", instrument) == self._symbol:
                yield event

    def _events(self) -> Iterator[Event]:
        return iter(self)


class Recording:
    """What lies at a path. A directory of the recorder says itself of which venues it is; a file needs its `venue`."""

    def __init__(self, path: str | Path, venue: str = "") -> None:
        self.path = Path(path)
        self.venue = venue
        self.venues = sorted({each.venue for each in connections_at(self.path, venue)})

    def events(self, symbol: str | None = None, *, start: Time = None, end: Time = None) -> RecordedEvents:
        """Events of one instrument or of all, up to `end`.

        With `start` a directory of the recorder is read from where its books are known by then: what is before `start`
        comes too, as far as books need it. `UsageError` where a time is none.
        """
        from_ns, to_ns = (0 if at is None else parse_time_ns(str(at)) for at in (start, end))
        return RecordedEvents(self.path, self.venue, symbol, from_ns=from_ns, to_ns=to_ns)

    def span(self) -> tuple[int, int] | None:
        """The first and the last time of a directory of the recorder, in nanoseconds; None where nobody wrote it."""
        return RecordedDirectory(self.path).span() if self.path.is_dir() else None

    def __repr__(self) -> str:
        return f"<recording {self.path}: {', '.join(self.venues)}>"
