"""What was acknowledged is there after the process was killed, and after the power was cut; once."""

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

import pytest

from deltawire.errors import JournalError
from deltawire.testing.power import PowerCutFiles
from tests.support.journalled_exchange import FullDisk, JournalledExchange

ROUNDS = 20
PER_SECOND = 1000
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
        _load_and_kill(tmp_path / "journal", ledger, random.uniform(0.05, 0.2))
    journalled = JournalledExchange(tmp_path / "journal")
    ledger.check(journalled.count(1))
    assert len(ledger.answered) > ROUNDS * PER_SECOND * 0.05 * 0.5
    journalled.files.close()


def _load_and_kill(directory: Path, ledger: Ledger, seconds: float) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.order_server", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    answers: list[bytes] = []
    listener = threading.Thread(target=lambda out: answers.extend(out), args=(server.stdout,))
    listener.start()
    started = time.monotonic()
    sent = 0
    while (elapsed := time.monotonic() - started) < seconds:
        for _ in range(int(elapsed * PER_SECOND) - sent):
            server.stdin.write(ledger.next().encode() + b"\n")
            sent += 1
        server.stdin.flush()
        time.sleep(0.002)
    server.kill()
    server.wait()
    listener.join()
    server.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        server.stdin.close()
    ledger.answered |= {line.decode().strip() for line in answers if line.endswith(b"\n")}


async def test_acknowledged_orders_survive_a_power_cut(tmp_path: Path) -> None:
    ledger, random = Ledger(), Random(12)
    torn = 0
    for turn in range(ROUNDS):
        directory = tmp_path / f"disk-{turn}"
        files = PowerCutFiles(directory)
        journalled = JournalledExchange(directory, files)
        ledger.check(journalled.count(1))
        torn += journalled.journal.cut is not None
        await _load_and_cut(journalled, files, ledger, tmp_path / f"disk-{turn + 1}", random)
    journalled = JournalledExchange(tmp_path / f"disk-{ROUNDS}")
    ledger.check(journalled.count(1))
    assert len(ledger.answered) > ROUNDS * PER_SECOND * 0.05 * 0.5
    assert torn, "the power was never cut in the middle of a write"
    journalled.files.close()


async def _load_and_cut(
    journalled: JournalledExchange, files: PowerCutFiles, ledger: Ledger, survivors: Path, random: Random
) -> None:
    loop = asyncio.get_running_loop()
    started, seconds, sent = loop.time(), random.uniform(0.05, 0.15), 0
    while (elapsed := loop.time() - started) < seconds:
        for _ in range(int(elapsed * PER_SECOND) - sent):
            journalled.place(1, ledger.next(), ledger.answered.add)
            sent += 1
        await asyncio.sleep(0.001)
    journalled.place(1, ledger.next(), ledger.answered.add)
    await asyncio.sleep(random.choice([0, 0.0005]))
    await asyncio.to_thread(files.cut, survivors, random)
    await journalled.commit.drained()


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
