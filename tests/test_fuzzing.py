"""The fuzzers of the server work, and a few thousand requests find nothing; `make fuzz` sends many more."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_a_few_thousand_requests_over_three_ways_find_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fuzz.requests", "--requests", "3000", "--seed", "7"]
    done = subprocess.run(
        [*command, "--log", str(tmp_path / "log")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 internal errors, 0 tracebacks" in done.stdout.splitlines()[-4]
