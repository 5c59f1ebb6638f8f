"""The seam between matching and accounts, and what goes into and comes out of the sequencer.

One record goes in at a time. Matching calls `RiskCheck` while it works, in this order:

1. `check` with an order that does not live yet (or the edited one and the one it replaces);
2. `filled` for each fill, the maker's before the taker's;
3. `rested` whenever the open part of an order is not what it was: placed, partly filled, edited, ended (0);
4. `outcome` once at the end of the record, and again after what it demanded has been done, until it is empty.

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
    """What may be submitted and is journalled; `at_ns` is the only time the exchange knows, and never falls."""

    at_ns: int


class AccountEvent(msgspec.Struct, frozen=True, tag=True, gc=False):
    """What accounts tell about one account: balances, positions, settlements, liquidations."""

    account: AccountId


class Reference(msgspec.Struct, frozen=True, tag=True, gc=False):
    """RiskInstruction: from now on these are the instrument's index and mark price and price band, all in its ticks.

    Triggers and trailing stops look at index and mark. None: not known, no such trigger fires, no band.
    """

    instrument: str
    index_ticks: int | None = None
    mark_ticks: int | None = None
    min_ticks: int | None = None
    max_ticks: int | None = None
    delta: float = 1.0
    """Of one unit of base coin, as market-maker protection counts it."""
    vega: float = 0.0
    underlying: float | None = None
    """Of an option: the forward in dollars that its mark comes from."""


class OpenBook(msgspec.Struct, frozen=True, tag=True):
    """RiskInstruction: open a book for this instrument, or reopen one that was closed."""

    instrument: Instrument


class CloseBook(msgspec.Struct, frozen=True, tag=True):
    """RiskInstruction: take no more orders for the instrument. With a reason its orders are cancelled (expiry)."""

    instrument: str
    reason: Reason = ""


class Liquidate(msgspec.Struct, frozen=True, tag=True):
    """RiskInstruction: place this order for the account without asking `check`; the terms say `liquidation`."""

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
"""What `submit` returns; a `Rejection` stands last, behind nothing but what the passing of time brought about."""


class RiskCheck(Protocol):
    """What matching asks accounts, and tells them. Pure: time comes with records and fills."""

    def check(self, order: Order, instrument: Instrument, replaces: Order | None) -> Rejection | None:
        """Whether the account may have this order; changes nothing. `leaves_lots` is what could still trade.

        `order.price_ticks` is the worst price at which it could trade, for market orders the price band's end
        (without a band 2^62 to buy, 0 to sell). With `replaces` the order takes that order's place.
        """

    def rested(self, order: Order) -> None:
        """The open part of this order is now `order.leaves_lots` (0: gone) at `order.price_ticks`.

        Orders that wait for a trigger or a primary order are not told, and checked when they come alive.
        """

    def filled(self, fill: Fill) -> None:
        """A fill has happened and cannot be refused any more."""

    def position(self, account: AccountId, instrument: str) -> int:
        """The account's position in lots, negative when short; fills told so far included."""

    def received(self, record: Record) -> Rejection | None:
        """A record of accounts' own: act on it, or refuse it without having changed anything."""

    def outcome(self) -> Sequence[AccountEvent | RiskInstruction]:
        """What came of all that was told since the last call; matching does the demands in their order."""

    def freeze(self) -> bytes:
        """The whole state between two records, for a snapshot; the same state gives the same bytes."""

    def thaw(self, state: bytes) -> None:
        """Become what `freeze` gave; called once, before any record."""
