"""Files that a running server reads again: whatever is put in their place, the last good state stays."""

import json
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deltawire.errors import UsageError
from deltawire.store.accounts import AccountStore
from deltawire.store.home import LARGEST_FILE, write_whole
from deltawire.store.keys import KeyStore
from deltawire.store.watching import WatchedFile
from tests.support.credentials import ALICE, BOB

PAUSE = 8


class Watcher:
    """A watched store, and what it says."""

    def __init__(self, store: KeyStore | AccountStore) -> None:
        self.said: list[str] = []
        self._file = WatchedFile[Any](
            store.read, store.stamp, PAUSE, failed=self.said.append, recovered=lambda: self.said.append("")
        )
        self.state = self._file.first()

    def look(self, times: int = 1) -> Any:
        """The last good state after so many looks."""
        for _ in range(times):
            found = self._file.poll()
            self.state = self.state if found is None else found
        return self.state


def keys(folder: Path) -> KeyStore:
    store = KeyStore(folder)
    store.add(ALICE)
    return store


def accounts(folder: Path) -> AccountStore:
    store = AccountStore(folder)
    store.add("alice", {"BTC": 1})
    return store


@pytest.fixture(params=[keys, accounts])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> KeyStore | AccountStore:
    made: KeyStore | AccountStore = request.param(tmp_path)
    return made


def put(path: Path, content: bytes) -> None:
    path.unlink()
    path.touch(mode=0o600)
    path.write_bytes(content)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


def not_utf8(path: Path) -> None:
    put(path, path.read_bytes().replace(b"alice", b"al\xffce"))


def half(path: Path) -> None:
    put(path, path.read_bytes()[:-20])


def empty(path: Path) -> None:
    put(path, b"")


def nested(path: Path) -> None:
    put(path, path.read_bytes().replace(b'"name"', b'"other": ' + b"[" * 100_000 + b', "name"', 1))


def gigabyte(path: Path) -> None:
    put(path, b"")
    os.truncate(path, 2**30)


def readable_by_all(path: Path) -> None:
    content = path.read_bytes()
    put(path, content)
    path.chmod(0o644)


def loop_of_links(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


DAMAGES = [fifo, folder, not_utf8, half, empty, nested, gigabyte, readable_by_all, loop_of_links]


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_last_good_state_stays_and_one_line_says_so(
    store: KeyStore | AccountStore, damage: Callable[[Path], None]
) -> None:
    good, content = store.read(), store.path.read_bytes()
    watcher = Watcher(store)
    damage(store.path)
    assert watcher.look(50) == good
    assert len(watcher.said) == 1
    assert store.path.name in watcher.said[0]
    assert len(watcher.said[0]) < 400
    store.path.rmdir() if store.path.is_dir() else store.path.unlink()
    write_whole(store.path, content)
    assert watcher.look() == good
    assert watcher.said[1:] == [""]


def test_another_reason_is_another_line(tmp_path: Path) -> None:
    store = keys(tmp_path)
    watcher = Watcher(store)
    for damage in (half, gigabyte, fifo):
        damage(store.path)
        watcher.look(10)
    assert ["damaged" in watcher.said[0], "larger" in watcher.said[1], "regular" in watcher.said[2]] == [
        True
    ] * 3


def test_what_failed_for_another_reason_than_the_file_is_read_again_though_it_never_changes(
    tmp_path: Path,
) -> None:
    store = keys(tmp_path)
    watcher = Watcher(store)
    store.add(BOB)
    master = (tmp_path / "master.key").rename(tmp_path / "elsewhere")
    assert watcher.look(30) == [ALICE]
    master.rename(tmp_path / "master.key")
    assert watcher.look(PAUSE) == [ALICE, BOB]
    assert len(watcher.said) == 2


def test_a_file_that_is_gone_is_no_keys(tmp_path: Path) -> None:
    store = keys(tmp_path)
    watcher = Watcher(store)
    store.path.unlink()
    assert (watcher.look(), watcher.said) == ([], [])


def test_descriptors_that_are_used_up_lock_nobody_out(tmp_path: Path) -> None:
    """A process of its own, which may open no file any more while its keys change."""
    keys(tmp_path)
    program = f"""
        import os, pathlib, resource
        from tests.support.credentials import ALICE, BOB
        from tests.store.test_watching import PAUSE, Watcher
        from deltawire.store.keys import KeyStore
        store = KeyStore(pathlib.Path({str(tmp_path)!r}))
        watcher = Watcher(store)
        store.add(BOB)
        taken = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        try:
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        during = watcher.look(40)
        for number in taken:
            os.close(number)
        after = watcher.look(PAUSE)
        print(during == [ALICE], after == [ALICE, BOB], len(watcher.said), "Too many open" in watcher.said[0])
    """
    outcome = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False
    )
    assert outcome.stdout.split() == ["True", "True", "2", "True"], outcome.stderr


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    store = accounts(tmp_path)
    gigabyte(store.path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UsageError, match="larger than 64 MiB"):
        store.read()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < LARGEST_FILE


@pytest.mark.parametrize(
    "entries",
    [
        [{"name": "a", "number": 0, "deposits": {}}],
        [{"name": "a", "number": 1_000_000, "deposits": {}}],
        [{"name": "a", "number": 1, "deposits": {}}, {"name": "b", "number": 1, "deposits": {}}],
        [{"name": "a", "number": 1, "deposits": {}}, {"name": "a", "number": 2, "deposits": {}}],
    ],
)
def test_accounts_that_would_be_one_anothers_are_damage(tmp_path: Path, entries: list[Any]) -> None:
    store = accounts(tmp_path)
    put(store.path, json.dumps(entries).encode())
    with pytest.raises(UsageError, match=r"accounts\.json is damaged"):
        store.read()
