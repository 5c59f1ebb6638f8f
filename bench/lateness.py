"""Lateness: notifications published on a schedule to many subscribers, over ws and over wss in turn.

Every subscriber takes in everything, and its sequence is checked. Some are read as soon as there is something, and
each notification is timed there from the moment it was due; the others are read twenty times a second, so that the
clients' own decryption does not stand in the way of what is measured.
"""

import os
import selectors
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from typing import Literal

from bench.fanout_pair import LOAD_CORE, ROOT, SERVER_CORE, Usage, free_port, python_server
from bench.servers.certificates import TLS
from bench.servers.message import CHANNEL
from bench.tls_receiver import PONG, Connection, client_context

Scheme = Literal["ws", "wss"]
SCHEMES: tuple[Scheme, ...] = ("ws", "wss")
PER_SECOND, SUBSCRIBERS, TIMED = 2_000, 100, 10
SECONDS = int(os.environ.get("DELTAWIRE_SECONDS", "60"))
QUICK_SECONDS, ROUND_S = 6, 3
MOST = 1.5
"""How many times as late as over ws the latest hundredth may be over wss."""
OTHERS_EVERY_S = 0.05
PATIENCE_S = 60
SEQ, LONGEST = b'"seq":', 400
ASK = b'{"jsonrpc":"2.0","id":1,"method":"public/subscribe","params":{"channels":["%s"]}}' % CHANNEL.encode()


@dataclass
class Lateness:
    """Milliseconds by round, for each notification and timed subscriber, and the server's processor time."""

    rounds: list[list[float]] = field(default_factory=list)
    cpu_s: float = 0.0
    seconds: float = 0.0

    def percentile(self, which: float) -> float:
        """Of all rounds together."""
        return percentile([each for late_ms in self.rounds for each in late_ms], which)

    def median(self, which: float) -> float:
        """The rounds' median of a percentile: what a burst of other work in one round does not move."""
        return statistics.median(percentile(late_ms, which) for late_ms in self.rounds)


def percentile(values: list[float], which: float) -> float:
    """Of values in any order."""
    return sorted(values)[min(len(values) - 1, int(len(values) * which / 100))]


class Subscriber(Connection):
    """Counts what comes and knows the `seq` of the last."""

    def __init__(self, port: int, scheme: Scheme) -> None:
        self._end = b""
        super().__init__(port, "/ws/api/v2", client_context() if scheme == "wss" else None)
        self.send(1, ASK)

    def count(self, data: bytes) -> None:
        """By what every notification says once; the cut between two readings may go through it."""
        self.frames += (self._end[1 - len(SEQ) :] + data).count(SEQ)
        self._end = (self._end + data)[-LONGEST:]

    @property
    def seq(self) -> int:
        """Of the last notification, once it has come whole."""
        return seq_in(self._end[self._end.rindex(SEQ) :])


class TimedSubscriber(Subscriber):
    """Looks at every notification as it comes: whether it follows, and how late it is."""

    def __init__(self, port: int, scheme: Scheme) -> None:
        self._seq = 0
        self._schedule = (0, 0, 1)
        self._late_ms: list[float] = []
        super().__init__(port, scheme)

    def expect(self, begin_ns: int, first: int, per_second: int, late_ms: list[float]) -> None:
        """The schedule from here on, and where lateness is noted."""
        self._seq, self._schedule, self._late_ms = first - 1, (begin_ns, first, per_second), late_ms

    def count(self, data: bytes) -> None:
        """Frame by frame."""
        self.walk(data)

    def on_data(self, payload: bytes) -> None:
        """A notification, or the answer to the subscription."""
        at = payload.find(SEQ)
        if at < 0 or not self._seq:
            self.frames -= at < 0
            return
        seq = seq_in(payload[at:])
        assert seq == self._seq + 1, f"seq {seq} after {self._seq}"
        self._seq = seq
        begin_ns, first, per_second = self._schedule
        due_ns = begin_ns + (seq - first) * 1_000_000_000 // per_second
        self._late_ms.append((time.monotonic_ns() - due_ns) / 1e6)

    @property
    def seq(self) -> int:
        """Of the last notification."""
        return self._seq


def seq_in(text: bytes) -> int:
    """The number that follows `SEQ`."""
    return int(text[len(SEQ) :].replace(b"}", b",").partition(b",")[0])


class Audience:
    """A server and its subscribers."""

    def __init__(self, scheme: Scheme, subscribers: int, timed: int) -> None:
        port = free_port()
        command = [*python_server("paced"), str(port), *([TLS] if scheme == "wss" else [])]
        self._server = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        os.sched_setaffinity(self._server.pid, {SERVER_CORE})
        self._timed = [TimedSubscriber(port, scheme) for _ in range(timed)]
        self._others = [Subscriber(port, scheme) for _ in range(subscribers - timed)]
        self._all = [*self._timed, *self._others]
        self._selector = selectors.DefaultSelector()
        for each in self._timed:
            self._selector.register(each.socket, selectors.EVENT_READ, each)

    def hear(self, count: int, per_second: int, lateness: Lateness) -> None:
        """Let so many be published, and take them in."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        before = Usage.of(self._server.pid)
        self._server.stdin.write(f"{count} {per_second}\n")
        self._server.stdin.flush()
        begin, first = map(int, self._server.stdout.readline().split())
        for each in self._all:
            each.send(PONG, b"")  # nobody looks for pings; who says something is not pinged
        wanted = [each.frames + count for each in self._all]
        late_ms: list[float] = []
        lateness.rounds.append(late_ms)
        for each in self._timed:
            each.expect(begin, first, per_second, late_ms)
        self._read_until(wanted, begin / 1e9 + count / per_second + PATIENCE_S)
        assert {each.seq for each in self._all} == {first + count - 1}
        lateness.cpu_s += Usage.of(self._server.pid).since(before)[0] / 1e9
        lateness.seconds += count / per_second

    def _read_until(self, wanted: list[int], end_s: float) -> None:
        while any(each.frames < frames for each, frames in zip(self._all, wanted, strict=True)):
            assert time.monotonic() < end_s, "not everybody got everything"
            for other in self._others or [None]:
                for key, _ in self._selector.select(OTHERS_EVERY_S / (len(self._others) or 1)):
                    key.data.receive()
                if other is not None:
                    other.receive()

    def close(self) -> None:
        """End both."""
        for each in self._all:
            each.socket.close()
        self._selector.close()
        self._server.kill()
        self._server.wait()
        for pipe in (self._server.stdin, self._server.stdout):
            if pipe is not None:
                pipe.close()


def measure(
    seconds: int, *, per_second: int = PER_SECOND, subscribers: int = SUBSCRIBERS, timed: int = TIMED
) -> dict[Scheme, Lateness]:
    """Both schemes in turn, `seconds` each."""
    found = {scheme: Lateness() for scheme in SCHEMES}
    audiences: dict[Scheme, Audience] = {}
    try:
        for scheme in SCHEMES:
            audiences[scheme] = Audience(scheme, subscribers, timed)
            audiences[scheme].hear(per_second // 2, per_second, Lateness())  # to warm up
        for number in range(max(1, seconds // ROUND_S)):
            for scheme in SCHEMES if number % 2 else SCHEMES[::-1]:
                audiences[scheme].hear(per_second * min(ROUND_S, seconds), per_second, found[scheme])
    finally:
        for audience in audiences.values():
            audience.close()
    return found


def main(*, quick: bool) -> None:
    """Print p50, p99 and the latest of both, and the ratio."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {LOAD_CORE})
    found = measure(QUICK_SECONDS if quick else SECONDS)
    os.sched_setaffinity(0, usable)
    seconds = found["ws"].seconds
    print(
        f"lateness: {PER_SECOND:,} notifications/s to {SUBSCRIBERS} subscribers, {seconds:.0f} s of each in turn"
    )
    for scheme, each in found.items():
        print(
            f"  {scheme:<4} p50 {each.percentile(50):7.2f} ms   p99 {each.percentile(99):7.2f} ms   "
            f"latest {each.percentile(100):7.2f} ms   server {each.cpu_s / each.seconds:.0%} of a core"
        )
    for which in (50, 99):
        plain, secure = found["ws"].median(which), found["wss"].median(which)
        verdict = f", bar {MOST}: {'met' if secure <= MOST * plain else 'missed'}" if which == 99 else ""
        print(
            f"  p{which}, median of rounds: {plain:.2f} and {secure:.2f} ms, {secure / plain:.2f} ×{verdict}"
        )
    print(f"  load of this machine {os.getloadavg()[0]:.1f}")
