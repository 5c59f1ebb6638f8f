"""Expiries fall on 08:00 UTC of the right days."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.instruments.calendar import DAY_NS, SECOND_NS, Expiry, Plan, expiries, next_settlement
from deltawire.model.expiries import format_day

YEARS_NS = st.integers(1_600_000_000 * SECOND_NS, 2_000_000_000 * SECOND_NS)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


def names(now: str, plan: Plan) -> list[str]:
    return [f"{format_day(expiry.at_ns)} {expiry.period}" for expiry in expiries(at(now), plan)]


def test_weeks_months_and_quarters_of_a_known_spring() -> None:
    plan = Plan(days=2, weeks=2, months=2, quarters=2)
    assert names("2024-02-20T12:00:00", plan) == [
        "21FEB24 day",
        "22FEB24 day",
        "23FEB24 month",
        "1MAR24 week",
        "29MAR24 month",
        "28JUN24 month",
    ]


def test_a_day_that_is_also_a_friday_is_a_week() -> None:
    assert names("2024-02-29T12:00:00", Plan(days=1)) == ["1MAR24 week"]


def test_at_the_settlement_itself_the_next_one_counts() -> None:
    assert names("2024-03-29T07:59:59", Plan(quarters=1)) == ["29MAR24 month"]
    assert names("2024-03-29T08:00:00", Plan(quarters=1)) == ["28JUN24 month"]
    assert next_settlement(at("2024-03-29T08:00:00")) == at("2024-03-30T08:00:00")
    assert next_settlement(at("2024-03-29T07:00:00")) == at("2024-03-29T08:00:00")


def test_the_turn_of_the_year() -> None:
    assert names("2024-12-27T09:00:00", Plan(weeks=1, quarters=1)) == ["3JAN25 week", "28MAR25 month"]


@given(YEARS_NS)
def test_every_expiry_lies_ahead_at_eight_and_comes_once(now_ns: int) -> None:
    dates = expiries(now_ns, Plan(days=2, weeks=3, months=2, quarters=3))
    assert dates == sorted(set(dates))
    assert len({expiry.at_ns for expiry in dates}) == len(dates)
    for expiry in dates:
        assert expiry.at_ns > now_ns
        assert expiry.at_ns % DAY_NS == 8 * 3600 * SECOND_NS
    fridays = [e for e in dates if datetime.fromtimestamp(e.at_ns // SECOND_NS, UTC).weekday() == 4]
    assert all(expiry.period != "day" for expiry in fridays)


@given(YEARS_NS)
def test_what_is_listed_stays_in_the_plan_until_it_expires(now_ns: int) -> None:
    plan = Plan(days=2, weeks=3, months=2, quarters=3)
    later = now_ns + DAY_NS

    def left(since: int) -> set[int]:
        return {expiry.at_ns for expiry in expiries(since, plan) if expiry.at_ns > later}

    assert left(now_ns) <= left(later)


def test_expiries_sort_by_time() -> None:
    assert Expiry(1, "week") < Expiry(2, "day")
