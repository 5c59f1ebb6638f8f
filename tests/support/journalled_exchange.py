"""An exchange with its journal in a directory, as a server holds it."""

import errno
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from deltawire.errors import JournalError
from deltawire.exchange.accounts.history import AccountHistory
from deltawire.exchange.accounts.no_risk_check import NoRiskCheck
from deltawire.exchange.codec import Codec
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.orders.codes import Rejection
from deltawire.exchange.orders.records import Instruct, Place
from deltawire.exchange.ports import OpenBook, Record
from deltawire.journal.committing import GroupCommit
from deltawire.journal.files import DiskFiles, Files
from deltawire.journal.journal import Journal
from deltawire.journal.recovery import recover, save
from tests.support.matching_harness import NAME, PERPETUAL, MatchingHarness

KEPT = 1_000_000


class FullDisk(DiskFiles):
    """A disk on which, once it is `full`, ten bytes more have room."""

    full = False

    def append(self, name: str, content: bytes) -> None:
        """See `Files`."""
        if self.full:
            super().append(name, content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        super().append(name, content)


class JournalledExchange:
    """Recovers at birth; `place` calls back when the order is on disk."""

    def __init__(self, directory: Path, files: Files | None = None, *, snapshot_every: int = 500) -> None:
        self.files = files or DiskFiles(directory)
        self.journal = Journal(self.files, str(directory), salt=7)
        self.exchange = Exchange(NoRiskCheck(), self._accepted)
        self.history = AccountHistory(kept=KEPT)
        self._codec = codec = Codec()
        self.replayed = recover(self.exchange, self.history, codec, self.journal)
        self.commit = GroupCommit(
            self.journal, state=partial(save, self.exchange, self.history), snapshot_every=snapshot_every
        )
        self.now = self.exchange.matching.now
        if NAME not in self.exchange.matching.books:
            self.now += 1
            self.exchange.submit(Instruct(at_ns=self.now, demand=OpenBook(PERPETUAL)))

    def _accepted(self, record: Record) -> None:
        self.commit.append(self._codec.encode(record))

    def place(self, account: int, label: str, acknowledge: Callable[[str], None], **terms: Any) -> None:
        """Place an order; `acknowledge` with its label once it is durable."""
        self.now += 1_000_000
        wanted = MatchingHarness.terms(self, "buy", 10, 1000, label=label, **terms)  # type: ignore[arg-type]
        outputs = self.exchange.submit(Place(at_ns=self.now, account=account, terms=wanted))
        assert not isinstance(outputs[-1], Rejection), outputs
        self.history.apply(outputs)

        def release(error: JournalError | None) -> None:
            if error is None:
                acknowledge(label)

        self.commit.then(release)

    @property
    def instrument(self) -> Any:
        return PERPETUAL

    def count(self, account: int) -> Counter[str]:
        """How many orders there are of each label."""
        known = (*self.history.orders(account), *self.exchange.matching.live(account))
        return Counter(order.terms.label for order in known)
