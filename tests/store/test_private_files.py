"""State is for its owner only, and what is wrong with a folder is one line that says what to do."""

from pathlib import Path

import pytest

from deltawire.errors import JournalError, UsageError
from deltawire.journal.files import DiskFiles
from deltawire.journal.journal import Journal
from deltawire.store.accounts import AccountStore
from deltawire.store.certificates import load_tls, self_signed
from deltawire.store.home import make_folder
from tests.support.commands import run


def journal_folder(tmp_path: Path) -> Path:
    """A journal with one record."""
    files = DiskFiles(tmp_path / "journal")
    journal = Journal(files, "journal", salt=1)
    list(journal.records())
    journal.append([b"record"])
    files.close()
    return tmp_path / "journal"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_a_journal_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    folder = journal_folder(tmp_path)
    (segment,) = folder.iterdir()
    segment.chmod(mode)
    with pytest.raises(JournalError, match="chmod 600"):
        DiskFiles(folder)
    segment.chmod(0o600)
    DiskFiles(folder).close()


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_into_is_refused(tmp_path: Path, mode: int) -> None:
    folder = journal_folder(tmp_path)
    folder.chmod(mode)
    with pytest.raises(JournalError, match="chmod 700"):
        DiskFiles(folder)
    with pytest.raises(UsageError, match="chmod 700"):
        make_folder(folder)
    folder.chmod(0o755)
    DiskFiles(folder).close()


def test_a_private_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    pem = self_signed(tmp_path, "x")
    pem.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        load_tls(pem, None)
    pem.chmod(0o600)
    assert load_tls(pem, None)


def test_files_that_are_not_the_journals_are_named_and_left_alone(tmp_path: Path) -> None:
    folder = journal_folder(tmp_path)
    for name in ("segment-foo.log", "snapshot-.bin", "notes.txt", "segment-1.log"):
        (folder / name).write_bytes(b"something else")
        (folder / name).chmod(0o600)
    files = DiskFiles(folder)
    journal = Journal(files, "journal", salt=1)
    assert [payload for _, payload in journal.records()] == [b"record"]
    assert journal.foreign == ["notes.txt", "segment-1.log", "segment-foo.log", "snapshot-.bin"]
    journal.keep(b"state")
    files.close()
    assert (folder / "notes.txt").read_bytes() == b"something else"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that even root cannot write into")
@pytest.mark.parametrize("command", [["account", "add", "bot"], ["keys", "add"]])
def test_a_home_that_cannot_be_written_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("DELTAWIRE_HOME", "/proc/self")
    outcome = run(capsys, *command)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert "cannot write /proc/self" in outcome.err


def test_a_lock_that_is_no_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "accounts.lock").mkdir()
    with pytest.raises(UsageError, match=r"cannot write .*accounts\.lock"):
        AccountStore(tmp_path).add("bot", {})
