"""Recordings in every format they come in, whole and damaged: a torn file tells where, after all that came before."""

import contextlib
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.errors import RecordingError, UsageError
from deltawire.sources.recordings import Record, Recording

STAMPED = b'1723161253937085768 {"u":1}\n1723161254036059768 {"u":2}\n1723161254087891268 {"u":3}\n'
FRAMES = [
    Record("received", 1_723_161_253_937_085_768, b'{"u":1}'),
    Record("received", 1_723_161_254_036_059_768, b'{"u":2}'),
    Record("received", 1_723_161_254_087_891_268, b'{"u":3}'),
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


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(content: bytes, name: str = "recording") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


Written = Callable[..., Path]


def read(path: Path) -> list[Record]:
    return list(Recording(path).records())


def read_until_torn(path: Path) -> tuple[list[Record], RecordingError]:
    """What comes before the place that cannot be read, and the complaint about it."""
    found: list[Record] = []
    with pytest.raises(RecordingError) as raised:
        found.extend(Recording(path).records())
    return found, raised.value


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
            *(
                '١٢٣ {"u":2}\n'.encode(),
                b'1e9 {"u":2}\n',
                b"9" * 5_000 + b' {"u":2}\n',
                b"9" * 20 + b' {"u":2}\n',
            ),
        ],
    )
    def test_a_line_of_garbage_is_named_and_what_came_before_it_is_delivered(
        self, written: Written, garbage: bytes
    ) -> None:
        lines = STAMPED.splitlines(keepends=True)
        path = written(lines[0] + garbage + lines[2])
        found, error = read_until_torn(path)
        assert found == FRAMES[:1]
        assert (error.path, error.place) == (str(path), "line 2")
        assert len(str(error)) < 300 + len(str(path))

    def test_a_torn_gzip_gives_all_whole_lines_and_names_the_next(self, written: Written) -> None:
        many = b"".join(b'%d {"u":%d,"x":"%d"}\n' % (10**18 + n, n, n * n * 7919) for n in range(5_000))
        packed = gzip.compress(many)
        for kept in (len(packed) // 3, len(packed) // 2, len(packed) - 9):
            found, error = read_until_torn(written(packed[:kept]))
            assert [record.payload for record in found] == [
                line.partition(b" ")[2] for line in many.splitlines()[: len(found)]
            ]
            assert len(found) > 1_000
            assert error.place == f"line {len(found) + 1}"
            assert "gzip" in error.reason

    @pytest.mark.parametrize("place", [12, -6, -2])
    def test_a_gzip_with_a_wrong_byte_is_an_error(self, written: Written, place: int) -> None:
        packed = bytearray(gzip.compress(STAMPED * 50))
        packed[place] ^= 0xFF
        _, error = read_until_torn(written(bytes(packed)))
        assert "gzip" in error.reason

    def test_a_line_without_an_end_is_an_error_and_not_all_of_memory(
        self, written: Written, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("deltawire.sources.recordings.LONGEST_LINE", 1_000)
        _, error = read_until_torn(written(STAMPED + b"1" * 2_000))
        assert error.reason == "no line end in sight"


class TestCbcap:
    def test_frames_may_hold_line_ends(self, written: Written) -> None:
        started = 1_785_552_832_693_693_000
        assert read(written(CBCAP)) == [
            Record("received", started, b'{"a":1}'),
            Record("received", started + 157_150_600, b'{"b":\n 2}'),
            Record("received", started + 385_102_700, b'{"c":3}'),
        ]

    def test_the_stamps_count_from_the_header_even_if_the_clock_was_monotonic(self, written: Written) -> None:
        first = read(written(CBCAP))[0]
        assert first.at_ns == 1_785_552_832_693_693_000

    def test_a_file_that_ends_in_a_frame_says_how_much_is_missing(self, written: Written) -> None:
        found, error = read_until_torn(written(CBCAP[:-5]))
        assert [record.payload for record in found] == [b'{"a":1}', b'{"b":\n 2}']
        assert error.reason == "the file ends 4 bytes too early"

    @pytest.mark.parametrize(
        "garbage",
        [
            *(b"x 7\n", b"201604073826100\n", b"201604073826100 -7\n", b"5 1e3\n", b"garbage\n"),
            *(b"5 99999999999999999999\n", b"5 " + b"9" * 5_000 + b"\n", b"9" * 5_000 + b" 7\n"),
        ],
    )
    def test_a_line_of_garbage_is_named_and_what_came_before_it_is_delivered(
        self, written: Written, garbage: bytes
    ) -> None:
        found, error = read_until_torn(written(CBCAP.replace(b"201604073826100 7\n", garbage)))
        assert [record.payload for record in found] == [b'{"a":1}', b'{"b":\n 2}']
        assert error.place.startswith("line ")

    @pytest.mark.parametrize(
        "header", [b"CBCAP1 kraken\n", b"CBCAP1 kraken BTC/USD soon\n", b"CBCAP1 a b " + b"9" * 5_000 + b"\n"]
    )
    def test_a_header_of_garbage_is_an_error(self, written: Written, header: bytes) -> None:
        found, error = read_until_torn(written(header + b"5 1\nx\n"))
        assert found == []
        assert error.place == "line 1"


class TestLogs:
    def test_what_was_received_comes_with_the_seconds_as_nanoseconds(self, written: Written) -> None:
        assert read(written(LOG)) == [
            Record("opened", 1_626_993_723_424_371_000),
            Record("received", 1_626_993_723_804_318_000, b'{"a":1}'),
            Record("received", 1_626_993_724_800_000_000, b'{"b":"http://x -> 5: "}'),
        ]

    @pytest.mark.parametrize(("name", "packed"), [("VENUE.0", bytes), ("VENUE.0.gz", gzip.compress)])
    def test_bodies_come_from_the_sibling_and_when_the_connection_opens(
        self, written: Written, name: str, packed: Callable
    ) -> None:
        written(packed(BODIES), name)
        opened = 1_626_993_723_424_371_000
        assert read(written(LOG, "VENUE.ws.1.0"))[:3] == [
            Record(
                "fetched",
                opened,
                b'{"result":[]}',
                "https://venue.example/instruments?kind=a",
            ),
            Record("fetched", opened, b'{"result":[1]}', "https://venue.example/instruments?kind=b"),
            Record("opened", opened),
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
            *(b"https://\xff/x -> 5: {}\n", b"wss://venue <-> never\n", b"99999999999999: {}\n"),
        ],
    )
    def test_a_line_of_garbage_is_named_and_what_came_before_it_is_delivered(
        self, written: Written, garbage: bytes
    ) -> None:
        found, error = read_until_torn(written(LOG + garbage + LOG))
        assert found == read(written(LOG, "whole"))
        assert error.place == "line 6"

    def test_damage_in_the_sibling_names_the_sibling(self, written: Written) -> None:
        sibling = written(BODIES + b"garbage\n", "VENUE.0")
        found, error = read_until_torn(written(LOG, "VENUE.ws.1.0"))
        assert [record.kind for record in found] == ["fetched", "fetched"]
        assert (error.path, error.place) == (str(sibling), "line 4")


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
        "content", [b"", b"\n", b"hello\n", b"\x1f\x8b", b"\x1f\x8bxxxxxxxx", b"{}\n", b"123 {}\n"]
    )
    def test_one_that_is_no_recording_is_an_error(self, written: Written, content: bytes) -> None:
        found, error = read_until_torn(written(content))
        assert found == []
        assert error.place == "line 1"

    @pytest.mark.parametrize("content", [STAMPED, gzip.compress(STAMPED), CBCAP, LOG])
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
        content=st.sampled_from([STAMPED, CBCAP, LOG, BODIES, gzip.compress(STAMPED * 20)]),
        edits=st.lists(
            st.tuples(st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3)), min_size=1, max_size=4
        ),
    )
    def test_whatever_is_wrong_it_is_a_recording_error(
        self, tmp_path_factory: pytest.TempPathFactory, content: bytes, edits: list
    ) -> None:
        for at, put, over in edits:
            at %= len(content) + 1
            content = content[:at] + put + content[at + over :]
        path = tmp_path_factory.mktemp("edited") / "recording"
        path.write_bytes(content)
        found: list[Record] = []
        with contextlib.suppress(RecordingError):
            found.extend(Recording(path).records())
        assert all(0 <= record.at_ns < 1 << 63 for record in found)
