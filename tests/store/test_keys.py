"""Keys on disk: sealed, bound to their records, readable by their owner only."""

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from deltawire.errors import UsageError
from deltawire.store.home import home
from deltawire.store.keys import KeyStore
from tests.support.credentials import ALICE, BOB, SECRET, changed


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "state" / "deltawire")


def rewrite(store: KeyStore, change: Any) -> None:
    records = json.loads(store.path.read_bytes())
    change(records)
    store.path.write_text(json.dumps(records))


def test_what_is_added_is_there_for_the_next_who_reads(store: KeyStore) -> None:
    assert store.read() == []
    store.add(ALICE)
    store.add(BOB)
    assert KeyStore(store.folder).read() == [ALICE, BOB]


def test_files_are_for_their_owner_only_and_hold_no_secret(store: KeyStore) -> None:
    before = os.umask(0)
    try:
        store.add(ALICE)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.folder.iterdir()}
    assert modes == dict.fromkeys(("keys.json", "master.key", "keys.lock", "store.json"), 0o600)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    found = b"".join(path.read_bytes() for path in store.folder.iterdir())
    assert SECRET.encode() not in found
    assert base64.b64encode(SECRET.encode()) not in found


def test_a_revoked_key_is_gone_and_says_so(store: KeyStore) -> None:
    store.add(ALICE)
    stamp = store.stamp()
    assert store.revoke("alice-bot") == ALICE
    assert (store.read(), store.stamp() == stamp) == ([], False)
    with pytest.raises(UsageError, match="no key 'alice-id'"):
        store.revoke("alice-id")


@pytest.mark.parametrize(
    "other",
    [changed(BOB, client_id="alice-id"), changed(BOB, name="alice-bot"), changed(BOB, name="alice-id")],
)
def test_an_id_or_a_name_is_given_once(store: KeyStore, other: Any) -> None:
    store.add(ALICE)
    with pytest.raises(UsageError, match="already exists"):
        store.add(other)
    assert store.read() == [ALICE]


@pytest.mark.parametrize("field", ["account", "rights", "expires_ms", "addresses", "client_id", "kind"])
def test_an_altered_record_is_refused_by_name(store: KeyStore, field: str) -> None:
    store.add(ALICE)
    others = {"account": "bob", "rights": ["wallet:read_write"], "expires_ms": 9, "addresses": ["::/0"]}
    others |= {"client_id": "alice-iD", "kind": "ed25519"}
    rewrite(store, lambda records: records[0]["key"].update({field: others[field]}))
    with pytest.raises(UsageError, match="was altered"):
        store.read()


def test_a_sealed_secret_fits_no_other_record(store: KeyStore) -> None:
    store.add(ALICE)
    store.add(changed(ALICE, client_id="carol-id", name="", secret="other"))
    rewrite(store, lambda records: records[0].update(sealed=records[1]["sealed"]))
    with pytest.raises(UsageError, match="'alice-id' was altered"):
        store.read()


def test_another_master_key_opens_nothing(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTAWIRE_MASTER_KEY", base64.b64encode(b"m" * 32).decode())
    store.add(ALICE)
    assert not (store.folder / "master.key").exists()
    assert store.read() == [ALICE]
    monkeypatch.setenv("DELTAWIRE_MASTER_KEY", base64.b64encode(b"n" * 32).decode())
    with pytest.raises(UsageError, match="master key is wrong"):
        store.read()
    monkeypatch.setenv("DELTAWIRE_MASTER_KEY", "short")
    with pytest.raises(UsageError, match="DELTAWIRE_MASTER_KEY is not a master key"):
        store.read()


def test_a_lost_master_key_is_not_replaced_by_a_new_one(store: KeyStore) -> None:
    store.add(ALICE)
    (store.folder / "master.key").unlink()
    for call in (store.read, lambda: store.add(BOB)):
        with pytest.raises(UsageError, match="needs its master key"):
            call()


@pytest.mark.parametrize("name", ["keys.json", "master.key"])
def test_a_file_that_others_can_read_is_refused(store: KeyStore, name: str) -> None:
    store.add(ALICE)
    (store.folder / name).chmod(0o640)
    with pytest.raises(UsageError, match=f"{name} can be read by other users"):
        store.read()


@pytest.mark.parametrize("content", ["", "[{}]", "{", '[{"key":{},"sealed":""}]'])
def test_a_damaged_file_is_named(store: KeyStore, content: str) -> None:
    store.add(ALICE)
    store.path.write_text(content)
    with pytest.raises(UsageError, match=r"keys\.json is damaged"):
        store.read()


def test_state_lives_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DELTAWIRE_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("DELTAWIRE_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("sys.platform", "linux")
    assert home() == tmp_path / "data" / "deltawire"


def test_who_has_no_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("DELTAWIRE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(UsageError, match="DELTAWIRE_HOME"):
        home()
