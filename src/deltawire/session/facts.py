"""Methods that ask for facts of instruments and indices, and what the server has announced."""

from typing import Any, Literal

import msgspec

from deltawire.access.access import FORBIDDEN
from deltawire.dialect.market_objects import index_name_object
from deltawire.errors import RequestError
from deltawire.session.currencies import parse_one_currency
from deltawire.session.methods import Context, NoParams, method
from deltawire.wire.rpc import INVALID_PARAMS


class _OfInstrument(msgspec.Struct):
    instrument_name: str


class _OfCurrency(msgspec.Struct):
    currency: str


class _IndexKind(msgspec.Struct):
    type: Literal["all", "spot", "derivative"] = "all"


class _Announcements(msgspec.Struct):
    start_timestamp: int | None = None
    count: int = 5


@method("public/get_contract_size")
def get_contract_size(context: Context, params: _OfInstrument) -> Any:
    """What one contract stands for; null where nobody has said."""
    return {"contract_size": context.instrument(params.instrument_name).instrument.contract_size or None}


@method("public/get_supported_index_names")
def get_supported_index_names(context: Context, params: _IndexKind) -> Any:
    """The names of all indices, or of those that spot, or futures and options, are priced by."""
    market = context.market
    spot = params.type == "spot"
    used = {
        market.public_name(state.instrument.venue, state.instrument.index_name)
        for state in market
        if (state.instrument.kind == "spot") is spot
    }
    return [index_name_object(name) for name in market.index_names() if params.type == "all" or name in used]


@method("public/get_index")
def get_index(context: Context, params: _OfCurrency) -> Any:
    """A currency's index in dollars, and what would be delivered by it now (an older name of `get_index_price`)."""
    currency = parse_one_currency(context, params.currency)
    index = context.market.index(f"{currency}_usd".lower())
    if index is None:
        raise RequestError(INVALID_PARAMS, "Invalid params", reason="no index of it", param="currency")
    return {currency: index.price, "edp": index.price}


@method("public/get_announcements", "private/get_new_announcements")
def get_announcements(context: Context, params: _Announcements) -> Any:
    """None: there is nobody who announces."""
    return []


@method("public/get_server_health")
def get_server_health(context: Context, params: NoParams) -> Any:
    """Clients, queues, latency, and connections to venues; for networks that may read `/metrics`."""
    if context.server_health is None:
        reason = "for networks that may read /metrics (access.metrics)"
        raise RequestError(FORBIDDEN, "forbidden", reason=reason, param="ip")
    return context.server_health()
