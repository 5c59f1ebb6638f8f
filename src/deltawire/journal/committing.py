"""Group commit: records collect while the last ones are being synced, and are written together.

The results of a record are held until it is on disk; they are released in the order of the records.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from deltawire.errors import JournalError
from deltawire.journal.journal import Journal
from deltawire.model.durations import Durations

Release = Callable[[JournalError | None], None]
RELEASING_S = 0.005
"""How long releases run in one turn of the event loop; the rest follow in the next."""


class GroupCommit:
    """Connects a sequencer that accepts records with a journal that makes them durable.

    The event loop never waits for the disk: one batch at a time is written in a thread. `state` returns the
    sequencer's state as bytes; it is stored every `snapshot_every` records, of which `since_snapshot` have passed.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        state: Callable[[], bytes] | None = None,
        snapshot_every: int = 100_000,
        since_snapshot: int = 0,
    ) -> None:
        self._journal = journal
        self._state, self._snapshot_every = state, snapshot_every
        self._payloads: list[bytes] = []
        self._releases: list[Release] = []
        self._since_snapshot = since_snapshot
        self._ready: deque[tuple[Release, JournalError | None]] = deque()
        self._releasing = False
        self._task: asyncio.Task[None] | None = None
        self.syncs = Durations()
        """How long each batch took to be on disk."""
        self.written = 0
        """Records that are on disk."""
        self._in_write = 0
        self.error: JournalError | None = None
        """Why nothing is acknowledged any more; a restart is needed."""

    @property
    def waiting(self) -> int:
        """Accepted records that are not on disk yet."""
        return len(self._payloads) + self._in_write

    def append(self, payload: bytes) -> None:
        """Add an accepted record; `JournalError` if nothing can be made durable any more."""
        if self.error is not None:
            raise self.error
        self._payloads.append(payload)

    def then(self, release: Release) -> None:
        """Call back when everything added so far is durable, or with the error if it never will be."""
        if self.error is not None:
            release(self.error)
            return
        self._releases.append(release)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._commit())

    async def drained(self) -> None:
        """Wait until everything added so far was released."""
        while self._task is not None:
            await asyncio.shield(self._task)
        while self._releasing:  # noqa: ASYNC110 (callbacks that are due in the next turns)
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _commit(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._releases and self.error is None:
                payloads, self._payloads = self._payloads, []
                releases, self._releases = self._releases, []
                state = self._due(len(payloads))
                self._in_write = len(payloads)
                try:
                    sync_s = await loop.run_in_executor(None, self._write, payloads, state)
                except JournalError as error:
                    self.error = error
                else:
                    self.written += len(payloads)
                    self._in_write = 0
                    if payloads:
                        self.syncs.add(sync_s)
                self._release(releases)
            releases, self._releases = self._releases, []
            self._release(releases)
        finally:
            self._task = None

    def _release(self, releases: list[Release]) -> None:
        """Run releases in one callback, or in several if they take long; a failing one does not delay the others."""
        self._ready.extend((release, self.error) for release in releases)
        if self._ready and not self._releasing:
            self._releasing = True
            asyncio.get_running_loop().call_soon(self._run_ready)

    def _run_ready(self) -> None:
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + RELEASING_S
        try:
            while self._ready:
                release, error = self._ready.popleft()
                release(error)
                if loop.time() >= ends_s:
                    break
        finally:
            self._releasing = bool(self._ready)
            if self._ready:
                loop.call_soon(self._run_ready)

    def _due(self, count: int) -> bytes | None:
        """The state after this batch, if a snapshot is due."""
        self._since_snapshot += count
        if self._state is None or self._since_snapshot < self._snapshot_every:
            return None
        self._since_snapshot = 0
        return self._state()

    def _write(self, payloads: list[bytes], state: bytes | None) -> float:
        """Write a batch; returns how many seconds that took, without the snapshot."""
        began_s = time.perf_counter()
        if payloads:
            self._journal.append(payloads)
        took_s = time.perf_counter() - began_s
        if state is not None:
            self._journal.keep(state)
        return took_s
