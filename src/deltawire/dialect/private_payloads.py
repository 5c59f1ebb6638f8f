"""Types of the data of private channels; names: docs.deribit.com. Amounts and prices as in public ones."""

from typing import Literal

import msgspec

Number = float | None


class UserOrder(msgspec.Struct, omit_defaults=True):
    """An order; `price` is a text for a market order without a price."""

    order_id: str
    order_state: Literal["open", "filled", "rejected", "cancelled", "untriggered", "triggered"]
    order_type: str
    time_in_force: str
    instrument_name: str
    direction: Literal["buy", "sell"]
    price: float | str
    amount: float
    contracts: float
    filled_amount: float
    average_price: float
    label: str
    post_only: bool
    reject_post_only: bool
    reduce_only: bool
    creation_timestamp: int
    last_update_timestamp: int
    api: bool
    web: bool
    mobile: bool
    replaced: bool
    mmp: bool
    is_liquidation: bool
    is_rebalance: bool
    risk_reducing: bool
    original_order_type: str = ""
    cancel_reason: str = ""
    reason: str = ""
    reject_reason: str = ""
    display_amount: Number = None
    max_show: Number = None
    refresh_amount: Number = None
    trigger: str = ""
    triggered: bool = False
    trigger_price: Number = None
    trigger_offset: Number = None
    trigger_reference_price: Number = None
    trigger_order_id: str = ""
    is_secondary_oto: bool = False
    primary_order_id: str = ""
    oto_order_ids: list[str] = []
    is_primary_otoco: bool = False
    oco_ref: str = ""
    mmp_group: str = ""
    mmp_cancelled: bool = False
    quote: bool = False
    quote_id: str = ""
    quote_set_id: str = ""


class UserTrade(msgspec.Struct, omit_defaults=True):
    """One side of a trade, with its fee; a fee below zero is a rebate."""

    trade_id: str
    trade_seq: int
    timestamp: int
    instrument_name: str
    direction: Literal["buy", "sell"]
    price: float
    amount: float
    contracts: float
    tick_direction: int
    mark_price: Number
    index_price: Number
    order_id: str
    order_type: str
    state: str
    liquidity: Literal["M", "T"]
    fee: float
    fee_currency: str
    matching_id: str | None
    self_trade: bool
    label: str
    post_only: bool
    reduce_only: bool
    mmp: bool
    api: bool
    risk_reducing: bool
    profit_loss: Number
    iv: Number = None
    underlying_price: Number = None
    liquidation: str = ""
    quote_id: str = ""
    quote_set_id: str = ""


class Position(msgspec.Struct, omit_defaults=True):
    """A position; money in the settlement currency, `_usd` in dollars."""

    instrument_name: str
    kind: str
    direction: Literal["buy", "sell", "zero"]
    size: float
    average_price: float
    mark_price: float
    index_price: float
    settlement_price: float
    initial_margin: float
    maintenance_margin: float
    open_orders_margin: float
    floating_profit_loss: float
    realized_profit_loss: float
    total_profit_loss: float
    delta: float
    gamma: Number = None
    vega: Number = None
    theta: Number = None
    average_price_usd: Number = None
    floating_profit_loss_usd: Number = None
    size_currency: Number = None
    leverage: int | None = None
    realized_funding: Number = None
    interest_value: Number = None
    estimated_liquidation_price: Number = None


class UserChanges(msgspec.Struct):
    """The changes of one instrument at one moment; a position as in `private/get_positions`."""

    instrument_name: str
    orders: list[UserOrder]
    trades: list[UserTrade]
    positions: list[Position]


class MmpTrigger(msgspec.Struct, omit_defaults=True):
    """A triggered market maker protection; `frozen_until` 0 means until reset."""

    index_name: str
    frozen_until: int
    mmp_group: str = ""


class Lock(msgspec.Struct):
    """An account was locked by a liquidation, or unlocked."""

    locked: bool
    currency: str
