"""Mass quotes: each names both sides of an instrument and replaces the maker's earlier quote."""

from msgspec.structs import replace

from deltawire.exchange.matching.amendments import Amendments
from deltawire.exchange.matching.entry import UNKNOWN, Entry
from deltawire.exchange.matching.matching import Matcher
from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import AccountId, Order, OrderId, Terms
from deltawire.exchange.orders.records import MassQuote, Place, Quote, QuoteRefused, QuoteSide
from deltawire.model.events import Side

MOST_QUOTES = 100
QuoteKey = tuple[AccountId, str, str, Side]
"""Account, group, instrument, side: one order each."""


class Quoting:
    """Places, edits and cancels quotes."""

    __slots__ = ("_amendments", "_entry", "_matcher", "_matching", "_quotes")

    def __init__(
        self, matching: MatchingState, matcher: Matcher, entry: Entry, amendments: Amendments
    ) -> None:
        self._matching, self._matcher, self._entry, self._amendments = matching, matcher, entry, amendments
        self._quotes: dict[QuoteKey, OrderId] = {}

    def quote(self, record: MassQuote) -> Rejection | None:
        """Accept or refuse each side of each quote separately; the earlier quote of a refused side is cancelled."""
        if len(record.quotes) > MOST_QUOTES:
            return Rejection(Code.TOO_MANY_QUOTES, param="quotes")
        if not any(
            key[0] == record.account and key[2] == record.mmp_group for key in self._matcher.protection.guards
        ):
            return Rejection(Code.MMP_REQUIRED, param="mmp_group")
        for quote in record.quotes:
            for side, wanted in (("buy", quote.bid), ("sell", quote.ask)):
                if wanted is not None:
                    self._quote(record, quote, side, wanted)  # type: ignore[arg-type]
        return None

    def _quote(self, record: MassQuote, quote: Quote, side: Side, wanted: QuoteSide) -> None:
        key = (record.account, record.mmp_group, quote.instrument, side)
        standing = self._matching.orders.get(self._quotes.get(key, 0))
        rejection = self._side(record, quote, side, wanted, standing)
        if rejection is None:
            return
        if standing is not None and standing.leaves_lots:
            self._matcher.cancel(standing, "user_request")
        self._matching.outputs.append(
            QuoteRefused(
                record.account, quote.instrument, side, int(rejection.code), rejection.message, quote.set_id
            )
        )

    def _side(
        self, record: MassQuote, quote: Quote, side: Side, wanted: QuoteSide, standing: Order | None
    ) -> Rejection | None:
        if not wanted.size_lots:
            if standing is not None:
                self._matcher.cancel(standing, "user_request")
            return None
        terms = Terms(
            instrument=quote.instrument, side=side, size_lots=wanted.size_lots, price_ticks=wanted.price_ticks,
            post_only=wanted.post_only, reject_post_only=wanted.reject_post_only, mmp=True,
            mmp_group=record.mmp_group, quote_id=record.quote_id, quote_set_id=quote.set_id,
        )  # fmt: skip
        if standing is None:
            return self._place(record, terms)
        # the size of a quote excludes earlier fills, the size of an order includes them
        return self._amendments.change(
            standing, replace(terms, size_lots=terms.size_lots + standing.filled_lots)
        )

    def _place(self, record: MassQuote, terms: Terms) -> Rejection | None:
        if terms.instrument not in self._matching.books:
            return UNKNOWN
        order_id = self._matching.next_order_id
        rejection = self._entry.place(
            Place(at_ns=record.at_ns, account=record.account, terms=terms, connection=record.connection),
            quote=True,
        )
        if rejection is None:
            self.note((record.account, terms.mmp_group, terms.instrument, terms.side), order_id)
        return rejection

    def stands(self, key: QuoteKey) -> bool:
        """Whether there is an open order of this account, group, instrument and side."""
        return self._quotes.get(key, 0) in self._matching.orders

    def note(self, key: QuoteKey, order_id: OrderId) -> None:
        """Record an order as the quote of this account, group, instrument and side."""
        self._quotes[key] = order_id

    def standing(self) -> list[tuple[QuoteKey, OrderId]]:
        """The open quotes, sorted."""
        return sorted(
            (key, order_id) for key, order_id in self._quotes.items() if order_id in self._matching.orders
        )
