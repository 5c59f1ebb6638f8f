"""The bytes of our own files: readable by any zstd, unit by unit, whatever is damaged."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.recording import Recording
from deltawire.recording.own_lines import Origin, format_note, format_origin, format_passed, parse_line
from deltawire.recording.unit_files import Damage, find_unit, read_index, read_units, scan_heads, span
from deltawire.recording.units import Placed, format_end, format_unit, parse_head
from tests.support.effort import examples

SECOND = 1_000_000_000
BEGAN = 1_700_000_000 * SECOND


def contents(units: int) -> list[bytes]:
    first = format_origin(Origin("okx", "okx/1", BEGAN))
    lines = [
        [format_passed(BEGAN + n * SECOND, "received", b'{"n":%d}' % n) for n in range(10 * u, 10 * u + 10)]
        for u in range(units)
    ]
    return [b"".join([first, *lines[0]]), *map(b"".join, lines[1:])]


def a_file(path: Path, units: int = 5, *, finished: bool = True) -> list[Placed]:
    at, line, placed, parts = 0, 1, [], []
    for number, content in enumerate(contents(units)):
        times = BEGAN + 10 * number * SECOND, BEGAN + (10 * number + 9) * SECOND
        data = format_unit(content, *times, line, level=1)
        head = parse_head(data)
        assert head is not None
        placed.append(Placed(at, head))
        parts.append(data)
        at, line = at + len(data), line + head.lines
    path.write_bytes(b"".join([*parts, format_end(placed) if finished else b""]))
    return placed


@pytest.mark.parametrize("finished", [True, False])
def test_any_zstd_reads_the_whole(tmp_path: Path, finished: bool) -> None:
    path = tmp_path / "1.dwr.zst"
    a_file(path, finished=finished)
    with path.open("rb") as raw:
        whole = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True).read()
    assert whole == b"".join(contents(5))
    if zstd := shutil.which("zstd"):
        assert subprocess.run([zstd, "-dc", str(path)], capture_output=True, check=True).stdout == whole


def test_the_seek_table_is_that_of_zstds_seekable_format(tmp_path: Path) -> None:
    path = tmp_path / "1.dwr.zst"
    a_file(path)
    data = path.read_bytes()
    frames, descriptor, magic = struct.unpack("<IBI", data[-9:])
    assert (descriptor, magic) == (0, 0x8F92EAB1)
    begin = len(data) - 9 - 8 * frames - 8
    assert struct.unpack_from("<II", data, begin) == (0x184D2A5E, 8 * frames + 9)
    at, parts = 0, []
    for packed, content in struct.iter_unpack("<II", data[begin + 8 : -9]):
        if content:
            frame = data[at : at + packed]
            parts.append(zstandard.ZstdDecompressor().decompress(frame))
            assert len(parts[-1]) == content
            assert zstandard.get_frame_parameters(frame).has_checksum
        at += packed
    assert at == begin
    assert b"".join(parts) == b"".join(contents(5))


@pytest.mark.parametrize("finished", [True, False])
def test_every_second_is_found(tmp_path: Path, finished: bool) -> None:
    path = tmp_path / "1.dwr.zst"
    placed = a_file(path, finished=finished)
    with path.open("rb") as raw:
        for second in range(50):
            found = find_unit(raw, BEGAN + second * SECOND)
            assert found is not None
            assert found.offset == placed[second // 10].offset
        assert find_unit(raw, BEGAN + 50 * SECOND) is None
        index = read_index(raw)
        assert (index is not None) is finished
        assert [unit.offset for unit in scan_heads(raw)] == [unit.offset for unit in placed]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]


@settings(max_examples=examples(60))
@given(at=st.floats(0, 0.999), cut=st.booleans())
def test_damage_costs_its_unit_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, at: float, cut: bool
) -> None:
    path = tmp_path_factory.mktemp("damage") / "1.dwr.zst"
    placed = a_file(path, finished=False)
    data = path.read_bytes()
    place = int(at * len(data))
    path.write_bytes(data[:place] if cut else flipped(data, place))
    hit = max(n for n, unit in enumerate(placed) if unit.offset <= place)
    with path.open("rb") as raw:
        read = list(read_units(raw))
    good = [unit[1] for unit in read if not isinstance(unit, Damage)]
    expected = contents(5)
    if cut:
        assert good == expected[:hit]
    else:
        assert good == expected[:hit] + expected[hit + 1 :]
        assert sum(isinstance(unit, Damage) for unit in read) == 1


def test_a_second_behind_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "1.dwr.zst"
    placed = a_file(path, finished=False)
    data = bytearray(path.read_bytes())
    data[placed[1].offset : placed[1].offset + 40] = bytes(40)
    path.write_bytes(data)
    with path.open("rb") as raw:
        found = find_unit(raw, BEGAN + 35 * SECOND)
        assert found is not None
        assert found.offset == placed[3].offset
        assert span(raw) == (BEGAN, BEGAN + 49 * SECOND)


def test_lines_behind_damage_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "1.dwr.zst"
    placed = a_file(path)
    data = path.read_bytes()
    path.write_bytes(flipped(data, placed[2].offset + 60))
    records = list(Recording(path).records())
    damaged = [record for record in records if record.kind == "damaged"]
    assert len(damaged) == 1
    assert damaged[0].at_ns == BEGAN + 19 * SECOND
    good = {record.line: record.payload for record in records if record.kind == "received"}
    assert good == {n + 2: b'{"n":%d}' % n for n in [*range(20), *range(30, 50)]}


def test_a_garbage_line_is_reported_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "plain.log"
    lines = b"".join(contents(2)).splitlines(keepends=True)
    lines[5] = b"\xff\x00 garbage\n"
    path.write_bytes(b"".join(lines))
    records = list(Recording(path).records())
    assert [(r.line, r.at_ns) for r in records if r.kind == "damaged"] == [(6, BEGAN + 3 * SECOND)]
    assert sum(record.kind == "received" for record in records) == 19


@given(
    st.one_of(st.binary(max_size=60), st.sampled_from([b"sent {}", b"lost x", b"base64 received e30="])),
    st.sampled_from(["received", "sent", "fetched"]),
)
def test_exact_bytes_come_back(data: bytes, direction: str) -> None:
    line = format_passed(BEGAN, direction, data, "https://a/b?c=d")  # type: ignore[arg-type]
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    entry = parse_line(line, 7, 0)
    assert (entry.kind, entry.at_ns, entry.payload, entry.line) == (direction, BEGAN, data, 7)
    assert entry.url == ("https://a/b?c=d" if direction == "fetched" else "")


def test_a_note_is_one_line_whatever_it_says() -> None:
    entry = parse_line(format_note(BEGAN, "lost", "a\nb \r c"), 1, 0)
    assert (entry.kind, entry.reason) == ("damaged", "a b c")


def test_a_line_that_is_none_of_ours_is_damage() -> None:
    for line in (b"", b"\n", b"hello\n", b"-1 {}\n", b"99999999999999999999 {}\n", b"12 base64 received !\n"):
        assert parse_line(line, 3, 11).kind == "damaged"


def test_an_index_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "1.dwr.zst"
    a_file(path)
    data = path.read_bytes()
    for broken in (data[:-1], data[-30:], flipped(data, len(data) - 200), b""):
        path.write_bytes(broken)
        with path.open("rb") as raw:
            assert read_index(raw) is None
