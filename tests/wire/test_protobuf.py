"""The binary encoding says exactly what JSON says, in fewer bytes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deltawire.wire
from deltawire.errors import FeedError
from deltawire.model.events import BookDelta, Changes, Levels
from deltawire.wire.notifications import BookNote, BookStatus, GroupedNote, JsonEncoder
from deltawire.wire.protobuf import ProtoDecoder, ProtoEncoder
from tests.support.frames import BINARY, take_frames
from tests.support.market_events import make_instrument
from tests.venues.recorded import events, records

ROOM = Path(deltawire.wire.__file__).parent
exponents = st.integers(-9, 0)
mantissas = st.integers(1, (1 << 53) - 1) | st.integers(1, 999).map(lambda value: value * 10**6)
changes = st.lists(st.tuples(mantissas, mantissas | st.just(0), st.booleans()), max_size=8)
statuses = st.none() | st.builds(
    BookStatus,
    st.sampled_from(["stale", "live"]),
    st.sampled_from(["", "gap", "closed"]),
    st.sampled_from(["", "expired"]),
)


def columns(rows: list[tuple[int, int, bool]]) -> Changes:
    return Changes(
        [price for price, _, _ in rows],
        [size for _, size, _ in rows],
        [0 if new and size else 1 for _, size, new in rows],
    )


notes = st.builds(
    lambda price, size, at, change_id, bids, asks, follows, status, checksum, news: BookNote(
        "snapshot" if follows is None else "change",
        at,
        "X",
        make_instrument("X", price_exponent=price, size_exponent=size),
        change_id,
        columns(bids),
        columns(asks),
        None if follows is None else max(0, change_id - follows),
        status,
        checksum,
        news,
    ),
    exponents,
    exponents,
    st.integers(0, 1 << 62),
    st.integers(1, 1 << 53),
    changes,
    changes,
    st.none() | st.integers(1, 1000),
    statuses,
    st.none() | st.integers(0, (1 << 32) - 1),
    st.booleans(),
)
levels = st.lists(st.tuples(mantissas, mantissas), max_size=8).map(
    lambda rows: Levels([price for price, _ in rows], [size for _, size in rows])
)
grouped = st.builds(
    lambda price, at, bids, asks, status: GroupedNote(
        at, "X", make_instrument("X", price_exponent=price), 7, bids, asks, status
    ),
    exponents,
    st.integers(0, 1 << 62),
    levels,
    levels,
    statuses,
)
plain = st.dictionaries(
    st.text(max_size=5), st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


def payload(data: bytes) -> bytes:
    rest = bytearray(data)
    (found,) = take_frames(rest)
    assert not rest
    return found.payload


@given(notes | grouped | plain, st.integers(0, 1 << 53), st.none() | st.integers(1, 99), st.integers(1, 1000))
def test_what_is_decoded_is_what_json_says(
    data: Any, prev_seq: int, behind: int | None, conflated: int
) -> None:
    seq = prev_seq + (behind or 0)
    place = seq, None if behind is None else prev_seq
    json_frame = JsonEncoder("book.X.raw", "e", 3, "X").frame(*place, data, conflated)
    as_json = json.loads(payload(json_frame))["params"]
    encoder, decoder = ProtoEncoder("book.X.raw", "e", 3, "X"), ProtoDecoder()
    assert decoder.decode(payload(encoder.opened())) is None
    decoded = decoder.decode(payload(encoder.frame(*place, data, conflated)))
    assert decoded is not None
    assert decoded.data == as_json.pop("data")
    assert as_json.pop("conflated", 1) == decoded.conflated
    assert as_json.pop("prev_seq", None) == decoded.prev_seq
    assert as_json == {"channel": decoded.channel, "epoch": decoded.epoch, "seq": decoded.seq}


@given(st.binary(max_size=40))
def test_bytes_that_are_no_notification_are_an_error_of_the_feed(data: bytes) -> None:
    decoder = ProtoDecoder()
    try:
        assert decoder.decode(data) is None, "an opening may be made by chance"
    except FeedError:
        return


def test_frames_are_binary_and_joined_is_control_in_json() -> None:
    encoder = ProtoEncoder("c", "e", 1, "")
    frames = take_frames(bytearray(encoder.opened() + encoder.frame(1, 0, {"a": 1}) + encoder.joined(5)))
    assert [frame.opcode == BINARY for frame in frames] == [True, True, False]
    assert json.loads(frames[2].payload)["method"] == "joined"


def test_what_is_generated_is_of_the_schema_as_it_is(tmp_path: Path) -> None:
    tool = Path(__file__).resolve().parents[2] / "tools" / "protoc.py"
    subprocess.run([sys.executable, str(tool), str(tmp_path)], check=True)
    for name in ("deltawire_pb2.py", "deltawire_pb2.pyi"):
        assert (tmp_path / name).read_text() == (ROOM / name).read_text(), "run tools/protoc.py"


def share(deltas: list[BookDelta]) -> float:
    """Bytes of protobuf to bytes of JSON."""
    sizes = [0, 0]
    for seq, delta in enumerate(deltas, 1):
        note = BookNote(
            "change",
            delta.venue_ns,
            delta.instrument.name,
            delta.instrument,
            delta.sequence,
            delta.bids,
            delta.asks,
            delta.sequence - 1,
            None,
            0xDEADBEEF,
        )
        channel = f"book.{delta.instrument.name}.raw"
        for at, make in enumerate((ProtoEncoder, JsonEncoder)):
            sizes[at] += len(
                make(channel, "6910c3f2-a1b2c3", 7, delta.instrument.name).frame(seq, seq - 1, note)
            )
    return sizes[0] / sizes[1]


def test_protobuf_takes_a_fifth_of_jsons_bytes_on_deltas_like_binances() -> None:
    instrument = make_instrument("BTCUSDT", price_exponent=-2, size_exponent=-3)
    prices = [6183760 - step * step * 3 for step in range(40)]
    sizes = [0 if step % 4 == 1 else 137 * step * step % 4000 + 1 for step in range(40)]
    side = Changes(prices, sizes, [0 if step % 4 == 0 else 5 for step in range(40)])
    assert share([BookDelta(instrument, 5, side, side, 1_723_000_000_000_000_000, 0, 1)] * 10) <= 1 / 5


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["binance_usdm", "binance_spot"])
def test_protobuf_takes_a_fifth_of_jsons_bytes_on_the_recorded_deltas(recordings: Path, name: str) -> None:
    deltas = [event for event in events(records(recordings, name), name) if isinstance(event, BookDelta)]
    assert len(deltas) > 3000
    assert share(deltas) <= 1 / 5
