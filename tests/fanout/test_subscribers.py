"""Groups of subscribers: one buffer for all who have the same channels, and exact flushes when one moves."""

from hypothesis import given
from hypothesis import strategies as st

from deltawire.fanout.subscribers import Subscriber, SubscriberGroups
from tests.support.subscribers import Inbox


def subscribers(groups: SubscriberGroups, count: int, *channels: str) -> list[Inbox]:
    inboxes = [Inbox() for _ in range(count)]
    for inbox in inboxes:
        groups.move(inbox.subscriber, channels)
    return inboxes


def test_members_with_equal_channels_share_one_joined_buffer() -> None:
    groups = SubscriberGroups()
    inboxes = subscribers(groups, 3, "a", "b")
    groups.publish("a", b"1")
    groups.publish("b", b"2")
    groups.publish("a", b"3")
    groups.flush()
    (first,), (second,), (third,) = (inbox.writes for inbox in inboxes)
    assert first == b"123"
    assert first is second is third


def test_the_order_in_which_channels_were_named_does_not_matter() -> None:
    groups = SubscriberGroups()
    (one,), (other,) = subscribers(groups, 1, "a", "b"), subscribers(groups, 1, "b", "a")
    groups.publish("a", b"1")
    groups.publish("b", b"2")
    groups.flush()
    assert one.writes[0] is other.writes[0]


def test_members_get_their_own_channels_in_the_order_of_publishing() -> None:
    groups = SubscriberGroups()
    (a,), (b,), (both,) = (
        subscribers(groups, 1, "a"),
        subscribers(groups, 1, "b"),
        subscribers(groups, 1, "a", "b"),
    )
    for channel, frame in (("b", b"1"), ("a", b"2"), ("c", b"3"), ("b", b"4")):
        groups.publish(channel, frame)
    groups.flush()
    assert (a.writes, b.writes, both.writes) == ([b"2"], [b"14"], [b"124"])


def test_a_flush_with_nothing_published_writes_nothing() -> None:
    groups = SubscriberGroups()
    (inbox,) = subscribers(groups, 1, "a")
    groups.flush()
    groups.publish("a", b"1")
    groups.flush()
    groups.flush()
    assert inbox.writes == [b"1"]


def test_who_moves_gets_what_it_was_subscribed_to_until_then_and_nothing_else() -> None:
    groups = SubscriberGroups()
    mover, stays = subscribers(groups, 2, "a")
    (target,) = subscribers(groups, 1, "b")
    groups.publish("a", b"1")
    groups.publish("b", b"2")
    groups.move(mover.subscriber, ["b"])
    groups.publish("a", b"3")
    groups.publish("b", b"4")
    groups.flush()
    assert b"".join(mover.writes) == b"14"
    assert b"".join(stays.writes) == b"13"
    assert b"".join(target.writes) == b"24"


def test_who_moves_away_from_everything_gets_what_was_published_and_no_more() -> None:
    groups = SubscriberGroups()
    (inbox,) = subscribers(groups, 1, "a")
    groups.publish("a", b"1")
    groups.move(inbox.subscriber, ())
    groups.publish("a", b"2")
    groups.flush()
    assert inbox.writes == [b"1"]
    assert not groups.listens("a")


def test_a_channel_has_listeners_until_the_last_leaves() -> None:
    groups = SubscriberGroups()
    one, other = subscribers(groups, 1, "a", "b") + subscribers(groups, 1, "a")
    groups.move(one.subscriber, ["b"])
    assert groups.listens("a")
    groups.move(other.subscriber, [])
    assert not groups.listens("a")
    assert groups.listens("b")


def test_a_rebound_member_is_written_to_its_new_sink() -> None:
    groups = SubscriberGroups()
    (inbox,) = subscribers(groups, 1, "a")
    slow = Inbox()
    groups.publish("a", b"1")
    groups.flush()
    inbox.subscriber.sink = slow
    groups.rebind(inbox.subscriber)
    groups.publish("a", b"2")
    groups.flush()
    assert (inbox.writes, slow.writes) == ([b"1"], [b"2"])


def test_rebinding_who_is_in_no_group_changes_nothing() -> None:
    SubscriberGroups().rebind(Subscriber(Inbox()))


def test_a_sink_may_rebind_and_another_may_leave_while_its_group_is_written() -> None:
    groups = SubscriberGroups()
    first, second = subscribers(groups, 2, "a")
    write = first.write

    def pauses(data: bytes) -> None:
        write(data)
        first.write = write
        groups.rebind(first.subscriber)
        groups.move(second.subscriber, [])

    first.write = pauses
    groups.rebind(first.subscriber)
    groups.publish("a", b"1")
    groups.flush()
    groups.publish("a", b"2")
    groups.flush()
    assert first.writes == [b"1", b"2"]
    assert second.writes in ([b"1"], [])


class Alike(str):
    """A channel whose hash is that of others."""

    __slots__ = ()

    def __hash__(self) -> int:
        return len(self)


NAMES = [Alike(name) for name in ("a", "b", "c", "dd", "ee")]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.lists(st.sampled_from(NAMES), max_size=4), st.sets(st.sampled_from(NAMES))
        ),
        max_size=30,
    )
)
def test_everybody_gets_the_frames_of_its_channels_however_they_changed_and_hash(
    changes: list[tuple[int, list[str], set[str]]],
) -> None:
    groups = SubscriberGroups()
    inboxes = [Inbox() for _ in range(4)]
    channels: list[set[str]] = [set() for _ in inboxes]
    wanted = [b""] * len(inboxes)
    for which, joined, left in changes:
        channels[which] = (channels[which] - left) | set(joined)
        groups.change(inboxes[which].subscriber, joined, left - set(joined))
        for number, inbox in enumerate(inboxes):
            assert set(inbox.subscriber.channels) == channels[number]
        for name in NAMES:
            groups.publish(name, name.encode())
            wanted = [got + name.encode() * (name in on) for got, on in zip(wanted, channels, strict=True)]
    groups.flush()
    assert [b"".join(inbox.writes) for inbox in inboxes] == wanted
    assert all(groups.listens(name) == any(name in on for on in channels) for name in NAMES)


def test_a_channel_more_costs_a_subscriber_of_thousands_no_more_than_one_of_none() -> None:
    groups, looked = SubscriberGroups(), []

    class Counted(str):
        __slots__ = ()

        def __hash__(self) -> int:
            looked.append(1)
            return str.__hash__(self)

    inbox = Inbox()
    costs = []
    for number in range(1000):
        before = len(looked)
        groups.change(inbox.subscriber, [Counted(f"channel {number}")])
        costs.append(len(looked) - before)
    assert max(costs[2:]) <= 2 * costs[1]
