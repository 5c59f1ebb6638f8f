"""The built-in exchange on real sockets and a real disk, whose syncs wait for a permit while it is stalled."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deltawire.journal.files import DiskFiles
from deltawire.model.events import Event
from deltawire.roles import exchange as builtin
from deltawire.roles.exchange import BuiltinExchange, Setup
from deltawire.roles.gateway import WallClock
from deltawire.store.accounts import AccountStore
from deltawire.store.keys import KeyStore
from tests.support.credentials import ALICE, secret_login
from tests.support.gateway_server import GatewayServer, HandFedSource, RawClient, Way, open_socket
from tests.support.market_events import VENUE, ScriptedBook
from tests.support.waiting import HANG_S

NAME = "BTC-PERPETUAL"
DEPOSIT = 10**10


class StallingDisk:
    """Lets every sync through, or while it is stalled one for each permit."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._stalled = False
        self._permits = 0
        self._waiting = 0

    def pass_through(self) -> None:
        """Called before a sync, in the thread that syncs."""
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            while self._stalled and not self._permits:
                self._changed.wait()
            self._permits = max(0, self._permits - 1)
            self._waiting -= 1
            self._changed.notify_all()

    def stall(self) -> None:
        """From now on syncs wait; returns when one does."""
        with self._changed:
            self._stalled, self._permits = True, 0
            self._until_one_waits()

    def sync_one(self) -> None:
        """Let the batch through that waits; returns when the next one waits, which has all that came meanwhile."""
        with self._changed:
            self._permits = 1
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: not self._permits, HANG_S)
            self._until_one_waits()

    def resume(self) -> None:
        """Let everything through again."""
        with self._changed:
            self._stalled = False
            self._changed.notify_all()

    def _until_one_waits(self) -> None:
        assert self._changed.wait_for(lambda: self._waiting and not self._permits, HANG_S)


class ExchangeServer(GatewayServer):
    """A server of the built-in exchange, and beside it of a venue that is fed by hand and needs no disk."""

    def __init__(self, folder: Path, disk: StallingDisk, way: Way, speed: float) -> None:
        AccountStore(folder).add(ALICE.account, {"BTC": DEPOSIT})
        keys = KeyStore(folder)
        keys.add(ALICE)
        self.disk = disk
        self.builtin = BuiltinExchange(folder, WallClock(), Setup(), speed=speed)
        self.beside = HandFedSource()
        self.foreign = ScriptedBook()
        sources = [self.builtin.source, self.beside]
        super().__init__(keys=keys, trading=self.builtin.service, sources=sources, way=way)

    def client(self) -> RawClient:
        """A connection that has signed in as Alice."""
        client = open_socket(self)
        assert "result" in client.answer("public/auth", **secret_login(ALICE))
        return client

    def position(self) -> int:
        """What Alice holds of the perpetual, on disk or not."""
        return self.ask(lambda: self.builtin.service.accounts.position(self.account, NAME))

    def exchange_ns(self) -> int:
        """The exchange's time."""
        return self.ask(self.builtin.service.now)

    def passes(self, nanoseconds: int) -> None:
        """Wait until so much of the exchange's time has passed."""
        end = self.exchange_ns() + nanoseconds
        self.wait_until(lambda: self.builtin.service.now() >= end)

    def tell(self, *batches: list[Event]) -> None:
        """The venue that is fed by hand tells something, a batch at a time, and all of it is taken in."""
        self.ask(lambda: [self.beside.feed(batch) for batch in batches])
        self.wait_until(lambda: self._foreign_sequence() >= self.foreign.sequence)

    def _foreign_sequence(self) -> int:
        state = self.app.market.find(f"{VENUE}:{NAME}")
        return 0 if state is None else state.sequence

    @property
    def account(self) -> int:
        """Alice's number."""
        account = self.builtin.service.account(ALICE.account)
        assert account is not None
        return account


@contextmanager
def stalling_exchange(folder: Path, way: Way, *, speed: float = 5.0) -> Iterator[ExchangeServer]:
    """An exchange whose market trades and whose account has its money."""
    disk = StallingDisk()

    class Files(DiskFiles):
        def append(self, name: str, content: bytes) -> None:
            disk.pass_through()
            super().append(name, content)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(builtin, "DiskFiles", Files)
        server = ExchangeServer(folder, disk, way, speed)
    try:
        with server:
            server.wait_until(lambda: _trades(server))
            yield server
            disk.resume()
    finally:
        disk.resume()
        server.builtin.close()


def _trades(server: ExchangeServer) -> bool:
    book = server.builtin.service.exchange.matching.books.get(NAME)
    state = server.app.market.find(NAME)
    offered = book is not None and None not in (book.bids.best(), book.asks.best())
    return offered and state is not None and server.builtin.service.account(ALICE.account) is not None


def answers(client: RawClient, *ids: Any) -> list[dict[str, Any]]:
    """Everything that comes until all these requests are answered."""
    missing, found = set(ids), []
    while missing:
        found.append(client.message())
        missing.discard(found[-1].get("id"))
    return found


def notes_in(messages: list[dict[str, Any]], channel: str) -> list[dict[str, Any]]:
    """The `params` of one channel's notifications."""
    notes = (message["params"] for message in messages if message.get("method") == "subscription")
    return [note for note in notes if note["channel"] == channel]
