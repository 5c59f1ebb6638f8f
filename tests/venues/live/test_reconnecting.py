from deltawire.venues.live.reconnecting import LONGEST_S, Reconnecting


def test_waits_are_anything_up_to_twice_as_long_each_time() -> None:
    longest = Reconnecting(["a"], lambda: 1.0)
    shortest = Reconnecting(["a"], lambda: 0.0)
    waits = []
    for _ in range(10):
        longest.ended(0)
        shortest.ended(0)
        waits.append(longest.wait_s())
        assert shortest.wait_s() == 0
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == LONGEST_S


def test_a_venue_that_says_when_to_come_back_is_heeded() -> None:
    assert Reconnecting(["a"], lambda: 0.5).wait_s(120.0) > 120.0


def test_after_a_failure_the_next_endpoint_is_tried_and_after_a_stable_one_the_first() -> None:
    reconnecting = Reconnecting(["a", "b"], lambda: 1.0)
    assert reconnecting.endpoint == "a"
    reconnecting.ended(0)
    assert reconnecting.endpoint == "b"
    reconnecting.ended(5)
    assert reconnecting.endpoint == "a"
    reconnecting.ended(0)
    reconnecting.ended(600)
    assert (reconnecting.endpoint, reconnecting.wait_s()) == ("a", 0.25)


def test_a_connection_is_replaced_before_the_venue_closes_it_each_at_its_own_time() -> None:
    first, last = (Reconnecting(["a"], lambda c=c: c, lifetime_s=86_400.0) for c in (1.0, 0.0))
    assert first.replace_after_s() == 86_400 - 3600
    assert last.replace_after_s() == 86_400 - 1800
    assert Reconnecting(["a"], lambda: 0.0).replace_after_s() is None
