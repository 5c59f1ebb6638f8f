"""`deltawire verify`: what a recording's books came to, as a table and as JSON."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run, run_in_terminal
from tests.support.trade_recordings import DeribitTape, deribit_tape, usdm_tape

Capture = pytest.CaptureFixture[str]
TO_THE_END = {"first": None, "least": None, "median": None, "last": None, "narrow": 0.0}
SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "verify.md"


def verify(capsys: Capture, file: Path, venue: str = "deribit") -> tuple[int, dict[str, Any]]:
    outcome = run(capsys, "verify", file, "--venue", venue, "--json")
    assert (outcome.err, outcome.out.count("\n")) == ("", 1)
    return outcome.code, json.loads(outcome.out)


def documented(heading: str) -> list[str]:
    """The members that a table of the documentation names."""
    section = SCHEMA.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)`", section, re.MULTILINE)


def test_json_has_exactly_the_documented_members(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape().image({100.0: 10.0}, {100.5: 30.0}).change(("change", 100.0, 2.0), skips=3)
    tape.says('{"error":{"code":13,"message":"x"}}').breaks()
    code, report = verify(capsys, tape.write(tmp_path / "tape.log"))
    assert code == 1
    assert list(report) == documented("The object")
    assert list(report["clock"]) == documented("`clock`")
    assert list(report["fast_path"]) == documented("`fast_path`")
    (book,) = report["instruments"].values()
    assert list(book) == documented("A book")
    assert list(book["outages"][0]) == documented("An outage")
    assert list(book["coverage"]) == documented("Coverage")
    assert list(book["coverage"]["bids"]) == documented("A side's coverage")
    assert list(report["faults"][0]) == documented("A fault")
    assert list(report["damage"][0]) == documented("Damage")


def test_what_a_whole_recording_comes_to(capsys: Capture, tmp_path: Path) -> None:
    file = deribit_tape(tmp_path / "tape.log")
    code, report = verify(capsys, file)
    assert code == 0
    assert report["seconds"] >= 0
    assert report["fast_path"]["of"] == 4
    del report["seconds"], report["fast_path"]
    nothing = dict.fromkeys(
        ("gaps", "checksums_ok", "checksums_bad", "crossed", "mismatches", "malformed", "silences", "losses"),
        0,
    )
    assert report == {
        "file": str(file),
        "venue": "deribit",
        "verified": True,
        "messages": 7,
        "clock": {
            "kind": "wall",
            "unit": "ns",
            "first": "2023-11-14T22:13:20.000000Z",
            "last": "2023-11-14T22:13:20.700000Z",
            "backward": 0,
        },
        "instruments": {
            "BTC-PERPETUAL": {
                "images": 1,
                "deltas": 3,
                **nothing,
                "resyncs": 0,
                "tops_ok": 0,
                "waited": 0,
                "old": 0,
                "audits": 0,
                "audit_differences": 0,
                "best_bid": 100.0,
                "best_ask": 100.5,
                "state": "live",
                "reason": "",
                "detail": "",
                "verified": True,
                "outages": [],
                "coverage": {
                    "bids": TO_THE_END,
                    "asks": TO_THE_END,
                    "known_bids": 2,
                    "all_bids": 2,
                    "known_asks": 1,
                    "all_asks": 1,
                },
                "audited": [],
            }
        },
        "events": {"book_delta": 3, "book_image": 1, "listing": 1, "status": 1, "trade": 3},
        "unread": {},
        "faults": [],
        "damaged": 0,
        "damage": [],
        "silent": [],
    }


def test_every_gap_is_told_with_its_line_and_time(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape().image({100.0: 1.0}, {}).change(("change", 100.0, 2.0), skips=3)
    tape.image({99.0: 1.0}, {}).change(("change", 99.0, 2.0)).change(("change", 99.0, 3.0), skips=1)
    file = tape.write(tmp_path / "gaps.log")
    code, report = verify(capsys, file)
    book = report["instruments"]["BTC-PERPETUAL"]
    assert (code, book["gaps"], book["state"], book["reason"]) == (1, 2, "syncing", "gap")
    assert [(each["line"], each["time"], each["reason"]) for each in book["outages"]] == [
        (3, "2023-11-14T22:13:20.200000Z", "gap"),
        (6, "2023-11-14T22:13:20.500000Z", "gap"),
    ]
    assert book["detail"] == book["outages"][-1]["detail"] == "106 does not follow 105"
    output = run(capsys, "verify", file, "--venue", "deribit").out
    assert "gap BTC-PERPETUAL, line 3 at 2023-11-14T22:13:20.200000Z: 103 does not follow 100" in output


def test_updates_that_waited_in_vain_are_counted(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape().change(("new", 1.0, 2.0)).change(("new", 2.0, 2.0)).trade(1.0, 1.0, 1)
    file = tape.write(tmp_path / "no image.log")
    code, report = verify(capsys, file)
    book = report["instruments"]["BTC-PERPETUAL"]
    assert (code, book["waited"], book["state"], book["detail"]) == (1, 2, "syncing", "no image came")
    output = run(capsys, "verify", file, "--venue", "deribit").out
    assert "syncing BTC-PERPETUAL: no image came; 2 updates waited" in output


def test_damage_is_told_and_a_chain_that_holds_proves_the_book(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape().image({100.0: 1.0}, {}).breaks().change(("change", 100.0, 2.0))
    file = tape.write(tmp_path / "damaged.log")
    code, report = verify(capsys, file)
    book = report["instruments"]["BTC-PERPETUAL"]
    assert (code, book["losses"], book["verified"], report["faults"]) == (0, 1, True, [])
    assert report["damage"] == [
        {
            "line": 3,
            "time": "2023-11-14T22:13:20.100000Z",
            "file": "",
            "reason": "of no known format: b'here the disk was full\\n'",
        }
    ]
    output = run(capsys, "verify", file, "--venue", "deribit").out
    assert "damaged line 3 at 2023-11-14T22:13:20.100000Z: of no known format" in output


def test_damage_behind_the_last_message_leaves_the_book_unproven(capsys: Capture, tmp_path: Path) -> None:
    code, report = verify(capsys, DeribitTape().image({100.0: 1.0}, {}).breaks().write(tmp_path / "d.log"))
    book = report["instruments"]["BTC-PERPETUAL"]
    assert (code, book["state"], book["reason"], book["verified"]) == (1, "stale", "lost", False)


def test_faults_of_one_kind_are_told_once_with_their_number(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape().image({100.0: 1.0}, {})
    for number in range(3):
        tape.says(f'{{"error":{{"code":1{number},"message":"no"}}}}')
    file = tape.says('{"error":{"code":5,"message":"other"}}').write(tmp_path / "faults.log")
    _, report = verify(capsys, file)
    assert [(each["reason"], each["count"], each["line"]) for each in report["faults"]] == [
        ("10 no", 3, 3),
        ("5 other", 1, 6),
    ]
    output = run(capsys, "verify", file, "--venue", "deribit").out
    assert "fault 3 × 10 no (first in line 3)" in output
    assert "fault 5 other (line 6)" in output


def test_what_is_no_recording_is_exit_code_2(capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("time,price\n1,2\n")
    outcome = run(capsys, "verify", file, "--venue", "deribit")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1


def test_of_many_books_those_that_are_not_verified_come_first(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape()
    for number in range(60):
        tape.image({100.0: 1.0}, {}, f"COIN{number}")
    file = tape.change(("delete", 98.0, 0.0), name="COIN57").write(tmp_path / "many.log")
    outcome = run(capsys, "verify", file, "--venue", "deribit")
    books = [line.split()[0] for line in outcome.out.splitlines() if line.strip().startswith("COIN")]
    assert (outcome.code, books[0], len(books)) == (1, "COIN57", 40)
    assert "1 of 60 books not verified to the end" in outcome.out
    assert "and 20 more books, 20 of them verified" in outcome.out


def test_lines_of_another_venue(capsys: Capture, tmp_path: Path) -> None:
    code, report = verify(capsys, usdm_tape(tmp_path / "tape"), "binance_usdm")
    row = report["instruments"]["BTCUSDT"]
    assert (code, row["best_bid"], row["best_ask"], row["verified"]) == (
        0,
        60000.1,
        60000.2,
        True,
    )


def test_a_gap_is_counted_and_a_book_that_ends_unverified_is_exit_code_1(
    capsys: Capture, tmp_path: Path
) -> None:
    tape = DeribitTape().image({100.0: 1.0}, {}).change(("change", 100.0, 2.0), skips=3)
    code, report = verify(capsys, tape.write(tmp_path / "gap.log"))
    row = report["instruments"]["BTC-PERPETUAL"]
    assert (code, row["gaps"], row["verified"]) == (1, 1, False)


def test_a_book_that_was_resynchronised_is_verified(capsys: Capture, tmp_path: Path) -> None:
    tape = (
        DeribitTape().image({100.0: 1.0}, {}).change(("change", 100.0, 2.0), skips=3).image({99.0: 1.0}, {})
    )
    code, report = verify(capsys, tape.write(tmp_path / "gap.log"))
    row = report["instruments"]["BTC-PERPETUAL"]
    assert (code, row["gaps"], row["resyncs"], row["verified"]) == (0, 1, 1, True)
    assert (row["best_bid"], row["best_ask"]) == (99.0, None)


def test_one_bad_book_among_good_ones_is_exit_code_1(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape().image({100.0: 1.0}, {}).image({100.0: 1.0}, {}, "ETH-PERPETUAL")
    tape.change(("delete", 98.0, 0.0), name="ETH-PERPETUAL")
    code, report = verify(capsys, tape.write(tmp_path / "two.log"))
    assert code == 1
    assert {name: found["verified"] for name, found in report["instruments"].items()} == {
        "BTC-PERPETUAL": True,
        "ETH-PERPETUAL": False,
    }


def test_a_recording_without_a_book_says_what_is_in_it(capsys: Capture, tmp_path: Path) -> None:
    file = DeribitTape().trade(1.0, 1.0, 1).trade(1.0, 1.0, 2).write(tmp_path / "tape.log")
    code, report = verify(capsys, file)
    assert (code, report["instruments"], report["events"]["trade"]) == (0, {}, 2)
    outcome = run(capsys, "verify", file, "--venue", "deribit")
    assert outcome.code == 0
    assert "no book in this recording" in outcome.out
    assert "2 trade" in outcome.out


def test_a_recording_of_which_nothing_is_the_venues_is_exit_code_1(capsys: Capture, tmp_path: Path) -> None:
    file = DeribitTape().says('{"channel":"x"}').write(tmp_path / "tape.log")
    outcome = run(capsys, "verify", file, "--venue", "okx")
    assert outcome.code == 1
    assert "no book in this recording: is this the right --venue?" in outcome.out


def test_the_table_has_a_line_per_book(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape().image({100.0: 1.0}, {}).image({7.5: 1.0}, {8.0: 1.0}, "ETH-PERPETUAL")
    tape.change(("change", 7.5, 2.0), skips=1, name="ETH-PERPETUAL")
    outcome = run(capsys, "verify", tape.write(tmp_path / "two.log"), "--venue", "deribit")
    lines = [line.split() for line in outcome.out.splitlines() if "PERPETUAL" in line][:2]
    assert lines == [
        ["ETH-PERPETUAL", "1", "0", "1", "7.5", "8.0", "syncing", "gap"],
        ["BTC-PERPETUAL", "1", "0", "0", "100.0", "–", "live"],
    ]
    assert "3 messages in" in outcome.out
    assert outcome.err == ""


def test_faults_are_told_as_they_are_whatever_they_contain(capsys: Capture, tmp_path: Path) -> None:
    tape = DeribitTape().image({100.0: 1.0}, {}, "BTC[/red]")
    for number in range(12):
        tape.says(f'{{"error":{{"code":13,"message":"[/bold] [red]x{chr(97 + number)}"}}}}')
    outcome = run(capsys, "verify", tape.write(tmp_path / "{odd}[bold].log"), "--venue", "deribit")
    assert outcome.code == 0
    assert outcome.out.count("fault 13 [/bold] [red]x") == 10
    assert "and 2 more kinds of faults" in outcome.out
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
