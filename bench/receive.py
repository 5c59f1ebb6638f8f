"""Receive: socket → verified book, messages per second and core, against peers and the limit.

A process of its own sends a recording's book frames faster than anybody reads them; each receiver is a process. What
counts is its processor time from the first frame after the images until it has answered the ping behind the last one.
The limit is picows with typed decoding (msgspec) and no book. cryptofeed 3 is AGPL and needs Python 3.12: it is only
measured, in an environment of its own, if `make cryptofeed3` has made one.
"""

import contextlib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.frames import RECORDINGS
from bench.receive_sets import SETS, ReceiveSet
from deltawire.book.kernel import DESCRIPTION

ROUNDS, QUICK_ROUNDS = 5, 2
LIMIT, OURS, NEWEST = "picows", "ours", "cryptofeed 3.0.1"
BAR_OF_LIMIT, BAR_OF_NEWEST = 0.5, 20
QUIET_S, QUIET = 0.1, 0.002
READY_S = 60.0
TOP = Path(__file__).resolve().parents[1]
CRYPTOFEED3 = TOP / ".venv-cryptofeed3" / "bin" / "python"
WITHOUT_BOOK = (LIMIT, "websockets", "aiohttp")
SCRIPT = str(TOP / "bench" / "receive_cryptofeed.py")


class Received(NamedTuple):
    """One round of one receiver."""

    messages: int
    seconds: float
    report: dict[str, Any]
    peak_kib: int

    @property
    def rate(self) -> float:
        """Messages per second of processor time."""
        return self.messages / self.seconds


class PeerFailedError(Exception):
    """A peer does not receive the recording."""


Command = list[str]


def receivers(asked: ReceiveSet) -> dict[str, Command]:
    """How each receiver of a set is started, without the address."""
    found = {
        name: [sys.executable, "-m", "bench.receivers", name, asked.name, "{}"]
        for name in (OURS, *WITHOUT_BOOK, *(("ccxt",) if "ccxt" in asked.peers else ()))
    }
    natives = [contract.name for contract in asked.contracts]
    if "cryptofeed 2.4.1" in asked.peers:
        found["cryptofeed 2.4.1"] = [sys.executable, SCRIPT, asked.name, "{}", *natives]
    if NEWEST in asked.peers and CRYPTOFEED3.exists():
        found[NEWEST] = [str(CRYPTOFEED3), SCRIPT, asked.name, "{}", *natives]
    return found


def main(*, quick: bool = False) -> None:
    """Measure and print."""
    sets = [asked for asked in SETS if asked.there]
    if not sets:
        print(f"receive: no recordings in {RECORDINGS}; set DELTAWIRE_RECORDINGS", file=sys.stderr)
        return
    print(f"Receive, {DESCRIPTION}")
    print(
        "  socket → verified book, messages per second of processor time, medians; one connection, loopback"
    )
    versions = ", ".join(f"{name} {version(name)}" for name in ("picows", "msgspec", "websockets", "aiohttp"))
    print(f"  Python {sys.version.split()[0]}, {versions}, ccxt {version('ccxt')}")
    if not CRYPTOFEED3.exists():
        print(f"  {NEWEST}: not measured, there is no environment for it (make cryptofeed3)")
    for asked in sets:
        _report(asked, measure(asked, QUICK_ROUNDS if quick else ROUNDS, quick=quick))


def measure(asked: ReceiveSet, rounds: int, *, quick: bool) -> dict[str, list[Received]]:
    """Every receiver in turns."""
    loops = asked.loops // 10 if quick else asked.loops
    found: dict[str, list[Received]] = {}
    commands = receivers(asked)
    for _ in range(rounds):
        for name, command in [*commands.items()]:
            try:
                found.setdefault(name, []).append(receive(asked, command, loops))
            except PeerFailedError as error:
                if name in (OURS, LIMIT):
                    raise
                print(f"  {asked.title}: {name} is not measured: {error}", file=sys.stderr)
                del commands[name], found[name]
    return found


def receive(asked: ReceiveSet, command: Command, loops: int) -> Received:
    """One round of one receiver."""
    with started([sys.executable, "-m", "bench.venue_sender", asked.name]) as sender:
        address = f"ws://127.0.0.1:{line(sender)}"
        with started([part.format(address) for part in command]) as receiver:
            begin(receiver)
            settle(receiver.pid)
            began = cpu_seconds(receiver.pid)
            say(sender, f"go {loops}")
            messages = int(line(sender).split()[1])
            ended = settle(receiver.pid)
            peak_kib = memory_kib(receiver.pid, "VmHWM")
            say(receiver, "report")
            report = msgspec.json.decode(line(receiver))
    check(asked, report, messages)
    return Received(messages, ended - began, report, peak_kib)


def begin(receiver: subprocess.Popen[str]) -> None:
    """Wait until a receiver has begun; `PeerFailedError` if it ends, or does not begin in time."""
    timer = threading.Timer(READY_S, receiver.kill)
    timer.start()
    try:
        assert receiver.stdout is not None
        first = receiver.stdout.readline().strip()
    finally:
        timer.cancel()
    if first != "ready":
        raise PeerFailedError(f"it said {first!r}" if first else f"it was not ready within {READY_S:g} s")


def check(asked: ReceiveSet, report: dict[str, Any], messages: int) -> None:
    """A receiver must really have received, and kept a book that was never stale; else `PeerFailedError`."""
    received = report.get("messages", messages)
    if received < 0.9 * messages or report.get("stale"):
        raise PeerFailedError(f"{report} of {messages} messages")
    if "bid" in report and not 0 < report["bid"] < report["ask"]:
        raise PeerFailedError(f"{report}")


def cpu_seconds(pid: int) -> float:
    """The processor time of all threads of a process (its CPU-time clock, as `clock_getcpuclockid` makes it)."""
    return time.clock_gettime(((~pid) << 3) | 2)


def settle(pid: int) -> float:
    """Wait until a process has nothing left to do; its processor time."""
    before = cpu_seconds(pid)
    quiet = 0
    while quiet < 3:
        time.sleep(QUIET_S)
        now = cpu_seconds(pid)
        quiet = quiet + 1 if now - before < QUIET else 0
        before = now
    return before


def memory_kib(pid: int, what: str = "VmRSS") -> int:
    """The memory of a process: at present, or its peak (VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


@contextlib.contextmanager
def started(command: Command) -> Iterator[subprocess.Popen[str]]:
    """A process with both its standard streams; it is killed at the end."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TOP
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    """The next line that a process writes."""
    assert process.stdout is not None
    if not (text := process.stdout.readline()):
        sys.exit(f"receive: {process.args} has ended")
    return text.strip()


def say(process: subprocess.Popen[str], text: str) -> None:
    """A line for a process to read."""
    assert process.stdin is not None
    process.stdin.write(text + "\n")
    process.stdin.flush()


def _report(asked: ReceiveSet, found: dict[str, list[Received]]) -> None:
    rates = {name: statistics.median(each.rate for each in rounds) for name, rounds in found.items()}
    peaks = {name: max(each.peak_kib for each in rounds) for name, rounds in found.items()}
    print(f"\n  {asked.title}: {found[OURS][0].messages:,} messages a round")
    for name, rate in sorted(rates.items(), key=lambda row: -row[1]):
        kind = "no book" if name in WITHOUT_BOOK else "book"
        print(
            f"    {name:18s} {kind:8s} {rate:10,.0f} msg/s  {rate / rates[LIMIT]:6.3f} of the limit"
            f"  peak {peaks[name] / 1024:5.0f} MiB"
        )
    ours = rates[OURS]
    peers = {name: rate for name, rate in rates.items() if name not in (OURS, LIMIT)}
    fastest = max(peers, key=lambda name: peers[name])
    print(f"    bar {BAR_OF_LIMIT} of the limit: {_met(ours / rates[LIMIT], BAR_OF_LIMIT)}")
    print(
        f"    bar ahead of every peer: {ours / peers[fastest]:.2f} × {fastest}, {_met_word(ours > peers[fastest])}"
    )
    if NEWEST in rates:
        print(f"    bar {BAR_OF_NEWEST} × {NEWEST}: {_met(ours / rates[NEWEST], BAR_OF_NEWEST)}")


def _met(ratio: float, bar: float) -> str:
    return f"{ratio:.2f}, {_met_word(ratio >= bar)}"


def _met_word(met: bool) -> str:
    return "met" if met else "missed"
