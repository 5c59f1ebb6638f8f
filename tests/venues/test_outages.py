"""What a venue says of itself: what holds, which books it concerns, and when it ends by itself."""

import msgspec
import pytest

from deltawire.model.events import VenueStatus
from deltawire.venues.outages import MOST, RESTATED_NS, Outages, Statuses
from tests.support.market_events import make_instrument

NAME = "BTC-PERPETUAL"
OURS = make_instrument(NAME)
WHOLE = VenueStatus("okx", "down", 10, "upgrade", id="1")


def up(status: VenueStatus, now: int = 20) -> VenueStatus:
    return msgspec.structs.replace(status, state="up", seen_ns=now)


@pytest.mark.parametrize(
    ("subject", "concerned"), [("", True), (NAME, True), (OURS.index_name, True), ("ETH-PERPETUAL", False)]
)
def test_an_outage_concerns_all_or_an_index_or_an_instrument(subject: str, concerned: bool) -> None:
    outages = Outages()
    assert outages.over(OURS) is None
    told = msgspec.structs.replace(WHOLE, subject=subject)
    assert outages.take(told)
    assert outages.over(OURS) == (told if concerned else None)
    assert outages.take(up(told))
    assert outages.over(OURS) is None


@pytest.mark.parametrize("state", ["up", "limited", "scheduled", "notice"])
def test_only_down_is_down(state: str) -> None:
    outages = Outages()
    assert outages.take(msgspec.structs.replace(WHOLE, state=state))
    assert outages.over(OURS) is None


def test_what_is_said_again_is_no_news_unless_it_is_a_notice() -> None:
    outages = Outages()
    notice = VenueStatus("okx", "notice", 1, "the connection will be closed")
    assert [outages.take(msgspec.structs.replace(WHOLE, seen_ns=now)) for now in (1, 2)] == [True, False]
    assert [outages.take(msgspec.structs.replace(notice, seen_ns=now)) for now in (1, 2)] == [True, True]


def test_the_end_of_one_is_not_the_end_of_another() -> None:
    outages = Outages()
    other = msgspec.structs.replace(WHOLE, id="2")
    for told in (WHOLE, other, up(WHOLE)):
        outages.take(told)
    assert outages.over(OURS) == other


def test_one_ends_when_its_announced_end_has_passed() -> None:
    outages = Outages()
    outages.take(msgspec.structs.replace(WHOLE, end_ns=1000))
    assert outages.next_end() == 1000
    assert [*outages.ended(999)] == []
    (over,) = outages.ended(1000)
    assert (over.state, over.key, over.seen_ns, over.text) == (
        "up",
        WHOLE.key,
        1000,
        "its announced end has passed",
    )
    outages.take(over)
    assert (outages.next_end(), outages.over(OURS)) == (None, None)


def test_one_whose_announced_end_has_passed_before_does_not_end_by_itself() -> None:
    outages = Outages()
    outages.take(msgspec.structs.replace(WHOLE, end_ns=5))
    assert (outages.next_end(), outages.over(OURS) is not None) == (None, True)


def test_one_that_is_not_repeated_on_a_new_connection_is_over_and_one_that_is_goes_on() -> None:
    outages = Outages()
    outages.take(WHOLE)
    outages.take(msgspec.structs.replace(WHOLE, id="2"))
    outages.reopened(100)
    assert not outages.take(msgspec.structs.replace(WHOLE, seen_ns=101))
    (over,) = outages.ended(100 + RESTATED_NS)
    assert (over.id, over.text) == ("2", "not repeated on a new connection")


def test_what_is_remembered_is_bounded() -> None:
    outages, statuses = Outages(), Statuses()
    for number in range(MOST + 5):
        told = msgspec.structs.replace(WHOLE, id=str(number))
        outages.take(told)
        statuses.take(told, "one")
    assert len(statuses.elsewhere("other")) == MOST
    assert outages.take(msgspec.structs.replace(WHOLE, id="0"))
    assert not outages.take(msgspec.structs.replace(WHOLE, id=str(MOST)))


def test_connections_of_several_paths_tell_it_once_and_only_the_others_need_it() -> None:
    statuses = Statuses()
    assert [statuses.take(WHOLE, path) for path in ("status", "", "status")] == [True, False, False]
    assert statuses.elsewhere("status") == []
    assert statuses.elsewhere("") == [WHOLE]
