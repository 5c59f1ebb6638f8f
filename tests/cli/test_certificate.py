"""What `verify` certifies of a recording: coverage, audits, streams that fell silent."""

from pathlib import Path
from random import Random

import pytest

from tests.cli.test_verify import documented, verify
from tests.support.commands import run
from tests.support.narrow_books import Truth

Capture = pytest.CaptureFixture[str]
START_S = 1_700_000_000


def recording(path: Path, lines: list[bytes], every_s: float = 1.0) -> Path:
    """A line per frame or image, so many seconds apart."""
    stamps = (int((START_S + at * every_s) * 1e9) for at in range(len(lines)))
    path.write_bytes(b"".join(b"%d %s\n" % (stamp, line) for stamp, line in zip(stamps, lines, strict=True)))
    return path


def test_a_cut_image_and_a_later_one_at_equal_id_are_certified(capsys: Capture, tmp_path: Path) -> None:
    truth = Truth(Random(3))
    lines = [truth.update(), truth.image(), *[truth.update() for _ in range(30)]]
    best, at_equal_id = max(truth.bids), len(lines) + 1
    lines.append(truth.image())
    file = recording(tmp_path / "narrow", lines)
    code, report = verify(capsys, file, "binance_usdm")
    (book,) = report["instruments"].values()
    assert code == 0
    assert (book["audits"], book["audit_differences"], book["best_bid"]) == (1, 0, best)
    (audit,) = book["audited"]
    assert list(audit) == documented("An audit")
    assert (audit["line"], audit["equal_share"]) == (at_equal_id, 1.0)
    coverage = book["coverage"]
    assert coverage["bids"]["least"] is not None
    assert 5 <= coverage["known_bids"] <= coverage["all_bids"], "the audit's image has made more known"
    shown = run(capsys, "verify", file, "--venue", "binance_usdm").out
    assert "known BTCUSDT: bids least" in shown
    assert f"audit BTCUSDT, line {at_equal_id}" in shown


def test_streams_that_fell_silent_are_named_with_their_last_line(capsys: Capture, tmp_path: Path) -> None:
    truth = Truth(Random(5))
    lines = [truth.update(), truth.image(), truth.update(), *[truth.update() for _ in range(4)]]
    data = b'{"e":"trade","E":1,"T":1,"s":"BTCUSDT","t":7,"p":"1000","q":"1","X":"MARKET","m":true}'
    trade = b'{"stream":"btcusdt@trade","data":' + data + b"}"
    lines.insert(3, trade)
    file = recording(tmp_path / "silent", lines, every_s=30.0)
    _, report = verify(capsys, file, "binance_usdm")
    (silence,) = report["silent"]
    assert list(silence) == documented("A silent stream")
    assert (silence["stream"], silence["line"], silence["seconds"]) == ("trades", 4, 120.0)
    assert "silent BTCUSDT trades" in run(capsys, "verify", file, "--venue", "binance_usdm").out


@pytest.mark.recordings
def test_the_shared_recording_walks_out_of_its_image(capsys: Capture, recordings: Path) -> None:
    """Within six minutes the best bid fell 10 bp below the image; the edge follows where the asks prove it."""
    code, usdm = verify(capsys, recordings / "binance_usdm" / "btcusdt_20240808.gz", "binance_usdm")
    assert code == 0
    coverage = usdm["instruments"]["BTCUSDT"]["coverage"]
    assert (coverage["known_bids"], coverage["all_bids"]) == (405, 5018)
    assert (coverage["known_asks"], coverage["all_asks"]) == (1379, 4578)
    assert coverage["bids"]["first"] == pytest.approx(23.8, abs=0.1)
    assert coverage["asks"]["first"] == pytest.approx(28.5, abs=0.1)
    assert coverage["bids"]["least"] < 0.5
