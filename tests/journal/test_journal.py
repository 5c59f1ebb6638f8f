"""What is read back after every way in which a file can end, or rot."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.errors import JournalError
from deltawire.journal.files import DiskFiles
from deltawire.journal.frames import HEADER, format_batch
from deltawire.journal.journal import Cut, Journal, segment_name, snapshot_name
from deltawire.testing.power import PowerCutFiles
from tests.support.effort import examples
from tests.support.journalled_exchange import FullDisk

BATCHES = [[b"a", b"bb"], [b""], [b"c" * 50, b"d", b"e"]]
RECORDS = [payload for batch in BATCHES for payload in batch]
FIRST = segment_name(1)


class MemoryFiles:
    """A directory without a disk, for tests that try every byte."""

    def __init__(self, content: dict[str, bytes] | None = None) -> None:
        self.content = dict(content or {})

    def names(self) -> list[str]:
        return sorted(self.content)

    def read(self, name: str) -> bytes:
        return self.content[name]

    def create(self, name: str, content: bytes) -> None:
        self.content[name] = content

    def append(self, name: str, content: bytes) -> None:
        self.content[name] += content

    def truncate(self, name: str, size: int) -> None:
        self.content[name] = self.content[name][:size]

    def remove(self, name: str) -> None:
        del self.content[name]

    def close(self) -> None:
        pass


def written(batches: list[list[bytes]] | None = None) -> MemoryFiles:
    files = MemoryFiles()
    journal = Journal(files, "j", salt=99)
    list(journal.records())
    for batch in batches or BATCHES:
        journal.append(batch)
    return files


def read(files: MemoryFiles) -> tuple[list[bytes], Journal]:
    journal = Journal(files, "j", salt=5)
    return [payload for _, payload in journal.records()], journal


def whole_batches(size: int) -> int:
    """How many of the batches fit into so many bytes of the segment."""
    ends = [len(written(BATCHES[:n]).content[FIRST]) if n else HEADER for n in range(4)]
    return max(n for n, end in enumerate(ends) if end <= size)


def test_what_was_appended_is_read_in_order_with_its_sequence() -> None:
    journal = Journal(written(), "j", salt=5)
    assert list(journal.records()) == list(enumerate(RECORDS, 1))
    assert (journal.sequence, journal.batches, journal.cut) == (6, 3, None)


def test_a_journal_is_appended_to_after_it_was_read() -> None:
    files = written()
    _, journal = read(files)
    assert journal.append([b"f"]) == 7
    assert read(files)[0] == [*RECORDS, b"f"]
    assert files.names() == [FIRST]


def test_a_tail_torn_at_any_byte_is_cut_and_reported_and_no_whole_batch_is_lost() -> None:
    content = written().content[FIRST]
    for size in range(HEADER, len(content)):
        files = MemoryFiles({FIRST: content[:size]})
        records, journal = read(files)
        count = whole_batches(size)
        assert records == [payload for batch in BATCHES[:count] for payload in batch]
        end = len(files.content[FIRST])
        assert journal.cut == (Cut(FIRST, end, size - end) if size > end else None)
        journal.append([b"new"])
        assert read(files)[0] == [*records, b"new"]


def test_a_torn_tail_of_zeros_is_cut() -> None:
    files = written()
    files.content[FIRST] += bytes(4096)
    assert read(files)[0] == RECORDS
    assert read(files)[0] == RECORDS


def test_a_segment_whose_head_was_never_whole_is_removed() -> None:
    files = written()
    files.content[segment_name(7)] = bytes(HEADER - 3)
    records, journal = read(files)
    assert (records, journal.cut) == (RECORDS, Cut(segment_name(7), 0, HEADER - 3))
    assert files.names() == [FIRST]


@given(st.data())
def test_a_byte_that_rots_before_the_last_batch_refuses_to_start(data: st.DataObject) -> None:
    files = written()
    content = bytearray(files.content[FIRST])
    end = len(written(BATCHES[:2]).content[FIRST])
    at = data.draw(st.integers(0, end - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    files.content[FIRST] = bytes(content)
    with pytest.raises(JournalError, match=FIRST):
        read(files)
    assert files.content[FIRST] == bytes(content), "a damaged journal was changed"


@given(st.data())
def test_a_missing_piece_in_the_middle_refuses_to_start(data: st.DataObject) -> None:
    files = written()
    content = files.content[FIRST]
    start = data.draw(st.integers(HEADER, len(written(BATCHES[:2]).content[FIRST]) - 1))
    stop = data.draw(st.integers(start + 1, len(written(BATCHES[:2]).content[FIRST])))
    files.content[FIRST] = content[:start] + content[stop:]
    with pytest.raises(JournalError):
        read(files)


def test_a_missing_segment_refuses_to_start() -> None:
    files = written()
    _, journal = read(files)
    journal.keep(b"six")
    journal.append([b"f"])
    del files.content[snapshot_name(6)]
    del files.content[FIRST]
    with pytest.raises(JournalError, match="records from 1 are missing"):
        read(files)


def test_a_text_that_looks_like_a_batch_does_not_make_a_torn_tail_look_like_damage() -> None:
    disguise = format_batch(5, 7, [b"not me"])
    files = written([[b"a"], [disguise]])
    files.content[FIRST] = files.content[FIRST][:-1]
    records, journal = read(files)
    assert records == [b"a"]
    assert journal.cut is not None


def test_a_snapshot_bounds_the_replay() -> None:
    files = written()
    _, journal = read(files)
    journal.keep(b"six")
    journal.append([b"f"])
    records, again = read(files)
    assert again.snapshot is not None
    assert (again.snapshot.sequence, again.snapshot.state, records) == (6, b"six", [b"f"])


def test_a_snapshot_that_is_not_whole_is_passed_over_for_the_one_before() -> None:
    files = written()
    _, journal = read(files)
    journal.keep(b"six")
    journal.append([b"f"])
    journal.keep(b"seven")
    journal.append([b"g"])
    files.content[snapshot_name(7)] = files.content[snapshot_name(7)][:-1]
    records, again = read(files)
    assert again.snapshot is not None
    assert (again.snapshot.state, records, again.ignored) == (b"six", [b"f", b"g"], [snapshot_name(7)])


def test_what_no_kept_snapshot_needs_is_removed() -> None:
    files = written()
    _, journal = read(files)
    for number in range(7, 12):
        journal.keep(b"state")
        journal.append([b"%d" % number])
    assert files.names() == [
        segment_name(10), segment_name(11), snapshot_name(9), snapshot_name(10),
    ]  # fmt: skip
    assert read(files)[0] == [b"11"]


def test_after_a_failed_write_nothing_is_appended_any_more(tmp_path: Path) -> None:
    files = FullDisk(tmp_path)
    journal = Journal(files, "j", salt=1)
    list(journal.records())
    journal.append([b"a"])
    files.full = True
    with pytest.raises(JournalError, match="No space left"):
        journal.append([b"b"])
    files.full = False
    with pytest.raises(JournalError, match="cannot be written any more"):
        journal.append([b"c"])
    again = Journal(files, "j", salt=1)
    assert [payload for _, payload in again.records()] == [b"a"]
    assert again.cut is not None
    files.close()


def test_two_processes_cannot_hold_one_journal(tmp_path: Path) -> None:
    first = DiskFiles(tmp_path)
    with pytest.raises(JournalError, match="another process"):
        DiskFiles(tmp_path)
    first.close()
    DiskFiles(tmp_path).close()


@settings(max_examples=examples(30))
@given(batches=st.lists(st.lists(st.binary(max_size=20), min_size=1, max_size=4), max_size=6))
def test_the_disk_gives_back_what_it_was_given(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]]
) -> None:
    files = PowerCutFiles(tmp_path_factory.mktemp("journal"))
    journal = Journal(files, "j", salt=3)
    list(journal.records())
    for batch in batches:
        journal.append(batch)
    again = Journal(files, "j", salt=3)
    assert [payload for _, payload in again.records()] == [payload for batch in batches for payload in batch]
    files.close()
