"""Which orders a mass cancel means."""

from deltawire.exchange.orders.orders import Order
from deltawire.exchange.orders.records import CancelMany
from deltawire.model.instruments import Instrument

TYPES = {
    "limit": ("limit", "market_limit"),
    "stop": ("stop_limit", "stop_market"),
    "take": ("take_limit", "take_market"),
    "trailing_stop": ("trailing_stop",),
    "trigger_all": ("stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop"),
}


def fits(record: CancelMany, order: Order, instrument: Instrument) -> bool:
    """Whether an order is among those to cancel."""
    return (
        record.instrument in (None, order.instrument)
        and record.label in (None, order.terms.label)
        and record.kind in (None, *instrument.kinds)
        and record.currency in (None, instrument.base, instrument.settlement)
        and record.settlement in (None, *instrument.currencies)
        and record.index_name in (None, instrument.index_name)
        and (record.type == "all" or order.terms.type in TYPES[record.type])
        and (order.quote or not record.quotes_only)
    )
