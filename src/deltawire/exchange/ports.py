"""The interface between matching and accounts, and the inputs and outputs of the sequencer.

One record goes in at a time. Matching calls `RiskCheck` in this order:

1. `check` with an order that is not open yet (or the edited one and the one it replaces);
2. `filled` for each fill, the maker's before the taker's;
3. `rested` whenever the open part of an order changes: placed, partly filled, edited, ended (0);
4. `outcome` once at the end of the record, and again after its instructions have been executed, until it is empty.

Records that matching does not know (deposits, settlement, …) go to `received`, then to `outcome`.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from deltawire.exchange.orders.codes import Rejection
from deltawire.exchange.orders.orders import AccountId, Fill, Order, OrderChanged, Reason, Terms
from deltawire.model.events import BookDelta, BookImage, Listing, Status, Trade
from deltawire.model.instruments import Instrument


class Record(msgspec.Struct, frozen=True, tag_field="record", kw_only=True, omit_defaults=True, gc=False):
    """A record that may be submitted and is journalled.

    `at_ns` is the only time that the exchange knows, and never decreases.
    """

    at_ns: int


class AccountEvent(msgspec.Struct, frozen=True, tag=True, gc=False):
    """An event of one account: balances, positions, settlements, liquidations."""

    account: AccountId


class Reference(msgspec.Struct, frozen=True, tag=True, gc=False):
    """RiskInstruction: set the instrument's index, mark price and price band, all in its ticks.

    Triggers and trailing stops use index and mark. None: unknown, so that no such trigger is triggered, or no band.
    """

    instrument: str
    index_ticks: int | None = None
    mark_ticks: int | None = None
    min_ticks: int | None = None
    max_ticks: int | None = None
    delta: float = 1.0
    """Delta of one unit of base coin, for market maker protection."""
    vega: float = 0.0
    underlying: float | None = None
    """For an option: the forward in dollars from which its mark is computed."""


class OpenBook(msgspec.Struct, frozen=True, tag=True):
    """RiskInstruction: open a book for this instrument, or reopen one that was closed."""

    instrument: Instrument


class CloseBook(msgspec.Struct, frozen=True, tag=True):
    """RiskInstruction: accept no more orders for the instrument. With a reason its orders are cancelled (expiry)."""

    instrument: str
    reason: Reason = ""


class Liquidate(msgspec.Struct, frozen=True, tag=True):
    """RiskInstruction: place this order for the account without calling `check`; the terms say `liquidation`."""

    account: AccountId
    terms: Terms


class CancelAll(msgspec.Struct, frozen=True, tag=True):
    """RiskInstruction: cancel an account's orders, all or one instrument's."""

    account: AccountId
    reason: Reason
    instrument: str | None = None


RiskInstruction = Reference | OpenBook | CloseBook | Liquidate | CancelAll
PublicEvent = BookImage | BookDelta | Trade | Status | Listing
Output = PublicEvent | OrderChanged | Fill | Rejection | AccountEvent
"""The results of `submit`; a `Rejection` is last, and only effects of the passing of time precede it."""


class RiskCheck(Protocol):
    """The interface of accounts to matching. Pure: time comes with records and fills."""

    def check(self, order: Order, instrument: Instrument, replaces: Order | None) -> Rejection | None:
        """Whether the account may have this order; changes nothing. `leaves_lots` is what could still trade.

        `order.price_ticks` is the worst price at which it could trade, for market orders the end of the price band
        (without a band 2^62 to buy, 0 to sell). With `replaces` the order replaces that order.
        """

    def rested(self, order: Order) -> None:
        """The open part of this order is now `order.leaves_lots` (0: ended) at `order.price_ticks`.

        Orders that wait for a trigger or a primary order are not reported; they are checked when they are activated.
        """

    def filled(self, fill: Fill) -> None:
        """A fill has happened and cannot be refused any more."""

    def position(self, account: AccountId, instrument: str) -> int:
        """The account's position in lots, negative when short, after all fills reported so far."""

    def received(self, record: Record) -> Rejection | None:
        """Execute a record of accounts, or refuse it without changes."""

    def outcome(self) -> Sequence[AccountEvent | RiskInstruction]:
        """The results of all calls since the last one; matching executes the instructions in order."""

    def freeze(self) -> bytes:
        """The whole state between two records, for a snapshot; the same state gives the same bytes."""

    def thaw(self, state: bytes) -> None:
        """Restore the state that `freeze` returned; called once, before any record."""
