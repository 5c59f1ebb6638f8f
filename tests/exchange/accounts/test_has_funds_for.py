"""At every order of a random market, the quick answer to "are there funds?" is the rule's, asked of fresh sums."""

from random import Random
from typing import Any

import pytest

from deltawire.exchange.accounts.account_records import SetMarginModel, Withdraw
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.ledger import Account, OpenOrder
from deltawire.exchange.accounts.margining import CurrencyMargin
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.instruments.contracts import UNITS
from deltawire.exchange.orders.records import Cancel, CancelMany, Edit
from deltawire.model.instruments import Instrument
from tests.support.contracts import CALL, LINEAR, LINEAR_CALL, PERPETUAL, PUT, QUARTERLY, WEEKLY_CALL
from tests.support.exchange_harness import CURRENCIES, ExchangeHarness

MAKER, TRADERS = 9, (1, 2, 3)
FUTURES = (PERPETUAL, QUARTERLY, LINEAR)
ANY = (*FUTURES, *FUTURES, CALL, PUT, WEEKLY_CALL, LINEAR_CALL)
BEYOND = 1 << 34
"""More lots than anybody has funds for."""


def _sums(found: CurrencyMargin) -> tuple[Any, ...]:
    return (
        {name: line for name, line in found.lines.items() if any(line)},
        (found.upl, found.rpl, found.options_value),
        (found.initial, found.maintenance, found.position_initial),
    )


class Market:
    """Traders do as chance says; every answer about funds is compared with that of accounts made afresh."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.harness = ExchangeHarness()
        self.asked: list[tuple[bool, bool]] = []
        """Of each order looked at: whether it was borne, and whether the quick look sufficed."""
        self.harness.deposit(MAKER, 1e6)
        self.harness.deposit(MAKER, 1e9, "USDC")
        for trader in TRADERS:
            for currency, scale in (("BTC", 1.0), ("USDC", 50_000.0)):
                if self.chance.random() < 0.8:
                    self.harness.deposit(
                        trader, scale * self.chance.choice([0.001, 0.3, 2.0, 40.0]), currency
                    )
        self._watch(self.harness.accounts)

    def _watch(self, accounts: Accounts) -> None:
        """Compare whenever it is asked."""
        standings = accounts.standings
        has_funds_for, quick = standings.has_funds_for, standings._affords_future

        def compared(account: Account, instrument: Instrument, new: OpenOrder, old: OpenOrder | None) -> bool:
            fresh = Accounts()
            fresh.thaw(accounts.freeze())
            theirs = fresh.ledger.accounts[account.id]
            more = fresh.standings.more_margin(theirs, instrument, new, old)
            wanted = more <= 0 or more <= fresh.standings.available(theirs, instrument.settlement)
            at_a_glance = quick(account, instrument, new, old)
            enough = has_funds_for(account, instrument, new, old)
            assert enough == wanted, (account.id, instrument.name, new, old)
            assert wanted or not at_a_glance
            self.asked.append((enough, at_a_glance))
            return enough

        standings.has_funds_for = compared  # type: ignore[method-assign]

    def act(self) -> None:
        """One thing happens."""
        done = self.chance.choices(
            [self.order, self.border, self.edit, self.cancel, self.move, self.model, self.withdraw,
             self.time_passes, self.look],
            [40, 12, 14, 5, 10, 3, 3, 1, 4],
        )[0]  # fmt: skip
        done(self.chance.choice(TRADERS))

    def order(self, trader: int) -> None:
        """Any size at any price; the maker may have put something there to trade with."""
        instrument, side = self.chance.choice(ANY), self.chance.choice([1, -1])
        lots, price = self._lots(instrument), self._price(instrument)
        if self.chance.random() < 0.5:
            self.harness.order(MAKER, instrument, -side * _amount(instrument, lots), price)
        terms: Any = {"reduce_only": self.chance.random() < 0.15}
        if self.chance.random() < 0.3:
            terms["time_in_force"] = "immediate_or_cancel"
        at = None if self.chance.random() < 0.1 else price
        self.harness.order(trader, instrument, side * _amount(instrument, lots), at, **terms)
        self.harness.do(CancelMany, account=MAKER)

    def border(self, trader: int) -> None:
        """The most that there are funds for, and a lot more."""
        account = self.harness.accounts.ledger.account(trader)
        instrument, side = self.chance.choice(ANY), self.chance.choice([1, -1])
        old = self.chance.choice([None, *account.orders.values()])
        if old is not None and (old.instrument != instrument.name or old.sign != side):
            old = None
        ticks = round(self._price(instrument) * 10**-instrument.price_exponent)
        step = round(float(instrument.min_trade_size or 1) * 10**-instrument.size_exponent)
        low, high = 0, BEYOND
        has_funds_for = self.harness.accounts.standings.has_funds_for
        if instrument.settlement not in account.wallets:
            return
        while high - low > 1:
            middle = (low + high) // 2
            fits = has_funds_for(
                account, instrument, OpenOrder(instrument.name, side, middle, ticks, False), old
            )
            low, high = (middle, high) if fits else (low, middle)
        for lots in (low, low + 1, low - low % step):
            if lots > 0:
                has_funds_for(account, instrument, OpenOrder(instrument.name, side, lots, ticks, False), old)
        if low >= step and self.chance.random() < 0.5:
            price = ticks * 10**instrument.price_exponent
            self.harness.order(trader, instrument, side * _amount(instrument, low - low % step), price)

    def edit(self, trader: int) -> None:
        """An open order grows, shrinks, moves, or is bound to reduce."""
        orders = self.harness.accounts.ledger.account(trader).orders
        if not orders:
            return
        number = self.chance.choice(list(orders))
        instrument = self.harness.accounts.instrument(orders[number].instrument)
        reduce = self.chance.choice([None, None, None, True, False])
        price = round(self._price(instrument) * 10**-instrument.price_exponent)
        change: dict[str, Any] = {"size_lots": self._lots(instrument)} if self.chance.random() < 0.7 else {}
        if self.chance.random() < 0.5:
            change["price_ticks"] = price
        self.harness.do(Edit, account=trader, order_id=number, reduce_only=reduce, **change)

    def cancel(self, trader: int) -> None:
        """One order goes, or all."""
        orders = self.harness.accounts.ledger.account(trader).orders
        if orders and self.chance.random() < 0.7:
            self.harness.do(Cancel, account=trader, order_id=self.chance.choice(list(orders)))
        else:
            self.harness.do(CancelMany, account=trader)

    def move(self, _: int) -> None:
        """Prices change, mostly a little; a fall by a third leaves some without equity."""
        step = self.chance.choice([0.001, 0.01, 0.05, 0.3]) * self.chance.choice([1, -1])
        index = min(max(self.harness.index * (1 + step), 9_000.0), 300_000.0)
        basis = 1 + self.chance.uniform(-0.003, 0.003)
        fair: Any = {"BTC_PERPETUAL": index * basis}
        self.harness.prices(index, later_s=self.chance.choice([1, 60, 4000]), **fair)

    def model(self, trader: int) -> None:
        """The other margin model, if it lets him."""
        wanted = self.chance.choice(["segregated_sm", "segregated_sm", "segregated_pm"])
        self.harness.do(SetMarginModel, account=trader, model=wanted)

    def withdraw(self, trader: int) -> None:
        """All that is free but a unit or two."""
        account = self.harness.accounts.ledger.account(trader)
        for currency in list(account.wallets):
            free = self.harness.accounts.standings.free(account, currency) - self.chance.choice(
                [0, 1, 2, UNITS]
            )
            self.harness.do(Withdraw, account=trader, currency=currency, units=free)

    def time_passes(self, _: int) -> None:
        """Over a settlement, once over an expiry."""
        left = self.chance.choice([86_400, (WEEKLY_CALL.expiration_ns - self.harness.now) // SECOND_NS])
        if 0 < left < 20 * 86_400:
            self.harness.prices(later_s=left)

    def look(self, trader: int) -> None:
        """Somebody asks for all sums: they are what fresh ones are."""
        fresh = Accounts()
        fresh.thaw(self.harness.accounts.freeze())
        for currency in CURRENCIES:
            mine, theirs = (
                each.standings.standing(each.ledger.account(trader), currency)
                for each in (self.harness.accounts, fresh)
            )
            assert _sums(mine) == _sums(theirs)

    def _lots(self, instrument: Instrument) -> int:
        worth = self.chance.choice([10.0, 3_000.0, 60_000.0, 900_000.0, 6e8]) * self.chance.uniform(1, 2)
        size = worth if instrument.size_unit == "quote" else worth / 60_000.0
        step = round(float(instrument.min_trade_size or 1) * 10**-instrument.size_exponent)
        return max(1, round(size * 10**-instrument.size_exponent) // step) * step

    def _price(self, instrument: Instrument) -> float:
        mark = self.harness.accounts.pricing.marks.get(instrument.name) or self.harness.index
        wanted = round(
            mark * self.chance.choice([0.7, 0.99, 1.0, 1.01, 1.3]) * 10**-instrument.price_exponent
        )
        tick = instrument.tick_at(wanted)
        return float(max(wanted // tick, 1) * tick * 10**instrument.price_exponent)


def _amount(instrument: Instrument, lots: int) -> float:
    return float(instrument.size(lots))


@pytest.mark.parametrize("seed", range(6))
def test_funds_are_found_as_fresh_sums_find_them(seed: int) -> None:
    market = Market(seed)
    for _ in range(150):
        market.act()
    assert market.harness.balanced()
    assert {borne for borne, _ in market.asked} == {True, False}
    assert any(quick for _, quick in market.asked)
