"""Limits on the open orders of one account, checked before a record is submitted, so that no journal depends on them.

Source of the codes: docs.deribit.com, "RPC Error Codes" (10013 to 10015).
"""

from collections.abc import Iterable

import msgspec

from deltawire.exchange.exchange import Exchange
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import AccountId, Order, Terms
from deltawire.exchange.orders.records import ClosePosition, MassQuote, Place
from deltawire.exchange.ports import Record

_CODES = {"future": Code.PME_MAX_FUTURE_OPEN_ORDERS, "option": Code.PME_MAX_OPTION_OPEN_ORDERS}


class OpenOrders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Maximum number of open orders of one account, triggers and linked orders included."""

    per_account: int = 2_000
    per_instrument: int = 500

    def refuse(self, record: Record, exchange: Exchange) -> Rejection | None:
        """The refusal of a record that would open too many orders; None if it would not."""
        wanted = _opened(record, exchange)
        if not wanted:
            return None
        account: AccountId = record.account  # type: ignore[attr-defined]
        live = exchange.matching.by_account.get(account, {})
        if len(live) + sum(wanted.values()) > self.per_account:
            return Rejection(Code.PME_MAX_TOTAL_OPEN_ORDERS, str(self.per_account))
        if len(live) + max(wanted.values()) <= self.per_instrument:
            return None
        for name, count in _by_instrument(live.values(), wanted).items():
            if count > self.per_instrument:
                kind = exchange.matching.books[name].instrument.kind
                return Rejection(_CODES.get(kind, Code.PME_MAX_TOTAL_OPEN_ORDERS), str(self.per_instrument))
        return None


def _opened(record: Record, exchange: Exchange) -> dict[str, int]:
    """The number of orders that a record would leave open, by instrument.

    Orders that cannot rest in the book do not count.
    """
    match record:
        case Place() if not _ends_at_once(record.terms):
            return {record.terms.instrument: 1 + len(record.terms.others)}
        case ClosePosition(type="limit"):
            return {record.instrument: 1}
        case MassQuote():
            return _quoted(record, exchange)
    return {}


def _ends_at_once(terms: Terms) -> bool:
    at_once = terms.type == "market" or terms.time_in_force in ("immediate_or_cancel", "fill_or_kill")
    return at_once and terms.trigger is None and not terms.others


def _quoted(record: MassQuote, exchange: Exchange) -> dict[str, int]:
    """The sides without a quote so far; the others only change an order."""
    wanted: dict[str, int] = {}
    for quote in record.quotes:
        for side, asked in (("buy", quote.bid), ("sell", quote.ask)):
            key = (record.account, record.mmp_group, quote.instrument, side)
            if asked is not None and asked.size_lots and not exchange.quoting.stands(key):  # type: ignore[arg-type]
                wanted[quote.instrument] = wanted.get(quote.instrument, 0) + 1
    return wanted


def _by_instrument(live: Iterable[Order], wanted: dict[str, int]) -> dict[str, int]:
    counts = dict(wanted)
    for order in live:
        if order.instrument in counts:
            counts[order.instrument] += 1
    return counts
