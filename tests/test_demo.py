"""`make demo` with nothing but itself: the exchange starts, and its first perpetual is watched."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.waiting import HANG_S

DEMO = Path(__file__).resolve().parents[1] / "tools" / "demo.py"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_the_demo_shows_the_perpetual_of_an_exchange_that_lives(tmp_path: Path) -> None:
    settings = {"PORT": str(free_port()), "DELTAWIRE_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    heard: set[str] = set()
    with subprocess.Popen(
        [sys.executable, str(DEMO)],
        stdout=subprocess.PIPE,
        env=os.environ | settings,
        start_new_session=True,
    ) as demo:
        try:
            assert demo.stdout is not None
            for line in demo.stdout:
                if line.startswith(b"{"):
                    heard.add(json.loads(line)["channel"])
                if heard == {"book.BTC-PERPETUAL.100ms", "trades.BTC-PERPETUAL.100ms"}:
                    break
        finally:
            os.killpg(demo.pid, signal.SIGINT)
            demo.wait(HANG_S)
    assert heard == {"book.BTC-PERPETUAL.100ms", "trades.BTC-PERPETUAL.100ms"}
