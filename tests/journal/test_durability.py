"""What was acknowledged is there after the process was killed, and after the power was cut; once."""

import asyncio
import contextlib
import subprocess
import sys
import threading
from pathlib import Path
from random import Random
from typing import IO

import pytest

from deltawire.errors import JournalError
from deltawire.testing.power import PowerCutFiles
from tests.support.journalled_exchange import FullDisk, JournalledExchange
from tests.support.waiting import HANG_S

ROUNDS = 20
ORDERS = range(50, 200)
"""How many orders a round has before it ends."""
AHEAD = 40
"""How many of them may have no answer yet."""
ROOT = Path(__file__).resolve().parents[2]


class Ledger:
    """What was asked, and what was answered."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answered: set[str] = set()

    def next(self) -> str:
        self.asked.append(f"order-{len(self.asked)}")
        return self.asked[-1]

    def check(self, found: dict[str, int]) -> None:
        """Every answered order is there once; every other one is there once, or not at all."""
        assert not self.answered - set(found), "acknowledged orders are lost"
        assert set(found) <= set(self.asked)
        assert set(found.values()) <= {1}, "an order is there twice"


def test_acknowledged_orders_survive_sigkill(tmp_path: Path) -> None:
    ledger, random = Ledger(), Random(11)
    for _ in range(ROUNDS):
        _load_and_kill(tmp_path / "journal", ledger, random.choice(ORDERS))
    journalled = JournalledExchange(tmp_path / "journal")
    ledger.check(journalled.count(1))
    assert len(ledger.answered) >= len(ledger.asked) - ROUNDS * AHEAD > 0
    journalled.files.close()


def _load_and_kill(directory: Path, ledger: Ledger, orders: int) -> None:
    """Kill the server at the last order, of so many, with some before it still on their way to the disk."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.journal.order_server", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    ahead = threading.Semaphore(AHEAD)

    def listen(answers: IO[bytes]) -> None:
        for line in answers:
            if line.endswith(b"\n"):
                ledger.answered.add(line.decode().strip())
            ahead.release()

    listener = threading.Thread(target=listen, args=(server.stdout,))
    listener.start()
    for _ in range(orders):
        assert ahead.acquire(timeout=HANG_S)
        server.stdin.write(ledger.next().encode() + b"\n")
        server.stdin.flush()
    server.kill()
    server.wait()
    listener.join()
    server.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        server.stdin.close()


class HeldFiles(PowerCutFiles):
    """Once `held`, what is written is not synced before the power is cut."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.held = False
        self.written, self._dark = threading.Event(), threading.Event()

    def cut(self, survivors: Path, random: Random) -> None:
        """See `PowerCutFiles`."""
        super().cut(survivors, random)
        self._dark.set()

    def _note(self, name: str, size: int) -> None:
        if self.held:
            self.written.set()
            assert self._dark.wait(HANG_S)
        super()._note(name, size)


async def test_acknowledged_orders_survive_a_power_cut(tmp_path: Path) -> None:
    ledger, random = Ledger(), Random(12)
    torn = 0
    for turn in range(ROUNDS):
        directory = tmp_path / f"disk-{turn}"
        files = HeldFiles(directory)
        journalled = JournalledExchange(directory, files)
        ledger.check(journalled.count(1))
        torn += journalled.journal.cut is not None
        await _load(journalled, ledger, random.choice(ORDERS))
        files.held = bool(turn % 2)
        journalled.place(1, ledger.next(), ledger.answered.add)
        if files.held:
            assert await asyncio.to_thread(files.written.wait, HANG_S)
        else:
            await asyncio.sleep(random.choice([0, 0.0005]))
        await asyncio.to_thread(files.cut, tmp_path / f"disk-{turn + 1}", random)
        await journalled.commit.drained()
    journalled = JournalledExchange(tmp_path / f"disk-{ROUNDS}")
    ledger.check(journalled.count(1))
    assert len(ledger.answered) >= len(ledger.asked) - ROUNDS * AHEAD > 0
    assert torn, "the power was never cut in the middle of a write"
    journalled.files.close()


async def _load(journalled: JournalledExchange, ledger: Ledger, orders: int) -> None:
    """Place so many orders, the last of which are still on their way to the disk."""
    ahead = asyncio.Semaphore(AHEAD - 1)

    def answered(label: str) -> None:
        ledger.answered.add(label)
        ahead.release()

    async with asyncio.timeout(HANG_S):
        for _ in range(orders):
            await ahead.acquire()
            journalled.place(1, ledger.next(), answered)


async def test_on_a_full_disk_nothing_is_acknowledged_and_nothing_is_taken(tmp_path: Path) -> None:
    files, answered = FullDisk(tmp_path), list[str]()
    journalled = JournalledExchange(tmp_path, files)
    journalled.place(1, "before", answered.append)
    await journalled.commit.drained()
    files.full = True
    journalled.place(1, "lost", answered.append)
    await journalled.commit.drained()
    with pytest.raises(JournalError, match="No space left"):
        journalled.place(1, "too late", answered.append)
    assert answered == ["before"]
    files.close()
    again = JournalledExchange(tmp_path)
    assert again.count(1) == {"before": 1}
    again.files.close()
