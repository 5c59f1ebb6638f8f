"""Whatever is damaged in a directory, by whatever bytes: it is said where, and what is good beside it counts."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from deltawire.errors import RecordingError
from deltawire.model.events import Event, Fault, Trade
from deltawire.recording import Recording
from deltawire.recording.event_log import REMADE
from deltawire.recording.inspection import damaged_in_store
from deltawire.recording.ledger import NAME, read_ledger
from deltawire.recording.manifest import stored_events
from deltawire.recording.recorder import Recorder
from deltawire.recording.stream import Limits
from deltawire.roles.compaction import compact, events_at
from deltawire.sources.recorded import span_of
from deltawire.testing.recordings import make_recording
from tests.support.effort import examples

SEEDS = examples(3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of many units."""
    out = tmp_path_factory.mktemp("whole") / "out"
    recorder = Recorder(out, Limits(frame_bytes=6_000))
    recorder.noted("deribit/1", 1, "connected", url="wss://somewhere")
    for number, entry in enumerate(make_recording(3, steps=250)):
        if entry.kind == "received":
            recorder.passed("deribit/1", entry.at_ns, "received", entry.payload)
        if number % 25 == 0:
            recorder.noted("deribit/1", entry.at_ns, "audit", instrument="BTC-PERPETUAL", compared=number)
    recorder.close()
    return out


@pytest.fixture(scope="module")
def compacted(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = Path(shutil.copytree(whole, tmp_path_factory.mktemp("compacted") / "out"))
    compact(out, ["trades"])
    return out


@pytest.fixture
def stored(compacted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compacted, tmp_path / "out"))


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "out"))


def flip(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data))]


def zeros(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + bytes(len(data[at : at + 512])) + data[at + 512 :]


def insert(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + random.randbytes(random.randint(1, 300)) + data[at:]


def foreign(data: bytes, random: Random) -> bytes:
    return random.choice([b"", b"\n", b"PK\x03\x04" + random.randbytes(900), b"{}", b"not ours\n" * 50])


DAMAGES = [flip, cut, zeros, insert, foreign]
Damage = Callable[[bytes, Random], bytes]


def damaged(path: Path, damage: Damage) -> Iterator[bytes]:
    """Damage a file, some times anew; each time it is other than it was."""
    data = path.read_bytes()
    for seed in range(SEEDS):
        changed = damage(data, Random(f"{damage.__name__} {seed}"))
        if changed != data:
            path.write_bytes(changed)
            yield changed
    path.write_bytes(data)


def recorded(directory: Path) -> tuple[list[bytes], int]:
    """The frames that can be read, and the number of places that cannot."""
    (file,) = directory.glob("raw/deribit/1/*")
    try:
        records = list(Recording(file).records())
    except RecordingError:
        return [], 1
    damage = [record for record in records if record.kind == "damaged"]
    assert all(record.reason and record.line for record in damage)
    return [record.payload for record in records if record.kind == "received"], len(damage)


@pytest.mark.parametrize("damage", DAMAGES)
def test_recorded_frames(copied: Path, damage: Damage) -> None:
    """Either every frame is there, or it is said where some are not; none is another than it was."""
    (file,) = copied.glob("raw/deribit/1/*")
    frames, _ = recorded(copied)
    known = set(frames)
    for _ in damaged(file, damage):
        found, places = recorded(copied)
        assert set(found) <= known
        assert found == frames or places, "lost without a word"
        if damage is not foreign and damage is not cut:
            assert len(found) > len(frames) // 2, "what is good behind the damage counts"


@pytest.mark.parametrize("damage", DAMAGES)
def test_ledger(copied: Path, damage: Damage) -> None:
    path = copied / NAME
    entries = list(read_ledger(path))
    for data in damaged(path, damage):
        found = list(read_ledger(path))
        bad = [entry for entry in found if entry.event == "damaged"]
        assert all(entry.facts["line"] for entry in bad)
        lines = sum(1 for line in data.split(b"\n") if line.strip())
        assert len(found) <= lines
        if damage in (flip, insert):
            assert len([entry for entry in found if entry in entries]) >= len(entries) - 2
        Recorder(copied).close()
        assert list(read_ledger(path))[: len(found)] == found, "what is added begins a line of its own"


@pytest.mark.parametrize("damage", DAMAGES)
def test_stored_events(stored: Path, damage: Damage) -> None:
    """A seek gives what it gave, or says what is damaged; and so says the inspection."""
    (log,) = stored_events(stored)
    first_ns, last_ns = span_of(stored)
    expected: dict[int, list[Event]] = {
        at_ns: list(events_at(stored, from_ns=at_ns)) for at_ns in (first_ns + 1, (first_ns + last_ns) // 2)
    }
    for _ in damaged(stored / log.path, damage):
        assert list(damaged_in_store(stored))
        for at_ns, events in expected.items():
            found = list(events_at(stored, from_ns=at_ns))
            assert found == events or any(isinstance(event, Fault) for event in found)
            trades = [
                event for event in found if isinstance(event, Trade) and event.seen_ns > last_ns - 10**8
            ]
            assert trades == [
                e for e in events if isinstance(e, Trade) and e.seen_ns > last_ns - 10**8
            ] or any(isinstance(event, Fault) for event in found)


@pytest.mark.parametrize("damage", DAMAGES)
def test_manifest(stored: Path, damage: Damage) -> None:
    """Without it a seek reads what was recorded."""
    first_ns, last_ns = span_of(stored)
    at_ns = (first_ns + last_ns) // 2
    for _ in damaged(stored / "manifest.json", damage):
        said = list(damaged_in_store(stored))
        assert list(events_at(stored, from_ns=at_ns))
        assert said or damage in (flip, foreign, insert), (
            "JSON that is still of this form says something else"
        )


@pytest.mark.parametrize("damage", DAMAGES)
def test_tables(stored: Path, damage: Damage) -> None:
    """No row is another than it was without that being said."""
    path = min(stored.glob("table/trades/**/*.parquet"))
    for _ in damaged(path, damage):
        assert [each.file for each in damaged_in_store(stored)] == [path.relative_to(stored).as_posix()]
    assert not list(damaged_in_store(stored))
    path.unlink()
    assert [each.reason for each in damaged_in_store(stored)] == [f"No such file or directory; {REMADE}"]
