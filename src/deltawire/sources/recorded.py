"""Sources from a path: a recording in one file, or a directory of them."""

from collections.abc import Iterator, Sequence
from os.path import isdir
from pathlib import Path

import msgspec

from deltawire.errors import UsageError
from deltawire.ports import Batch, Clock, Tap
from deltawire.recording.directory import Connected, RecordedDirectory
from deltawire.recording.event_log import EventLog
from deltawire.recording.manifest import stored_events
from deltawire.recording.recording import Recording
from deltawire.sources.replay import Played, ReplaySource, play_together, with_fault
from deltawire.venues import REGISTRY, make_venue


class Playing(msgspec.Struct, frozen=True):
    """How a recording is played; see `ReplaySource`."""

    speed: float | None = 1.0
    loop: bool = False
    from_ns: int = 0
    tap: Tap | None = None


def connections_at(path: str | Path, venue: str = "") -> list[Connected]:
    """The recorded connections of a file or a directory.

    `venue` is that of files which do not say it themselves, and selects among those that do. `UsageError` if there
    is none, or if nobody says of which venue one is.
    """
    path = Path(path)
    if not isdir(path):
        recording = Recording(path)
        recording.probe()
        origin = recording.origin()
        if origin is not None:
            return [Connected(origin.connection, _known(path, venue or origin.venue), recording)]
        return [Connected(f"{venue}/1", _known(path, venue), recording)]
    directory = RecordedDirectory(path)
    found = [
        Connected(each.name, _known(path, each.venue or venue), each.recording)
        for each in directory.connections
        if not (each.venue and venue and each.venue != venue)
    ]
    if not found:
        raise UsageError(f"{path} has no recording of {venue}; it has {', '.join(directory.venues())}")
    found[0].recording.probe()
    return found


def sources_at(
    path: str | Path, wall: Clock, *, venue: str = "", playing: Playing | None = None
) -> list[ReplaySource]:
    """A source per venue of a file or a directory. Books are known from `from_ns` on; see `batches_at`."""
    playing = playing or Playing()
    stored, faults = (
        ({}, {}) if playing.loop or playing.tap is not None else _stored(Path(path), venue, playing.from_ns)
    )
    return [
        ReplaySource(
            pairs,
            wall,
            speed=playing.speed,
            loop=playing.loop,
            from_ns=playing.from_ns,
            stored=stored.get(name),
            fault=faults.get(name, ""),
        )
        for name, pairs in _played_at(Path(path), venue, playing).items()
    ]


def batches_at(path: Path, venue: str = "", from_ns: int = 0) -> Iterator[Batch]:
    """What a file or a directory gives, venue by venue; with `from_ns` from where its books are known then."""
    stored, faults = _stored(path, venue, from_ns)
    for name, pairs in _played_at(path, venue, Playing(from_ns=from_ns)).items():
        batches = stored[name].batches(from_ns) if name in stored else play_together(pairs)
        yield from with_fault(batches, faults.get(name, ""))


def _played_at(path: Path, venue: str, playing: Playing) -> dict[str, list[Played]]:
    """The connections of each venue; in a directory of ours read from when they were opened before `from_ns`."""
    connections = connections_at(path, venue)
    begins = _begins(path, connections, playing.from_ns)
    by_venue: dict[str, list[Played]] = {}
    for number, connection in enumerate(connections, 1):
        played = Played(
            connection.recording,
            make_venue(connection.venue),
            begins.get(connection.name, 0),
            connection.name if "/" in connection.name else f"{connection.venue}/{number}",
            playing.tap,
        )
        by_venue.setdefault(connection.venue, []).append(played)
    return by_venue


def _stored(path: Path, venue: str, from_ns: int) -> tuple[dict[str, EventLog], dict[str, str]]:
    """By venue, the stored events of a directory that were made of all that it has of the venue now.

    Beside it why those of a venue cannot be used: what was recorded is read in their place.
    """
    if not from_ns or not isdir(path):
        return {}, {}
    logs = stored_events(path)
    sizes = recorded_sizes(path, venue) if logs else {}
    found, faults = dict[str, EventLog](), dict[str, str]()
    for stored in logs:
        if stored.made_of == sizes.get(stored.venue):
            log = EventLog(path / stored.path, stored.venue)
            fault = log.fault(from_ns)
            if fault:
                faults[stored.venue] = fault
            else:
                found[stored.venue] = log
    return found, faults


def recorded_sizes(path: Path, venue: str = "") -> dict[str, dict[str, int]]:
    """By venue, the recorded files of a directory with their sizes; `venue` is that of files that do not say it."""
    sizes: dict[str, dict[str, int]] = {}
    for each in RecordedDirectory(path).connections:
        of_venue = sizes.setdefault(each.venue or venue, {})
        for file in each.recording.files:
            of_venue[file.relative_to(path).as_posix()] = file.stat().st_size
    return sizes


def _begins(path: Path, connections: Sequence[Connected], from_ns: int) -> dict[str, int]:
    if not from_ns or not isdir(path):
        return {}
    directory = RecordedDirectory(path)
    return {each.name: directory.begins_at(each.name, from_ns) for each in connections}


def _known(path: Path, venue: str) -> str:
    if venue not in REGISTRY:
        names = ", ".join(sorted(REGISTRY))
        if not venue:
            raise UsageError(f"{path} does not say of which venue it is: add --venue NAME ({names})")
        raise UsageError(f"{path}: unknown venue {venue!r}; known: {names}")
    return venue


def span_of(path: Path, venue: str = "") -> tuple[int, int]:
    """The first and the last time of a recording; files that are not ours are read for it."""
    if isdir(path) and (found := RecordedDirectory(path).span()) is not None:
        return found
    times = [
        record.at_ns
        for each in connections_at(path, venue)
        for record in each.recording.records()
        if record.kind != "damaged"
    ]
    return min(times), max(times)
