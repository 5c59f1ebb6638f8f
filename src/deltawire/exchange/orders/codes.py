"""Deribit's error codes of order entry, and a refusal that carries one.

Source: docs.deribit.com, "RPC Error Codes"; a member's name in lower case is the message on the wire.
"""

from enum import IntEnum

import msgspec

from deltawire.errors import RequestError


class Code(IntEnum):
    """The code on the wire; `message` is its text."""

    AUTHORIZATION_REQUIRED = 10000
    ERROR = 10001
    QTY_TOO_LOW = 10002
    ORDER_OVERLAP = 10003
    ORDER_NOT_FOUND = 10004
    PRICE_TOO_LOW = 10005
    PRICE_TOO_LOW4IDX = 10006
    PRICE_TOO_HIGH = 10007
    NOT_ENOUGH_FUNDS = 10009
    ALREADY_CLOSED = 10010
    PRICE_NOT_ALLOWED = 10011
    BOOK_CLOSED = 10012
    PME_MAX_TOTAL_OPEN_ORDERS = 10013
    PME_MAX_FUTURE_OPEN_ORDERS = 10014
    PME_MAX_OPTION_OPEN_ORDERS = 10015
    PME_MAX_FUTURE_OPEN_ORDERS_SIZE = 10016
    PME_MAX_OPTION_OPEN_ORDERS_SIZE = 10017
    NON_PME_MAX_FUTURE_POSITION_SIZE = 10018
    LOCKED_BY_ADMIN = 10019
    INVALID_OR_UNSUPPORTED_INSTRUMENT = 10020
    INVALID_AMOUNT = 10021
    INVALID_QUANTITY = 10022
    INVALID_PRICE = 10023
    INVALID_MAX_SHOW = 10024
    INVALID_ORDER_ID = 10025
    PRICE_PRECISION_EXCEEDED = 10026
    NON_INTEGER_CONTRACT_AMOUNT = 10027
    TOO_MANY_REQUESTS = 10028
    NOT_OWNER_OF_ORDER = 10029
    INVALID_ARGS_FOR_INSTRUMENT = 10031
    WHOLE_COST_TOO_LOW = 10032
    NOT_IMPLEMENTED = 10033
    TRIGGER_PRICE_TOO_HIGH = 10034
    TRIGGER_PRICE_TOO_LOW = 10035
    INVALID_MAX_SHOW_AMOUNT = 10036
    NON_PME_TOTAL_SHORT_OPTIONS_POSITIONS_SIZE = 10037
    PME_MAX_RISK_REDUCING_ORDERS = 10038
    NOT_ENOUGH_FUNDS_IN_CURRENCY = 10039
    RETRY = 10040
    SETTLEMENT_IN_PROGRESS = 10041
    PRICE_WRONG_TICK = 10043
    TRIGGER_PRICE_WRONG_TICK = 10044
    CAN_NOT_CANCEL_LIQUIDATION_ORDER = 10045
    CAN_NOT_EDIT_LIQUIDATION_ORDER = 10046
    MATCHING_ENGINE_QUEUE_FULL = 10047
    CANCEL_ON_DISCONNECT_FAILED = 10049
    DISABLED_WHILE_POSITION_LOCK = 10072
    ALREADY_FILLED = 11008
    INVALID_ARGUMENTS = 11029
    OTHER_REJECT = 11030
    NO_MORE_TRIGGERS = 11035
    INVALID_TRIGGER_PRICE = 11036
    NOT_ADV_ORDER = 11041
    PERMISSION_DENIED = 11042
    BAD_ARGUMENT = 11043
    NOT_OPEN_ORDER = 11044
    UNSUPPORTED_ARG_COMBINATION = 11047
    BAD_ARGUMENTS = 11049
    SYSTEM_MAINTENANCE = 11051
    POST_ONLY_REJECT = 11054
    POST_ONLY_NOT_ALLOWED = 11055
    ACCOUNT_LOCKED = 11098
    VALUE_REQUIRED = 13010
    INVALID_INPUT = 13016
    ORDERBOOK_CLOSED = 13019
    NOT_FOUND = 13020
    FORBIDDEN = 13021
    MMP_TRIGGER = 13030
    NON_UNIQUE_ORDER_LABEL = 13032
    MMP_REQUIRED = 13040
    COD_NOT_ENABLED = 13042
    QUOTES_FROZEN = 13043
    REPLACED = 13777
    TIMED_OUT = 13888
    NO_MORE_OTO_ORDERS = 13901
    MASS_QUOTES_DISABLED = 13902
    TOO_MANY_QUOTES = 13903
    INVALID_PARAMS = -32602

    @property
    def message(self) -> str:
        """The text on the wire, without the limit."""
        return "Invalid params" if self is Code.INVALID_PARAMS else self.name.lower()


RETRYABLE = frozenset(
    {
        Code.TOO_MANY_REQUESTS,
        Code.RETRY,
        Code.SETTLEMENT_IN_PROGRESS,
        Code.MATCHING_ENGINE_QUEUE_FULL,
        Code.SYSTEM_MAINTENANCE,
        Code.TIMED_OUT,
    }
)
"""Codes after which the same request may succeed later."""


class Rejection(msgspec.Struct, frozen=True, tag=True):
    """A refused request; nothing was changed or journalled.

    `limit` is the decimal text that Deribit appends to some messages (`price_too_high 64500`).
    """

    code: Code
    limit: str = ""
    reason: str = ""
    param: str = ""

    @property
    def message(self) -> str:
        """The error's message on the wire."""
        return f"{self.code.message} {self.limit}" if self.limit else self.code.message

    def error(self) -> RequestError:
        """The exception with which the session answers."""
        return RequestError(
            int(self.code), self.message, reason=self.reason, param=self.param, retry=self.code in RETRYABLE
        )
