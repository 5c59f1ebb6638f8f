"""What venues have said of themselves, as a market holds it."""

import msgspec

from deltawire.market.market import Market
from deltawire.market.standing import KEPT, VenueStanding
from deltawire.model.events import VenueStatus
from tests.support.market_events import VENUE, make_instrument, make_listing

DOWN = VenueStatus(VENUE, "down", 10, "locked", subject="btc_usd")
OTHER = VenueStatus("okx", "scheduled", 11, "upgrade", 100, 200, id="1")


def up(status: VenueStatus) -> VenueStatus:
    return msgspec.structs.replace(status, state="up", text="unlocked")


def test_the_worst_that_holds_is_the_state_and_says_why() -> None:
    standing = VenueStanding()
    assert (standing.state, standing.why) == ("up", "")
    for told, state, why in (
        (OTHER, "scheduled", "upgrade"),
        (DOWN, "down", "btc_usd locked"),
        (up(DOWN), "scheduled", "upgrade"),
        (up(OTHER), "up", ""),
    ):
        standing.take(told)
        assert (standing.state, standing.why) == (state, why)
    assert standing.number == 4
    assert standing.announcements == [up(OTHER), up(DOWN)]


def test_what_is_over_is_forgotten_at_last_and_what_holds_is_not() -> None:
    standing = VenueStanding()
    standing.take(DOWN)
    for number in range(3 * KEPT):
        standing.take(up(msgspec.structs.replace(OTHER, id=str(number))))
    assert len(standing.announcements) == KEPT + 1
    assert standing.state == "down"


def test_a_market_knows_which_indices_of_its_home_venue_are_locked() -> None:
    market = Market(VENUE)
    index = make_instrument().index_name
    market.apply(make_listing(make_instrument()))
    assert market.locked_indices() == []
    for told, locked in (
        (DOWN, [index]),
        (msgspec.structs.replace(DOWN, venue="okx"), [index]),
        (msgspec.structs.replace(DOWN, subject="eth_usd"), [index]),
        (up(DOWN), []),
        (msgspec.structs.replace(DOWN, subject=""), [index]),
        (up(msgspec.structs.replace(DOWN, subject="")), []),
    ):
        market.apply(told)
        assert market.locked_indices() == locked
    assert [*market.lock_changes] == [
        (1, index, True),
        (2, index, False),
        (3, index, True),
        (4, index, False),
    ]


def test_another_market_goes_on_from_an_image_and_forgets_with_the_venue() -> None:
    market, other = Market(VENUE), Market(VENUE)
    for event in (make_listing(make_instrument()), DOWN, OTHER):
        market.apply(event)
    other.thaw(market.freeze())
    assert other.locked_indices() == market.locked_indices() == ["btc_usd"]
    assert other.freeze().standings == market.freeze().standings
    assert other.knows("okx")
    assert other.forget("okx")
    assert not other.knows("okx")
