"""The newest frames of a channel: bounded in number and bytes, given back whole or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from deltawire.fanout.history import FRAME_BYTES, ChannelHistory, HistoryPool, RetentionPolicy


def history(**retention: int) -> ChannelHistory:
    return ChannelHistory(HistoryPool(RetentionPolicy(**retention)))


def held(frames: list[bytes]) -> int:
    return sum(len(frame) + FRAME_BYTES for frame in frames)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.binary(min_size=1, max_size=9))),
    st.integers(1, 6),
    st.integers(1, 300),
    st.integers(-3, 40),
)
def test_the_newest_frames_are_given_back_whole_or_not_at_all(
    steps: list[tuple[int, bytes]], most: int, most_bytes: int, since: int
) -> None:
    kept, seq = history(notifications=most, bytes=most_bytes), 0
    followed: list[int] = []
    for step, frame in steps:
        kept.add(seq, frame)
        followed.append(seq)
        seq += step
    wanted = [frame for _, frame in steps][followed.index(since) :] if since in followed else None
    fits = wanted is not None and len(wanted) <= most and held(wanted) <= most_bytes
    assert kept.since(since) == (wanted if fits else None)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 400)), max_size=300), st.integers(1, 5000))
def test_all_histories_together_stay_within_twice_the_total(adds: list[tuple[int, int]], total: int) -> None:
    pool = HistoryPool(RetentionPolicy(notifications=50, bytes=2000, total_bytes=total))
    histories = [ChannelHistory(pool) for _ in range(10)]
    frames: list[list[bytes]] = [[] for _ in histories]
    for at, size in adds:
        frames[at].append(bytes(size))
        histories[at].add(len(frames[at]), frames[at][-1])
        assert pool.bytes <= 2 * total + 400 + FRAME_BYTES
    for kept, added in zip(histories, frames, strict=True):
        oldest = min((seq for seq in range(1, len(added) + 1) if kept.since(seq)), default=len(added) + 1)
        assert (kept.since(oldest) or []) == added[oldest - 1 :]
        kept.close()
    assert (pool.bytes, pool.histories) == (0, 0)


def test_one_with_many_channels_leaves_the_others_their_share() -> None:
    pool = HistoryPool(RetentionPolicy(total_bytes=100 * (100 + FRAME_BYTES)))
    lone, many = ChannelHistory(pool), [ChannelHistory(pool) for _ in range(9)]
    for number in range(50):
        for kept in (lone, *many):
            kept.add(number, bytes(100))
    assert lone.since(40) == [bytes(100)] * 10
