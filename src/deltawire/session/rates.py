"""Methods that ask what perpetuals cost to hold, and how volatile a currency is."""

from typing import Any

import msgspec

from deltawire.dialect.market_objects import MS_NS
from deltawire.session.methods import Context, method


class _Span(msgspec.Struct):
    instrument_name: str
    start_timestamp: int
    end_timestamp: int


class _VolatilitySpan(msgspec.Struct):
    currency: str
    start_timestamp: int
    end_timestamp: int
    resolution: str | int = "60"


@method("public/get_funding_rate_value")
def get_funding_rate_value(context: Context, params: _Span) -> Any:
    """The interest of a time, as far as it was seen."""
    funding = context.instrument(params.instrument_name).funding
    return round(funding.between(params.start_timestamp * MS_NS, params.end_timestamp * MS_NS), 12)


@method("public/get_funding_rate_history")
def get_funding_rate_history(context: Context, params: _Span) -> Any:
    """The interest of each whole hour that was seen, oldest first."""
    funding = context.instrument(params.instrument_name).funding
    return [
        {
            "timestamp": hour.ends_ns // MS_NS,
            "index_price": hour.index_price,
            "prev_index_price": before.index_price,
            "interest_8h": round(eight, 12),
            "interest_1h": round(hour.interest, 12),
        }
        for hour, before, eight in funding.hours(params.start_timestamp * MS_NS, params.end_timestamp * MS_NS)
    ]


@method("public/get_volatility_index_data")
def get_volatility_index_data(context: Context, params: _VolatilitySpan) -> Any:
    """Nothing: no volatility index is made here."""
    return {"data": [], "continuation": None}
