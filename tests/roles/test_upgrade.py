"""A DELTAWIRE_HOME of version 0.1.0 is opened as it is, and one of a later version is refused, not damaged.

The archives in tests/data/home-0.1.0 were written by that version: `records` has a journal from its first record on,
`snapshot` one with a snapshot and the records after it; the JSON beside each is what 0.1.0 said of its accounts.
"""

import json
import tarfile
from pathlib import Path

import msgspec
import pytest

from deltawire.errors import UsageError
from deltawire.exchange.accounts.ledger import Account
from deltawire.journal.frames import JOURNAL_VERSION, SEGMENT_MARK, SNAPSHOT_MARK
from deltawire.roles.exchange import BuiltinExchange, Setup
from deltawire.roles.gateway import WallClock
from deltawire.store.home import STORE_VERSION, VERSION_FILE, make_home, write_whole
from deltawire.store.keys import KeyStore
from tests.support.commands import run

DATA = Path(__file__).parents[1] / "data" / "home-0.1.0"
NEWER = "written by a later deltawire"


class Said(msgspec.Struct):
    """What 0.1.0 said of a folder."""

    accounts: dict[int, Account]


def old_home(tmp_path: Path, name: str) -> Path:
    """A folder as 0.1.0 left it."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    with tarfile.open(DATA / f"{name}.tar.xz") as archive:
        for member in archive:
            if (content := archive.extractfile(member)) is not None:
                (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
                (folder / member.name).write_bytes(content.read())
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return folder


def accounts_of(folder: Path) -> dict[int, Account]:
    """The accounts of people when an exchange opens the folder."""
    builtin = BuiltinExchange(folder, WallClock(), Setup())
    try:
        accounts = builtin.service.accounts.ledger.accounts
        return {number: accounts[number] for number in accounts if number < 500_000}
    finally:
        builtin.close()


@pytest.mark.parametrize("name", ["records", "snapshot"])
def test_the_accounts_of_0_1_0_are_the_same_in_this_version(tmp_path: Path, name: str) -> None:
    folder = old_home(tmp_path, name)
    expected = msgspec.json.decode((DATA / f"{name}.json").read_bytes(), type=Said).accounts
    assert expected[1].positions.keys() == {"BTC-PERPETUAL", "ETH-PERPETUAL"}
    assert accounts_of(folder) == expected
    assert accounts_of(folder) == expected, "the second start reads what the first one left"


def test_the_keys_of_0_1_0_are_the_same_in_this_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DELTAWIRE_MASTER_KEY", raising=False)
    assert [key.account for key in KeyStore(old_home(tmp_path, "records")).read()] == ["alice", "bob"]


@pytest.mark.parametrize("mark", [SEGMENT_MARK, SNAPSHOT_MARK])
def test_a_journal_of_a_later_version_is_refused_and_left_as_it_is(tmp_path: Path, mark: bytes) -> None:
    folder = old_home(tmp_path, "snapshot")
    later = mark.replace(b"1", str(JOURNAL_VERSION + 1).encode())
    files = [path for path in (folder / "journal").iterdir() if path.read_bytes().startswith(mark)]
    for path in files:
        path.write_bytes(path.read_bytes().replace(mark, later, 1))
    before = {path: path.read_bytes() for path in files}
    with pytest.raises(UsageError, match=NEWER):
        BuiltinExchange(folder, WallClock(), Setup())
    assert {path: path.read_bytes() for path in files} == before != {}


def test_a_store_of_a_later_version_is_refused_by_serve_and_by_config_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = old_home(tmp_path, "records")
    write_whole(folder / VERSION_FILE, b'{"store": %d}' % (STORE_VERSION + 1))
    monkeypatch.setenv("DELTAWIRE_HOME", str(folder))
    config = tmp_path / "deltawire.toml"
    config.write_text("")
    for command in (["config", "check", config], ["serve", "--port", 0], ["account", "add", "carol"]):
        outcome = run(capsys, *command)
        assert outcome.code == 2
        assert NEWER in outcome.err


def test_a_home_states_its_version(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    make_home(folder)
    assert json.loads((folder / VERSION_FILE).read_bytes()) == {"store": STORE_VERSION}
