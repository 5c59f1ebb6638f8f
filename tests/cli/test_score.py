"""`deltawire score`: a table and a plot of the built-in exchange, and what is wrong in one line."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from deltawire.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["score", *arguments])
    written = capsys.readouterr()
    code = ended.value.code
    assert isinstance(code, int)
    return code, written.out, written.err


def test_the_table_has_every_predictor_for_every_horizon_that_has_enough(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plot = tmp_path / "score.svg"
    code, out, _ = run(capsys, "sim:60", "--plot", str(plot))
    assert code == 0
    assert re.search(r"deltawire:BTC-PERPETUAL: \d+ predictions for 100 ms", out)
    for horizon in ("0.1 s", "0.5 s", "1 s", "5 s"):
        assert horizon in out
    for predictor in ("model", "calibrated_imbalance", "sign_imbalance", "majority"):
        assert len(re.findall(rf" {predictor} ", out)) == 4
    assert len(re.findall(r"skill: (none|positive)", out)) == 4
    titles = [text.text for text in ElementTree.parse(plot).iter("{http://www.w3.org/2000/svg}text")]
    assert "100 ms: direction right among moves, by seconds" in titles


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("sim:soon", "sim: is followed by seconds, such as sim:3600, not 'soon'"),
        ("sim:2", "deltawire:BTC-PERPETUAL: too few predictions matured"),
    ],
)
def test_what_cannot_be_scored_is_one_line(capsys: pytest.CaptureFixture[str], where: str, why: str) -> None:
    code, _, error = run(capsys, where)
    assert code == 2
    assert why in error
    assert error.count("\n") == 1


def test_without_arrays_it_names_the_extra(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    code, _, error = run(capsys, "sim:60")
    assert code == 2
    assert "pip install '.[analytics]'" in error
