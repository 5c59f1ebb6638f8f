"""Groups of subscribers: one buffer for all who have the same channels, and exact flushes when one moves."""

from deltawire.fanout.subscribers import Subscriber, SubscriberGroups
from tests.support.subscribers import Inbox


def subscribers(roster: SubscriberGroups, count: int, *channels: str) -> list[Inbox]:
    inboxes = [Inbox() for _ in range(count)]
    for inbox in inboxes:
        roster.move(inbox.subscriber, channels)
    return inboxes


def test_members_with_equal_channels_share_one_joined_buffer() -> None:
    roster = SubscriberGroups()
    inboxes = subscribers(roster, 3, "a", "b")
    roster.publish("a", b"1")
    roster.publish("b", b"2")
    roster.publish("a", b"3")
    roster.flush()
    (first,), (second,), (third,) = (inbox.writes for inbox in inboxes)
    assert first == b"123"
    assert first is second is third


def test_the_order_in_which_channels_were_named_does_not_matter() -> None:
    roster = SubscriberGroups()
    (one,), (other,) = subscribers(roster, 1, "a", "b"), subscribers(roster, 1, "b", "a")
    roster.publish("a", b"1")
    roster.publish("b", b"2")
    roster.flush()
    assert one.writes[0] is other.writes[0]


def test_members_get_their_own_channels_in_the_order_of_publishing() -> None:
    roster = SubscriberGroups()
    (a,), (b,), (both,) = (
        subscribers(roster, 1, "a"),
        subscribers(roster, 1, "b"),
        subscribers(roster, 1, "a", "b"),
    )
    for channel, frame in (("b", b"1"), ("a", b"2"), ("c", b"3"), ("b", b"4")):
        roster.publish(channel, frame)
    roster.flush()
    assert (a.writes, b.writes, both.writes) == ([b"2"], [b"14"], [b"124"])


def test_a_flush_with_nothing_published_writes_nothing() -> None:
    roster = SubscriberGroups()
    (inbox,) = subscribers(roster, 1, "a")
    roster.flush()
    roster.publish("a", b"1")
    roster.flush()
    roster.flush()
    assert inbox.writes == [b"1"]


def test_who_moves_gets_what_it_was_subscribed_to_until_then_and_nothing_else() -> None:
    roster = SubscriberGroups()
    mover, stays = subscribers(roster, 2, "a")
    (target,) = subscribers(roster, 1, "b")
    roster.publish("a", b"1")
    roster.publish("b", b"2")
    roster.move(mover.subscriber, ["b"])
    roster.publish("a", b"3")
    roster.publish("b", b"4")
    roster.flush()
    assert b"".join(mover.writes) == b"14"
    assert b"".join(stays.writes) == b"13"
    assert b"".join(target.writes) == b"24"


def test_who_moves_away_from_everything_gets_what_was_published_and_no_more() -> None:
    roster = SubscriberGroups()
    (inbox,) = subscribers(roster, 1, "a")
    roster.publish("a", b"1")
    roster.move(inbox.subscriber, ())
    roster.publish("a", b"2")
    roster.flush()
    assert inbox.writes == [b"1"]
    assert not roster.listens("a")


def test_a_channel_has_listeners_until_the_last_leaves() -> None:
    roster = SubscriberGroups()
    one, other = subscribers(roster, 1, "a", "b") + subscribers(roster, 1, "a")
    roster.move(one.subscriber, ["b"])
    assert roster.listens("a")
    roster.move(other.subscriber, [])
    assert not roster.listens("a")
    assert roster.listens("b")


def test_a_rebound_member_is_written_to_its_new_sink() -> None:
    roster = SubscriberGroups()
    (inbox,) = subscribers(roster, 1, "a")
    slow = Inbox()
    roster.publish("a", b"1")
    roster.flush()
    inbox.subscriber.sink = slow
    roster.rebind(inbox.subscriber)
    roster.publish("a", b"2")
    roster.flush()
    assert (inbox.writes, slow.writes) == ([b"1"], [b"2"])


def test_rebinding_who_is_in_no_group_changes_nothing() -> None:
    SubscriberGroups().rebind(Subscriber(Inbox()))


def test_a_sink_may_rebind_and_another_may_leave_while_its_group_is_written() -> None:
    roster = SubscriberGroups()
    first, second = subscribers(roster, 2, "a")
    write = first.write

    def pauses(data: bytes) -> None:
        write(data)
        first.write = write
        roster.rebind(first.subscriber)
        roster.move(second.subscriber, [])

    first.write = pauses
    roster.rebind(first.subscriber)
    roster.publish("a", b"1")
    roster.flush()
    roster.publish("a", b"2")
    roster.flush()
    assert first.writes == [b"1", b"2"]
    assert second.writes in ([b"1"], [])
