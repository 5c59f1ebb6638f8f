"""Whatever happens, money only moves: the sum over all accounts and the house is zero, to the last unit."""

from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from deltawire.exchange.accounts.account_records import SetMarginModel, Withdraw
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.instruments.contracts import UNITS
from deltawire.exchange.instruments.fees import FeeTable
from deltawire.exchange.orders.records import CancelMany
from deltawire.model.instruments import Instrument
from tests.support.contracts import QUARTERLY, WEEKLY_CALL
from tests.support.exchange_harness import CURRENCIES, LISTED, ExchangeHarness, refusal

MAKER = 6
ACCOUNTS = st.integers(1, 5)
INSTRUMENTS = st.sampled_from(LISTED)
HARSH = FeeTable(future_liquidation_ppm=(("BTC", 70_001),), option_liquidation_ppm=(("BTC", 33_333),))
"""Fees that leave odd units behind."""


def near(instrument: Instrument, harness: ExchangeHarness, offset: int) -> float:
    """A price near the mark, on the instrument's grid."""
    mark = harness.accounts.pricing.marks.get(instrument.name) or harness.index
    wanted = round(mark * (1 + offset / 200) * 10**-instrument.price_exponent)
    tick = instrument.tick_at(wanted)
    return max(wanted // tick, 1) * tick * 10**instrument.price_exponent


class Money(RuleBasedStateMachine):
    """Five accounts trade, win, lose, are liquidated and settled."""

    def __init__(self) -> None:
        super().__init__()
        self.harness = ExchangeHarness(fees=HARSH)

    @initialize()
    def fund(self) -> None:
        self.harness.deposit(MAKER, 100_000.0)
        self.harness.deposit(MAKER, 1e9, "USDC")
        for account in range(1, 6):
            self.harness.deposit(account, 3.00000007 + account)
            self.harness.deposit(account, 70_000.03, "USDC")
        for instrument in LISTED:
            self.trade(1, 2, instrument, 20, 0)
            self.trade(3, 4, instrument, 7, 1)

    @rule(
        account=ACCOUNTS,
        instrument=INSTRUMENTS,
        count=st.integers(-40, 40).filter(bool),
        offset=st.integers(-4, 4),
        reduce=st.booleans(),
    )
    def order(self, account: int, instrument: Instrument, count: int, offset: int, reduce: bool) -> None:
        size = {"quote": 20_000.0, "base": 0.1}[instrument.size_unit] * count
        self.harness.order(
            account, instrument, size, near(instrument, self.harness, offset), reduce_only=reduce
        )

    @rule(
        buyer=ACCOUNTS,
        seller=ACCOUNTS,
        instrument=INSTRUMENTS,
        count=st.integers(1, 30),
        offset=st.integers(-2, 2),
    )
    def trade(self, buyer: int, seller: int, instrument: Instrument, count: int, offset: int) -> None:
        size = {"quote": 10_000.0, "base": 0.1}[instrument.size_unit] * count
        price = near(instrument, self.harness, offset)
        self.harness.order(seller, instrument, -size, price)
        self.harness.order(buyer, instrument, size, price, time_in_force="immediate_or_cancel")

    @rule(account=ACCOUNTS, instrument=INSTRUMENTS, count=st.integers(-30, 30).filter(bool))
    def market_order(self, account: int, instrument: Instrument, count: int) -> None:
        self.harness.order(
            account, instrument, {"quote": 10_000.0, "base": 0.1}[instrument.size_unit] * count
        )

    @rule(move=st.integers(-12, 12), basis=st.integers(-30, 30), seconds=st.integers(1, 100_000))
    def time_passes(self, move: int, basis: int, seconds: int) -> None:
        index = self.harness.index * (1 + move / 100)
        fair: Any = {"BTC_PERPETUAL": index * (1 + basis / 10_000)}
        self.harness.prices(index, later_s=seconds, **fair)

    @rule(move=st.integers(-25, 25))
    def crash(self, move: int) -> None:
        """Prices jump, and somebody deals where they have landed."""
        self.harness.prices(self.harness.index * (1 + move / 100))
        for instrument in LISTED:
            for side in (-1, 1):
                size = {"quote": 3_000_000.0, "base": 10.0}[instrument.size_unit] * side
                self.harness.order(MAKER, instrument, size, near(instrument, self.harness, -side))
        for _ in range(8):
            self.harness.prices(self.harness.index)
        self.harness.do(CancelMany, account=MAKER)

    @rule(instrument=st.sampled_from([WEEKLY_CALL, QUARTERLY]))
    def an_expiry_comes(self, instrument: Instrument) -> None:
        left = instrument.expiration_ns - self.harness.now
        self.harness.prices(later_s=max(1, left // SECOND_NS))

    @rule(account=ACCOUNTS, share=st.floats(0.01, 1.5), currency=st.sampled_from(["BTC", "USDC"]))
    def withdraw(self, account: int, share: float, currency: str) -> None:
        units = round(self.harness.balance(account, currency) * share * UNITS)
        self.harness.do(Withdraw, account=account, currency=currency, units=units)

    @rule(account=ACCOUNTS, model=st.sampled_from(["segregated_sm", "segregated_pm"]))
    def change_model(self, account: int, model: str) -> None:
        self.harness.do(SetMarginModel, account=account, model=model)

    @rule()
    def restart(self) -> None:
        state = self.harness.accounts.freeze()
        sums = self.sums()
        self.harness.accounts.thaw(state)
        assert self.harness.accounts.freeze() == state
        assert self.sums() == sums

    @invariant()
    def the_sum_is_zero(self) -> None:
        for currency in CURRENCIES:
            assert self.harness.accounts.imbalance(currency) == 0

    @invariant()
    def every_long_has_a_short(self) -> None:
        for instrument in LISTED:
            assert not sum(
                self.harness.accounts.position(account, instrument.name) for account in range(1, 7)
            )

    @invariant()
    def sums_are_those_of_a_fresh_look(self) -> None:
        before = self.sums()
        self.harness.accounts.standings.refresh_all()
        assert self.sums() == before

    @invariant()
    def what_is_left_over_is_only_rounding(self) -> None:
        """The pot holds funding that some have paid and others not yet got; beside that a unit or so per share."""
        accounts = self.harness.accounts
        for currency, house in accounts.ledger.houses.items():
            due = sum(
                meter.due(position.lots, position.reading)
                for name, meter in accounts.pricing.funding.items()
                for account in accounts.ledger.accounts.values()
                if (position := account.positions.get(name)) and accounts.settlement_of[name] == currency
            )
            assert abs(house.rounding + due) < 500

    def sums(self) -> list[tuple[float, ...]]:
        harness = self.harness
        return [
            (
                harness.equity(account, currency),
                harness.initial(account, currency),
                harness.maintenance(account, currency),
            )
            for account in range(1, 6)
            for currency in ("BTC", "USDC")
        ]


Money.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
TestMoney = Money.TestCase


def test_the_machine_reaches_trades_liquidations_and_expiries() -> None:
    """The rules above can do what they are for; a machine that trades nothing proves nothing."""
    harness = ExchangeHarness(fees=HARSH)
    for account in (1, 2):
        harness.deposit(account, 3.0)
    perpetual = LISTED[0]
    assert refusal(harness.order(1, perpetual, 600_000, 60_000.0)) is None
    assert refusal(harness.order(2, perpetual, -600_000, 60_000.0)) is None
    harness.order(2, perpetual, 4_000_000, 42_000.0)
    for _ in range(4):
        harness.prices(42_000.0)
    assert harness.accounts.ledger.house("BTC").insurance > 0
    assert harness.balanced()
