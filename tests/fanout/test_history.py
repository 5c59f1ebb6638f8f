"""The newest frames of a channel: bounded in number and bytes, given back whole or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from deltawire.fanout.history import History, Keeps


@given(
    st.lists(st.binary(min_size=1, max_size=9)), st.integers(1, 6), st.integers(1, 30), st.integers(-3, 40)
)
def test_the_newest_frames_are_given_back_whole_or_not_at_all(
    frames: list[bytes], most: int, most_bytes: int, count: int
) -> None:
    history = History(Keeps(most, most_bytes))
    for frame in frames:
        history.add(frame)
    wanted = frames[len(frames) - count :] if 0 <= count <= len(frames) else None
    fits = wanted is not None and count <= most and sum(map(len, wanted)) <= most_bytes
    assert history.last(count) == (wanted if fits else None)


def test_nothing_missed_is_not_the_same_as_not_known() -> None:
    assert History(Keeps()).last(0) == []
    assert History(Keeps()).last(1) is None
