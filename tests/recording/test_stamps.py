"""Stamps of every unit and clock, held against the times that the frames themselves state."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from deltawire.errors import RecordingError
from deltawire.recording import Recording, RecordingEntry
from deltawire.recording.stamps import own_ns, since_1970

SECOND = 1_000_000_000
START = 1_760_000_000 * SECOND
UNITS = {"ns": 1, "µs": 1_000, "ms": 1_000_000, "s": SECOND}


def frame(at_ns: int) -> str:
    """A frame that states its time, some milliseconds before it is recorded."""
    return f'{{"e":"x","E":{at_ns // 1_000_000 - 15}}}'


def recording(tmp_path: Path, lines: Sequence[str]) -> Recording:
    path = tmp_path / "recording"
    path.write_text("".join(f"{line}\n" for line in lines))
    return Recording(path)


def times(found: Recording) -> list[int]:
    return [record.at_ns for record in found.records() if record.kind != "damaged"]


def damage(found: Recording) -> list[RecordingEntry]:
    return [record for record in found.records() if record.kind == "damaged"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("states_time", [True, False])
class TestUnits:
    def test_stamps_of_every_unit_are_the_same_times(
        self, tmp_path: Path, unit: str, states_time: bool
    ) -> None:
        moments = [START + n * 7 * SECOND for n in range(30)]
        entries = recording(
            tmp_path, [f"{at // UNITS[unit]} {frame(at) if states_time else '{}'}" for at in moments]
        )
        assert times(entries) == moments
        assert (entries.clock.kind, entries.clock.unit, entries.clock.backward) == ("wall", unit, 0)

    def test_a_recorder_may_change_its_unit(self, tmp_path: Path, unit: str, states_time: bool) -> None:
        moments = [START + n * SECOND for n in range(8)]
        scales = [1] * 4 + [UNITS[unit]] * 4
        entries = recording(
            tmp_path,
            [
                f"{at // scale} {frame(at) if states_time else '{}'}"
                for at, scale in zip(moments, scales, strict=True)
            ],
        )
        assert times(entries) == moments
        assert damage(entries) == []


@pytest.mark.parametrize("unit", UNITS)
def test_a_monotonic_clock_is_moved_to_the_frames_times(tmp_path: Path, unit: str) -> None:
    moments = [START + n * 3 * SECOND for n in range(30)]
    up = 398_912 * SECOND
    lines = [f"{(up + at - START) // UNITS[unit]}\t{frame(at)}" for at in moments]
    entries = recording(tmp_path, [f'{up // UNITS[unit]}\t{{"event":"subscribe"}}', *lines])
    own = own_ns(frame(START).encode())
    assert times(entries) == [own, *(own + at - START for at in moments)]
    assert (entries.clock.kind, entries.clock.unit) == ("monotonic", unit)


def test_a_monotonic_clock_may_begin_anew(tmp_path: Path) -> None:
    moments = [START + n * SECOND for n in range(10)]
    lines = [f"{(9 * 10**14 if n < 5 else 10**9) + n * SECOND}\t{frame(at)}" for n, at in enumerate(moments)]
    entries = recording(tmp_path, lines)
    assert [at // 10**6 for at in times(entries)] == [at // 10**6 - 15 for at in moments]
    assert damage(entries) == []


def test_decimal_seconds_are_seconds(tmp_path: Path) -> None:
    entries = recording(tmp_path, [f"1760000000.25 {frame(START)}", f"1760000001.5 {frame(START + SECOND)}"])
    assert times(entries) == [START + SECOND // 4, START + SECOND * 3 // 2]


def test_stamps_of_no_clock_are_refused_with_the_reason(tmp_path: Path) -> None:
    entries = recording(tmp_path, [f"{1000 + 13 * n} {frame(START + n * 60 * SECOND)}" for n in range(40)])
    with pytest.raises(RecordingError, match="its stamps are of no clock"):
        times(entries)


def test_a_clock_that_was_wrong_is_kept(tmp_path: Path) -> None:
    moments = [START - 40 * 86_400 * SECOND + n * SECOND for n in range(5)]
    entries = recording(tmp_path, [f"{at} {frame(START + n * SECOND)}" for n, at in enumerate(moments)])
    assert times(entries) == moments


@pytest.mark.parametrize("states_time", [True, False])
@pytest.mark.parametrize("wrong", [START * 5, START + 400 * 86_400 * SECOND, START // 3, 7])
def test_one_stamp_that_leaps_is_damage_and_moves_nothing(
    tmp_path: Path, wrong: int, states_time: bool
) -> None:
    moments = [START + n * SECOND for n in range(6)]
    lines = [f"{at} {frame(at) if states_time else '{}'}" for at in moments]
    lines[3] = lines[3].replace(str(moments[3]), str(wrong))
    entries = recording(tmp_path, lines)
    assert times(entries) == [*moments[:3], moments[2], *moments[4:]]
    (told,) = damage(entries)
    assert (told.line, told.at_ns, told.reason) == (4, moments[2], f"its stamp leaps: {wrong}")


@pytest.mark.parametrize("states_time", [True, False])
def test_a_pause_is_a_pause(tmp_path: Path, states_time: bool) -> None:
    moments = [START, START + SECOND, START + 3600 * SECOND, START + 3601 * SECOND]
    entries = recording(tmp_path, [f"{at} {frame(at) if states_time else '{}'}" for at in moments])
    assert (times(entries), damage(entries)) == (moments, [])


def test_recordings_put_together_in_the_wrong_order_are_told(tmp_path: Path) -> None:
    moments = [START + 7200 * SECOND, START + 7201 * SECOND, START, START + SECOND]
    entries = recording(tmp_path, [f"{at} {frame(at)}" for at in moments])
    assert times(entries) == moments
    assert entries.clock.backward == 1


def test_a_history_sent_at_the_beginning_does_not_change_the_time(tmp_path: Path) -> None:
    hours_old = frame(START - 5 * 3600 * SECOND)
    entries = recording(
        tmp_path, [f"{START} {hours_old}", f"{START + 90 * SECOND} {frame(START + 90 * SECOND)}"]
    )
    assert (times(entries), damage(entries)) == ([START, START + 90 * SECOND], [])


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        (b'{"E":1760000000123}', 1_760_000_000_123_000_000),
        (b'{"E":1760000000123456}', 1_760_000_000_123_456_000),
        (b'{"data":[{"ts":"1760000000123"}]}', 1_760_000_000_123_000_000),
        (b'{"timestamp": 1760000000123}', 1_760_000_000_123_000_000),
        (b'{"timestamp":"2025-10-09T08:53:20.123456Z"}', 1_760_000_000_123_456_000),
        (b'{"timestamp":"2025-10-09T08:53:20.123456789Z"}', 1_760_000_000_123_456_000),
        (b'{"timestamp":"2025-99-99T08:53:20.1Z"}', None),
        (b'{"E":12345678901}', None),
        (b'{"nextFundingTime":1760000000123,"u":1760000000123}', None),
    ],
)
def test_the_time_that_a_frame_states(payload: bytes, own: int | None) -> None:
    assert own_ns(payload) == own


def test_a_number_is_a_time_in_one_unit_at_most() -> None:
    for scale in UNITS.values():
        assert since_1970(START // scale) == START
    assert since_1970(398_912_235_517_620) is None
