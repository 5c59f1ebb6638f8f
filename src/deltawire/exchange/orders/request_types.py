"""The parameters of methods that place and change orders: names, values that they may have, and defaults.

`requests` parses them by these types, against the instrument that they name, and the API's document describes them by
these types. Numbers may also be texts.
"""

from typing import Literal

import msgspec

from deltawire.exchange.orders.orders import FillCondition, OrderType, TimeInForce, Trigger
from deltawire.model.events import Side

Amount = float | str | None
Linked = Literal["one_triggers_other", "one_cancels_other", "one_triggers_one_cancels_other"]


class OrderTerms(msgspec.Struct, kw_only=True):
    """What every order may have."""

    amount: Amount = None
    contracts: Amount = None
    type: OrderType = "limit"
    label: str = ""
    price: Amount = None
    time_in_force: TimeInForce = "good_til_cancelled"
    display_amount: Amount = None
    max_show: Amount = None
    post_only: bool = False
    reject_post_only: bool = False
    reduce_only: bool = False
    trigger: Trigger | None = None
    trigger_price: Amount = None
    trigger_offset: Amount = None
    trigger_fill_condition: FillCondition = "first_hit"
    mmp: bool = False
    mmp_group: str = ""
    advanced: Literal["usd", "implv"] | None = None
    valid_until: Amount = None


class LinkedOrder(OrderTerms, kw_only=True):
    """An order that another one brings along; without a size it has that of the other."""

    direction: Side
    linked_order_type: Linked | None = None


class OrderRequest(OrderTerms, kw_only=True):
    """A new order: `amount` or `contracts`, and what its type needs."""

    instrument_name: str
    unique_label: bool = False
    linked_order_type: Linked | None = None
    otoco_config: list[LinkedOrder] | None = None


class Changes(msgspec.Struct, kw_only=True):
    """What may change of an open order; what is left out stays."""

    amount: Amount = None
    contracts: Amount = None
    price: Amount = None
    display_amount: Amount = None
    max_show: Amount = None
    post_only: bool | None = None
    reject_post_only: bool | None = None
    reduce_only: bool | None = None
    trigger_price: Amount = None
    trigger_offset: Amount = None
    mmp: bool | None = None
    advanced: Literal["usd", "implv"] | None = None
    valid_until: Amount = None


class EditRequest(Changes, kw_only=True):
    """What of an open order changes."""

    order_id: str


class EditByLabelRequest(Changes, kw_only=True):
    """Parameters of the edit of the one open order of an instrument with a label."""

    instrument_name: str
    label: str = ""


class CloseRequest(msgspec.Struct, kw_only=True):
    """How a position is closed; a limit order needs a price."""

    instrument_name: str
    type: Literal["limit", "market"]
    price: Amount = None
