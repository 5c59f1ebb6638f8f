"""deltawire as several processes with a NATS server between them, as a user starts them."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

from tests.support.bus.nats_server import NatsServer
from tests.support.waiting import HANG_S, wait_until


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Answered(NamedTuple):
    """An HTTP answer."""

    status: int
    text: str


class RoleProcess:
    """One process; it keeps its port, so that it can be started again."""

    def __init__(self, name: str, arguments: list[str], folder: Path, *, secure: bool = False) -> None:
        self.name = name
        self.port = free_port()
        self.secure = secure
        self.log = folder / f"{name}.log"
        self.out = folder / f"{name}.out"
        self._arguments = arguments
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"{'wss' if self.secure else 'ws'}://127.0.0.1:{self.port}"

    @property
    def cafile(self) -> Path | None:
        """The certificate to trust."""
        return self._folder / self.name / "self-signed.pem" if self.secure else None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, ready: str = "  HTTP ") -> "RoleProcess":
        """Start it, and wait until it has printed that it serves."""
        with self.out.open("wb") as out, self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deltawire", *self._arguments],
                stdout=out,
                stderr=log,
                env=os.environ | {"DELTAWIRE_HOME": str(self._folder / self.name)},
            )
        wait_until(lambda: ready in self.out.read_text() + self.log.read_text() or not self.alive)
        assert self.alive, f"{self.name} has ended: {self.log.read_text()[-2000:]}"
        return self

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it, by default at once."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(HANG_S)

    def send(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait until it ends by itself; returns its exit code."""
        assert self._process is not None
        return self._process.wait(HANG_S)

    def get(self, path: str) -> Answered:
        """GET over plain HTTP."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=HANG_S) as answer:
                return Answered(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answered(error.code, error.read().decode())

    def metric(self, name: str) -> float:
        """The value of a metric, by its name with labels."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"no metric {name}")


class Cluster:
    """A context manager: a NATS server, and the processes that were started; all end with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nats = NatsServer(folder / "nats")
        self.processes: list[RoleProcess] = []

    def add(self, name: str, role: str, *options: str, secure: bool = False) -> RoleProcess:
        """A process of this cluster, not started yet."""
        process = RoleProcess(name, [role, "--bus", self.nats.url, *options], self.folder, secure=secure)
        if role != "keeper":
            process._arguments += ["--port", str(process.port), *["--self-signed"] * secure]
        self.processes.append(process)
        return process

    def gateway(self, name: str, *, secure: bool = False) -> RoleProcess:
        """A gateway, started."""
        return self.add(name, "gateway", "--stale-after", "1", secure=secure).start()

    def exchange(self, name: str = "exchange") -> RoleProcess:
        """The built-in exchange, started."""
        return self.add(name, "exchange").start()

    def keeper(self) -> RoleProcess:
        """A keeper that has written an image."""
        return self.add("keeper", "keeper", "--every", "0.5").start(ready="keeping images")

    def __enter__(self) -> "Cluster":
        self.nats.__enter__()
        return self

    def __exit__(self, *about: object) -> None:
        for process in self.processes:
            process.kill()
            sys.stderr.write(
                f"--- {process.name}\n{process.log.read_text()[-3000:] if process.log.exists() else ''}"
            )
        self.nats.__exit__(*about)
