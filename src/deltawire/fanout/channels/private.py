"""Private channels: what happens to one account, told to its own sessions alone. Nothing is merged or left out.

All they know comes with the events they hear, which are durable; they look nothing up.
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
        """Something has happened to the account."""

    def tell(self, data: Any) -> None:
        """Publish at the next position: private channels count what they tell."""
        self.publish(self.seq + 1, data)

    def fits(self, instrument: Instrument) -> bool:
        """Whether this channel is about an instrument."""
        if self.key.instrument:
            return instrument.name == self.key.instrument
        return in_currency(instrument, self.key.currency, self.key.kind)

    def soon(self, venue: str) -> None:
        """Publish at the end of the interval, or, without one, once the events at hand are told."""
        interval_ns = INTERVALS_NS.get(self.key.interval, 0)
        if interval_ns:
            self.timers.wake(self, venue, interval_ns)
        else:
            self.timers.after_moment(self)

    def moment_ended(self) -> None:
        """Without an interval, this is the end of it."""
        if not INTERVALS_NS.get(self.key.interval, 0):
            self.interval_ended()


class PrivateOrdersChannel(PrivateChannel):
    """`user.orders.*`: orders as they stand after each change; `raw` one at a time, else arrays."""

    def opened(self) -> None:
        """Changes from now on."""
        self._held: list[dict[str, Any]] = []

    def on_account_event(self, event: AccountEvent) -> None:
        """An order has changed."""
        if isinstance(event, OrderUpdate) and self.fits(event.instrument):
            self._held.append(event.order)
            self.soon(event.instrument.venue)

    def interval_ended(self) -> None:
        """Publish the orders held."""
        held, self._held = self._held, []
        if INTERVALS_NS[self.key.interval]:
            if held:
                self.tell(held)
            return
        for one in held:
            self.tell(one)


class PrivateTradesChannel(PrivateChannel):
    """`user.trades.*`: arrays of the account's trades."""

    def opened(self) -> None:
        """Trades from now on."""
        self._held: list[dict[str, Any]] = []

    def on_account_event(self, event: AccountEvent) -> None:
        """The account has traded."""
        if isinstance(event, AccountTrade) and self.fits(event.instrument):
            self._held.append(event.trade)
            self.soon(event.instrument.venue)

    def interval_ended(self) -> None:
        """Publish the trades held."""
        if self._held:
            held, self._held = self._held, []
            self.tell(held)


class PrivateChangesChannel(PrivateChannel):
    """`user.changes.*`: orders, trades and the position of one instrument together."""

    def opened(self) -> None:
        """Changes from now on."""
        self._held: dict[str, dict[str, Any]] = {}

    def on_account_event(self, event: AccountEvent) -> None:
        """An order or a trade; of the positions that trades bring the last counts."""
        if isinstance(event, OrderUpdate) and self.fits(event.instrument):
            self._of(event.instrument)["orders"].append(event.order)
            self.soon(event.instrument.venue)
        elif isinstance(event, AccountTrade) and self.fits(event.instrument):
            held = self._of(event.instrument)
            held["trades"].append(event.trade)
            held["positions"] = [] if event.position is None else [event.position]
            self.soon(event.instrument.venue)

    def interval_ended(self) -> None:
        """Publish what is held, instrument by instrument."""
        held, self._held = self._held, {}
        for data in held.values():
            self.tell(data)

    def _of(self, instrument: Instrument) -> dict[str, Any]:
        empty = {"instrument_name": instrument.name, "orders": [], "trades": [], "positions": []}
        return self._held.setdefault(instrument.name, empty)


class PortfolioChannel(PrivateChannel):
    """`user.portfolio.{currency}`: on joining, then with each state of the account that differs.

    Whoever joins gets the first state that comes after; so it is never older than what they were answered before.
    """

    def opened(self) -> None:
        """Nothing has been published."""
        self._summaries: dict[str, dict[str, Any]] = {}
        self._states().watch(self.key.account, self.key.currency)

    def ended(self) -> None:
        """The state is of no more use."""
        self._states().unwatch(self.key.account, self.key.currency)

    def on_account_event(self, event: AccountEvent) -> None:
        """The account's state: publish what differs from what was published last; it is the image of who waits."""
        if isinstance(event, AccountState) and event.currency == self.key.currency:
            first = not self._summaries
            for summary in event.summaries:
                differs = self._summaries.get(summary["currency"]) != summary
                self._summaries[summary["currency"]] = summary
                if differs and not first:
                    self.tell(summary)
            self.admit()

    def must_wait(self) -> bool:
        """What is known may be older than what who joins knows already."""
        return True

    def awaited(self) -> None:
        """Ask for the state as it is now."""
        self._states().announce(self.key.account, self.key.currency)

    def image(self) -> Any:
        """What was published last."""
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
            self.tell(
                {"index_name": event.index_name, "frozen_until": event.frozen_until_ns // MS_NS} | group
            )


class LockChannel(PrivateChannel):
    """`user.lock`: a liquidation locks the account, its end unlocks it."""

    def on_account_event(self, event: AccountEvent) -> None:
        """Locked or free again."""
        if isinstance(event, AccountLock):
            self.tell({"locked": event.locked, "currency": event.currency})


class PrivateSilentChannel(PrivateChannel):
    """`user.access_log`, combos and requests for quotes: accepted, and never says anything."""
