"""Checks whether terms are valid for an order: units, combinations, price band. Independent of other orders."""

from collections.abc import Iterator

from deltawire.exchange.matching.books import HIGHEST, OrderBook
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import Order, Terms
from deltawire.model.numbers import format_decimal

LARGEST = (1 << 63) - 1
LARGEST_VALUE = 1 << 56
"""Limit of one order, in ticks times lots: sums over many orders still fit into 64 bits."""
LONGEST_LABEL = 64
ICEBERG_LEAST = 100
"""Minimum visible size of an iceberg, in minimum sizes (docs.deribit.com, `display_amount`)."""
ICEBERG_RATIO = 100
"""Maximum size of an iceberg, in multiples of its visible size."""
MOST_OTHERS = {"": 0, "one_triggers_other": 1, "one_cancels_other": 1, "one_triggers_one_cancels_other": 2}
LIMITED = frozenset({"limit", "stop_limit", "take_limit"})
TRIGGERED = frozenset({"stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop"})


def refuse(terms: Terms, book: OrderBook, now: int) -> Rejection | None:
    """The refusal of invalid terms; None if they are valid now."""
    if not book.open:
        return Rejection(Code.BOOK_CLOSED)
    size, price = terms.size_lots, terms.price_ticks
    if size <= 0 or size > LARGEST:
        return Rejection(Code.INVALID_AMOUNT, param="amount")
    if size % book.lot:
        return Rejection(
            Code.QTY_TOO_LOW if size < book.lot else Code.NON_INTEGER_CONTRACT_AMOUNT, param="amount"
        )
    if terms.label and len(terms.label) > LONGEST_LABEL:
        return Rejection(Code.INVALID_PARAMS, reason=f"at most {LONGEST_LABEL} characters", param="label")
    if terms.valid_until_ns is not None and terms.valid_until_ns < now:
        return Rejection(Code.TIMED_OUT)
    kind = terms.type
    if kind not in LIMITED:
        return _unpriced(terms) or _special(terms, book)
    if price is None or price <= 0 or price >= HIGHEST:
        return Rejection(Code.INVALID_PRICE, param="price")
    if price % (book.only_tick or book.tick(price)):
        return Rejection(Code.PRICE_WRONG_TICK, param="price")
    if size * price > LARGEST_VALUE:
        return Rejection(Code.INVALID_AMOUNT, reason="the order is worth too much", param="amount")
    if (
        kind != "limit"
        or terms.post_only
        or terms.reject_post_only
        or terms.display_lots is not None
        or terms.trigger is not None
        or terms.trigger_ticks is not None
        or terms.trigger_offset_ticks is not None
        or terms.linked
        or terms.others
    ):
        return _special(terms, book)
    return None


def _unpriced(terms: Terms) -> Rejection | None:
    if terms.price_ticks is not None:
        return Rejection(Code.UNSUPPORTED_ARG_COMBINATION, reason=f"a {terms.type} order has no price")
    return None


def _special(terms: Terms, book: OrderBook) -> Rejection | None:
    return next(filter(None, _checks(terms, book)), None)


def _checks(terms: Terms, book: OrderBook) -> Iterator[Rejection | None]:
    yield _post_only(terms)
    yield _iceberg(terms, book)
    yield _trigger(terms, book)
    yield _linking(terms)


def _post_only(terms: Terms) -> Rejection | None:
    if terms.reject_post_only and not terms.post_only:
        return Rejection(Code.UNSUPPORTED_ARG_COMBINATION, reason="reject_post_only needs post_only")
    at_once = terms.time_in_force in ("fill_or_kill", "immediate_or_cancel")
    if terms.post_only and (at_once or terms.type not in LIMITED):
        return Rejection(Code.POST_ONLY_NOT_ALLOWED)
    return None


def _iceberg(terms: Terms, book: OrderBook) -> Rejection | None:
    display, size = terms.display_lots, terms.size_lots
    if display is None:
        return None
    if (
        display % book.lot
        or display < ICEBERG_LEAST * book.lot
        or not display <= size <= ICEBERG_RATIO * display
    ):
        return Rejection(Code.INVALID_MAX_SHOW_AMOUNT, param="display_amount")
    return None


def _trigger(terms: Terms, book: OrderBook) -> Rejection | None:
    trigger, ticks, offset = terms.trigger, terms.trigger_ticks, terms.trigger_offset_ticks
    if terms.type not in TRIGGERED:
        if trigger is not None or ticks is not None or offset is not None:
            return Rejection(Code.UNSUPPORTED_ARG_COMBINATION, reason=f"a {terms.type} order has no trigger")
        return None
    if trigger is None:
        return Rejection(Code.INVALID_PARAMS, reason="value required", param="trigger")
    trailing = terms.type == "trailing_stop"
    value, other = (offset, ticks) if trailing else (ticks, offset)
    if other is not None:
        return Rejection(Code.UNSUPPORTED_ARG_COMBINATION, reason="trigger_offset is for trailing stops")
    if value is None or not 0 < value < HIGHEST:
        return Rejection(Code.INVALID_TRIGGER_PRICE, param="trigger_offset" if trailing else "trigger_price")
    if value % book.tick(value):
        return Rejection(Code.TRIGGER_PRICE_WRONG_TICK)
    return None


def _linking(terms: Terms) -> Rejection | None:
    if len(terms.others) != MOST_OTHERS[terms.linked]:
        return Rejection(Code.INVALID_PARAMS, reason="otoco_config does not fit", param="linked_order_type")
    for other in terms.others:
        if other.instrument != terms.instrument or other.linked or other.others:
            return Rejection(Code.INVALID_PARAMS, reason="orders linked must be plain", param="otoco_config")
    return None


def outside(order: Order, book: OrderBook) -> Rejection | None:
    """The refusal of a limit price beyond the price band, with the end of the band in its message."""
    low, high = book.reference.min_ticks, book.reference.max_ticks
    exponent = book.instrument.price_exponent
    if order.sign > 0 and high is not None and order.price_ticks > high:
        return Rejection(Code.PRICE_TOO_HIGH, format_decimal(high, exponent), param="price")
    if order.sign < 0 and low is not None and order.price_ticks < low:
        return Rejection(Code.PRICE_TOO_LOW, format_decimal(low, exponent), param="price")
    return None


def fires_at_once(order: Order, ways: int, now_ticks: int) -> Rejection | None:
    """The refusal of a trigger that is already reached; `ways` is +1 if it triggers on a rise."""
    trigger = order.trigger_ticks
    if trigger is None or ways * (now_ticks - trigger) < 0:
        return None
    return Rejection(Code.TRIGGER_PRICE_TOO_LOW if ways > 0 else Code.TRIGGER_PRICE_TOO_HIGH)
