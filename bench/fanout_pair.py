"""A server on one core and its C clients on another, and what they do in a window of time."""

import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WARM_S = 0.06
_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = _CORES[0], _CORES[-1]
"""The same where there is but one."""


@dataclass(frozen=True)
class Contestant:
    """A server: its command up to the port, what follows it, and what a client sends once it is open."""

    name: str
    command: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    path: str = "/"
    subscribe: str = ""
    tls: bool = False


@dataclass(frozen=True)
class Sample:
    """One window: frames delivered, the server's CPU time and the user part of it.

    `waited_share` is how much of the window server or clients wanted to run while other processes did.
    """

    frames: int
    cpu_ns: int
    user_share: float
    waited_share: float

    @property
    def per_cpu_s(self) -> float:
        """Deliveries per second of the server's CPU."""
        return self.frames / self.cpu_ns * 1e9

    @property
    def user_us(self) -> float:
        """Microseconds in user space per delivery."""
        return self.cpu_ns * self.user_share / self.frames / 1e3


class AbsentError(Exception):
    """A contestant that cannot take part; the text says why."""


def allow_files() -> int:
    """Raise the limit of open files as far as it goes; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Pair:
    """A server and its clients."""

    def __init__(self, contestant: Contestant, receiver: Path, subscribers: int) -> None:
        self.contestant = contestant
        port = free_port()
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (lives as long as the server)
        self._server = self._start([*contestant.command, str(port), *contestant.arguments], SERVER_CORE)
        receiving = [sys.executable, "-m", "bench.tls_receiver"] if contestant.tls else [str(receiver)]
        load = [*receiving, str(port), contestant.path, str(subscribers)]
        self._load = self._start([*load, contestant.subscribe] if contestant.subscribe else load, LOAD_CORE)

    def wait(self) -> None:
        """Until all clients are connected; raises `AbsentError` when the server does not come up."""
        assert self._load.stdout is not None
        if self._load.stdout.readline() != "ready\n":
            raise AbsentError(self._last_words())

    def measure(self, messages: int, window_s: float) -> Sample:
        """Let the server tick with so many messages, and count for a while."""
        self._tell(self._server, f"{messages}\n")
        time.sleep(WARM_S)
        server, load, frames = self._state()
        time.sleep(window_s)
        server_after, load_after, frames_after = self._state()
        self._tell(self._server, "0\n")
        cpu_ns, user_share, waited_ns = server_after.since(server)
        waited_ns += load_after.since(load)[2]
        if frames_after == frames or not cpu_ns:
            raise AbsentError("it delivers nothing")
        return Sample(frames_after - frames, cpu_ns, user_share, waited_ns / 1e9 / window_s)

    def stop(self) -> None:
        """End both."""
        for process in (self._load, self._server):
            process.kill()
            process.wait()

    def _start(self, command: list[str], core: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        os.sched_setaffinity(process.pid, {core})
        return process

    def _state(self) -> "tuple[Usage, Usage, int]":
        """CPU time of server and clients, and the frames delivered, all up to now."""
        usages = Usage.of(self._server.pid), Usage.of(self._load.pid)
        self._tell(self._load, "?")
        assert self._load.stdout is not None
        frames = self._load.stdout.readline()
        if not frames:
            raise AbsentError(self._last_words())
        return *usages, int(frames)

    def _tell(self, process: subprocess.Popen[str], text: str) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(text)
            process.stdin.flush()
        except BrokenPipeError:
            raise AbsentError(self._last_words()) from None

    def _last_words(self) -> str:
        self._errors.seek(0)
        return (self._errors.read().strip().splitlines() or ["it ended without a word"])[-1]


@dataclass(frozen=True)
class Usage:
    """What a process has had up to now: CPU time, waiting for a core, and the ticks by which the kernel splits
    user space from its own.
    """

    cpu_ns: int
    waited_ns: int
    user_ticks: int
    system_ticks: int

    @staticmethod
    def of(pid: int) -> "Usage":
        """Read from /proc; the nanoseconds are those of all threads."""
        threads = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
        cpu_ns, waited_ns = (sum(int(thread[column]) for thread in threads) for column in (0, 1))
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return Usage(cpu_ns, waited_ns, int(fields[11]), int(fields[12]))

    def since(self, before: "Usage") -> tuple[int, float, int]:
        """Nanoseconds had since, how much of them in user space, and nanoseconds waited."""
        user, system = self.user_ticks - before.user_ticks, self.system_ticks - before.system_ticks
        share = user / max(1, user + system)
        return self.cpu_ns - before.cpu_ns, share, self.waited_ns - before.waited_ns


def python_server(name: str) -> tuple[str, ...]:
    """The command of a module of bench/servers."""
    return sys.executable, "-m", f"bench.servers.{name}"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
