"""Long random streams of orders: matching and the naive book agree after every single one."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from deltawire.book.ladder import Ladder
from deltawire.exchange.orders.codes import Rejection
from deltawire.exchange.orders.orders import Fill, Order, OrderChanged
from deltawire.exchange.orders.records import Cancel, CancelMany, Edit, Place, SetSelfTrading
from deltawire.model.events import BookDelta, Trade
from tests.exchange.matching.naive import NaiveBook, NaiveOrder
from tests.support.effort import examples
from tests.support.matching_harness import SIMPLE, MatchingHarness, of

ACCOUNTS = st.integers(1, 4)
PRICES = st.integers(96, 104)
SIZES = st.one_of(st.integers(1, 9), st.sampled_from([150, 250, 400]))
KINDS = st.sampled_from(["limit"] * 6 + ["market", "market_limit"])
FORCES = st.sampled_from(["good_til_cancelled"] * 4 + ["immediate_or_cancel", "fill_or_kill"])
SELDOM = st.sampled_from([False] * 3 + [True])


class AgainstNaive(RuleBasedStateMachine):
    """One book with few prices and few accounts, so that everything meets everything."""

    @initialize(cancel_maker=st.sets(ACCOUNTS))
    def open(self, cancel_maker: set[int]) -> None:
        self.harness = MatchingHarness(instrument=SIMPLE)
        self.naive = NaiveBook(cancel_maker)
        for account in cancel_maker:
            self.harness.do(SetSelfTrading, account=account, mode="cancel_maker")
        self.matching = self.harness.exchange.matching
        self.orders: dict[int, Order] = {}
        self.asked: dict[int, int] = {}
        self.fills: list[Fill] = []
        self.ladder = Ladder()
        self.sequence = 0

    @rule(
        account=ACCOUNTS, sign=st.sampled_from([1, -1]), price=PRICES, size=SIZES, kind=KINDS, force=FORCES,
        post_only=SELDOM, reduce_only=SELDOM, iceberg=SELDOM,
    )  # fmt: skip
    def place(
        self, account: int, sign: int, price: int, size: int, kind: str, force: str, *,
        post_only: bool, reduce_only: bool, iceberg: bool,
    ) -> None:  # fmt: skip
        post_only = post_only and kind == "limit" and force == "good_til_cancelled"
        display = 100 if iceberg and size >= 100 else None
        order_id = self.matching.next_order_id
        terms = self.harness.terms(
            "buy" if sign > 0 else "sell", size, price if kind == "limit" else None,
            type=kind, time_in_force=force, post_only=post_only, reduce_only=reduce_only, display_lots=display,
        )  # fmt: skip
        refused = self.take(self.harness.do(Place, account=account, terms=terms))
        twin = NaiveOrder(order_id, account, sign, price, size, display, reduce_only, post_only)
        assert self.naive.place(twin, kind, force) is not refused
        if not refused:
            self.asked[order_id] = size
            done = self.orders[order_id]
            assert (done.filled_lots, done.state == "filled") == (twin.filled, twin.leaves == 0)
            assert force != "fill_or_kill" or done.filled_lots in (0, done.size_lots)
            assert not post_only or not done.filled_lots

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        known = sorted(self.orders)
        if not known:
            return
        order_id = data.draw(st.sampled_from(known))
        order = self.orders[order_id]
        refused = self.take(self.harness.do(Cancel, account=order.account, order_id=order_id))
        assert refused is (self.naive.find(order_id) is None)
        self.naive.cancel(order_id)

    @rule(data=st.data(), price=st.one_of(st.none(), PRICES), size=SIZES)
    def edit(self, data: st.DataObject, price: int | None, size: int) -> None:
        living = [order.id for order in self.naive.resting]
        if not living:
            return
        order_id = data.draw(st.sampled_from(living))
        twin = self.naive.find(order_id)
        assert twin is not None
        price = twin.price if price is None else price
        if twin.display is not None:
            size = min(max(size, 100) + twin.filled, 10_000)
        outputs = self.harness.do(
            Edit, account=twin.account, order_id=order_id, price_ticks=price, size_lots=size
        )
        if self.take(outputs):
            assert size <= twin.filled
            return
        self.asked[order_id] = size
        self.naive.edit(twin, price, size - twin.filled)

    @rule(account=ACCOUNTS)
    def cancel_all(self, account: int) -> None:
        self.take(self.harness.do(CancelMany, account=account))
        self.naive.resting = [order for order in self.naive.resting if order.account != account]

    def take(self, outputs: list[object]) -> bool:
        """Note what came of a record; whether it was refused."""
        if of(Rejection, outputs):
            assert len(outputs) == 1
            return True
        self.orders |= {event.order.id: event.order for event in of(OrderChanged, outputs)}
        fills, trades = of(Fill, outputs), of(Trade, outputs)
        assert [fill.role for fill in fills] == ["maker", "taker"] * len(trades)
        for maker, taker, trade in zip(fills[::2], fills[1::2], trades, strict=True):
            assert maker.account != taker.account, "an account traded with itself"
            assert {maker.trade_id, taker.trade_id} == {int(trade.trade_id.rpartition("-")[2])}
            assert maker.price_ticks == taker.price_ticks == trade.price_ticks
            assert maker.size_lots == taker.size_lots == trade.size_lots
            assert {maker.side, taker.side} == {"buy", "sell"}
        self.fills += fills
        for delta in of(BookDelta, outputs):
            self.sequence += 1
            assert delta.sequence == self.sequence
            for side, changes in ((self.ladder.bids, delta.bids), (self.ladder.asks, delta.asks)):
                assert [side.size(price) for price in changes.prices] == changes.previous
                side.apply(changes.prices, changes.sizes)
        return False

    @invariant()
    def the_books_are_the_same(self) -> None:
        book = self.matching.books[SIMPLE.name]
        for sign, side, ladder in ((1, book.bids, self.ladder.bids), (-1, book.asks, self.ladder.asks)):
            image = side.image()
            assert list(zip(image.prices, image.sizes, strict=True)) == self.naive.image(sign)
            assert ladder.levels() == image, "the deltas do not lead to the book"
            assert [(o.id, o.leaves_lots, o.shown_lots) for o in side.orders()] == [
                (twin.id, twin.leaves, twin.shown) for twin in self.naive.side(sign)
            ]
        assert not self.ladder.crossed()

    @invariant()
    def the_fills_are_the_same(self) -> None:
        made, took = self.fills[::2], self.fills[1::2]
        ours = [
            (maker.order_id, taker.order_id, maker.price_ticks, maker.size_lots)
            for maker, taker in zip(made, took, strict=True)
        ]
        assert ours == self.naive.fills

    @invariant()
    def nothing_is_lost(self) -> None:
        for order in self.orders.values():
            mine = [fill for fill in self.fills if fill.order_id == order.id]
            assert order.filled_lots == sum(fill.size_lots for fill in mine)
            assert order.cost == sum(fill.size_lots * fill.price_ticks for fill in mine)
            assert (
                order.filled_lots + order.leaves_lots <= order.size_lots <= self.asked.get(order.id, 1 << 63)
            )
            if order.state == "open":
                assert order.filled_lots + order.leaves_lots == order.size_lots
                assert order.leaves_lots >= order.shown_lots > 0
                assert order.shown_lots <= (order.terms.display_lots or order.shown_lots)

    @invariant()
    def positions_sum_to_zero_and_reduce_only_orders_could_not_turn_one(self) -> None:
        risk = self.matching.risk
        assert {a: risk.position(a, SIMPLE.name) for a in range(1, 5)} == {
            a: self.naive.positions.get(a, 0) for a in range(1, 5)
        }
        assert sum(self.naive.positions.values()) == 0
        for order in self.matching.orders.values():
            if order.terms.reduce_only:
                assert order.leaves_lots <= -order.sign * risk.position(order.account, SIMPLE.name)

    @invariant()
    def the_registers_hold_only_the_living(self) -> None:
        matching = self.matching
        living = {order.id for order in self.naive.resting}
        assert set(matching.orders) == living == {i for mine in matching.by_account.values() for i in mine}
        assert {i for mine in matching.reducing.values() for i in mine} <= living
        assert [len(matching.changed), len(matching.pending), len(matching.traded)] == [0, 0, 0]


AgainstNaive.TestCase.settings = settings(max_examples=examples(20), stateful_step_count=120)
TestAgainstNaive = AgainstNaive.TestCase
