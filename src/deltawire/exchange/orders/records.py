"""The records that may be submitted to matching; a journal holds these and the records of accounts."""

from typing import Literal

import msgspec

from deltawire.exchange.orders.orders import AccountId, Order, OrderId, SelfTrading, Terms
from deltawire.exchange.ports import Record, RiskInstruction
from deltawire.model.events import Side
from deltawire.model.instruments import Instrument

_CANCELLED = {
    "limit": ("limit", "market_limit"),
    "stop": ("stop_limit", "stop_market"),
    "take": ("take_limit", "take_market"),
    "trailing_stop": ("trailing_stop",),
    "trigger_all": ("stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop"),
}
"""The order types that each type of a mass cancel includes."""


class Tick(Record, frozen=True, tag=True, gc=False):
    """Time has passed: orders that are good for the day end."""


class Place(Record, frozen=True, tag=True, gc=False):
    """A new order and its linked orders."""

    account: AccountId
    terms: Terms
    connection: int = 0


class Edit(Record, frozen=True, tag=True, gc=False):
    """Change an open order; None: unchanged. The size includes what is already filled."""

    account: AccountId
    order_id: OrderId = 0
    label: str = ""
    """Selects the order if the id is 0; exactly one open order must have it."""
    instrument: str = ""
    size_lots: int | None = None
    price_ticks: int | None = None
    display_lots: int | None = None
    trigger_ticks: int | None = None
    trigger_offset_ticks: int | None = None
    post_only: bool | None = None
    reject_post_only: bool | None = None
    reduce_only: bool | None = None
    valid_until_ns: int | None = None


class Cancel(Record, frozen=True, tag=True, gc=False):
    """Cancel one order."""

    account: AccountId
    order_id: OrderId


class CancelMany(Record, frozen=True, tag=True, gc=False):
    """Cancel all orders of an account that match every member given."""

    account: AccountId
    instrument: str | None = None
    currency: str | None = None
    """The base or the settlement currency, as named in records from before `settlement` existed."""
    kind: str | None = None
    type: Literal["all", "limit", "trigger_all", "stop", "take", "trailing_stop"] = "all"
    label: str | None = None
    quotes_only: bool = False
    settlement: str | None = None
    """The settlement currency; see `Instrument.currencies`."""
    index_name: str | None = None
    quote_set_id: str | None = None

    def fits(self, order: Order, instrument: Instrument) -> bool:
        """Whether an order is to be cancelled."""
        return (
            self.instrument in (None, order.instrument)
            and self.label in (None, order.terms.label)
            and self.kind in (None, *instrument.kinds)
            and self.currency in (None, instrument.base, instrument.settlement)
            and self.settlement in (None, *instrument.currencies)
            and self.index_name in (None, instrument.index_name)
            and self.quote_set_id in (None, order.terms.quote_set_id)
            and (self.type == "all" or order.terms.type in _CANCELLED[self.type])
            and (order.quote or not self.quotes_only)
        )


class ClosePosition(Record, frozen=True, tag=True, gc=False):
    """Place a reduce-only order that closes a position."""

    account: AccountId
    instrument: str
    type: Literal["limit", "market"]
    price_ticks: int | None = None
    connection: int = 0


class QuoteSide(msgspec.Struct, frozen=True, omit_defaults=True):
    """One side of a quote; size 0 removes it from the book."""

    size_lots: int
    price_ticks: int | None = None
    post_only: bool = False
    reject_post_only: bool = False


class Quote(msgspec.Struct, frozen=True, omit_defaults=True):
    """A maker's quote in one instrument; None leaves that side unchanged."""

    instrument: str
    bid: QuoteSide | None = None
    ask: QuoteSide | None = None
    set_id: str = ""


class MassQuote(Record, frozen=True, tag=True, gc=False):
    """Many quotes at once, protected by the limits of one group; each is accepted or refused separately."""

    account: AccountId
    mmp_group: str
    quotes: tuple[Quote, ...]
    quote_id: str = ""
    connection: int = 0


class SetProtection(Record, frozen=True, tag=True, gc=False):
    """Market maker protection of an account on one index, for a group; interval 0 removes it.

    Within `interval_ns` the protected orders may trade up to the limits (sizes in base coin); beyond one they are
    cancelled and frozen for `frozen_ns` (0: until reset).
    """

    account: AccountId
    index_name: str
    group: str = ""
    interval_ns: int = 0
    frozen_ns: int = 0
    quantity_limit: float | None = None
    delta_limit: float | None = None
    vega_limit: float | None = None
    trade_count_limit: int | None = None


class ResetProtection(Record, frozen=True, tag=True, gc=False):
    """End the freeze and reset the counts."""

    account: AccountId
    index_name: str
    group: str = ""


class SetSelfTrading(Record, frozen=True, tag=True, gc=False):
    """How trades of an account with itself are prevented; the mode of the taker's account applies."""

    account: AccountId
    mode: SelfTrading


class Connected(Record, frozen=True, tag=True, gc=False):
    """A connection was authenticated; it inherits the account's cancel-on-disconnect setting."""

    account: AccountId
    connection: int


class Disconnected(Record, frozen=True, tag=True, gc=False):
    """A connection ended without logout; its orders are cancelled if so configured."""

    account: AccountId
    connection: int


class SetCancelOnDisconnect(Record, frozen=True, tag=True, gc=False):
    """For one connection, or (connection 0) for every connection that the account opens from now on."""

    account: AccountId
    enabled: bool
    connection: int = 0


class Instruct(Record, frozen=True, tag=True, gc=False):
    """An instruction from outside: list an instrument, set reference prices, halt a book."""

    demand: RiskInstruction


class QuoteRefused(msgspec.Struct, frozen=True, tag=True):
    """One side of one quote of a mass quote was refused; the others are not affected."""

    account: AccountId
    instrument: str
    side: Side
    code: int
    message: str
    set_id: str = ""


class Protected(msgspec.Struct, frozen=True, tag=True):
    """Market maker protection was triggered: the group's orders are frozen until then (0: until reset)."""

    account: AccountId
    index_name: str
    group: str
    frozen_until_ns: int


MatchingRecord = (
    Tick
    | Place
    | Edit
    | Cancel
    | CancelMany
    | ClosePosition
    | MassQuote
    | SetProtection
    | ResetProtection
    | SetSelfTrading
    | Connected
    | Disconnected
    | SetCancelOnDisconnect
    | Instruct
)
