"""Orders: each is sent once. Where an answer was lost it is asked for, by the label that only this order has."""

import asyncio
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from deltawire.errors import FeedError, OutcomeUnknown, RequestError, UsageError
from deltawire.exchange.orders.orders import OrderType, TimeInForce
from deltawire.model.events import Side
from deltawire.model.numbers import plain_decimal
from deltawire.session.account_items import (
    Balance,
    Order,
    Position,
    UserTrade,
    to_balance,
    to_order,
    to_position,
    to_user_trade,
)

Amount = Decimal | float | int | str
LABEL_BYTES = 12
ASK_FOR_S, ASK_EVERY_S = 3.0, 0.25
"""How long an order whose answer was lost is looked for: its request may still be on the way."""


class Trading:
    """The methods of a connection that need a login. Numbers go out as they are written, and come back as decimals."""

    async def call(self, /, method: str, **params: Any) -> Any:
        """See `Connection.call`."""
        raise NotImplementedError

    async def connected(self) -> None:
        """Make sure that there is a connection; `FeedError` where there is none, and then nothing was sent."""
        raise NotImplementedError

    async def buy(
        self,
        /,
        instrument: str,
        amount: Amount,
        price: Amount | None = None,
        *,
        type: OrderType | None = None,
        label: str | None = None,
        unique_label: bool = True,
        time_in_force: TimeInForce | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        **more: Any,
    ) -> Order:
        """Place an order to buy: a limit order where a price is given, else a market order.

        `more` are further parameters of `private/buy`, such as `trigger_price`. It is sent once. If the answer is lost,
        the order is asked for by its label, which is one of its own if none is given; with a label that an order
        already has, that order is the answer. `OutcomeUnknown` where the order is not there in spite of that: its
        `label` makes it safe to place it again. `RequestError` if it is refused. Without `unique_label` a lost answer
        is `OutcomeUnknown` at once.
        """
        shown = {"time_in_force": time_in_force, "post_only": post_only, "reduce_only": reduce_only}
        return await self._place("buy", instrument, amount, price, type, label, unique_label, shown | more)

    async def sell(
        self,
        /,
        instrument: str,
        amount: Amount,
        price: Amount | None = None,
        *,
        type: OrderType | None = None,
        label: str | None = None,
        unique_label: bool = True,
        time_in_force: TimeInForce | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        **more: Any,
    ) -> Order:
        """Place an order to sell; see `buy`."""
        shown = {"time_in_force": time_in_force, "post_only": post_only, "reduce_only": reduce_only}
        return await self._place("sell", instrument, amount, price, type, label, unique_label, shown | more)

    async def edit(
        self, /, order: Order | str, *, amount: Amount | None = None, price: Amount | None = None, **more: Any
    ) -> Order:
        """Change an open order; what is not given stays, and `amount` is the whole, what is filled included.

        It is sent once. If the answer is lost the order is asked for; `OutcomeUnknown` if it is open and not as asked.
        """
        number = order if isinstance(order, str) else order.order_id
        asked = {"amount": amount, "price": price} | more
        await self.connected()
        try:
            result = await self.call("private/edit", order_id=number, **_parameters(asked))
            return to_order(result["order"], result["trades"])
        except FeedError as error:
            lost = error
        until = asyncio.get_running_loop().time() + ASK_FOR_S
        while True:
            try:
                found = await self.order(number)
            except (FeedError, RequestError) as error:
                raise OutcomeUnknown(f"edit of order {number}", "", error) from lost
            if not found.open or _is_as_asked(found, asked):
                return found
            if asyncio.get_running_loop().time() > until:
                raise OutcomeUnknown(f"edit of order {number}", found.label, lost) from lost
            await asyncio.sleep(ASK_EVERY_S)

    async def cancel(self, order: Order | str) -> Order:
        """Cancel an order, and return it as it ended; one that is not open any more is returned likewise.

        If the answer is lost it is sent again: that harms nobody.
        """
        number = order if isinstance(order, str) else order.order_id
        for last in (False, True):
            try:
                return to_order(await self.call("private/cancel", order_id=number))
            except FeedError:
                if last:
                    raise
            except RequestError as error:
                found = await self.order(number)
                if found.open:
                    raise error from None
                return found
        raise AssertionError("the last attempt returns or raises")

    async def cancel_all(self, instrument: str | None = None, *, label: str | None = None) -> int:
        """Cancel all open orders, or those of an instrument, or of a label; returns how many by the last answer.

        If the answer is lost it is sent again.
        """
        if instrument is not None and label is not None:
            raise UsageError("cancel_all takes an instrument or a label, not both")
        method, params = "private/cancel_all", {}
        if instrument is not None:
            method, params = "private/cancel_all_by_instrument", {"instrument_name": instrument}
        elif label is not None:
            method, params = "private/cancel_by_label", {"label": label}
        try:
            count: int = await self.call(method, **params)
        except FeedError:
            count = await self.call(method, **params)
        return count

    async def order(self, order_id: str) -> Order:
        """One order, open or ended recently."""
        return to_order(await self._read("private/get_order_state", order_id=order_id))

    async def orders(self, instrument: str | None = None) -> list[Order]:
        """The open orders, of all instruments or of one."""
        if instrument is None:
            found = await self._read("private/get_open_orders")
        else:
            found = await self._read("private/get_open_orders_by_instrument", instrument_name=instrument)
        return [to_order(each) for each in found]

    async def user_trades(self, instrument: str, *, count: int = 100) -> list[UserTrade]:
        """The account's last trades of an instrument, newest first."""
        found = await self._read(
            "private/get_user_trades_by_instrument", instrument_name=instrument, count=count, sorting="desc"
        )
        return [to_user_trade(each) for each in found["trades"]]

    async def positions(self, *, currency: str = "any", kind: str = "any") -> list[Position]:
        """The positions, those of size zero left out."""
        found = await self._read("private/get_positions", currency=currency, kind=kind)
        return [position for each in found if (position := to_position(each)).size]

    async def balance(self, currency: str) -> Balance:
        """What the account has of a currency."""
        return to_balance(await self._read("private/get_account_summary", currency=currency))

    async def balances(self) -> dict[str, Balance]:
        """The same of every currency."""
        found = await self._read("private/get_account_summaries")
        return {each["currency"]: to_balance(each) for each in found["summaries"]}

    async def _place(
        self,
        side: Side,
        instrument: str,
        amount: Amount,
        price: Amount | None,
        type: OrderType | None,
        label: str | None,
        unique: bool,
        more: Mapping[str, Any],
    ) -> Order:
        label = label or f"dw-{secrets.token_hex(LABEL_BYTES)}"
        kind = type or ("market" if price is None else "limit")
        asked = {"amount": amount, "price": price, "label": label, "unique_label": unique, "type": kind}
        await self.connected()
        try:
            result = await self.call(
                f"private/{side}", instrument_name=instrument, **_parameters(asked | dict(more))
            )
            order = to_order(result["order"], result["trades"])
        except FeedError as error:
            if not unique:
                raise OutcomeUnknown(f"{side} {instrument}", label, error) from error
            order = await self._placed(f"{side} {instrument}", instrument, label, error)
        if (order.instrument_name, order.side) != (instrument, side):
            raise UsageError(f"the label {label} is that of another order: {order!r}")
        return order

    async def _placed(self, what: str, instrument: str, label: str, lost: FeedError) -> Order:
        """The order whose answer was lost, with its trades."""
        loop = asyncio.get_running_loop()
        until = loop.time() + ASK_FOR_S
        while True:
            try:
                found = await self._labelled(instrument, label)
            except (
                FeedError,
                RequestError,
            ) as error:  # a server that has just started may not know its instruments
                if loop.time() > until or (isinstance(error, FeedError) and not error.retry):
                    raise OutcomeUnknown(what, label, error) from lost
                found = None
            if found is not None:
                return found
            if loop.time() > until:
                raise OutcomeUnknown(what, label, lost) from lost
            await asyncio.sleep(ASK_EVERY_S)

    async def _labelled(self, instrument: str, label: str) -> Order | None:
        """The order of a label that only one has."""
        listed = await self._read("public/get_instrument", instrument_name=instrument)
        currency = listed.get("settlement_currency") or listed["quote_currency"]
        found = await self._read("private/get_order_state_by_label", currency=currency, label=label)
        if not found:
            return None
        trades = await self._read("private/get_user_trades_by_order", order_id=found[0]["order_id"])
        return to_order(found[0], trades if isinstance(trades, list) else trades["trades"])

    async def _read(self, method: str, **params: Any) -> Any:
        """What only reads may be asked again: once more where the connection was lost."""
        try:
            return await self.call(method, **params)
        except FeedError as error:
            if not error.retry:
                raise
            return await self.call(method, **params)


def _parameters(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as they go out: numbers with their own digits, and none that was not given."""
    return {
        name: _number(value, name)
        for name, value in asked.items()
        if value is not None and value is not False
    }


def _number(value: Any, name: str) -> Any:
    if name in ("amount", "price") and isinstance(value, (Decimal, str, float)):
        try:
            text = format(Decimal(str(value)), "f")
        except ArithmeticError:
            text = ""
        if not text.lstrip("-").replace(".", "", 1).isdigit():
            raise UsageError(f"{name} must be a number, not {value!r}")
        return msgspec.Raw(plain_decimal(text).encode())
    return msgspec.Raw(format(value, "f").encode()) if isinstance(value, Decimal) else value


def _is_as_asked(order: Order, asked: Mapping[str, Any]) -> bool:
    """Whether an order has the amount and the price that were asked for."""
    now = {"amount": order.amount, "price": order.price}
    return all(asked[name] is None or now[name] == Decimal(str(asked[name])) for name in now)
