"""`make demo` on a port that somebody has, and with a server that does not start: one line, and nothing watched."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import HANG_S

ROOT = Path(__file__).resolve().parents[1]


def demo(tmp_path: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "demo.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
        env=os.environ | {"DELTAWIRE_HOME": str(tmp_path / "home"), **settings},
    )


@contextlib.contextmanager
def listener(host: str) -> Iterator[tuple[str, socket.socket]]:
    """A port with somebody on it, who accepts nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as sock:
            if family is socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((host, 0))
            sock.listen()
            yield str(sock.getsockname()[1]), sock
    except OSError as error:
        pytest.skip(f"no {host} here: {error}")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::"])
def test_a_busy_port_is_one_line_that_says_how_to_take_another(tmp_path: Path, host: str) -> None:
    with listener(host) as (port, sock):
        ended = demo(tmp_path, PORT=port)
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has asked the other server anything
            sock.accept()
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line == f"cannot listen on port {port}: Address already in use; take another: make demo PORT=9000"
    assert not (tmp_path / "home").exists()


def test_a_port_that_is_taken_between_the_look_and_the_start_is_not_watched(tmp_path: Path) -> None:
    """Who binds and does not listen yet is not seen by the look, only by the server."""
    code = (
        "import os, sys, socket; sys.argv = ['demo.py']; import demo\n"
        "taken = socket.create_server((demo.HOST, 0)); demo.PORT = str(taken.getsockname()[1])\n"
        "look, demo.check_port = demo.check_port, lambda: setattr(demo, 'check_port', look)\n"
        "sys.exit(demo.main())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
        cwd=ROOT / "tools",
        env=os.environ | {"DELTAWIRE_HOME": str(tmp_path / "home")},
    )
    assert ended.returncode == 1
    server, ours = ended.stderr.splitlines()
    assert server.startswith("deltawire: cannot listen on 127.0.0.1:")
    assert ours.endswith("make demo PORT=9000")
    assert "ws://" not in ended.stdout


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "8080x", "9" * 5000])
def test_a_port_that_is_none_is_one_line(tmp_path: Path, port: str) -> None:
    ended = demo(tmp_path, PORT=port)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "PORT is a number from 1 to 65535" in ended.stderr


def test_a_server_that_does_not_start_says_why_and_nothing_is_watched(tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    noise.write_text("no recording\n")
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = str(sock.getsockname()[1])
    ended = demo(tmp_path, PORT=port, RECORDING=str(noise), VENUE="deribit")
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"deltawire: {noise}: line 1: ")


def test_make_passes_the_port_on(tmp_path: Path) -> None:
    plan = subprocess.run(
        ["make", "--dry-run", "demo", "PORT=1234"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "PORT='1234'" in plan.stdout
    plain = subprocess.run(
        ["make", "--dry-run", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "PORT"},
    )
    assert "PORT='8080'" in plain.stdout
