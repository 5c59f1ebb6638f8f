"""The examples run as they stand, the notebook in a real kernel."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.waiting import HANG_S

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
ARGUMENTS = {
    "live_book.py": [],
    "market_maker.py": ["sim:seed=7&speed=10", "6"],
    "record_replay_plot.py": ["sim:seed=7&speed=5", "3", "."],
}


def run(name: str, folder: Path) -> str:
    """What an example prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *ARGUMENTS[name]],
        cwd=folder,
        env=os.environ | {"MPLBACKEND": "agg", "MPLCONFIGDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )
    assert not done.returncode, done.stderr
    return done.stdout


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == {*ARGUMENTS, "notebook.ipynb"}


def test_a_live_book_in_ten_lines_is_a_ladder(tmp_path: Path) -> None:
    printed = run("live_book.py", tmp_path)
    assert "BTC-PERPETUAL  live" in printed
    assert " | " in printed
    body = (EXAMPLES / "live_book.py").read_text().partition('"""\n\n')[2]
    code = [line for line in body.splitlines() if line.strip()]
    assert len(code) <= 11, "ten lines, and what the command line adds"


def test_the_market_maker_ends_with_no_order_open(tmp_path: Path) -> None:
    *_, last = run("market_maker.py", tmp_path).splitlines()
    assert "trades, position " in last


def test_what_is_recorded_is_plotted(tmp_path: Path) -> None:
    assert run("record_replay_plot.py", tmp_path) == "prices.png\n"
    assert (tmp_path / "prices.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs_from_cell_to_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    notebook = nbformat.read(EXAMPLES / "notebook.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=int(HANG_S), resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    shown = ["".join(_texts(cell)) for cell in notebook.cells if cell.cell_type == "code"]
    assert shown[0] == "<deltawire sim:seed=7: open>"
    assert shown[1].startswith("BTC-PERPETUAL  live")
    assert " | " in shown[2]
    assert "bid_px_00" in shown[3]
    assert "filled buy 50" in shown[5]
    assert shown[6].startswith("BTC-PERPETUAL  stale (lost")


def _texts(cell: nbformat.NotebookNode) -> list[str]:
    return [output.data["text/plain"] for output in cell.outputs if output.output_type == "execute_result"]
