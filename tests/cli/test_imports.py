"""What a command imports: a server holds in memory what it imports as long as it runs."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.waiting import HANG_S

UNUSED = [
    "aiofastnet",
    "cryptography.x509",
    "deltawire.cli.record",
    "deltawire.client",
    "deltawire.recording",
    "deltawire.roles.in_process",
    "deltawire.roles.live",
    "deltawire.roles.recording",
    "deltawire.sources.live.source",
    "deltawire.sources.recorded",
    "deltawire.sources.replay",
    "deltawire.tables",
    "deltawire.testing",
    "mcp",
    "numpy",
    "picows",
    "pydantic",
    "textual",
]
"""Not needed to serve the exchange."""


def imported(folder: Path, *arguments: str) -> set[str]:
    """Every module that a server imports until it listens and is stopped."""
    log = folder / "imports"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-v", "-m", "deltawire", "serve", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | {"DELTAWIRE_HOME": str(folder / "home")},
        ) as process,
    ):
        assert process.stdout is not None
        while "  HTTP " not in (line := process.stdout.readline()):
            assert line, f"the server did not start: {log.read_text()[-2000:]}"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=HANG_S)
    return set(re.findall(r"^import '([^']+)' #", log.read_text(), re.M))


def test_a_server_imports_what_it_needs(tmp_path: Path) -> None:
    modules = imported(tmp_path)
    assert {"deltawire.gateway.gateway", "deltawire.exchange.exchange", "deltawire.cli.serve"} <= modules
    assert [name for name in UNUSED if name in modules] == []
    commands = {path.stem for path in (Path(__file__).parents[2] / "src/deltawire/cli").glob("*.py")}
    loaded = {name for name in commands if f"deltawire.cli.{name}" in modules}
    assert loaded == {"main", "serve", "preparation", "logs", "output"}


def test_a_server_that_records_imports_the_recorder(tmp_path: Path) -> None:
    assert "deltawire.recording.recorder" in imported(tmp_path, "--record", str(tmp_path / "out"))
