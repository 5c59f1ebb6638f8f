"""What passes is on disk exactly, or the ledger says what is not."""

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deltawire.errors import UsageError
from deltawire.recording import Recording, RecordingEntry
from deltawire.recording.disk import LocalDisk
from deltawire.recording.ledger import NAME, LedgerEntry, read_ledger
from deltawire.recording.recorder import Recorder
from deltawire.recording.stream import Limits
from deltawire.recording.unit_files import is_finished
from deltawire.testing.recordings import make_recording
from tests.support.waiting import HANG_S, wait_until

BEGAN = 1_700_000_000_000_000_000
SMALL = Limits(frame_bytes=2_000, sync_s=0.01, queue_bytes=100_000, retry_s=0.05)


def records(directory: Path) -> Iterator[RecordingEntry]:
    for path in sorted(directory.glob("raw/**/*.dwr.zst")):
        yield from Recording(path).records()


def received(directory: Path) -> list[bytes]:
    return [record.payload for record in records(directory) if record.kind == "received"]


def ledger(directory: Path, event: str) -> list[LedgerEntry]:
    return [entry for entry in read_ledger(directory / NAME) if entry.event == event]


def pass_frames(recorder: Recorder, numbers: range, connection: str = "okx/1") -> None:
    for number in numbers:
        recorder.passed(connection, BEGAN + number, "received", b'{"n":%d}' % number)


def test_all_that_passes_comes_back_in_order(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, SMALL)
    recorder.noted("okx/1", BEGAN, "connected", url="wss://okx/ws")
    recorder.passed("okx/1", BEGAN + 1, "sent", b'{"op":"subscribe"}')
    recorder.passed("okx/1", BEGAN + 2, "received", b"pong\nwith two lines\xff")
    recorder.passed("okx/1", BEGAN + 3, "fetched", b'{"a":1}', url="https://okx/list?x=1")
    pass_frames(recorder, range(4, 500))
    recorder.noted("okx/1", BEGAN + 500, "closed", reason="1006: lost")
    recorder.passed("kraken/2", BEGAN + 9, "received", b"[]")
    progress = recorder.close()
    assert (progress.frames, progress.durable, progress.missing, progress.error) == (500, 500, 0, "")
    own = list(Recording(next(tmp_path.glob("raw/okx/1/*"))).records())
    assert [(r.kind, r.at_ns - BEGAN) for r in own[:4]] == [
        ("opened", 0), ("sent", 1), ("received", 2), ("fetched", 3),
    ]  # fmt: skip
    assert own[2].payload == b"pong\nwith two lines\xff"
    assert (own[3].url, own[3].payload) == ("https://okx/list?x=1", b'{"a":1}')
    assert [r.payload for r in own[4:-1]] == [b'{"n":%d}' % n for n in range(4, 500)]
    assert own[-1].kind == "closed"
    assert [e.facts["url"] for e in ledger(tmp_path, "connected")] == ["wss://okx/ws"]
    assert {e.connection: e.facts["lines"] for e in ledger(tmp_path, "rotated")} == {
        "okx/1": 502,
        "kraken/2": 2,
    }


@pytest.mark.parametrize("name", ["..", "v/..", "../..", "./.", "/x", "v/a/../b", "ü/é ☃", "v/\x00", "v"])
def test_every_connection_has_a_folder_below_the_others(tmp_path: Path, name: str) -> None:
    recorder = Recorder(tmp_path / "out", SMALL)
    pass_frames(recorder, range(3), name)
    pass_frames(recorder, range(3, 5), "okx/1")
    recorder.close()
    folders = {file.parent.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.dwr.zst")}
    assert len(folders) == 2
    assert all(folder.startswith("out/raw/") and ".." not in folder.split("/") for folder in folders)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_quiet_connection_is_compressed_more(tmp_path: Path) -> None:
    """There is time for it; what fills units is not."""
    frames = [entry.payload for entry in make_recording(1, steps=150) if entry.kind == "received"]
    stored = {}
    for limits in (Limits(), Limits(quiet_level=1), Limits(frame_bytes=1_000), Limits(1_000, quiet_level=1)):
        out = tmp_path / str(len(stored))
        recorder = Recorder(out, limits)
        for number, frame in enumerate(frames):
            recorder.passed("okx/1", BEGAN + number, "received", frame)
        stored[limits.frame_bytes, limits.quiet_level] = recorder.close().stored
        assert received(out) == frames
    quiet, busy = Limits().frame_bytes, 1_000
    assert stored[quiet, 9] < 0.95 * stored[quiet, 1]
    assert stored[busy, 9] > 0.99 * stored[busy, 1]


def test_files_follow_each_other(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Limits(frame_bytes=1_000, sync_s=0.0, rotate_bytes=2_000))
    for start in range(0, 2_000, 100):
        pass_frames(recorder, range(start, start + 100))
        wait_until(lambda: recorder.progress.durable == recorder.progress.frames)
    recorder.close()
    files = sorted(tmp_path.glob("raw/okx/1/*"))
    assert len(files) > 3
    assert [file.name[:6] for file in files] == [f"{n:06}" for n in range(1, len(files) + 1)]
    assert received(tmp_path) == [b'{"n":%d}' % n for n in range(2_000)]
    for file in files:
        with file.open("rb") as raw:
            assert is_finished(raw)


class StuckRecordingDisk(LocalDisk):
    """Takes nothing until it is let go."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.stuck, self.go = threading.Event(), threading.Event()

    def append(self, name: str, content: bytes) -> None:
        self.stuck.set()
        assert self.go.wait(HANG_S)
        super().append(name, content)


def test_a_slow_disk_does_not_hold_up_the_feed(tmp_path: Path) -> None:
    disk = StuckRecordingDisk(tmp_path)
    recorder = Recorder(disk, SMALL)
    pass_frames(recorder, range(1))
    assert disk.stuck.wait(HANG_S)
    pass_frames(recorder, range(1, 3_000))
    missing = recorder.progress.missing
    assert missing > 1_500
    disk.go.set()
    wait_until(lambda: recorder.progress.durable == 3_000 - missing)
    pass_frames(recorder, range(3_000, 3_010))
    recorder.close()
    kept = 3_000 - missing
    assert received(tmp_path) == [b'{"n":%d}' % n for n in [*range(kept), *range(3_000, 3_010)]]
    (gap,) = ledger(tmp_path, "gap")
    assert (gap.facts["frames"], gap.facts["from_ns"], gap.facts["to_ns"]) == (
        missing, BEGAN + kept, BEGAN + 2_999,
    )  # fmt: skip
    place = [r.kind for r in records(tmp_path)].index("damaged")
    assert place == kept, "the loss stands where the frames are missing"


class CrowdedDisk(LocalDisk):
    """While `full`, writes a part and has no room for the rest."""

    full = False

    def append(self, name: str, content: bytes) -> None:
        if self.full:
            with self.path(name).open("ab") as file:
                file.write(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().append(name, content)


def test_a_full_disk_is_a_gap_and_recording_goes_on(tmp_path: Path) -> None:
    disk = CrowdedDisk(tmp_path)
    recorder = Recorder(disk, SMALL)
    pass_frames(recorder, range(300))
    wait_until(lambda: recorder.progress.durable == 300)
    disk.full = True
    pass_frames(recorder, range(300, 900))
    wait_until(lambda: recorder.progress.missing == 600)
    assert recorder.progress.error == "No space left on device"
    disk.full = False
    numbers = iter(range(900, 100_000))

    def goes_on() -> bool:
        number = next(numbers)
        pass_frames(recorder, range(number, number + 1))
        return recorder.progress.durable > 300

    wait_until(goes_on)
    progress = recorder.close()
    end = next(numbers)
    assert progress.error == ""
    assert progress.durable + progress.missing == progress.frames == end
    first = 300 + progress.missing
    assert received(tmp_path) == [b'{"n":%d}' % n for n in [*range(300), *range(first, end)]]
    gaps = ledger(tmp_path, "gap")
    assert sum(gap.facts["frames"] for gap in gaps) == progress.missing
    assert gaps[0].facts["from_ns"] == BEGAN + 300
    assert gaps[-1].facts["to_ns"] == BEGAN + first - 1
    assert gaps[0].facts["reason"] == "No space left on device"
    assert [r for r in records(tmp_path) if r.kind == "damaged"]


def test_a_disk_full_to_the_end_is_known_at_the_next_start(tmp_path: Path) -> None:
    disk = CrowdedDisk(tmp_path)
    recorder = Recorder(disk, SMALL)
    pass_frames(recorder, range(300))
    wait_until(lambda: recorder.progress.durable == 300)
    disk.full = True
    pass_frames(recorder, range(300, 400))
    progress = recorder.close()
    assert progress.missing == 100
    assert progress.error
    later = Recorder(tmp_path, SMALL)
    assert len(later.repaired) == 1
    later.close()
    assert received(tmp_path) == [b'{"n":%d}' % n for n in range(300)]
    (gap,) = ledger(tmp_path, "gap")
    assert gap.facts["from_ns"] == BEGAN + 299


def test_two_recorders_do_not_share_a_directory(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, SMALL)
    with pytest.raises(UsageError, match="another process records"):
        Recorder(tmp_path, SMALL)
    recorder.close()


def test_a_directory_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot record to"):
        Recorder(tmp_path / "file" / "below", SMALL)
