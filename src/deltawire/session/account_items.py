"""Orders, own trades, positions and balances as values: doubles of the dialect become the decimals that they mean."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from deltawire.model.events import Side

MS_NS = 1_000_000
OPEN_STATES = "open", "untriggered", "triggered"


class UserTrade(msgspec.Struct, frozen=True, kw_only=True):
    """One of the account's trades; a `fee` below zero is a rebate. `side` is the account's own."""

    instrument_name: str
    trade_id: str
    order_id: str
    side: Side
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    venue_ns: int
    label: str = ""
    profit_loss: Decimal | None = None

    def __repr__(self) -> str:
        return f"UserTrade({self.instrument_name} {self.side} {self.amount:f} @ {self.price:f}, fee {self.fee:f})"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as of `updated_ns`. `price` is None where it has none; `trades` are those that it led to at once.

    `state` is `open`, `filled`, `cancelled`, `rejected`, `untriggered` or `triggered`; `reason` is why it ended without
    being filled.
    """

    instrument_name: str
    order_id: str
    label: str
    state: str
    type: str
    side: Side
    price: Decimal | None
    amount: Decimal
    filled: Decimal
    average_price: Decimal | None
    time_in_force: str
    post_only: bool
    reduce_only: bool
    created_ns: int
    updated_ns: int
    trigger_price: Decimal | None = None
    reason: str = ""
    trades: tuple[UserTrade, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it may still trade."""
        return self.state in OPEN_STATES

    def __repr__(self) -> str:
        price = "market" if self.price is None else f"{self.price:f}"
        what = f"{self.side} {self.amount:f} @ {price}, filled {self.filled:f}"
        return f"Order({self.instrument_name} {self.state} {what}, id {self.order_id})"


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A position: `size` is above zero for a long one. Profits and margins are in the settlement currency."""

    instrument_name: str
    kind: str
    size: Decimal
    average_price: Decimal
    mark_price: Decimal
    index_price: Decimal
    floating_profit: Decimal
    realized_profit: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    delta: Decimal
    liquidation_price: Decimal | None = None

    def __repr__(self) -> str:
        return f"Position({self.instrument_name} {self.size:+f} @ {self.average_price:f})"


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What an account has of a currency."""

    currency: str
    balance: Decimal
    equity: Decimal
    available: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    total_profit: Decimal
    delta_total: Decimal

    def __repr__(self) -> str:
        return (
            f"Balance({self.balance:f} {self.currency}, equity {self.equity:f}, available {self.available:f})"
        )


def to_order(told: Mapping[str, Any], trades: list[Mapping[str, Any]] | None = None) -> Order:
    """An order object of the dialect, with its trades."""
    return Order(
        instrument_name=told["instrument_name"],
        order_id=told["order_id"],
        label=told.get("label", ""),
        state=told["order_state"],
        type=told["order_type"],
        side=told["direction"],
        price=_priced(told["price"]),
        amount=_decimal(told["amount"]),
        filled=_decimal(told.get("filled_amount", 0)),
        average_price=_known(told.get("average_price") or None),
        time_in_force=told["time_in_force"],
        post_only=told.get("post_only", False),
        reduce_only=told.get("reduce_only", False),
        created_ns=told["creation_timestamp"] * MS_NS,
        updated_ns=told["last_update_timestamp"] * MS_NS,
        trigger_price=_known(told.get("trigger_price")),
        reason=told.get("cancel_reason") or told.get("reject_reason") or told.get("reason") or "",
        trades=tuple(to_user_trade(trade) for trade in trades or ()),
    )


def to_user_trade(told: Mapping[str, Any]) -> UserTrade:
    """A trade object of the dialect."""
    return UserTrade(
        instrument_name=told["instrument_name"],
        trade_id=told["trade_id"],
        order_id=told["order_id"],
        side=told["direction"],
        price=_decimal(told["price"]),
        amount=_decimal(told["amount"]),
        fee=_decimal(told.get("fee", 0)),
        fee_currency=told.get("fee_currency", ""),
        maker=told.get("liquidity") == "M",
        venue_ns=told["timestamp"] * MS_NS,
        label=told.get("label", ""),
        profit_loss=_known(told.get("profit_loss")),
    )


def to_position(told: Mapping[str, Any]) -> Position:
    """A position object of the dialect, in which `direction` says what the sign of a size does not."""
    size = abs(_decimal(told["size"]))
    return Position(
        instrument_name=told["instrument_name"],
        kind=told["kind"],
        size=-size if told["direction"] == "sell" else size,
        average_price=_decimal(told["average_price"]),
        mark_price=_decimal(told["mark_price"]),
        index_price=_decimal(told["index_price"]),
        floating_profit=_decimal(told["floating_profit_loss"]),
        realized_profit=_decimal(told["realized_profit_loss"]),
        initial_margin=_decimal(told["initial_margin"]),
        maintenance_margin=_decimal(told["maintenance_margin"]),
        delta=_decimal(told["delta"]),
        liquidation_price=_known(told.get("estimated_liquidation_price")),
    )


def to_balance(told: Mapping[str, Any]) -> Balance:
    """An account summary of the dialect."""
    return Balance(
        currency=told["currency"],
        balance=_decimal(told["balance"]),
        equity=_decimal(told["equity"]),
        available=_decimal(told["available_funds"]),
        initial_margin=_decimal(told["initial_margin"]),
        maintenance_margin=_decimal(told["maintenance_margin"]),
        total_profit=_decimal(told["total_pl"]),
        delta_total=_decimal(told["delta_total"]),
    )


def _decimal(value: float | str) -> Decimal:
    """The decimal that a double stands for: its shortest."""
    return Decimal(str(value).removesuffix(".0"))


def _known(value: float | None) -> Decimal | None:
    return None if value is None else _decimal(value)


def _priced(value: float | str) -> Decimal | None:
    """A price, which is a text where there is none."""
    return None if isinstance(value, str) else _decimal(value)
