"""Numbers and names of requests as the exchange's integers; what does not fit is refused with the dialect's code."""

import re

from deltawire.errors import PrecisionError
from deltawire.exchange.codes import Code
from deltawire.exchange.orders import OrderId
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import parse_float
from deltawire.session.private.seat import refused

MS_NS = 1_000_000
_LARGEST = 1e15
_ORDER_ID = re.compile(r"(?:[A-Z]{2,8}-)?(\d{1,18})", re.ASCII)


def to_ticks(instrument: Instrument, price: float, param: str = "price") -> int:
    """A price in ticks."""
    code = Code.PRICE_WRONG_TICK if param == "price" else Code.TRIGGER_PRICE_WRONG_TICK
    invalid = Code.INVALID_PRICE if param == "price" else Code.INVALID_TRIGGER_PRICE
    if not 0 < price < _LARGEST:
        raise refused(invalid, param=param)
    return _to_mantissa(price, instrument.price_exponent, code, invalid, param)


def to_lots(instrument: Instrument, amount: float, param: str = "amount") -> int:
    """An amount in lots."""
    if not 0 < amount < _LARGEST:
        raise refused(Code.INVALID_AMOUNT, param=param)
    least = float(instrument.min_trade_size or 0)
    code = Code.QTY_TOO_LOW if amount < least else Code.NON_INTEGER_CONTRACT_AMOUNT
    return _to_mantissa(amount, instrument.size_exponent, code, Code.INVALID_AMOUNT, param)


def to_size(instrument: Instrument, amount: float | None, contracts: float | None) -> int | None:
    """Lots from an amount or a number of contracts; None when neither is given."""
    if amount is None and contracts is None:
        return None
    by_contracts = None if contracts is None else to_lots_of_contracts(instrument, contracts)
    if amount is None:
        return by_contracts
    lots = to_lots(instrument, amount)
    if by_contracts not in (None, lots):
        raise refused(Code.UNSUPPORTED_ARG_COMBINATION, reason="amount and contracts differ", param="contracts")
    return lots


def to_lots_of_contracts(instrument: Instrument, contracts: float) -> int:
    """A whole number of contracts in lots."""
    if not 0 < contracts < _LARGEST:
        raise refused(Code.INVALID_AMOUNT, param="contracts")
    if contracts != int(contracts):
        raise refused(Code.NON_INTEGER_CONTRACT_AMOUNT, param="contracts")
    each = parse_float(instrument.contract_size, instrument.size_exponent)
    return int(contracts) * each


def format_order_id(order_id: OrderId, instrument: Instrument) -> str:
    """An order's id as clients see it: of linear instruments with the settlement currency before it."""
    return str(order_id) if instrument.inverse else f"{instrument.settlement}-{order_id}"


def parse_order_id(text: str) -> OrderId:
    """The same back."""
    match = _ORDER_ID.fullmatch(text)
    if match is None:
        raise refused(Code.INVALID_ORDER_ID, param="order_id")
    return int(match[1])


def _to_mantissa(value: float, exponent: int, code: Code, invalid: Code, param: str) -> int:
    try:
        return parse_float(value, exponent)
    except PrecisionError:
        too_large = value * 10**-exponent >= _LARGEST
        raise refused(invalid if too_large else code, param=param) from None
