"""The newest frames of a channel: bounded in number and bytes, given back whole or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from deltawire.fanout.history import FRAME_BYTES, ChannelHistory, HistoryPool, RetentionPolicy


def history(**keeps: int) -> ChannelHistory:
    return ChannelHistory(HistoryPool(RetentionPolicy(**keeps)))


def held(frames: list[bytes]) -> int:
    return sum(len(frame) + FRAME_BYTES for frame in frames)


@given(
    st.lists(st.binary(min_size=1, max_size=9)), st.integers(1, 6), st.integers(1, 300), st.integers(-3, 40)
)
def test_the_newest_frames_are_given_back_whole_or_not_at_all(
    frames: list[bytes], most: int, most_bytes: int, count: int
) -> None:
    kept = history(notifications=most, bytes=most_bytes)
    for frame in frames:
        kept.add(frame)
    wanted = frames[len(frames) - count :] if 0 <= count <= len(frames) else None
    fits = wanted is not None and count <= most and held(wanted) <= most_bytes
    assert kept.last(count) == (wanted if fits else None)


def test_nothing_missed_is_not_the_same_as_not_known() -> None:
    assert history().last(0) == []
    assert history().last(1) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 400)), max_size=300), st.integers(1, 5000))
def test_all_histories_together_stay_within_twice_the_total(adds: list[tuple[int, int]], total: int) -> None:
    pool = HistoryPool(RetentionPolicy(notifications=50, bytes=2000, total_bytes=total))
    histories = [ChannelHistory(pool) for _ in range(10)]
    frames: list[list[bytes]] = [[] for _ in histories]
    for at, size in adds:
        frames[at].append(bytes(size))
        histories[at].add(frames[at][-1])
        assert pool.bytes <= 2 * total + 400 + FRAME_BYTES
    for kept, added in zip(histories, frames, strict=True):
        newest = max(count for count in range(len(added) + 1) if kept.last(count) is not None)
        assert kept.last(newest) == added[len(added) - newest :]
        kept.close()
    assert (pool.bytes, pool.histories) == (0, 0)


def test_one_with_many_channels_leaves_the_others_their_share() -> None:
    pool = HistoryPool(RetentionPolicy(total_bytes=100 * (100 + FRAME_BYTES)))
    lone, many = ChannelHistory(pool), [ChannelHistory(pool) for _ in range(9)]
    for _ in range(50):
        for kept in (lone, *many):
            kept.add(bytes(100))
    assert lone.last(10) == [bytes(100)] * 10
