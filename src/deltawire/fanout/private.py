"""Private channels: what happens to one account, told to its own sessions alone. Nothing is merged or left out.

Only the portfolio is a state: of its changes the last within a second counts.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from deltawire.exchange.accounts.account_records import LiquidationBegan, LiquidationEnded
from deltawire.exchange.accounts.history import OwnTrade
from deltawire.exchange.orders.orders import Order
from deltawire.exchange.orders.records import Protected
from deltawire.fanout.channel import INTERVALS_NS, Channel
from deltawire.fanout.subscribers import Encoding
from deltawire.session.private.numbers import MS_NS
from deltawire.session.private.objects import order_object, user_trade_object
from deltawire.session.private.orders import in_currency
from deltawire.session.private.trading import Trading

SECOND_NS = 1_000_000_000


class PortfolioMoved(msgspec.Struct, frozen=True):
    """Money, margins or marks have changed."""


PrivateEvent = Order | OwnTrade | PortfolioMoved | Protected | LiquidationBegan | LiquidationEnded
"""What an account's channels hear: orders as they stand now, its trades, and the rest."""


class PrivateChannel(Channel):
    """Base of the private channels; the hub sets `trading`."""

    trading: Trading

    def hear(self, news: PrivateEvent) -> None:
        """Something has happened to the account."""

    def fits(self, name: str) -> bool:
        """Whether this channel is about an instrument."""
        if self.key.instrument:
            return name == self.key.instrument
        instrument = self.trading.instrument(name)
        return instrument is not None and in_currency(instrument, self.key.currency, self.key.kind)

    def soon(self) -> None:
        """Publish at the end of the interval, or, without one, once the events at hand are told."""
        interval_ns = INTERVALS_NS.get(self.key.interval, 0)
        if interval_ns:
            self.timers.wake(self, self.trading.venue, interval_ns)
        else:
            self.timers.settle(self)

    def settle(self) -> None:
        """Without an interval, the end of the events at hand is when we are due."""
        if not INTERVALS_NS.get(self.key.interval, 0):
            self.due()

    def _order(self, order: Order) -> dict[str, Any]:
        instrument = self.trading.instrument(order.instrument)
        assert instrument is not None, "an order is of a listed instrument"
        return order_object(order, instrument)

    def _trade(self, trade: OwnTrade) -> dict[str, Any]:
        instrument = self.trading.instrument(trade.fill.instrument)
        assert instrument is not None, "a trade is of a listed instrument"
        return user_trade_object(trade, instrument)


class PrivateOrdersChannel(PrivateChannel):
    """`user.orders.*`: orders as they stand after each change; `raw` one at a time, else arrays."""

    def opened(self) -> None:
        """Changes from now on."""
        self._held: list[dict[str, Any]] = []

    def hear(self, news: PrivateEvent) -> None:
        """An order has changed."""
        if isinstance(news, Order) and self.fits(news.instrument):
            self._held.append(self._order(news))
            self.soon()

    def due(self) -> None:
        """Publish the orders held."""
        held, self._held = self._held, []
        if INTERVALS_NS[self.key.interval]:
            if held:
                self.publish(held)
            return
        for one in held:
            self.publish(one)


class PrivateTradesChannel(PrivateChannel):
    """`user.trades.*`: arrays of the account's trades."""

    def opened(self) -> None:
        """Trades from now on."""
        self._held: list[dict[str, Any]] = []

    def hear(self, news: PrivateEvent) -> None:
        """The account has traded."""
        if isinstance(news, OwnTrade) and self.fits(news.fill.instrument):
            self._held.append(self._trade(news))
            self.soon()

    def due(self) -> None:
        """Publish the trades held."""
        if self._held:
            held, self._held = self._held, []
            self.publish(held)


class PrivateChangesChannel(PrivateChannel):
    """`user.changes.*`: orders, trades and the position of one instrument together."""

    def opened(self) -> None:
        """Changes from now on."""
        self._held: dict[str, tuple[list[Any], list[Any]]] = {}

    def hear(self, news: PrivateEvent) -> None:
        """An order or a trade."""
        if isinstance(news, Order) and self.fits(news.instrument):
            self._of(news.instrument)[0].append(self._order(news))
            self.soon()
        elif isinstance(news, OwnTrade) and self.fits(news.fill.instrument):
            self._of(news.fill.instrument)[1].append(self._trade(news))
            self.soon()

    def due(self) -> None:
        """Publish what is held, instrument by instrument."""
        held, self._held = self._held, {}
        for name, (orders, trades) in held.items():
            positions = self._positions(name) if trades else []
            self.publish(
                {"instrument_name": name, "orders": orders, "trades": trades, "positions": positions}
            )

    def _of(self, name: str) -> tuple[list[Any], list[Any]]:
        return self._held.setdefault(name, ([], []))

    def _positions(self, name: str) -> list[dict[str, Any]]:
        mine = self.trading.positions(self.key.account)
        return [position for position in mine if position["instrument_name"] == name]


class PortfolioChannel(PrivateChannel):
    """`user.portfolio.{currency}`: at once on joining, then at most once a second when something has changed."""

    def opened(self) -> None:
        """Nothing has been published."""
        self._last: dict[str, dict[str, Any]] = {}

    def hear(self, news: PrivateEvent) -> None:
        """Anything may have moved money."""
        self.timers.wake(self, self.trading.venue, SECOND_NS)

    def due(self) -> None:
        """Publish what differs from what was published last."""
        for summary in self._summaries():
            if self._last.get(summary["currency"]) != summary:
                self._last[summary["currency"]] = summary
                self.publish(summary)

    def settle(self) -> None:
        """Only time makes it due."""

    def image_frame(self, encoding: Encoding) -> bytes | None:
        """One notification per currency."""
        lane = self.lane(encoding)
        return b"".join(lane.image(self.seq, summary) for summary in self._summaries())

    def _summaries(self) -> Iterator[dict[str, Any]]:
        currencies = self.trading.currencies() if self.key.currency == "any" else (self.key.currency,)
        for currency in currencies:
            yield self.trading.summary(self.key.account, currency)


class MmpTriggerChannel(PrivateChannel):
    """`user.mmp_trigger.{index}`: protection struck."""

    def hear(self, news: PrivateEvent) -> None:
        """A group was frozen."""
        if isinstance(news, Protected) and self.key.index in ("any", news.index_name):
            group = {"mmp_group": news.group} if news.group else {}
            self.publish(
                {"index_name": news.index_name, "frozen_until": news.frozen_until_ns // MS_NS} | group
            )


class LockChannel(PrivateChannel):
    """`user.lock`: a liquidation locks the account, its end unlocks it."""

    def hear(self, news: PrivateEvent) -> None:
        """Locked or free again."""
        if isinstance(news, LiquidationBegan | LiquidationEnded):
            self.publish({"locked": isinstance(news, LiquidationBegan), "currency": news.currency})


class SilentChannel(PrivateChannel):
    """`user.access_log`, combos and requests for quotes: accepted, and never says anything."""
