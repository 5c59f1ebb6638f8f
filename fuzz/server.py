"""The server that requests are thrown at: the real command, with a bot that may trade, and what it costs."""

import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltawire.access.keys import Key
from deltawire.access.scopes import EVERYTHING
from deltawire.store.accounts import AccountStore
from deltawire.store.keys import KeyStore

START_WITHIN_S = 30
UNPAID = (
    "[credits]\nrefill = 1000000000\npool = 1000000000\nsubscription_pool = 1000000000\n"
    "[logins]\nfree = 1000000000\n"
)
"""Requests that cost nothing: what is looked for lies behind the limits."""
COIN = 100_000_000


class Served:
    """A server process, its address, and the file of what it logs."""

    def __init__(
        self, process: "subprocess.Popen[str]", address: str, log: Path, bot: Key, cafile: Path | None
    ) -> None:
        self.process = process
        self.address = address
        self.cafile = cafile
        """Its certificate, if it is served over TLS."""
        self.log = log
        self.bot = bot

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2].partition("/")[0])

    def memory(self) -> int:
        """Bytes resident now."""
        return self._status("VmRSS")

    def peak_memory(self) -> int:
        """The most that ever were."""
        return self._status("VmHWM")

    def descriptors(self) -> int:
        """How many are open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def tracebacks(self) -> int:
        """How many it has logged."""
        return self.log.read_bytes().count(b"Traceback")

    def _status(self, field: str) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"the server has ended; its log is {self.log}")


def trust(cafile: Path | None) -> ssl.SSLContext | None:
    """What a client of this server connects with."""
    return None if cafile is None else ssl.create_default_context(cafile=cafile)


@contextmanager
def serving(config: str = "", *, log: Path | None = None, tls: bool = False) -> Iterator[Served]:
    """The built-in exchange in a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        bot = Key("bot-id", "hmac", "s3cret-of-the-bot", "bot", EVERYTHING)
        AccountStore(home).add("bot", {"BTC": 1000 * COIN, "ETH": 1000 * COIN})
        KeyStore(home).add(bot)
        (home / "config.toml").write_text(config)
        log = log or home / "log"
        command = [
            sys.executable,
            "-m",
            "deltawire",
            "serve",
            "--port",
            "0",
            "--config",
            str(home / "config.toml"),
            *(["--self-signed"] if tls else []),
        ]
        environment = os.environ | {"DELTAWIRE_HOME": str(home)}
        with (
            log.open("wb") as errors,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
            ) as process,
        ):
            try:
                yield Served(process, _address(process), log, bot, home / "self-signed.pem" if tls else None)
            finally:
                process.terminate()
                process.wait(30)


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    until = time.monotonic() + START_WITHIN_S
    for line in process.stdout:
        if "WebSocket" in line:
            return line.split()[-1]
        if time.monotonic() > until:
            break
    raise RuntimeError("the server did not start")
