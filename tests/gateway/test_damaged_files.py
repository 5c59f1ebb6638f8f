"""Whatever becomes of `keys.json` and `accounts.json`, a running exchange goes on with what it read last."""

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deltawire.access.keys import Key
from deltawire.store.accounts import AccountStore
from deltawire.store.home import write_whole
from tests.store.test_watching import fifo, folder, gigabyte, half, not_utf8
from tests.support.credentials import secret_login
from tests.support.rights_server import TRADER, RightsServer, rights_server
from tests.support.waiting import wait_until

SAID = {"keys.json": "cannot read the keys", "accounts.json": "cannot read the accounts"}
AGAIN = {"keys.json": "keys can be read again", "accounts.json": "accounts can be read again"}


@pytest.fixture(scope="module", params=["ws", "wss"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RightsServer]:
    home = tmp_path_factory.mktemp(request.param)
    with rights_server(home, secure=request.param == "wss") as server:
        yield server


@contextmanager
def paused(server: RightsServer) -> Iterator[None]:
    """It sees nothing of what happens in between: a file that is gone for a moment is no keys."""
    pid = server.command._process.pid
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def works(server: RightsServer) -> None:
    """Who had a key still has it, and trades."""
    with server.signed_in(TRADER) as client:
        assert "result" in client.answer("private/get_open_orders")


@pytest.mark.parametrize("name", ["keys.json", "accounts.json"])
@pytest.mark.parametrize("damage", [fifo, folder, not_utf8, half, gigabyte])
def test_a_damaged_file_changes_nothing_until_it_is_right_again(
    server: RightsServer, name: str, damage: Callable[[Path], None]
) -> None:
    path = server.store.folder / name
    content = path.read_bytes()
    with server.signed_in(TRADER) as client:
        with paused(server):
            damage(path)
        line = server.command.err.until(SAID[name])
        assert name in line
        assert "result" in client.answer("private/get_open_orders")
        works(server)
    with paused(server):
        path.rmdir() if path.is_dir() else path.unlink()
        write_whole(path, content)
    while AGAIN[name] not in (line := server.command.err.next()):
        assert SAID[name] not in line, "it is said once"
    works(server)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="another process is limited by prlimit")
def test_descriptors_that_are_used_up_lock_nobody_out(server: RightsServer) -> None:
    pid = server.command._process.pid
    key = server.key()
    with server.signed_in(TRADER) as client:
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))  # it can open nothing more
        try:
            server.alter(key, rights=("account:read",))
            AccountStore(server.store.folder).add("carol", {"BTC": 10**8})
            messages = {server.command.err.until("cannot read the ").partition(";")[0] for _ in SAID}
            assert len(messages) == 2
            assert "result" in client.answer("private/get_open_orders")
            assert "result" in client.answer("public/auth", **secret_login(TRADER))
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        for _ in AGAIN:
            server.command.err.until("can be read again")
    wait_until(lambda: scope_of(server, key) == "connection account:read")
    works(server)


def scope_of(server: RightsServer, key: Key) -> str:
    """What a login gives."""
    with server.signed_in(key) as client:
        return str(client.tokens["scope"])
