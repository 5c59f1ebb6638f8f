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
        if self.average_price is not None:
            what += f" at {self.average_price:f}"
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


class AccountChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an account in one instrument at one moment; `position` is that after the last of the trades.

    It is None if there are no trades, or if the position is flat now.
    """

    instrument_name: str
    orders: tuple[Order, ...]
    trades: tuple[UserTrade, ...]
    position: Position | None

    def __repr__(self) -> str:
        return f"AccountChanges({self.instrument_name} {[*self.orders, *self.trades]}, {self.position})"


AccountItem = Order | UserTrade | AccountChanges | Balance
"""What channels of an account give."""


def to_changes(sent: Mapping[str, Any]) -> AccountChanges:
    """The data of `user.changes`."""
    positions = [to_position(each) for each in sent["positions"]]
    return AccountChanges(
        instrument_name=sent["instrument_name"],
        orders=tuple(to_order(each) for each in sent["orders"]),
        trades=tuple(to_user_trade(each) for each in sent["trades"]),
        position=positions[0] if positions else None,
    )


def to_order(sent: Mapping[str, Any], trades: list[Mapping[str, Any]] | None = None) -> Order:
    """An order object of the dialect, with its trades."""
    return Order(
        instrument_name=sent["instrument_name"],
        order_id=sent["order_id"],
        label=sent.get("label", ""),
        state=sent["order_state"],
        type=sent["order_type"],
        side=sent["direction"],
        price=_priced(sent["price"]),
        amount=_decimal(sent["amount"]),
        filled=_decimal(sent.get("filled_amount", 0)),
        average_price=_known(sent.get("average_price") if sent.get("filled_amount") else None),
        time_in_force=sent["time_in_force"],
        post_only=sent.get("post_only", False),
        reduce_only=sent.get("reduce_only", False),
        created_ns=sent["creation_timestamp"] * MS_NS,
        updated_ns=sent["last_update_timestamp"] * MS_NS,
        trigger_price=_known(sent.get("trigger_price")),
        reason=sent.get("cancel_reason") or sent.get("reject_reason") or sent.get("reason") or "",
        trades=tuple(to_user_trade(trade) for trade in trades or ()),
    )


def to_user_trade(sent: Mapping[str, Any]) -> UserTrade:
    """A trade object of the dialect."""
    return UserTrade(
        instrument_name=sent["instrument_name"],
        trade_id=sent["trade_id"],
        order_id=sent["order_id"],
        side=sent["direction"],
        price=_decimal(sent["price"]),
        amount=_decimal(sent["amount"]),
        fee=_decimal(sent.get("fee", 0)),
        fee_currency=sent.get("fee_currency", ""),
        maker=sent.get("liquidity") == "M",
        venue_ns=sent["timestamp"] * MS_NS,
        label=sent.get("label", ""),
        profit_loss=_known(sent.get("profit_loss")),
    )


def to_position(sent: Mapping[str, Any]) -> Position:
    """A position object of the dialect, in which `direction` says what the sign of a size does not."""
    size = abs(_decimal(sent["size"]))
    return Position(
        instrument_name=sent["instrument_name"],
        kind=sent["kind"],
        size=-size if sent["direction"] == "sell" else size,
        average_price=_decimal(sent["average_price"]),
        mark_price=_decimal(sent["mark_price"]),
        index_price=_decimal(sent["index_price"]),
        floating_profit=_decimal(sent["floating_profit_loss"]),
        realized_profit=_decimal(sent["realized_profit_loss"]),
        initial_margin=_decimal(sent["initial_margin"]),
        maintenance_margin=_decimal(sent["maintenance_margin"]),
        delta=_decimal(sent["delta"]),
        liquidation_price=_known(sent.get("estimated_liquidation_price")),
    )


def to_balance(sent: Mapping[str, Any]) -> Balance:
    """An account summary of the dialect."""
    return Balance(
        currency=sent["currency"],
        balance=_decimal(sent["balance"]),
        equity=_decimal(sent["equity"]),
        available=_decimal(sent["available_funds"]),
        initial_margin=_decimal(sent["initial_margin"]),
        maintenance_margin=_decimal(sent["maintenance_margin"]),
        total_profit=_decimal(sent["total_pl"]),
        delta_total=_decimal(sent["delta_total"]),
    )


def _decimal(value: float | str) -> Decimal:
    """The decimal that a double stands for: its shortest."""
    return Decimal(str(value).removesuffix(".0"))


def _known(value: float | None) -> Decimal | None:
    return None if value is None else _decimal(value)


def _priced(value: float | str) -> Decimal | None:
    """A price, which is a text where there is none."""
    return None if isinstance(value, str) else _decimal(value)
