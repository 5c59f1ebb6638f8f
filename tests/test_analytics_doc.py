"""The programs of the analytics page run as they stand, and print what the page says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "analytics.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.S)
RECORDING = ROOT / "tests" / "data" / "venues" / "binance_coinm.log.gz"


def output(
    number: int, path: Path = RECORDING, venue: str = "binance_coinm", name: str = "BTCUSD_PERP"
) -> list[str]:
    """What a program prints, with a recording of the tests in place of the reader's."""
    code = PROGRAMS[number].replace("recording.gz", str(path))
    code = code.replace("binance_coinm", venue).replace("BTCUSD_PERP", name)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert not run.returncode, run.stderr
    return run.stdout.splitlines()


def said(number: int) -> list[str]:
    """What the page says that lines print, in comments behind them."""
    return [text.removeprefix("in coin: ") for text in re.findall(r"print\(.*\)  # (.*)", PROGRAMS[number])]


def test_the_chain() -> None:
    assert output(0) == said(0)


def test_the_surface() -> None:
    *fits, figures, breaches = output(1)
    assert len(fits) == 3
    for line in fits:
        match = re.fullmatch(r"(\d+) (0\.\d+) widths (\d+)% within", line)
        assert match
        assert int(match[1]) >= 10
        assert float(match[2]) < 0.5
    at_money, skew, butterfly = map(float, figures.split())
    assert at_money == pytest.approx(0.55, abs=0.01)
    assert skew < 0 < butterfly
    assert breaches == said(1)[-1]


def test_readings_of_a_recording() -> None:
    """The contracts of this one have no stated size: there is an imbalance, and no depth."""
    lines = output(2)
    assert {line.partition("(")[0] for line in lines} == {"ImbalanceReading"}


def fitted(lines: list[str]) -> tuple[int, float, float]:
    """(intervals, slope, R²) of the one line printed."""
    (line,) = lines
    match = re.fullmatch(r"(\d+) intervals, slope (-?\d.*), R² (\d\.\d\d)", line)
    assert match, line
    return int(match[1]), float(match[2]), float(match[3])


def test_the_regression() -> None:
    intervals, _, _ = fitted(output(3))
    assert intervals > 5


@pytest.mark.recordings
def test_the_regression_on_a_real_market(recordings: Path) -> None:
    path = recordings / "binance_usdm" / "btcusdt_20240808.gz"
    intervals, slope, r_squared = fitted(output(3, path, "binance_usdm", "BTCUSDT"))
    assert intervals > 1_000
    assert slope > 0
    assert r_squared > 0.4


def test_the_score() -> None:
    auc, verdict = output(4)
    match = re.fullmatch(r"AUC (0\.\d\d) \((0\.\d\d) to (0\.\d\d)\)", auc)
    assert match, auc
    value, low, high = map(float, match.groups())
    assert 0.6 < low < value < high < 0.8
    assert verdict == said(4)[-1]
