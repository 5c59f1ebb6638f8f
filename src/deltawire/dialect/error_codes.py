"""The error codes that clients may get, and when; for documents. Codes and messages: docs.deribit.com."""

from typing import NamedTuple

from deltawire.exchange.orders.codes import RETRYABLE, Code


class ErrorCode(NamedTuple):
    """A code with its message, when it is the answer, and whether the same request may succeed later."""

    code: int
    message: str
    when: str
    retry: bool = False


_GENERAL = (
    ErrorCode(-32700, "Parse error", "the body is not JSON, or is nested too deeply"),
    ErrorCode(-32600, "Invalid Request", "no request object, or a request above 32 KiB"),
    ErrorCode(-32601, "Method not found", "there is no such method"),
    ErrorCode(
        10030, "must_be_websocket_request", "a subscription, or another method of a connection, over HTTP"
    ),
    ErrorCode(13004, "invalid_credentials", "a login, a signature or a secret is wrong"),
    ErrorCode(13009, "unauthorized", "not authenticated, or the token or key has expired or was revoked"),
    ErrorCode(13028, "temporarily_unavailable", "the book is not live; `data.reason` says why", retry=True),
    ErrorCode(13503, "unavailable", "a documented method that this server does not have"),
)
"""Those that are not of trading alone."""
_OF_TRADING = {
    Code.ERROR: "`public/test` with `expected_result: exception`",
    Code.QTY_TOO_LOW: "the amount is below the least amount of the instrument",
    Code.ORDER_NOT_FOUND: "the account has no such order",
    Code.PRICE_TOO_LOW: "a limit price below the price band; the message ends with the lowest price",
    Code.PRICE_TOO_HIGH: "a limit price above the price band; the message ends with the highest price",
    Code.NOT_ENOUGH_FUNDS: "the account has less than the order or the payment needs",
    Code.ALREADY_CLOSED: "there is no position to close",
    Code.BOOK_CLOSED: "the instrument does not trade now",
    Code.PME_MAX_TOTAL_OPEN_ORDERS: "more open orders than an account may have; the message ends with the limit",
    Code.PME_MAX_FUTURE_OPEN_ORDERS: "more open orders in a future than an account may have",
    Code.PME_MAX_OPTION_OPEN_ORDERS: "more open orders in an option than an account may have",
    Code.INVALID_OR_UNSUPPORTED_INSTRUMENT: "no order can be placed in an instrument of this name",
    Code.INVALID_AMOUNT: "the amount is 0 or too large, or finer than the instrument knows",
    Code.INVALID_PRICE: "the price is not above 0, or too large",
    Code.INVALID_ORDER_ID: "the text is no id of an order",
    Code.NON_INTEGER_CONTRACT_AMOUNT: "the amount is no multiple of the contract size",
    Code.TOO_MANY_REQUESTS: "the credits are used up, and the connection closes; too many connections; failed logins",
    Code.INVALID_ARGS_FOR_INSTRUMENT: "a parameter that instruments of this kind do not have",
    Code.NOT_IMPLEMENTED: "this server takes no orders, or a value of the parameter is not available here",
    Code.TRIGGER_PRICE_TOO_HIGH: "the trigger price is on the wrong side of the present price",
    Code.TRIGGER_PRICE_TOO_LOW: "the trigger price is on the wrong side of the present price",
    Code.INVALID_MAX_SHOW_AMOUNT: "the displayed amount is 0, or above the amount",
    Code.PRICE_WRONG_TICK: "the price is no multiple of the tick size",
    Code.TRIGGER_PRICE_WRONG_TICK: "the trigger price is no multiple of the tick size",
    Code.CAN_NOT_CANCEL_LIQUIDATION_ORDER: "the order liquidates a position",
    Code.CAN_NOT_EDIT_LIQUIDATION_ORDER: "the order liquidates a position",
    Code.CANCEL_ON_DISCONNECT_FAILED: "the scope is a connection, and the request did not come over one",
    Code.ALREADY_FILLED: "the order has been filled",
    Code.OTHER_REJECT: "refused for the reason in `data.reason`, such as `reduce_only` or `no_liquidity`",
    Code.INVALID_TRIGGER_PRICE: "the trigger price is missing, or not above 0",
    Code.NOT_ADV_ORDER: "the order has no price in USD or by volatility",
    Code.NOT_OPEN_ORDER: "the order has ended",
    Code.UNSUPPORTED_ARG_COMBINATION: "parameters that exclude each other; `data.reason` says which",
    Code.SYSTEM_MAINTENANCE: "the exchange does not take requests now",
    Code.POST_ONLY_REJECT: "the order would trade at once, and `reject_post_only` is set",
    Code.POST_ONLY_NOT_ALLOWED: "an order of this type or time in force cannot be post-only",
    Code.ACCOUNT_LOCKED: "the account is being liquidated",
    Code.ORDERBOOK_CLOSED: "the instrument has ended; `data.reason` says why",
    Code.NOT_FOUND: "the account, sub-account or group does not exist",
    Code.FORBIDDEN: "the right is missing, the address is wrong, or the account may not do it; see `data.reason`",
    Code.MMP_TRIGGER: "market maker protection has frozen the group",
    Code.NON_UNIQUE_ORDER_LABEL: "several open orders have this label",
    Code.MMP_REQUIRED: "the order needs a market maker protection that is set",
    Code.COD_NOT_ENABLED: "cancel on disconnect is not enabled",
    Code.QUOTES_FROZEN: "market maker protection has frozen the quotes",
    Code.TIMED_OUT: "`valid_until` had passed",
    Code.TOO_MANY_QUOTES: "more than 100 quotes in a request",
    Code.INVALID_PARAMS: "a parameter is missing or invalid; `data.param` and `data.reason` say which and why",
}
_RAISED_BY_CODE = tuple(
    ErrorCode(int(code), code.message, when, code in RETRYABLE) for code, when in _OF_TRADING.items()
)
ERROR_CODES = tuple(sorted((*_GENERAL, *_RAISED_BY_CODE)))
"""By code."""
