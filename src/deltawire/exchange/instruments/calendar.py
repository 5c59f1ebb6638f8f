"""Expiry times: 08:00 UTC, on days, Fridays, last Fridays of months and of quarters."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

Period = Literal["day", "week", "month"]
SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
SETTLEMENT_HOUR = 8
_FRIDAY = 4


class Plan(msgspec.Struct, frozen=True):
    """The number of next days, Fridays, month ends and quarter ends to list."""

    days: int = 0
    weeks: int = 0
    months: int = 0
    quarters: int = 0


class Expiry(msgspec.Struct, frozen=True, order=True):
    """An expiry and its settlement period; quarters count as months, as on Deribit."""

    at_ns: int
    period: Period


def expiries(now_ns: int, plan: Plan) -> list[Expiry]:
    """The expiries after now, soonest first; a day that matches several rules has the longest period."""
    rules: list[tuple[int, Period, Callable[[datetime], bool]]] = [
        (plan.days, "day", lambda day: True),
        (plan.weeks, "week", lambda day: day.weekday() == _FRIDAY),
        (plan.months, "month", _last_friday),
        (plan.quarters, "month", lambda day: day.month % 3 == 0 and _last_friday(day)),
    ]
    periods: dict[int, Period] = {}
    for count, period, fits in rules:
        days = (day for day in _settlements(now_ns) if fits(day))
        periods |= {_to_ns(next(days)): period for _ in range(count)}
    return sorted(Expiry(at_ns, _longest(at_ns, period)) for at_ns, period in periods.items())


def next_settlement(now_ns: int) -> int:
    """The first 08:00 UTC after now."""
    return _to_ns(next(_settlements(now_ns)))


def _settlements(now_ns: int) -> Iterator[datetime]:
    """Every 08:00 UTC after now."""
    day = datetime.fromtimestamp(now_ns // SECOND_NS, UTC).replace(
        hour=SETTLEMENT_HOUR, minute=0, second=0, microsecond=0
    )
    while True:
        if _to_ns(day) > now_ns:
            yield day
        day += timedelta(days=1)


def _last_friday(day: datetime) -> bool:
    return day.weekday() == _FRIDAY and (day + timedelta(days=7)).month != day.month


def _longest(at_ns: int, period: Period) -> Period:
    day = datetime.fromtimestamp(at_ns // SECOND_NS, UTC)
    if _last_friday(day):
        return "month"
    return "week" if day.weekday() == _FRIDAY else period


def _to_ns(day: datetime) -> int:
    return int(day.timestamp()) * SECOND_NS
