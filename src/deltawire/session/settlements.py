"""Methods that ask what was settled and delivered, over all accounts."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from deltawire.dialect.log_objects import public_settlement_object
from deltawire.dialect.market_objects import MS_NS
from deltawire.errors import RequestError
from deltawire.exchange.accounts.account_log import SettlementEntry
from deltawire.model.instruments import Instrument
from deltawire.session.currencies import parse_currency
from deltawire.session.methods import Context, method
from deltawire.session.paging import check_count, continued
from deltawire.wire.rpc import INVALID_PARAMS


class SettlementPage(msgspec.Struct, kw_only=True):
    """Which settlements are asked for: the latest first, from `search_start_timestamp` back."""

    type: Literal["settlement", "delivery", "bankruptcy"] | None = None
    count: int = 20
    continuation: str | int | None = None
    search_start_timestamp: int | None = None

    def has(self, kind: str, at_ns: int) -> bool:
        """Whether one of this kind and time is asked for."""
        latest = self.search_start_timestamp
        return self.type in (None, kind) and (latest is None or at_ns // MS_NS <= latest)


class _OfInstrument(SettlementPage, kw_only=True):
    instrument_name: str


class _OfCurrency(SettlementPage, kw_only=True):
    currency: str


class _Deliveries(msgspec.Struct):
    index_name: str
    offset: int = 0
    count: int = 10


@method("public/get_last_settlements_by_instrument")
def get_last_settlements_by_instrument(context: Context, params: _OfInstrument) -> Any:
    """Settlements and deliveries of an instrument, newest first."""
    name = params.instrument_name
    if context.trading is None or context.trading.instrument(name) is None:
        _ = context.instrument(name)
    return _page(context, params, (each for each in _settlements(context) if each.instrument == name))


@method("public/get_last_settlements_by_currency")
def get_last_settlements_by_currency(context: Context, params: _OfCurrency) -> Any:
    """Settlements and deliveries in a currency, newest first."""
    currency = parse_currency(context, params.currency)
    found = (each for each in _settlements(context) if currency in ("any", each.currency))
    return _page(context, params, found)


@method("public/get_delivery_prices")
def get_delivery_prices(context: Context, params: _Deliveries) -> Any:
    """The prices by which an index has settled, day by day, newest first."""
    check_count(params.count, params.offset)
    if context.market.index(params.index_name) is None:
        raise RequestError(INVALID_PARAMS, "Invalid params", reason="no such index", param="index_name")
    prices = () if context.trading is None else context.trading.deliveries(params.index_name)[::-1]
    return {
        "data": [
            {"date": _date(at_ns), "delivery_price": round(price, 4)}
            for at_ns, price in prices[params.offset : params.offset + params.count]
        ],
        "records_total": len(prices),
    }


def _settlements(context: Context) -> Iterable[SettlementEntry]:
    return () if context.trading is None else context.trading.settlements()


def _page(context: Context, params: SettlementPage, found: Iterable[SettlementEntry]) -> dict[str, Any]:
    asked = (entry for entry in found if params.has(entry.kind, entry.at_ns))
    entries, token = continued(asked, params.continuation, params.count, lambda entry: entry.number)
    return {
        "settlements": [
            public_settlement_object(entry, instrument)
            for entry in entries
            if (instrument := _instrument(context, entry.instrument)) is not None
        ],
        "continuation": "" if token is None else str(token),
    }


def _instrument(context: Context, name: str) -> Instrument | None:
    return None if context.trading is None else context.trading.instrument(name)


def _date(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).date().isoformat()
