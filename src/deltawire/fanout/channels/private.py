"""Private channels: the events of one account, for its own sessions only. Nothing is merged or left out.

Their data comes from account events alone, which are durable; they read nothing from the exchange.
"""

from typing import Any

from deltawire.dialect.families import INTERVALS_NS
from deltawire.dialect.market_objects import MS_NS
from deltawire.fanout.channel import Channel
from deltawire.fanout.subscribers import Encoding
from deltawire.model.account_events import (
    AccountEvent,
    AccountLock,
    AccountState,
    AccountTrade,
    OrderUpdate,
    ProtectionTriggered,
)
from deltawire.model.instruments import Instrument, in_currency
from deltawire.ports import AccountStates


class PrivateChannel(Channel):
    """Base of the private channels."""

    def on_account_event(self, event: AccountEvent) -> None:
        """Handle an event of the account."""

    def publish_next(self, data: Any) -> None:
        """Publish at the next position: private channels count their own notifications."""
        self.publish(self.seq + 1, data)

    def fits(self, instrument: Instrument) -> bool:
        """Whether this channel is about an instrument."""
        if self.key.instrument:
            return instrument.name == self.key.instrument
        return in_currency(instrument, self.key.currency, self.key.kind)

    def soon(self, venue: str) -> None:
        """Publish when the current interval ends or, without an interval, after the current events."""
        interval_ns = INTERVALS_NS.get(self.key.interval, 0)
        if interval_ns:
            self.timers.wake(self, venue, interval_ns)
        else:
            self.timers.after_moment(self)

    def moment_ended(self) -> None:
        """Without an interval, publish after each moment."""
        if not INTERVALS_NS.get(self.key.interval, 0):
            self.interval_ended()


class PrivateOrdersChannel(PrivateChannel):
    """`user.orders.*`: orders after each change; `raw` one at a time, else arrays."""

    def opened(self) -> None:
        """Begin empty."""
        self._held: list[dict[str, Any]] = []

    def on_account_event(self, event: AccountEvent) -> None:
        """Hold a changed order."""
        if isinstance(event, OrderUpdate) and self.fits(event.instrument):
            self._held.append(event.order)
            self.soon(event.instrument.venue)

    def interval_ended(self) -> None:
        """Publish the orders held."""
        held, self._held = self._held, []
        if INTERVALS_NS[self.key.interval]:
            if held:
                self.publish_next(held)
            return
        for one in held:
            self.publish_next(one)


class PrivateTradesChannel(PrivateChannel):
    """`user.trades.*`: arrays of the account's trades."""

    def opened(self) -> None:
        """Begin empty."""
        self._held: list[dict[str, Any]] = []

    def on_account_event(self, event: AccountEvent) -> None:
        """Hold a trade of the account."""
        if isinstance(event, AccountTrade) and self.fits(event.instrument):
            self._held.append(event.trade)
            self.soon(event.instrument.venue)

    def interval_ended(self) -> None:
        """Publish the trades held."""
        if self._held:
            held, self._held = self._held, []
            self.publish_next(held)


class PrivateChangesChannel(PrivateChannel):
    """`user.changes.*`: orders, trades and the position of one instrument together."""

    def opened(self) -> None:
        """Begin empty."""
        self._held: dict[str, dict[str, Any]] = {}

    def on_account_event(self, event: AccountEvent) -> None:
        """Hold an order or a trade; the position is that of the last trade."""
        if isinstance(event, OrderUpdate) and self.fits(event.instrument):
            self._of(event.instrument)["orders"].append(event.order)
            self.soon(event.instrument.venue)
        elif isinstance(event, AccountTrade) and self.fits(event.instrument):
            held = self._of(event.instrument)
            held["trades"].append(event.trade)
            held["positions"] = [] if event.position is None else [event.position]
            self.soon(event.instrument.venue)

    def interval_ended(self) -> None:
        """Publish the held changes, one notification per instrument."""
        held, self._held = self._held, {}
        for data in held.values():
            self.publish_next(data)

    def _of(self, instrument: Instrument) -> dict[str, Any]:
        empty = {"instrument_name": instrument.name, "orders": [], "trades": [], "positions": []}
        return self._held.setdefault(instrument.name, empty)


class PortfolioChannel(PrivateChannel):
    """`user.portfolio.{currency}`: on joining, then with each account state that differs from the last.

    A subscriber that joins gets the first state announced after that, so it is never older than earlier answers.
    """

    def opened(self) -> None:
        """Request the account's states."""
        self._summaries: dict[str, dict[str, Any]] = {}
        self._states().watch(self.key.account, self.key.currency)

    def ended(self) -> None:
        """End the request for the account's states."""
        self._states().unwatch(self.key.account, self.key.currency)

    def on_account_event(self, event: AccountEvent) -> None:
        """Publish the summaries that differ from the last ones; they are also the image of waiting subscribers."""
        if isinstance(event, AccountState) and event.currency == self.key.currency:
            first = not self._summaries
            for summary in event.summaries:
                differs = self._summaries.get(summary["currency"]) != summary
                self._summaries[summary["currency"]] = summary
                if differs and not first:
                    self.publish_next(summary)
            self.admit()

    def must_wait(self) -> bool:
        """Always: the last state may be older than an answer that the subscriber already has."""
        return True

    def awaited(self) -> None:
        """Request the present state."""
        self._states().announce(self.key.account, self.key.currency)

    def image(self) -> Any:
        """The last summaries; None before the first."""
        return list(self._summaries.values()) or None

    def image_frame(self, encoding: Encoding) -> bytes | None:
        """One notification per currency."""
        encoded = self.encoded(encoding)
        return b"".join(encoded.image(self.seq, summary) for summary in self._summaries.values())

    def _states(self) -> AccountStates:
        states = self._opening.states
        assert states is not None, "accounts come with who publishes their states"
        return states


class MmpTriggerChannel(PrivateChannel):
    """`user.mmp_trigger.{index}`: protection struck."""

    def on_account_event(self, event: AccountEvent) -> None:
        """A group was frozen."""
        if isinstance(event, ProtectionTriggered) and self.key.index in ("any", event.index_name):
            group = {"mmp_group": event.group} if event.group else {}
            self.publish_next(
                {"index_name": event.index_name, "frozen_until": event.frozen_until_ns // MS_NS} | group
            )


class LockChannel(PrivateChannel):
    """`user.lock`: a liquidation locks the account, its end unlocks it."""

    def on_account_event(self, event: AccountEvent) -> None:
        """Locked or free again."""
        if isinstance(event, AccountLock):
            self.publish_next({"locked": event.locked, "currency": event.currency})


class PrivateSilentChannel(PrivateChannel):
    """`user.access_log`, combos and requests for quotes: accepted, and never publishes anything."""
