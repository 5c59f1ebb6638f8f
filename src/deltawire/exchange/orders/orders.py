"""Orders and fills as values. Prices are ticks, sizes lots, in the instrument's exponents; times are nanoseconds.

A *tick* is one unit of the instrument's price exponent, so a mark price may lie between two prices that orders may
have; those are multiples of `Instrument.tick`.
"""

from typing import Literal

import msgspec

from deltawire.model import account_events
from deltawire.model.events import Side
from deltawire.model.instruments import Instrument

AccountId = account_events.AccountId
OrderId = int
TradeId = int
_UNPREFIXED = "BTC"

OrderType = Literal[
    "limit",
    "market",
    "market_limit",
    "stop_limit",
    "stop_market",
    "take_limit",
    "take_market",
    "trailing_stop",
]
TimeInForce = Literal["good_til_cancelled", "good_til_day", "fill_or_kill", "immediate_or_cancel"]
Trigger = Literal["index_price", "mark_price", "last_price"]
Linking = Literal["", "one_triggers_other", "one_cancels_other", "one_triggers_one_cancels_other"]
FillCondition = Literal["first_hit", "complete_fill", "incremental"]
OrderState = Literal["open", "filled", "rejected", "cancelled", "untriggered", "triggered"]
Role = Literal["maker", "taker"]
SelfTrading = Literal["reject_taker", "cancel_maker"]
Reason = Literal[
    "",
    "user_request",
    "autoliquidation",
    "cancel_on_disconnect",
    "risk_mitigation",
    "pme_risk_reduction",
    "pme_account_locked",
    "position_locked",
    "mmp_trigger",
    "mmp_config_curtailment",
    "edit_post_only_reject",
    "oco_other_closed",
    "oto_primary_closed",
    "settlement",
    "expired",
    "immediate_or_cancel",
    "fill_or_kill",
    "no_liquidity",
    "self_trade",
    "reduce_only",
    "post_only",
    "not_enough_funds",
]
"""Why an order ended unfilled: Deribit's `cancel_reason`s, then reasons that Deribit does not name."""


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The terms of a request; immutable, an edit creates new ones."""

    instrument: str
    side: Side
    size_lots: int
    type: OrderType = "limit"
    price_ticks: int | None = None
    time_in_force: TimeInForce = "good_til_cancelled"
    label: str = ""
    post_only: bool = False
    reject_post_only: bool = False
    reduce_only: bool = False
    display_lots: int | None = None
    """The visible size of an iceberg; None: all."""
    trigger: Trigger | None = None
    trigger_ticks: int | None = None
    trigger_offset_ticks: int | None = None
    """The distance of a trailing stop from the best price."""
    valid_until_ns: int | None = None
    mmp: bool = False
    mmp_group: str = ""
    quote_id: str = ""
    quote_set_id: str = ""
    linked: Linking = ""
    fill_condition: FillCondition = "first_hit"
    others: tuple["Terms", ...] = ()
    """The secondary orders of OTO and OTOCO, the other order of OCO."""
    liquidation: bool = False


class Order(msgspec.Struct, gc=False):
    """The state of an order. Only matching changes it; others read it and keep no reference between records."""

    id: OrderId
    account: AccountId
    terms: Terms
    sign: int
    """+1 to buy, −1 to sell."""
    price_ticks: int
    """The limit; for a market order the worst price at which it may trade."""
    size_lots: int
    leaves_lots: int
    """The open size: `size_lots` - `filled_lots` while it is open, 0 when it has ended."""
    shown_lots: int
    """The part of `leaves_lots` that the book shows; 0 while it is not in the book."""
    created_ns: int
    updated_ns: int
    state: OrderState = "open"
    filled_lots: int = 0
    cost: int = 0
    """Σ price_ticks × lots over its fills."""
    reason: Reason = ""
    replaced: bool = False
    trigger_ticks: int | None = None
    reference_ticks: int | None = None
    """For a trailing stop: the best price since it was placed."""
    trigger_order_id: OrderId = 0
    """The trigger order from which this order resulted."""
    primary_id: OrderId = 0
    linked_ids: tuple[OrderId, ...] = ()
    """Secondary orders that wait for this one, or the other order of an OCO pair."""
    oco: bool = False
    """Whether the linked order is cancelled when this one is hit; otherwise the linked ones are activated."""
    connection: int = 0
    """The connection that placed it, for cancel-on-disconnect; 0 if none."""
    quote: bool = False

    @property
    def instrument(self) -> str:
        """The instrument's name."""
        return self.terms.instrument

    @property
    def resting(self) -> bool:
        """Whether it is open: in the book, or waiting for its trigger."""
        return self.leaves_lots > 0


class Fill(msgspec.Struct, frozen=True, tag=True, gc=False):
    """One side of one trade. A trade is two fills with the same id, the maker's first."""

    trade_id: TradeId
    trade_seq: int
    """+1 per trade of the instrument."""
    instrument: str
    account: AccountId
    order_id: OrderId
    side: Side
    """The side of this account, not of the aggressor."""
    price_ticks: int
    size_lots: int
    role: Role
    terms: Terms
    state: OrderState
    """The order's state after this fill."""
    at_ns: int
    mark_ticks: int | None = None
    index_ticks: int | None = None
    liquidation: str = ""
    """Which order was a liquidation's: M (maker), T (taker) or MT."""
    underlying: float | None = None
    """For an option: the forward in dollars from the last price record before the trade."""
    iv: float | None = None
    """For an option: the implied volatility of the traded price in percent, 0.0 if there is none."""


class OrderChanged(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The state of an order after a record; one per changed order."""

    order: Order


def format_id(number: int, instrument: Instrument) -> str:
    """The id of an order or trade as everybody sees it: with the settlement currency before it, unless that is BTC.

    Source: docs.deribit.com, where ids are like `ETH-349278`, `USDC-6607633` and `46094375191`.
    """
    currency = instrument.settlement
    return str(number) if currency == _UNPREFIXED else f"{currency}-{number}"
