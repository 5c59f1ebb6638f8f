"""What a server and `verify` say of how book frames were read."""

import asyncio
import json
from pathlib import Path

import pytest

from deltawire.book import kernel
from deltawire.gateway.metrics import format_metrics
from deltawire.recording import Recording
from deltawire.roles.gateway import App, WallClock
from deltawire.sources.replay import Played, ReplaySource
from deltawire.venues import make_venue
from tests.support.commands import run

FRAME = (
    '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.BTC-PERPETUAL.%s","data":{"timestamp":%d,'
    '"type":"%s","change_id":%d,"instrument_name":"BTC-PERPETUAL","bids":[["%s",100.0,%s]],"asks":[]%s}}}'
)
START_MS = 1_700_000_000_000
FAST = 5 if kernel.COMPILED else 0


def recording(folder: Path) -> Path:
    """An image, which shows the exponents, five changes as Deribit writes them, one with spaces, and a ticker."""
    frames = [FRAME % ("raw", START_MS, "snapshot", 1, "new", "1.0", "")]
    for last in range(2, 8):
        more = f',"prev_change_id":{last - 1}'
        frames.append(FRAME % ("raw", START_MS + last, "change", last, "change", f"{last}.0e1", more))
    frames[-1] = json.dumps(json.loads(frames[-1]))
    frames.append(FRAME % ("100ms", START_MS, "snapshot", 1, "new", "1.0", ""))
    frames.append('{"method":"heartbeat","params":{"type":"heartbeat"}}')
    file = folder / "deribit.log"
    file.write_text(
        "".join(f"{(START_MS + number) * 1_000_000} {frame}\n" for number, frame in enumerate(frames))
    )
    return file


def test_metrics_count_book_frames_by_who_read_them(tmp_path: Path) -> None:
    source = ReplaySource(
        [Played(Recording(recording(tmp_path)), make_venue("deribit"))], WallClock(), speed=None
    )
    app = App([source])
    asyncio.run(app.pump(source))
    lines = format_metrics(app.gateway).decode().splitlines()
    assert f'deltawire_book_frames_total{{path="fast",venue="deribit"}} {FAST}.0' in lines
    assert f'deltawire_book_frames_total{{path="parser",venue="deribit"}} {7 - FAST}.0' in lines
    assert 'deltawire_unread_frames_total{stream="book 100ms beside raw",venue="deribit"} 1.0' in lines


def test_verify_tells_the_share_of_book_frames_on_the_fast_path(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = recording(tmp_path)
    output = run(capsys, "verify", file, "--venue", "deribit", "--json")
    assert json.loads(output.out)["fast_path"] == {"messages": FAST, "of": 7, "share": round(FAST / 7, 4)}
    assert (
        f"fast path: {FAST / 7:.1%} of 7 book frames" in run(capsys, "verify", file, "--venue", "deribit").out
    )
