"""Recordings in every format they come in; what is damaged is a record too, and all around it is read."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from deltawire.errors import RecordingError, UsageError
from deltawire.recording import Recording, RecordingEntry

STAMPED = b'1723161253937085768 {"u":1}\n1723161254036059768 {"u":2}\n1723161254087891268 {"u":3}\n'
FRAMES = [
    RecordingEntry("received", 1_723_161_253_937_085_768, b'{"u":1}'),
    RecordingEntry("received", 1_723_161_254_036_059_768, b'{"u":2}'),
    RecordingEntry("received", 1_723_161_254_087_891_268, b'{"u":3}'),
]
CBCAP = (
    b"CBCAP1 kraken BTC/USD 1785552832693693000\n"
    b'201603688723400 7\n{"a":1}\n'
    b'201603845874000 9\n{"b":\n 2}\n'
    b'201604073826100 7\n{"c":3}\n'
)
LOG = (
    b"wss://venue.example/ws <-> 1626993723.424371\n"
    b'wss://venue.example/ws <- 1626993723.7145221: {"method":"subscribe"}\n'
    b'1626993723.804318: {"a":1}\n'
    b"\n"
    b'1626993724.8: {"b":"http://x -> 5: "}\n'
)
BODIES = (
    b"configuration: {}\n"
    b'https://venue.example/instruments?kind=a -> 1626993723.1311848: {"result":[]} header: {"X": "y"}\n'
    b'https://venue.example/instruments?kind=b -> 1626993729.5: {"result":[1]}\n'
)


CONTENTS = [
    *(STAMPED, CBCAP, LOG, BODIES, gzip.compress(STAMPED * 20), bz2.compress(STAMPED * 20)),
    *(lzma.compress(STAMPED * 20), zstandard.compress(STAMPED * 20)),
]


def attempt(path: Path, content: bytes) -> list[RecordingEntry]:
    """All records; none where the file is refused."""
    path.write_bytes(content)
    found: list[RecordingEntry] = []
    try:
        found.extend(Recording(path).records())
    except RecordingError:
        assert not [record for record in found if record.kind != "damaged"]
        return []
    return found


def line_of(content: bytes, place: int) -> int:
    """In which line a byte is, or the first that it takes part in where the file is packed."""
    if content.startswith(b"\x1f\x8b"):
        content, place = zlib.decompressobj(31).decompress(content[:place]), -1
    elif not content[:1].isalnum() or content.startswith(b"BZh"):
        return 1
    return content[:place].count(b"\n") + 1 if place >= 0 else content.count(b"\n") + 1


def last_line(record: RecordingEntry, content: bytes) -> int:
    """Where a record ends."""
    return record.line + (1 + record.payload.count(b"\n") if content.startswith(b"CBCAP1") else 0)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(content: bytes, name: str = "recording") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


Written = Callable[..., Path]


def read(path: Path) -> list[RecordingEntry]:
    """What was recorded, without the places of it."""
    return [
        msgspec.structs.replace(record, line=0, file="")
        for record in Recording(path).records()
        if record.kind != "damaged"
    ]


def damage(path: Path) -> list[tuple[int, str]]:
    """The lines that are damaged, and why."""
    return [(record.line, record.reason) for record in Recording(path).records() if record.kind == "damaged"]


def refusal(path: Path) -> RecordingError:
    """Why a file is no recording."""
    with pytest.raises(RecordingError) as raised:
        list(Recording(path).records())
    return raised.value


class TestStampedLines:
    @pytest.mark.parametrize("packed", [bytes, gzip.compress])
    def test_every_line_is_a_frame_at_its_nanosecond(self, written: Written, packed: Callable) -> None:
        assert read(written(packed(STAMPED))) == FRAMES

    def test_line_ends_and_empty_lines_do_not_matter(self, written: Written) -> None:
        assert read(written(STAMPED.replace(b"\n", b"\r\n\r\n"))) == FRAMES
        assert read(written(STAMPED.rstrip(b"\n"))) == FRAMES

    @pytest.mark.parametrize(
        "garbage",
        [
            *(
                b"garbage\n",
                b"1723161254036059768\n",
                b"1723161254036059768 \n",
                b'-5 {"u":2}\n',
                b"\x00\xff\n",
            ),
            *('١٢٣ {"u":2}\n'.encode(), b'1e9 {"u":2}\n', b"9" * 5_000 + b' {"u":2}\n'),
            *(b"9" * 20 + b' {"u":2}\n', b'1723161254036059768 {"u":2\n', b'1723161254036059768 {"u":2}}\n'),
        ],
    )
    def test_a_line_of_garbage_is_told_and_everything_around_it_is_read(
        self, written: Written, garbage: bytes
    ) -> None:
        lines = STAMPED.splitlines(keepends=True)
        path = written(lines[0] + garbage + lines[2])
        assert read(path) == [FRAMES[0], FRAMES[2]]
        ((line, reason),) = damage(path)
        assert line == 2
        assert len(reason) < 300

    def test_a_torn_last_line_is_told(self, written: Written) -> None:
        for kept in range(1, 27):
            path = written(STAMPED[: 2 * 28 + kept])
            assert read(path) == FRAMES[:2]
            assert [line for line, _ in damage(path)] == [3]

    def test_json_spread_over_lines_is_one_frame(self, written: Written) -> None:
        spread = STAMPED.replace(b'{"u":2}', b'{\n  "u": 2\n}').replace(b'{"u":3}', b'{"u":\n3}')
        assert [msgspec.json.decode(record.payload) for record in read(written(spread))] == [
            {"u": 1},
            {"u": 2},
            {"u": 3},
        ]
        assert damage(written(spread)) == []

    def test_a_tab_or_blanks_may_stand_before_and_behind_the_stamp(self, written: Written) -> None:
        assert read(written(b"\n \n\t" + STAMPED.replace(b" ", b"\t").replace(b"\n", b"\n  \t"))) == FRAMES

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_a_byte_order_mark_is_no_text(self, written: Written, encoding: str) -> None:
        assert read(written(STAMPED.decode().encode(encoding))) == FRAMES

    def test_a_line_without_an_end_is_damage_and_not_all_of_memory(
        self, written: Written, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("deltawire.recording.lines.LONGEST_LINE", 1_000)
        path = written(STAMPED + b"1" * 100_000 + b"\n" + STAMPED)
        assert read(path) == FRAMES + FRAMES
        assert damage(path) == [(4, "no line end in sight")]


class TestJsonLines:
    FRAMES = (
        b'{"e":"x","E":1700000000000}\n'
        b'{"other":1}\n'
        b'{"data":[{"ts":"1700000000500"}]}\n'
        b'{"data":[{"timestamp":"2023-11-14T22:13:20.250000Z"}]}\n'
        b'{"data":[{"timestamp":"2023-11-14T22:13:21.250000Z"}]}\n'
    )

    def test_their_time_is_the_one_that_they_state_and_never_goes_back(self, written: Written) -> None:
        recording = Recording(written(self.FRAMES))
        start = 1_700_000_000_000
        assert [record.at_ns // 1_000_000 - start for record in recording.records()] == [0, 0, 500, 500, 1250]
        assert recording.clock.kind == "frames"

    def test_those_before_the_first_that_states_a_time_are_at_that_time(self, written: Written) -> None:
        lines = self.FRAMES.splitlines(keepends=True)
        entries = read(written(lines[1] + lines[0]))
        assert [record.at_ns for record in entries] == [1_700_000_000_000_000_000] * 2

    def test_where_none_states_a_time_they_are_counted(self, written: Written) -> None:
        recording = Recording(written(b'{"a":1}\n\n  [2]\n'))
        assert [(record.payload, record.line) for record in recording.records()] == [
            (b'{"a":1}', 1),
            (b"[2]", 3),
        ]
        assert recording.clock.kind == "counted"

    def test_a_file_may_hold_one_frame_spread_over_lines(self, written: Written) -> None:
        (record,) = read(written(msgspec.json.format(b'{"a":[1,{"b":2}],"E":1700000000000}', indent=2)))
        assert msgspec.json.decode(record.payload) == {"a": [1, {"b": 2}], "E": 1_700_000_000_000}
        assert record.at_ns == 1_700_000_000_000_000_000

    def test_a_torn_frame_costs_itself_alone(self, written: Written) -> None:
        path = written(b'{"a":1}\n{"a":\n  {"b":2}\n  {"c":3}\n{"d":4}\n')
        assert [record.payload for record in read(path)] == [b'{"a":1}', b'{"b":2}', b'{"c":3}', b'{"d":4}']
        assert [line for line, _ in damage(path)] == [2]


MANY = b"".join(b'%d {"u":%d,"x":"%d"}\n' % (1_700 * 10**15 + n, n, n * n * 7919) for n in range(5_000))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}


def payloads(content: bytes) -> list[bytes]:
    return [line.partition(b" ")[2] for line in content.splitlines()]


@pytest.mark.parametrize("packing", PACKERS)
class TestPackedFiles:
    def test_one_reads_as_what_was_packed_whatever_its_name(self, written: Written, packing: str) -> None:
        assert read(written(PACKERS[packing](STAMPED))) == FRAMES

    def test_one_that_was_continued_is_read_to_its_end(self, written: Written, packing: str) -> None:
        pack = PACKERS[packing]
        assert read(written(pack(STAMPED) + pack(STAMPED))) == FRAMES + FRAMES

    def test_one_that_ends_early_gives_what_is_in_it_and_says_where_it_ends(
        self, written: Written, packing: str
    ) -> None:
        packed = PACKERS[packing](MANY)
        for kept in (len(packed) // 2, len(packed) - 5):
            path = written(packed[:kept])
            entries = [record for record in attempt(path, packed[:kept]) if record.kind == "received"]
            assert [record.payload for record in entries] == payloads(MANY)[: len(entries)]
            if entries:  # in one block all is lost
                assert damage(path) == [(len(entries) + 1, f"{packing}: the file ends inside it")]

    def test_after_one_that_was_torn_its_continuation_is_read(self, written: Written, packing: str) -> None:
        pack = PACKERS[packing]
        path = written(pack(MANY)[:-7] + pack(STAMPED))
        assert [record.payload for record in read(path)[-3:]] == [record.payload for record in FRAMES]
        assert 1 <= len(damage(path)) <= 3
        assert {reason.partition(":")[0] for _, reason in damage(path)} <= {
            packing,
            "of no known format",
            "torn",
        }

    def test_what_does_not_belong_behind_it_is_told(self, written: Written, packing: str) -> None:
        path = written(PACKERS[packing](STAMPED) + b"garbage")
        assert read(path) == FRAMES
        assert damage(path) == [(4, f"{packing}: bytes that are no part of it follow it")]

    def test_one_of_which_nothing_is_left_is_refused(self, written: Written, packing: str) -> None:
        assert packing in refusal(written(PACKERS[packing](STAMPED)[:9])).reason


class TestGzip:
    def test_zeros_behind_it_are_nothing(self, written: Written) -> None:
        path = written(gzip.compress(STAMPED) + bytes(100_000))
        assert (read(path), damage(path)) == (FRAMES, [])

    def test_a_wrong_byte_costs_no_line_before_it(self, written: Written) -> None:
        packed = bytearray(gzip.compress(MANY))
        for place in range(100, len(packed), len(packed) // 7):
            torn = bytearray(packed)
            torn[place] ^= 0x55
            path = written(bytes(torn))
            whole = zlib.decompressobj(31).decompress(bytes(packed[:place]))
            kept = whole.count(b"\n")
            assert [record.payload for record in read(path)][:kept] == payloads(MANY)[:kept]
            assert "gzip" in damage(path)[-1][1]


class TestCbcap:
    def test_frames_may_hold_line_ends(self, written: Written) -> None:
        started = 1_785_552_832_693_693_000
        assert read(written(CBCAP)) == [
            RecordingEntry("received", started, b'{"a":1}'),
            RecordingEntry("received", started + 157_150_600, b'{"b":\n 2}'),
            RecordingEntry("received", started + 385_102_700, b'{"c":3}'),
        ]

    def test_the_stamps_count_from_the_header_even_if_the_clock_was_monotonic(self, written: Written) -> None:
        first = read(written(CBCAP))[0]
        assert first.at_ns == 1_785_552_832_693_693_000

    def test_a_file_that_ends_in_a_frame_says_how_much_is_missing(self, written: Written) -> None:
        path = written(CBCAP[:-5])
        assert [record.payload for record in read(path)] == [b'{"a":1}', b'{"b":\n 2}']
        assert damage(path)[0] == (7, "the file ends 4 bytes too early")

    @pytest.mark.parametrize(
        "garbage",
        [
            *(b"x 7\n", b"201604073826100\n", b"201604073826100 -7\n", b"5 1e3\n", b"garbage\n"),
            *(b"5 99999999999999999999\n", b"5 " + b"9" * 5_000 + b"\n", b"9" * 5_000 + b" 7\n"),
        ],
    )
    def test_a_line_of_garbage_is_told_and_everything_around_it_is_read(
        self, written: Written, garbage: bytes
    ) -> None:
        more = b'201604073826200 7\n{"d":4}\n'
        path = written(CBCAP.replace(b"201604073826100 7\n", garbage) + more)
        assert [record.payload for record in read(path)] == [b'{"a":1}', b'{"b":\n 2}', b'{"d":4}']
        assert damage(path)[0][0] == 7

    def test_a_wrong_length_costs_its_own_frame_alone(self, written: Written) -> None:
        for wrong in (b"3", b"8", b"999999"):
            path = written(CBCAP.replace(b"845874000 9", b"845874000 " + wrong))
            assert [record.payload for record in read(path)] == [b'{"a":1}', b'{"c":3}']
            assert damage(path)[0][0] == 4

    @pytest.mark.parametrize(
        "header", [b"CBCAP1 kraken\n", b"CBCAP1 kraken BTC/USD soon\n", b"CBCAP1 a b " + b"9" * 5_000 + b"\n"]
    )
    def test_a_header_of_garbage_costs_no_frame(self, written: Written, header: bytes) -> None:
        path = written(header + CBCAP.partition(b"\n")[2])
        assert len(read(path)) == 3
        assert damage(path) == [(1, "a CBCAP1 header has a venue, a symbol and a start time")]


class TestLogs:
    def test_what_was_received_comes_with_the_seconds_as_nanoseconds(self, written: Written) -> None:
        assert read(written(LOG)) == [
            RecordingEntry("opened", 1_626_993_723_424_371_000),
            RecordingEntry("received", 1_626_993_723_804_318_000, b'{"a":1}'),
            RecordingEntry("received", 1_626_993_724_800_000_000, b'{"b":"http://x -> 5: "}'),
        ]

    @pytest.mark.parametrize(("name", "packed"), [("VENUE.0", bytes), ("VENUE.0.gz", gzip.compress)])
    def test_bodies_come_from_the_sibling_and_when_the_connection_opens(
        self, written: Written, name: str, packed: Callable
    ) -> None:
        written(packed(BODIES), name)
        opened = 1_626_993_723_424_371_000
        assert read(written(LOG, "VENUE.ws.1.0"))[:3] == [
            RecordingEntry(
                "fetched",
                opened,
                b'{"result":[]}',
                "https://venue.example/instruments?kind=a",
            ),
            RecordingEntry("fetched", opened, b'{"result":[1]}', "https://venue.example/instruments?kind=b"),
            RecordingEntry("opened", opened),
        ]

    def test_a_log_without_a_sibling_has_no_bodies(self, written: Written) -> None:
        assert [record.kind for record in read(written(LOG, "VENUE.ws.1.0"))] == [
            "opened",
            "received",
            "received",
        ]

    @pytest.mark.parametrize(
        "garbage",
        [
            *(b"garbage\n", b"soon: {}\n", b"http://venue\n", b"9" * 5_000 + b": {}\n"),
            *(b"https://\xff/x -> 5: {}\n", b"wss://venue <-> never\n"),
        ],
    )
    def test_a_line_of_garbage_is_told_and_everything_around_it_is_read(
        self, written: Written, garbage: bytes
    ) -> None:
        path = written(LOG + garbage + LOG)
        assert read(path) == read(written(LOG, "whole")) * 2
        assert [line for line, _ in damage(path)] == [6]

    def test_damage_in_the_sibling_names_the_sibling(self, written: Written) -> None:
        written(BODIES + b"garbage\n", "VENUE.0")
        path = written(LOG, "VENUE.ws.1.0")
        assert [record.kind for record in read(path)] == [
            "fetched",
            "fetched",
            "opened",
            "received",
            "received",
        ]
        assert damage(path) == [(4, "of no known format: b'garbage\\n'")]
        assert {record.file for record in Recording(path).records() if record.line == 4} == {"VENUE.0"}

    def test_bodies_fetched_while_the_stream_ran_come_in_between(self, written: Written) -> None:
        written(b'https://venue.example/depth?symbol=A -> 1626993724.1: {"id":1}\n', "VENUE.http.7.0")
        written(
            b'https://venue.example/depth?symbol=B -> 1626993723.1: {"id":2}\n'
            b'https://venue.example/depth?symbol=C -> 1626993800.5: {"id":3}\n',
            "VENUE.http.8.0",
        )
        written(BODIES, "OTHER.http.8.0")
        entries = [(record.kind, record.payload) for record in read(written(LOG, "VENUE.ws.1.0"))]
        assert entries == [
            ("opened", b""),
            ("fetched", b'{"id":2}'),
            ("received", b'{"a":1}'),
            ("fetched", b'{"id":1}'),
            ("received", b'{"b":"http://x -> 5: "}'),
            ("fetched", b'{"id":3}'),
        ]

    def test_a_log_that_goes_on_in_another_file_needs_no_connection(self, written: Written) -> None:
        path = written(LOG.partition(b"\n")[2], "VENUE.ws.1.1")
        assert [record.kind for record in read(path)] == ["received", "received"]

    def test_an_address_may_be_in_any_alphabet(self, written: Written) -> None:
        log = LOG + "https://venue/x?symbol=币安人生 -> 1626993725.1: {}\n".encode()
        assert read(written(log))[-1].url == "https://venue/x?symbol=币安人生"


class TestAnyFile:
    def test_one_that_is_not_there_is_the_users_mistake(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no such file"):
            Recording(tmp_path / "nothing")
        with pytest.raises(UsageError, match="not a file"):
            Recording(tmp_path)

    def test_one_that_goes_away_is_an_error_that_leaves_other_sources_alone(self, written: Written) -> None:
        recording = Recording(written(STAMPED))
        recording.path.unlink()
        with pytest.raises(UsageError, match="no such file"):
            next(recording.records())

    def test_one_of_which_nothing_can_be_read_fails_when_probed(self, written: Written) -> None:
        Recording(written(STAMPED)).probe()
        for content in (b"", b"hello\n", b"configuration: {}\n"):
            with pytest.raises(RecordingError):
                Recording(written(content)).probe()

    @pytest.mark.parametrize(
        "content", [b"", b"\n", b"hello\n", b"\x1f\x8b", b"\x1f\x8bxxxxxxxx", b"12:30 up\n", b"123 456\n"]
    )
    def test_one_that_is_no_recording_is_an_error(self, written: Written, content: bytes) -> None:
        path = written(content)
        error = refusal(path)
        assert (error.path, error.place) == (str(path), "line 1")

    def test_one_of_another_kind_is_not_read_to_its_end(self, written: Written) -> None:
        recording = Recording(written(b"time,price\n" * 500_000))
        with pytest.raises(RecordingError, match="no known format"):
            list(recording.records())
        assert recording.progress() < 0.5

    @pytest.mark.parametrize(
        "content", [STAMPED, gzip.compress(STAMPED), CBCAP, LOG], ids=["stamped", "gzip", "cbcap", "log"]
    )
    def test_it_can_be_read_again_and_again(self, written: Written, content: bytes) -> None:
        recording = Recording(written(content))
        assert list(recording.records()) == list(recording.records()) != []

    def test_how_far_it_has_been_read_goes_from_nothing_to_all(self, written: Written) -> None:
        recording = Recording(written(STAMPED))
        assert recording.progress() == 0.0
        seen = [recording.progress() for _ in recording.records()]
        assert seen == sorted(seen)
        assert 0.0 < seen[-1] <= 1.0

    @given(
        content=st.sampled_from(CONTENTS),
        edits=st.lists(
            st.tuples(st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3)), min_size=1, max_size=4
        ),
    )
    def test_whatever_is_wrong_it_is_damage(
        self, tmp_path_factory: pytest.TempPathFactory, content: bytes, edits: list
    ) -> None:
        for at, put, over in edits:
            at %= len(content) + 1
            content = content[:at] + put + content[at + over :]
        records = attempt(tmp_path_factory.mktemp("edited") / "recording", content)
        assert all(0 <= record.at_ns < 1 << 63 for record in records)

    @given(content=st.sampled_from(CONTENTS), place=st.integers(0, 1_000_000), bit=st.integers(-1, 7))
    @example(content=gzip.compress(STAMPED * 20), place=-1, bit=-1)
    def test_what_was_before_the_damage_is_read_as_if_there_were_none(
        self, tmp_path_factory: pytest.TempPathFactory, content: bytes, place: int, bit: int
    ) -> None:
        folder = tmp_path_factory.mktemp("damaged")
        place %= len(content)
        damaged = content[:place]
        if bit >= 0:
            damaged += bytes([content[place] ^ (1 << bit)]) + content[place + 1 :]
        whole = [record for record in attempt(folder / "whole", content) if record.kind != "damaged"]
        kept = [record for record in whole if last_line(record, content) < line_of(content, place)]
        entries = [record for record in attempt(folder / "damaged", damaged) if record.kind != "damaged"]
        assert entries[: len(kept)] == kept
