"""Methods that ask what perpetuals cost to hold."""

from typing import Any

import msgspec

from deltawire.dialect.market_objects import MS_NS
from deltawire.session.methods import Context, method


class _Span(msgspec.Struct):
    instrument_name: str
    start_timestamp: int
    end_timestamp: int


@method("public/get_funding_rate_value")
def get_funding_rate_value(context: Context, params: _Span) -> Any:
    """Return the funding rate over a period, as far as it was received."""
    funding = context.instrument(params.instrument_name).funding
    return round(funding.between(params.start_timestamp * MS_NS, params.end_timestamp * MS_NS), 12)


@method("public/get_funding_rate_history")
def get_funding_rate_history(context: Context, params: _Span) -> Any:
    """Return the funding rate of each whole hour that was received, oldest first."""
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
