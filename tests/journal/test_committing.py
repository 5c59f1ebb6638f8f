"""Records go to disk together; nothing is released before it is there, or after a write has failed."""

import asyncio
import errno
import threading
from pathlib import Path

import pytest

from deltawire.errors import JournalError
from deltawire.journal.committing import GroupCommit
from deltawire.journal.files import DiskFiles
from deltawire.journal.journal import Journal
from tests.support.waiting import HANG_S


class GatedFiles(DiskFiles):
    """Appends wait for the gate, and fail when the disk is full."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.gate = threading.Event()
        self.full = False

    def append(self, name: str, content: bytes) -> None:
        assert self.gate.wait(HANG_S)
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().append(name, content)


@pytest.fixture
def files(tmp_path: Path) -> GatedFiles:
    return GatedFiles(tmp_path)


def opened(files: GatedFiles) -> Journal:
    journal = Journal(files, "j", salt=1)
    list(journal.records())
    return journal


async def test_nothing_is_released_before_it_is_on_disk_and_what_waits_goes_together(
    files: GatedFiles,
) -> None:
    journal, released = opened(files), list[int]()
    commit = GroupCommit(journal)
    for number in range(10):
        commit.append(b"%d" % number)
        commit.then(lambda error, number=number: released.append(number))
        await asyncio.sleep(0.001)
    assert released == []
    files.gate.set()
    await commit.drained()
    assert released == list(range(10))
    again = opened(files)
    assert (again.sequence, again.batches) == (10, 2)
    files.close()


async def test_after_a_failed_write_nothing_is_acknowledged_any_more(files: GatedFiles) -> None:
    commit, answers = GroupCommit(opened(files)), list[JournalError | None]()
    commit.append(b"a")
    commit.then(answers.append)
    files.full = True
    files.gate.set()
    await asyncio.sleep(0)
    commit.append(b"b")
    commit.then(answers.append)
    await commit.drained()
    assert len(answers) == 2
    assert all(isinstance(answer, JournalError) for answer in answers)
    with pytest.raises(JournalError, match="No space left"):
        commit.append(b"c")
    files.close()


async def test_one_answer_that_cannot_be_given_does_not_keep_the_others(files: GatedFiles) -> None:
    commit, answers, complaints = GroupCommit(opened(files)), list[JournalError | None](), list[str]()
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: complaints.append(str(context["exception"]))
    )

    def broken(error: JournalError | None) -> None:
        raise ValueError("gone")

    files.gate.set()
    commit.append(b"a")
    commit.then(broken)
    commit.then(answers.append)
    await commit.drained()
    assert (answers, complaints) == ([None], ["gone"])
    files.close()


async def test_a_snapshot_holds_exactly_what_is_on_disk(files: GatedFiles) -> None:
    journal, state = opened(files), list[bytes]()
    commit = GroupCommit(journal, state=lambda: b",".join(state), snapshot_every=3)
    files.gate.set()
    for number in range(10):
        state.append(b"%d" % number)
        commit.append(state[-1])
        commit.then(lambda error: None)
        await asyncio.sleep(0.002)
    await commit.drained()
    again = Journal(files, "j", salt=1)
    assert again.snapshot is not None
    assert again.snapshot.sequence >= 3
    assert again.snapshot.state.split(b",") == state[: again.snapshot.sequence]
    assert [payload for _, payload in again.records()] == state[again.snapshot.sequence :]
    files.close()


async def test_records_replayed_at_the_start_count_towards_the_next_snapshot(files: GatedFiles) -> None:
    journal = opened(files)
    commit = GroupCommit(journal, state=lambda: b"state", snapshot_every=5, since_snapshot=4)
    files.gate.set()
    commit.append(b"a")
    commit.then(lambda error: None)
    await commit.drained()
    again = Journal(files, "j", salt=1)
    assert again.snapshot is not None
    assert (again.snapshot.sequence, again.snapshot.state) == (1, b"state")
    files.close()


async def test_releases_that_take_long_let_others_have_a_turn_and_keep_their_order(
    files: GatedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltawire.journal.committing.RELEASING_S", 0.0)
    commit, released, turns = GroupCommit(opened(files)), list[int](), 0
    for number in range(20):
        commit.append(b"%d" % number)
        commit.then(lambda error, number=number: released.append(number))
        if number == 9:
            await asyncio.sleep(0)
    files.gate.set()
    while len(released) < 20:
        before = len(released)
        await asyncio.sleep(0)
        turns += len(released) > before
    await commit.drained()
    assert released == list(range(20))
    assert turns == 20
    files.close()
