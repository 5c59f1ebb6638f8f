"""Converts parameters of requests to the exchange's integers; raises the dialect's error if they do not fit."""

import re
from collections.abc import Mapping
from typing import Any

from deltawire.errors import RequestError
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import OrderId
from deltawire.exchange.orders.requests import parse_amount, parse_milliseconds, parse_price
from deltawire.model.instruments import Instrument

MS_NS = 1_000_000
_ORDER_ID = re.compile(r"(?:[A-Z]{2,8}-)?(\d{1,18})", re.ASCII)


def to_ticks(params: Mapping[str, Any], name: str, instrument: Instrument) -> int | None:
    """A price parameter in ticks, None if absent."""
    return _accepted(parse_price(params, name, instrument))


def to_lots(params: Mapping[str, Any], instrument: Instrument) -> int | None:
    """`amount` or `contracts` in lots, None if both are absent."""
    return _accepted(parse_amount(params, instrument))


def to_nanoseconds(params: Mapping[str, Any], name: str) -> int | None:
    """A time parameter (milliseconds) in nanoseconds; None if absent."""
    milliseconds = _accepted(parse_milliseconds(params, name))
    return None if milliseconds is None else milliseconds * MS_NS


def needed(value: int | None, param: str) -> int:
    """A parameter that is required."""
    if value is None:
        raise refused(Code.INVALID_PARAMS, reason="value required", param=param)
    return value


def parse_order_id(text: str) -> OrderId:
    """The number in an order's id; see `format_id`."""
    match = _ORDER_ID.fullmatch(text)
    if match is None:
        raise refused(Code.INVALID_ORDER_ID, param="order_id")
    return int(match[1])


def _accepted(value: int | Rejection | None) -> int | None:
    if isinstance(value, Rejection):
        raise value.error()
    return value


def refused(code: Code, *, reason: str = "", param: str = "") -> RequestError:
    """The exception for a refusal."""
    return Rejection(code, reason=reason, param=param).error()
