"""`deltawire` as a user runs it: in this process, or as one of its own that can be read line by line."""

import os
import pty
import queue
import re
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from deltawire.cli.main import main
from tests.support.waiting import HANG_S

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class CommandOutcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> CommandOutcome:
    """Run a command in this process to its end."""
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    code = caught.value.code
    return CommandOutcome(
        code if isinstance(code, int) else 0, _COLOURS.sub("", output.out), _COLOURS.sub("", output.err)
    )


def run_in_terminal(
    *arguments: object, columns: int = 100, lines: int = 40, **environment: str
) -> CommandOutcome:
    """Run a command to its end as in a terminal; both outputs come as one."""
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminals here: {error}")
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "deltawire", *(str(argument) for argument in arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": str(columns), "LINES": str(lines)} | environment,
    )
    os.close(theirs)
    text = bytearray()
    with suppress(OSError):  # how a terminal's end shows
        while data := os.read(ours, 1 << 16):
            text += data
    os.close(ours)
    return CommandOutcome(process.wait(HANG_S), _CONTROLS.sub("", text.decode()), "")


class Terminal:
    """A context manager: a command in a terminal of its own, whose screen is read while it runs."""

    def __init__(self, *arguments: object, columns: int = 100, lines: int = 40) -> None:
        try:
            self._ours, theirs = pty.openpty()
        except OSError as error:
            pytest.skip(f"no pseudo-terminals here: {error}")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deltawire", *(str(argument) for argument in arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm", "COLUMNS": str(columns), "LINES": str(lines)},
        )
        os.close(theirs)
        self._text = ""

    def until(self, pattern: str) -> str:
        """Read on until a pattern is there; what was shown before it since the last time."""
        end = time.monotonic() + HANG_S
        while (match := re.search(pattern, self._text)) is None:
            assert select.select([self._ours], [], [], end - time.monotonic())[0], self._text[-2000:]
            self._text += _CONTROLS.sub("", os.read(self._ours, 1 << 16).decode(errors="replace"))
        before, self._text = self._text[: match.start()], self._text[match.end() :]
        return before

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


class Command:
    """A context manager: a command in a process of its own, in which warnings are errors; killed in the end."""

    def __init__(self, *arguments: object, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "deltawire", *(str(argument) for argument in arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"NO_COLOR": "1", "PYTHONUNBUFFERED": "1"} | environment,
        )
        self.out, self.err = _Lines(self._process.stdout), _Lines(self._process.stderr)

    def __enter__(self) -> "Command":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.wait()
        self.out.close()
        self.err.close()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def write_no_more(self) -> None:
        """From now on its files cannot grow, as on a disk that is full."""
        prlimit = getattr(resource, "prlimit", None)
        if prlimit is None:
            pytest.skip("another process is limited by prlimit")
        prlimit(self._process.pid, resource.RLIMIT_FSIZE, (0, 0))

    def peak_memory(self) -> int:
        """The most memory that it ever held, in bytes."""
        status = Path(f"/proc/{self._process.pid}/status")
        if not status.exists():
            pytest.skip("memory is measured by /proc")
        match = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        assert match is not None
        return int(match[1]) * 1024

    def forget_peak(self) -> None:
        """From now on `peak_memory` counts from what it holds at this moment."""
        counters = Path(f"/proc/{self._process.pid}/clear_refs")
        if not counters.exists():
            pytest.skip("memory is measured by /proc")
        counters.write_text("5")

    def end(self, within_s: float = HANG_S) -> int:
        """Its exit code."""
        return self._process.wait(within_s)


class _Lines:
    """A pipe's lines, as they come."""

    def __init__(self, pipe: IO[str] | None) -> None:
        assert pipe is not None
        self._pipe = pipe
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def next(self) -> str:
        """The next line; an `EOFError` at the end."""
        return self._next(time.monotonic() + HANG_S)

    def _next(self, end: float) -> str:
        line = self._queue.get(timeout=max(0.0, end - time.monotonic()))
        if line is None:
            raise EOFError
        return line

    def until(self, text: str) -> str:
        """Read on to a line that contains a text; that line. Other lines do not make it wait for longer."""
        end, others = time.monotonic() + HANG_S, deque[str](maxlen=5)
        try:
            while text not in (line := self._next(end)):
                others.append(line)
        except queue.Empty:
            raise AssertionError(f"{text!r} never came; the last lines: {list(others)}") from None
        return line

    def rest(self) -> str:
        """Everything to the end."""
        lines = []
        while (line := self._queue.get(timeout=HANG_S)) is not None:
            lines.append(line)
        return "\n".join(lines)

    def close(self) -> None:
        """The process is over."""
        self._thread.join(HANG_S)
        self._pipe.close()

    def _read(self) -> None:
        for line in self._pipe:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)
