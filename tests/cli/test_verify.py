"""`deltawire verify`: what a recording's books came to, as a table and as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run, run_in_terminal
from tests.support.tapes import DeribitTape, deribit_tape, usdm_tape

Capture = pytest.CaptureFixture[str]
KEYS = [
    "images",
    "deltas",
    "gaps",
    "checksums_ok",
    "checksums_bad",
    "crossed",
    "resyncs",
    "best_bid",
    "best_ask",
    "verified",
]


def verify(capsys: Capture, file: Path, venue: str = "deribit") -> tuple[int, dict[str, Any]]:
    outcome = run(capsys, "verify", file, "--venue", venue, "--json")
    assert (outcome.err, outcome.out.count("\n")) == ("", 1)
    return outcome.code, json.loads(outcome.out)


def test_json_has_exactly_the_documented_keys(capsys: Capture, tmp_path: Path) -> None:
    code, report = verify(capsys, deribit_tape(tmp_path / "tape.log"))
    assert code == 0
    assert list(report) == ["instruments", "messages", "seconds"]
    assert report["messages"] == 7
    assert report["seconds"] >= 0
    assert {name: list(found) for name, found in report["instruments"].items()} == {"BTC-PERPETUAL": KEYS}
    assert report["instruments"]["BTC-PERPETUAL"] == {
        "images": 1,
        "deltas": 3,
        "gaps": 0,
        "checksums_ok": 0,
        "checksums_bad": 0,
        "crossed": 0,
        "resyncs": 0,
        "best_bid": 100.0,
        "best_ask": 100.5,
        "verified": True,
    }


def test_lines_of_another_venue(capsys: Capture, tmp_path: Path) -> None:
    code, report = verify(capsys, usdm_tape(tmp_path / "tape"), "binance_usdm")
    found = report["instruments"]["BTCUSDT"]
    assert (code, found["best_bid"], found["best_ask"], found["verified"]) == (0, 60000.1, 60000.2, True)


def test_a_gap_is_counted_and_a_book_that_ends_unverified_is_exit_code_1(
    capsys: Capture, tmp_path: Path
) -> None:
    tape = DeribitTape().image({100.0: 1.0}, {}).change(("change", 100.0, 2.0), skips=3)
    code, report = verify(capsys, tape.write(tmp_path / "gap.log"))
    found = report["instruments"]["BTC-PERPETUAL"]
    assert (code, found["gaps"], found["verified"]) == (1, 1, False)


def test_a_book_that_was_resynchronised_is_verified(capsys: Capture, tmp_path: Path) -> None:
    tape = (
        DeribitTape().image({100.0: 1.0}, {}).change(("change", 100.0, 2.0), skips=3).image({99.0: 1.0}, {})
    )
    code, report = verify(capsys, tape.write(tmp_path / "gap.log"))
    found = report["instruments"]["BTC-PERPETUAL"]
    assert (code, found["gaps"], found["resyncs"], found["verified"]) == (0, 1, 1, True)
    assert (found["best_bid"], found["best_ask"]) == (99.0, None)


def test_one_bad_book_among_good_ones_is_exit_code_1(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape().image({100.0: 1.0}, {}).image({100.0: 1.0}, {}, "ETH-PERPETUAL")
    tape.change(("delete", 98.0, 0.0), name="ETH-PERPETUAL")
    code, report = verify(capsys, tape.write(tmp_path / "two.log"))
    assert code == 1
    assert {name: found["verified"] for name, found in report["instruments"].items()} == {
        "BTC-PERPETUAL": True,
        "ETH-PERPETUAL": False,
    }


def test_a_recording_without_a_book_is_exit_code_1(capsys: Capture, tmp_path: Path) -> None:
    file = deribit_tape(tmp_path / "tape.log")
    code, report = verify(capsys, DeribitTape().trade(1.0, 1.0, 1).write(file))
    assert (code, report["instruments"]) == (1, {})
    outcome = run(capsys, "verify", file, "--venue", "deribit")
    assert outcome.code == 1
    assert "no book in this recording: is it this venue's?" in outcome.out


def test_the_table_has_a_line_per_book(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape().image({100.0: 1.0}, {}).image({7.5: 1.0}, {8.0: 1.0}, "ETH-PERPETUAL")
    tape.change(("change", 7.5, 2.0), skips=1, name="ETH-PERPETUAL")
    outcome = run(capsys, "verify", tape.write(tmp_path / "two.log"), "--venue", "deribit")
    lines = [line.split() for line in outcome.out.splitlines() if "PERPETUAL" in line]
    assert lines == [
        ["BTC-PERPETUAL", "1", "0", "0", "0", "0", "0", "0", "100.0", "–", "live"],
        ["ETH-PERPETUAL", "1", "0", "1", "0", "0", "0", "0", "7.5", "8.0", "syncing", "gap"],
    ]
    assert "3 messages in" in outcome.out
    assert outcome.err == ""


def test_faults_are_told_as_they_are_whatever_they_contain(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape().image({100.0: 1.0}, {}, "BTC[/red]")
    for _ in range(12):
        tape.says('{"error":{"code":13,"message":"[/bold] [red]x"}}')
    outcome = run(capsys, "verify", tape.write(tmp_path / "{odd}[bold].log"), "--venue", "deribit")
    assert outcome.code == 0
    assert outcome.out.count("fault 13 [/bold] [red]x") == 10
    assert "and 2 more faults" in outcome.out
    assert "BTC[/red]" in outcome.out


def test_a_terminal_shows_the_table_whatever_the_file_is_called(tmp_path: Path) -> None:
    outcome = run_in_terminal("verify", deribit_tape(tmp_path / "{odd}[bold]"), "--venue", "deribit")
    assert outcome.code == 0
    assert "BTC-PERPETUAL" in outcome.out


@pytest.mark.parametrize("columns", [20, 40, 80, 100, 140])
def test_no_number_is_cut_off_however_narrow_the_terminal(tmp_path: Path, columns: int) -> None:
    outcome = run_in_terminal(
        "verify", deribit_tape(tmp_path / "tape.log"), "--venue", "deribit", columns=columns
    )
    table = outcome.out[outcome.out.index("messages in") :].replace(",", " ")
    assert {"BTC-PERPETUAL", "100.0", "100.5", "live"} <= set(table.split())
    assert "…" not in table
