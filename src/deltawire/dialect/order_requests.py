"""The parameters of methods that place and change orders, as types for documents.

They are parsed by `exchange.orders.requests`, against the instrument they name. Numbers may also be texts.
"""

from typing import Any, Literal

import msgspec

from deltawire.exchange.orders.orders import FillCondition, OrderType, TimeInForce, Trigger

Amount = int | float | str | None


class LinkedOrder(msgspec.Struct, kw_only=True):
    """An order that another one brings along."""

    direction: Literal["buy", "sell"]
    amount: Amount = None
    type: OrderType = "limit"
    label: str = ""
    price: Amount = None
    time_in_force: TimeInForce = "good_til_cancelled"
    post_only: bool = False
    reject_post_only: bool = False
    reduce_only: bool = False
    trigger: Trigger | None = None
    trigger_price: Amount = None
    trigger_offset: Amount = None


class OrderRequest(msgspec.Struct, kw_only=True):
    """A new order: `amount` or `contracts`, and what its type needs."""

    instrument_name: str
    amount: Amount = None
    contracts: Amount = None
    type: OrderType = "limit"
    label: str = ""
    unique_label: bool = False
    price: Amount = None
    time_in_force: TimeInForce = "good_til_cancelled"
    display_amount: Amount = None
    post_only: bool = False
    reject_post_only: bool = False
    reduce_only: bool = False
    trigger: Trigger | None = None
    trigger_price: Amount = None
    trigger_offset: Amount = None
    trigger_fill_condition: FillCondition = "first_hit"
    linked_order_type: (
        Literal["one_triggers_other", "one_cancels_other", "one_triggers_one_cancels_other"] | None
    ) = None
    otoco_config: list[LinkedOrder] = []
    mmp: bool = False
    advanced: Literal["usd", "implv"] | None = None
    valid_until: int | None = None


class _Changes(msgspec.Struct, kw_only=True):
    amount: Amount = None
    contracts: Amount = None
    price: Amount = None
    display_amount: Amount = None
    post_only: bool | None = None
    reject_post_only: bool | None = None
    reduce_only: bool | None = None
    trigger_price: Amount = None
    trigger_offset: Amount = None
    mmp: bool | None = None
    advanced: Literal["usd", "implv"] | None = None
    valid_until: int | None = None


class EditRequest(_Changes, kw_only=True):
    """What of an open order changes."""

    order_id: str


class EditByLabelRequest(_Changes, kw_only=True):
    """Parameters of the edit of the one open order of an instrument with a label."""

    instrument_name: str
    label: str = ""


class CloseRequest(msgspec.Struct, kw_only=True):
    """How a position is closed; a limit order needs a price."""

    instrument_name: str
    type: Literal["limit", "market"]
    price: Amount = None


REQUESTS: dict[str, Any] = {
    "private/buy": OrderRequest,
    "private/sell": OrderRequest,
    "private/edit": EditRequest,
    "private/edit_by_label": EditByLabelRequest,
    "private/close_position": CloseRequest,
}
"""By method."""
