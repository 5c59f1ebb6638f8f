"""Converts the parameters of `private/buy` and `private/sell` to terms in ticks and lots, exactly, or refuses them.

Numbers may be JSON numbers, or texts that are JSON numbers, as in a URL. Nothing is rounded: a price between two
ticks, minus zero, NaN, infinities and numbers beyond 64 bits are refused with the dialect's code.

Source of names and codes: docs.deribit.com, `private/buy`.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from deltawire.errors import PrecisionError
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import FillCondition, Linking, OrderType, Terms, TimeInForce, Trigger
from deltawire.model.events import Side
from deltawire.model.instruments import Instrument
from deltawire.model.literals import LongDecimal, is_number, parse_number
from deltawire.model.numbers import parse_float, unit

_CHOICES: dict[str, tuple[str, ...]] = {
    "type": get_args(OrderType),
    "time_in_force": get_args(TimeInForce),
    "trigger": get_args(Trigger),
    "linked_order_type": get_args(Linking)[1:],
    "trigger_fill_condition": get_args(FillCondition),
    "direction": get_args(Side),
}
PRICED = frozenset({"limit", "stop_limit", "take_limit"})
"""The order types that have a price; the others ignore it."""
MOST_LINKED = 2
"""Maximum number of linked orders of an order (docs.deribit.com, `otoco_config`)."""
_INT64 = 1 << 63
_LATEST_MS = _INT64 // 1_000_000


class _RefusedError(Exception):
    """Carries a refusal from nested parsing functions."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.message)
        self.rejection = rejection


def parse_terms(params: Mapping[str, Any], side: Side, instrument: Instrument) -> Terms | Rejection:
    """The terms of a request, or the refusal."""
    try:
        return _terms(params, side, instrument)
    except _RefusedError as refused:
        return refused.rejection


def parse_amount(params: Mapping[str, Any], instrument: Instrument) -> int | Rejection | None:
    """`amount` or `contracts` in lots, None if both are absent; for edits."""
    return _try(lambda: _size(params, instrument))


def parse_price(params: Mapping[str, Any], name: str, instrument: Instrument) -> int | Rejection | None:
    """A price parameter in ticks, None if absent; for edits."""
    return _try(lambda: _ticks(params, name, instrument))


def parse_milliseconds(params: Mapping[str, Any], name: str) -> int | Rejection | None:
    """A time parameter in milliseconds, None if absent; for edits."""
    return _try(lambda: _milliseconds(params, name))


def _try(parse: Callable[[], int | None]) -> int | Rejection | None:
    try:
        return parse()
    except _RefusedError as refused:
        return refused.rejection


def _terms(params: Mapping[str, Any], side: Side, instrument: Instrument) -> Terms:
    size = _size(params, instrument)
    if size is None:
        raise _RefusedError(Rejection(Code.INVALID_PARAMS, reason="value required", param="amount"))
    if params.get("advanced") is not None:
        code = Code.NOT_IMPLEMENTED if instrument.kind == "option" else Code.INVALID_ARGS_FOR_INSTRUMENT
        raise _RefusedError(Rejection(code, param="advanced"))
    kind: OrderType = _choice(params, "type", "limit")
    valid_until = _milliseconds(params, "valid_until")
    return Terms(
        instrument=instrument.name,
        side=side,
        size_lots=size,
        type=kind,
        price_ticks=_ticks(params, "price", instrument) if kind in PRICED else None,
        time_in_force=_choice(params, "time_in_force", "good_til_cancelled"),
        label=_text(params, "label"),
        display_lots=_lots(params, "display_amount", instrument, Code.INVALID_MAX_SHOW_AMOUNT),
        trigger=_choice(params, "trigger", None),
        trigger_ticks=_ticks(params, "trigger_price", instrument),
        trigger_offset_ticks=_ticks(params, "trigger_offset", instrument),
        valid_until_ns=None if valid_until is None else valid_until * 1_000_000,
        linked=_choice(params, "linked_order_type", ""),
        fill_condition=_choice(params, "trigger_fill_condition", "first_hit"),
        others=_others(params, instrument),
        mmp_group=_text(params, "mmp_group"),
        post_only=_flag(params, "post_only"),
        reject_post_only=_flag(params, "reject_post_only"),
        reduce_only=_flag(params, "reduce_only"),
        mmp=_flag(params, "mmp"),
    )


def _others(params: Mapping[str, Any], instrument: Instrument) -> tuple[Terms, ...]:
    listed = params.get("otoco_config")
    if listed is None:
        return ()
    if not isinstance(listed, list) or not all(isinstance(leg, dict) for leg in listed):
        raise _RefusedError(
            Rejection(Code.INVALID_PARAMS, reason="must be a list of objects", param="otoco_config")
        )
    if len(listed) > MOST_LINKED or any("otoco_config" in leg for leg in listed):
        reason = f"at most {MOST_LINKED} orders, themselves without otoco_config"
        raise _RefusedError(Rejection(Code.INVALID_PARAMS, reason=reason, param="otoco_config"))
    whole = {name: params[name] for name in ("amount", "contracts") if name in params}
    return tuple(_terms(_own(leg, whole), _direction(leg), instrument) for leg in listed)


def _own(config: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a linked order; without a size it has that of the first order."""
    sized = "amount" in config or "contracts" in config
    return dict(config) if sized else {**whole, **config}


def _direction(config: Mapping[str, Any]) -> Side:
    if config.get("direction") is None:
        raise _RefusedError(Rejection(Code.INVALID_PARAMS, reason="value required", param="direction"))
    side: Side = _choice(config, "direction", "buy")
    return side


def _size(params: Mapping[str, Any], instrument: Instrument) -> int | None:
    lots = _lots(params, "amount", instrument, Code.INVALID_AMOUNT)
    contracts = _number(params, "contracts", 0, Code.NON_INTEGER_CONTRACT_AMOUNT)
    if contracts is None:
        return lots
    each = parse_float(instrument.contract_size, instrument.size_exponent)
    in_lots = contracts * (1 if instrument.size_unit == "contracts" else each)
    if lots is not None and lots != in_lots:
        raise _RefusedError(
            Rejection(Code.INVALID_PARAMS, reason="amount and contracts differ", param="contracts")
        )
    return _within(in_lots, "contracts", Code.INVALID_AMOUNT)


def _lots(params: Mapping[str, Any], name: str, instrument: Instrument, code: Code) -> int | None:
    lots = _number(params, name, instrument.size_exponent, code)
    if lots == 0:
        raise _RefusedError(Rejection(code, param=name))
    return lots


def _ticks(params: Mapping[str, Any], name: str, instrument: Instrument) -> int | None:
    """A price above zero in ticks; a price finer than the exponent is refused as not a multiple of the tick."""
    trigger = name.startswith("trigger")
    wrong = Code.TRIGGER_PRICE_WRONG_TICK if trigger else Code.PRICE_WRONG_TICK
    ticks = _number(params, name, instrument.price_exponent, wrong)
    if ticks is not None and ticks <= 0:
        raise _RefusedError(
            Rejection(Code.INVALID_TRIGGER_PRICE if trigger else Code.INVALID_PRICE, param=name)
        )
    return ticks


def _number(params: Mapping[str, Any], name: str, exponent: int, imprecise: Code) -> int | None:
    """A decimal as a mantissa; `imprecise` is the code for one with too many digits."""
    value = params.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str, LongDecimal)):
        raise _RefusedError(Rejection(Code.INVALID_PARAMS, reason="must be a number", param=name))
    try:
        mantissa = _mantissa(value, exponent)
    except PrecisionError:
        if not _finite(value):
            raise _RefusedError(
                Rejection(Code.INVALID_PARAMS, reason="must be a number", param=name)
            ) from None
        raise _RefusedError(_rejected(imprecise, name)) from None
    return _within(mantissa, name, Code.INVALID_AMOUNT if name in ("amount", "contracts") else imprecise)


def _rejected(code: Code, name: str) -> Rejection:
    """Deribit's own codes say what is wrong; the general one needs a reason."""
    general = code == Code.INVALID_PARAMS
    return Rejection(code, reason="must be a whole number of 64 bits, from 0" if general else "", param=name)


def _mantissa(value: float | str | LongDecimal, exponent: int) -> int:
    if isinstance(value, (str, LongDecimal)):
        return parse_number(value if isinstance(value, str) else value.text, exponent)
    if isinstance(value, int):
        return value * unit(exponent)
    return parse_float(value, exponent)


def _finite(value: float | str | LongDecimal) -> bool:
    if isinstance(value, str):
        return is_number(value)
    return isinstance(value, LongDecimal) or value - value == 0


def _within(mantissa: int, name: str, code: Code) -> int:
    if not 0 <= mantissa < _INT64:
        raise _RefusedError(_rejected(Code.INVALID_PRICE if name == "price" else code, name))
    return mantissa


def _milliseconds(params: Mapping[str, Any], name: str) -> int | None:
    value = _number(params, name, 0, Code.INVALID_PARAMS)
    if value is not None and value >= _LATEST_MS:
        raise _RefusedError(Rejection(Code.INVALID_PARAMS, reason="too late", param=name))
    return value


def _choice(params: Mapping[str, Any], name: str, default: str | None) -> Any:
    value = params.get(name)
    if value is None:
        return default
    if value not in _CHOICES[name]:
        raise _RefusedError(
            Rejection(Code.INVALID_PARAMS, reason=f"must be one of {', '.join(_CHOICES[name])}", param=name)
        )
    return value


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not _encodable(value):
        raise _RefusedError(Rejection(Code.INVALID_PARAMS, reason="must be a text", param=name))
    return value


def _encodable(text: str) -> bool:
    """Whether the text can be encoded as UTF-8 (no lone surrogates)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _flag(params: Mapping[str, Any], name: str) -> bool:
    value = params.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if value in ("true", "false"):
        return bool(value == "true")
    raise _RefusedError(Rejection(Code.INVALID_PARAMS, reason="must be true or false", param=name))
