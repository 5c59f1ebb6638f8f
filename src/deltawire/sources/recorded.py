"""Sources from a path: a recording in one file, or a directory of them."""

from collections.abc import Sequence
from os.path import isdir
from pathlib import Path

import msgspec

from deltawire.errors import UsageError
from deltawire.ports import Clock, Tap
from deltawire.recording.directory import Connected, RecordedDirectory
from deltawire.recording.recording import Recording
from deltawire.sources.replay import Played, ReplaySource
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
    """A source per venue of a file or a directory. Books are known from `from_ns` on: reading begins before it."""
    playing = playing or Playing()
    connections = connections_at(path, venue)
    begins = _begins(Path(path), connections, playing.from_ns)
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
    return [
        ReplaySource(pairs, wall, speed=playing.speed, loop=playing.loop, from_ns=playing.from_ns)
        for pairs in by_venue.values()
    ]


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
