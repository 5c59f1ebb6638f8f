"""Methods that ask what was: indices, marks, funding, volatility and volumes."""

from itertools import pairwise
from math import fsum, log, sqrt
from typing import Any, Literal

import msgspec

from deltawire.dialect.market_objects import MS_NS
from deltawire.errors import RequestError
from deltawire.market.levels import DAY_S, HOUR_S, MINUTE_S, LevelHistory
from deltawire.session.currencies import parse_one_currency
from deltawire.session.methods import Context, method
from deltawire.wire.rpc import INVALID_PARAMS

RANGES = {
    "1h": (MINUTE_S, HOUR_S),
    "1d": (5 * MINUTE_S, DAY_S),
    "2d": (10 * MINUTE_S, 2 * DAY_S),
    "1m": (2 * HOUR_S, 31 * DAY_S),
    "1y": (DAY_S, 366 * DAY_S),
    "all": (DAY_S, 3650 * DAY_S),
}
"""Of an index chart: the time between two points, and how far back, in seconds."""
LENGTHS = {"8h": 8, "24h": 24, "1m": 31 * 24}
"""Of a funding chart, in hours."""
VOLATILITY_LENGTHS = {"1": 1, "60": MINUTE_S, "3600": HOUR_S, "43200": 12 * HOUR_S, "1D": DAY_S}
MOST_BARS = 1000
MARK_S = 300
SAMPLES = 24
"""Hourly returns in a historical volatility."""
VOLATILITY_DAYS = 16
_SECOND_MS = 1000
_HOURS_A_YEAR = 365 * 24


class _IndexChart(msgspec.Struct):
    index_name: str
    range: Literal["1h", "1d", "2d", "1m", "1y", "all"]


class _FundingChart(msgspec.Struct):
    instrument_name: str
    length: Literal["8h", "24h", "1m"]


class _OfCurrency(msgspec.Struct):
    currency: str


class _Marks(msgspec.Struct):
    instrument_name: str
    start_timestamp: int
    end_timestamp: int


class _Volumes(msgspec.Struct):
    extended: bool = False


class _VolatilitySpan(msgspec.Struct):
    currency: str
    start_timestamp: int
    end_timestamp: int
    resolution: str | int = "60"


@method("public/get_index_chart_data")
def get_index_chart_data(context: Context, params: _IndexChart) -> Any:
    """An index over a time, as pairs of milliseconds and price, oldest first."""
    if params.index_name not in {*context.market.index_names(), *context.market.index_past}:
        raise RequestError(INVALID_PARAMS, "Invalid params", reason="no such index", param="index_name")
    length_s, span_s = RANGES[params.range]
    now_s = _now_ns(context) // 1_000_000_000
    past = context.market.index_past.get(params.index_name, LevelHistory())
    return [[bar.start_s * _SECOND_MS, bar.close] for bar in past.between(length_s, now_s - span_s, now_s)]


@method("public/get_funding_chart_data")
def get_funding_chart_data(context: Context, params: _FundingChart) -> Any:
    """The funding of a perpetual over a time, hour by hour, and as it stands."""
    state = context.instrument(params.instrument_name)
    if not state.instrument.perpetual:
        reason = "only perpetuals have funding"
        raise RequestError(INVALID_PARAMS, "Invalid params", reason=reason, param="instrument_name")
    now = context.market.time(state)
    start_ns = now - LENGTHS[params.length] * 3600 * 1_000_000_000
    hours = list(state.funding.hours(start_ns, now))
    return {
        "current_interest": state.ticker.get("current_funding", 0.0),
        "interest_8h": state.ticker.get("funding_8h", 0.0),
        "data": [
            {
                "timestamp": hour.ends_ns // MS_NS,
                "index_price": hour.index_price,
                "interest_8h": round(eight, 12),
            }
            for hour, _, eight in hours
        ],
    }


@method("public/get_historical_volatility")
def get_historical_volatility(context: Context, params: _OfCurrency) -> Any:
    """Of the last days, hour by hour: how far a currency's index moved in the 24 hours before, in percent a year.

    Pairs of milliseconds and volatility, oldest first; an hour before which some are missing has none.
    """
    past = _history(context, context.market.index_past, params.currency)
    now_s = _now_ns(context) // 1_000_000_000
    bars = past.between(HOUR_S, now_s - VOLATILITY_DAYS * DAY_S, now_s - HOUR_S)
    found: list[list[float]] = []
    for end in range(SAMPLES, len(bars)):
        window = bars[end - SAMPLES : end + 1]
        if window[-1].start_s - window[0].start_s == SAMPLES * HOUR_S:
            moves = [log(after.close / before.close) for before, after in pairwise(window)]
            volatility = 100 * sqrt(fsum(move * move for move in moves) / SAMPLES * _HOURS_A_YEAR)
            found.append([(window[-1].start_s + HOUR_S) * _SECOND_MS, round(volatility, 8)])
    return found


@method("public/get_mark_price_history")
def get_mark_price_history(context: Context, params: _Marks) -> Any:
    """The mark price every five minutes of the last day, as pairs of milliseconds and price, oldest first."""
    marks = context.instrument(params.instrument_name).marks
    span = params.start_timestamp // _SECOND_MS, params.end_timestamp // _SECOND_MS
    return [[bar.start_s * _SECOND_MS, bar.open] for bar in marks.between(MARK_S, *span)]


@method("public/get_trade_volumes")
def get_trade_volumes(context: Context, params: _Volumes) -> Any:
    """What was traded of each currency in 24 hours, `extended` also in 7 and 30 days.

    Coins of what settles in its coin; of what settles in dollars, dollars.
    """
    volumes, now = context.market.volumes, _now_ns(context)
    spans = {"": 24} | ({"_7d": 7 * 24, "_30d": 30 * 24} if params.extended else {})
    return [
        {"currency": currency}
        | {
            f"{kind}_volume{suffix}": amount
            for suffix, hours in spans.items()
            for kind, amount in volumes.since(currency, now, hours).items()
        }
        for currency in volumes.currencies()
    ]


@method("public/get_volatility_index_data")
def get_volatility_index_data(context: Context, params: _VolatilitySpan) -> Any:
    """A currency's volatility index as candles (milliseconds, open, high, low, close), oldest first.

    The latest that a page has room for; `continuation` is the `end_timestamp` of the page before, null on the first.
    """
    length_s = VOLATILITY_LENGTHS.get(str(params.resolution))
    if length_s is None:
        reason = f"one of {', '.join(VOLATILITY_LENGTHS)}"
        raise RequestError(INVALID_PARAMS, "Invalid params", reason=reason, param="resolution")
    past = _history(context, context.market.volatility_past, params.currency)
    span = params.start_timestamp // _SECOND_MS, params.end_timestamp // _SECOND_MS
    bars = past.between(length_s, *span)
    return {
        "data": [[bar.start_s * _SECOND_MS, *bar[1:]] for bar in bars[-MOST_BARS:]],
        "continuation": bars[-MOST_BARS - 1].start_s * _SECOND_MS if len(bars) > MOST_BARS else None,
    }


def _history(context: Context, histories: dict[str, LevelHistory], currency: str) -> LevelHistory:
    """That of a currency's index in dollars; an empty one where there is none."""
    return histories.get(f"{parse_one_currency(context, currency)}_usd".lower(), LevelHistory())


def _now_ns(context: Context) -> int:
    """The home venue's time."""
    return context.market.now_ns.get(context.market.home, 0)
