"""`deltawire journal verify`."""

import json
from pathlib import Path

import pytest

from deltawire.cli import main
from deltawire.exchange.codec import Codec
from deltawire.journal.files import DiskFiles
from deltawire.journal.journal import Journal
from tests.support.streams import Stream


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "journal"
    folder.mkdir(parents=True)
    files = DiskFiles(folder)
    journal = Journal(files, "j", salt=1)
    list(journal.records())
    for record in Stream(1).records(20):
        journal.append([Codec().encode(record)])
    files.close()
    return folder


def verify(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["journal", "verify", *arguments])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out + err


def test_a_sound_journal_is_counted(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, output = verify(capsys, str(directory), "--json")
    report = json.loads(output)
    assert code == 0
    assert (report["sound"], report["records"], report["sequence"], report["torn"]) == (True, 26, 26, None)


def test_a_journal_is_found_in_its_home(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(capsys, str(directory.parent), "--json") == verify(capsys, str(directory), "--json")


def test_a_torn_tail_is_reported_and_left_alone(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (segment,) = directory.iterdir()
    content = segment.read_bytes()[:-5]
    segment.write_bytes(content)
    code, output = verify(capsys, str(directory))
    assert code == 0
    assert "25 records in 25 batches" in output
    assert "torn tail" in output
    assert segment.read_bytes() == content


def test_damage_is_exit_code_one_with_its_place(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (segment,) = directory.iterdir()
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    segment.write_bytes(content)
    code, output = verify(capsys, str(directory))
    assert code == 1
    assert f"{segment.name}: byte 28: damaged" in output


def test_what_is_no_journal_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(capsys, str(tmp_path / "none"))[0] == 2
    code, output = verify(capsys, str(tmp_path))
    assert (code, output) == (2, f"deltawire: {tmp_path}: contains no journal\n")
