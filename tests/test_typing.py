"""A user's program is checked to its last expression."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parent / "data" / "user_program.py"
CHECK = [sys.executable, "-m", "mypy", "--strict", "--disallow-any-expr", "--disallow-any-unimported"]
"""Besides what is strict: no expression of the program may be of type Any, in whole or in part."""
MISTAKES = {
    "fee: Decimal = item.fee": "fee: str = item.fee",
    'book.vwap("buy", 1000)': 'book.vwap("bid", 1000)',
    "dw.cancel(order).filled": "dw.cancel(7).filled",
}


def test_no_expression_of_a_program_is_any_and_mistakes_are_found(tmp_path: Path) -> None:
    """With the package as it is installed."""
    wrong, text = tmp_path / "wrong.py", PROGRAM.read_text()
    for right, mistake in MISTAKES.items():
        assert right in text
        text = text.replace(right, mistake)
    wrong.write_text(text)
    (tmp_path / "mypy.ini").write_text("[mypy]\n")
    command = [*CHECK, "--config-file", "mypy.ini", "--cache-dir", str(tmp_path), str(PROGRAM), str(wrong)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    errors = [line.partition(": error: ") for line in done.stdout.splitlines() if ": error: " in line]
    found = {place.partition(":")[0].rpartition("/")[2]: [] for place, _, _ in errors}
    for place, _, what in errors:
        found[place.partition(":")[0].rpartition("/")[2]].append(what.rpartition("[")[2])
    kinds = [kind for kind in found.pop("wrong.py", []) if kind != "misc]"]
    assert (found, sorted(kinds)) == ({}, ["arg-type]", "arg-type]", "assignment]"]), (
        done.stdout + done.stderr
    )
