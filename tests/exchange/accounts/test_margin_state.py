"""What an order needs is known without making every line anew, and is what a fresh look at everything finds."""

from bisect import bisect_left
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.exchange.accounts.account_records import SetMarginModel
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.ledger import OpenOrder
from deltawire.exchange.orders.records import CancelMany
from deltawire.model.instruments import Instrument
from tests.support.contracts import CALL, LINEAR, PERPETUAL, QUARTERLY
from tests.support.effort import examples
from tests.support.exchange_harness import ExchangeHarness

ALICE, BOB = 1, 2
MANY = 1 << 24
"""More lots than she ever could have."""
INSTRUMENTS = st.sampled_from([PERPETUAL, PERPETUAL, QUARTERLY, LINEAR, CALL])
COUNTS = st.integers(-60, 60).filter(bool)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("rest"), INSTRUMENTS, COUNTS),
        st.tuples(st.just("trade"), INSTRUMENTS, COUNTS),
        st.tuples(st.just("cancel")),
        st.tuples(st.just("move"), st.integers(-4, 4)),
        st.tuples(st.just("model"), st.sampled_from(["segregated_sm", "segregated_sm", "segregated_pm"])),
        st.tuples(st.just("probe"), INSTRUMENTS, st.sampled_from([1, -1]), st.booleans()),
    ),
    min_size=4,
    max_size=25,
)


class MarginWalk:
    """Alice does things that nobody looks at, and asks now and then what she may."""

    def __init__(self) -> None:
        self.harness = ExchangeHarness()
        for account, coins in ((ALICE, 2.0), (BOB, 1e5)):
            self.harness.deposit(account, coins)
            self.harness.deposit(account, 60_000.0 * coins, "USDC")
        self.answers: list[float] = []

    def rest(self, instrument: Instrument, count: int) -> None:
        away = 0.5 if count > 0 else 1.5
        self.harness.order(ALICE, instrument, _size(instrument, count), _price(instrument, away))

    def trade(self, instrument: Instrument, count: int) -> None:
        self.harness.order(BOB, instrument, -_size(instrument, count), _price(instrument, 1.0))
        self.harness.order(
            ALICE, instrument, _size(instrument, count), _price(instrument, 1.0),
            time_in_force="immediate_or_cancel",
        )  # fmt: skip
        self.harness.do(CancelMany, account=BOB)

    def cancel(self) -> None:
        self.harness.do(CancelMany, account=ALICE)

    def move(self, percent: int) -> None:
        self.harness.prices(60_000.0 * (1 + percent / 100))

    def model(self, model: str) -> None:
        self.harness.do(SetMarginModel, account=ALICE, model=model)

    def probe(self, instrument: Instrument, sign: int, replacing: bool) -> None:
        """Ask for the most that a fresh look allows, and for one lot more."""
        mine = self.harness.accounts.ledger.account(ALICE).orders.values()
        old = next((each for each in mine if replacing and each.instrument == instrument.name), None)
        fresh = Accounts()
        fresh.thaw(self.harness.accounts.freeze())
        most = bisect_left(
            range(MANY), True, key=lambda lots: not _defined(fresh, instrument, lots * sign, old)
        )
        for lots in (most, most - 1):
            enough = _bears(self.harness.accounts, instrument, lots * sign, old)
            assert enough == _defined(fresh, instrument, lots * sign, old)
        self.answers.append(most * 10**instrument.size_exponent)


def _order(instrument: Instrument, lots: int) -> OpenOrder:
    ticks = round(_price(instrument, 1.0) * 10**-instrument.price_exponent)
    return OpenOrder(instrument.name, 1 if lots > 0 else -1, abs(lots), ticks, False)


def _bears(accounts: Accounts, instrument: Instrument, lots: int, old: OpenOrder | None) -> bool:
    account = accounts.ledger.account(ALICE)
    return accounts.standings.has_funds_for(account, instrument, _order(instrument, lots), old)


def _defined(accounts: Accounts, instrument: Instrument, lots: int, old: OpenOrder | None) -> bool:
    """An order may be that does not raise the initial margin, or by no more than is available."""
    account, standings = accounts.ledger.account(ALICE), accounts.standings
    more = standings.more_margin(account, instrument, _order(instrument, lots), old)
    return more <= 0 or more <= standings.available(account, instrument.settlement)


def _size(instrument: Instrument, count: int) -> float:
    return {"quote": 100_000.0, "base": 1.0}[instrument.size_unit] * count


def _price(instrument: Instrument, share: float) -> float:
    return (0.05 if instrument.kind == "option" else 60_000.0) * share


def act(steps: list[Any]) -> list[float]:
    """The sizes that were too much, one for each probe."""
    walk = MarginWalk()
    for name, *details in steps:
        getattr(walk, name)(*details)
    return walk.answers


@settings(max_examples=examples(40))
@given(STEPS)
def test_an_order_is_borne_when_a_fresh_look_at_all_lines_says_so(steps: list[Any]) -> None:
    act(steps)


def test_orders_that_nobody_looked_at_count() -> None:
    steps: list[Any] = [
        ("probe", PERPETUAL, 1, False),
        ("rest", PERPETUAL, 20),
        ("probe", PERPETUAL, 1, False),
        ("rest", QUARTERLY, 20),
        ("probe", PERPETUAL, 1, False),
        ("probe", PERPETUAL, -1, False),
        ("cancel",),
        ("probe", PERPETUAL, 1, False),
    ]
    all_of_it, less, least, other_side, again = act(steps)
    assert all_of_it - less == 20 * 100_000
    assert least < less
    assert other_side == least + 20 * 100_000
    assert again == all_of_it


def test_orders_that_new_prices_made_dearer_count() -> None:
    before, after = act(
        [
            ("rest", QUARTERLY, 40),
            ("probe", PERPETUAL, 1, False),
            ("move", -4),
            ("probe", PERPETUAL, 1, False),
        ]
    )
    assert after < before
