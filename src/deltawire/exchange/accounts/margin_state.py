"""The margin of every account in every currency, updated instrument by instrument."""

from typing import Any

from deltawire.exchange.accounts.ledger import Account, Ledger, OpenOrder
from deltawire.exchange.accounts.margining import (
    NO_EXPOSURE,
    NO_LINE,
    CurrencyMargin,
    Exposure,
    Margining,
    exposures,
    worst_lots,
)
from deltawire.exchange.accounts.portfolios import Portfolios
from deltawire.exchange.orders.orders import AccountId
from deltawire.exchange.pricing.pricing import Pricing
from deltawire.model.instruments import Instrument

Key = tuple[AccountId, str]


class MarginState:
    """Equity, margin balance and margins of each account, in whole units of each currency.

    equity = balance + session profit of futures + value of options. Under standard margin the value of options is not
    collateral: margin balance = equity − options value. Under portfolio margin it is, because the matrix includes
    possible losses of the options.
    """

    def __init__(
        self, ledger: Ledger, pricing: Pricing, margining: Margining, portfolios: Portfolios
    ) -> None:
        self._ledger = ledger
        self._pricing = pricing
        self._margining = margining
        self._portfolios = portfolios
        self._standings: dict[Key, CurrencyMargin] = {}
        self._matrices: dict[Key, tuple[int, int, int]] = {}
        self._stale: dict[Key, dict[str, Instrument]] = {}
        """Margins of instruments that must be computed again before they are read."""
        self._reserving: dict[Key, dict[str, Instrument]] = {}
        """Margins of instruments of which only open orders have changed."""
        self._exposures = {
            number: exposures(account.orders.values()) for number, account in ledger.accounts.items()
        }

    def standing(self, account: Account, currency: str) -> CurrencyMargin:
        """The sums of an account in a currency."""
        key = account.id, currency
        if stale := self._stale.pop(key, None):
            for instrument in stale.values():
                self._renew(account, instrument)
        if reserving := self._reserving.pop(key, None):
            for name, instrument in reserving.items():
                if not stale or name not in stale:
                    self._reserve(account, instrument)
        margin = self._standings.get(key)
        return self._sums(key) if margin is None else margin

    def _around(self, account: Account, instrument: Instrument) -> CurrencyMargin:
        """The same sums, except that changes of open orders in this instrument may not be included yet."""
        key, name = (account.id, instrument.settlement), instrument.name
        reserving = self._reserving.get(key)
        if self._stale.get(key) or (reserving and (len(reserving) > 1 or name not in reserving)):
            return self.standing(account, instrument.settlement)
        return self._sums(key)

    def _held(self, account: Account, currency: str) -> CurrencyMargin:
        """The same sums without instruments that have open orders only, whose update is deferred."""
        key = account.id, currency
        sums = self._sums(key)
        if stale := self._stale.get(key):
            lines, positions = sums.lines, account.positions
            reserving = self._reserving.get(key, {})
            for name in [name for name in stale if name in positions or lines.get(name, NO_LINE).held]:
                self._renew(account, stale.pop(name))
                reserving.pop(name, None)
        return sums

    def _sums(self, key: Key) -> CurrencyMargin:
        margin = self._standings.get(key)
        if margin is None:
            margin = self._standings[key] = CurrencyMargin()
        return margin

    def forget(self, number: AccountId) -> None:
        """The account has ended."""
        self._exposures.pop(number, None)
        keys: tuple[dict[Key, Any], ...] = (self._standings, self._matrices, self._stale, self._reserving)
        for kept in keys:
            for key in [key for key in kept if key[0] == number]:
                del kept[key]

    def exposure(self, account: Account, name: str) -> Exposure:
        """An account's open orders in an instrument."""
        exposures = self._exposures.get(account.id)
        return NO_EXPOSURE if exposures is None else exposures.get(name, NO_EXPOSURE)

    def reserved(self, account: Account, name: str, old: OpenOrder | None, new: OpenOrder | None) -> None:
        """The open part of an order changed from `old` to `new`."""
        exposures = self._exposures.get(account.id)
        if exposures is None:
            exposures = self._exposures[account.id] = {}
        exposure = exposures.get(name)
        if exposure is None:
            exposure = exposures[name] = Exposure()
        if old:
            exposure.add(old, -1)
        if new:
            exposure.add(new)
        instrument = self._pricing.instruments.get(name)
        if instrument is None or not (exposure.buy_lots or exposure.sell_lots):
            del exposures[name]
        if instrument is None:
            return
        if instrument.kind == "future" and account.model == "segregated_sm":
            key = account.id, instrument.settlement
            reserving = self._reserving.get(key)
            if reserving is None:
                reserving = self._reserving[key] = {}
            reserving[name] = instrument
        else:
            self.refresh(account, instrument)

    def refresh(self, account: Account, instrument: Instrument) -> None:
        """The account's margin in this instrument may have changed."""
        key = account.id, instrument.settlement
        stale = self._stale.get(key)
        if stale is None:
            stale = self._stale[key] = {}
        stale[instrument.name] = instrument

    def _renew(self, account: Account, instrument: Instrument) -> None:
        currency, name = instrument.settlement, instrument.name
        exposure = self.exposure(account, name)
        fallback = 0.0 if name in self._pricing.marks else _order_price(instrument, exposure)
        line = self._margining.line(account, instrument, exposure, fallback)
        self._sums((account.id, currency)).put(name, line)
        self._matrices.pop((account.id, currency), None)

    def _reserve(self, account: Account, instrument: Instrument) -> None:
        """Only open orders of the instrument have changed, and with them the initial margin."""
        name = instrument.name
        sums = self._sums((account.id, instrument.settlement))
        old, mark = sums.lines.get(name), self._pricing.marks.get(name)
        if old is None or mark is None:
            self._renew(account, instrument)
            return
        exposure, position = self.exposure(account, name), account.positions.get(name)
        lots = position.lots if position else 0
        worst = worst_lots(lots, exposure.buy_lots, exposure.sell_lots)
        sums.put(name, old.reserving(self._margining.future_initial(instrument, worst, mark)))

    def refresh_account(self, account: Account) -> None:
        """Anything of the account may have changed."""
        names = {*account.positions, *self._exposures.get(account.id, ())}
        for currency in account.wallets:
            names |= self._sums((account.id, currency)).lines.keys()
            self._matrices.pop((account.id, currency), None)
        for name in sorted(names):
            instrument = self._pricing.instruments.get(name)
            if instrument is not None:
                self.refresh(account, instrument)

    def refresh_all(self) -> None:
        """Prices have changed."""
        for account in self._ledger.accounts.values():
            self.refresh_account(account)

    def dropped(self, account: Account, instrument: Instrument) -> None:
        """The instrument has ended."""
        key = account.id, instrument.settlement
        self._stale.get(key, {}).pop(instrument.name, None)
        self._reserving.get(key, {}).pop(instrument.name, None)
        self._sums(key).put(instrument.name, NO_LINE)
        self._matrices.pop(key, None)

    def has_funds_for(
        self, account: Account, instrument: Instrument, new: OpenOrder, old: OpenOrder | None
    ) -> bool:
        """Whether the funds cover an order (replacing another), or it does not raise the initial margin."""
        if self._affords_future(account, instrument, new, old):
            return True
        added = self.more_margin(account, instrument, new, old)
        return added <= 0 or added <= self.available(account, instrument.settlement)

    def _affords_future(
        self, account: Account, instrument: Instrument, new: OpenOrder, old: OpenOrder | None
    ) -> bool:
        """Whether the funds cover the initial margin including the order, for a future under standard margin.

        The present margin of this instrument cancels out, so it is not computed.
        """
        mark = self._pricing.marks.get(instrument.name)
        if mark is None or instrument.kind != "future" or account.model != "segregated_sm":
            return False
        sums = self._around(account, instrument)
        line = sums.lines.get(instrument.name, NO_LINE)
        worst = self._worst(account, instrument, new, old)
        whole = sums.initial - line.initial + self._margining.future_initial(instrument, worst, mark)
        return whole <= account.wallet(instrument.settlement).balance + sums.upl + sums.rpl

    def _worst(self, account: Account, instrument: Instrument, new: OpenOrder, old: OpenOrder | None) -> int:
        """The largest position in a future that its open orders could lead to, including the new one."""
        now, position = self.exposure(account, instrument.name), account.positions.get(instrument.name)
        buys, sells = now.buy_lots, now.sell_lots
        for order, way in ((new, 1), (old, -1)):
            if order is not None and not order.reduce_only:
                if order.sign > 0:
                    buys += way * order.lots
                else:
                    sells += way * order.lots
        return worst_lots(position.lots if position else 0, buys, sells)

    def more_margin(
        self, account: Account, instrument: Instrument, new: OpenOrder, old: OpenOrder | None
    ) -> int:
        """The amount by which an order (replacing another) would raise the initial margin."""
        if instrument.kind == "future" and account.model == "segregated_sm":
            return self._more_future(account, instrument, new, old)
        now = self.exposure(account, instrument.name)
        then = Exposure()
        then.buy_lots, then.buy_ticks = now.buy_lots, now.buy_ticks
        then.sell_lots, then.sell_ticks = now.sell_lots, now.sell_ticks
        if old:
            then.add(old, -1)
        then.add(new)
        if account.model == "segregated_pm":
            changed = {**self._exposures.get(account.id, {}), instrument.name: then}
            initial, _, _ = self._portfolios.margins(account, instrument.settlement, changed)
            return initial - self.initial(account, instrument.settlement)
        before = self.standing(account, instrument.settlement).lines.get(instrument.name)
        price = instrument.price(new.price_ticks)
        after = self._margining.line(account, instrument, then, price)
        return after.initial - (before.initial if before else 0)

    def _more_future(
        self, account: Account, instrument: Instrument, new: OpenOrder, old: OpenOrder | None
    ) -> int:
        """The same for a future under standard margin, without computing the whole margin of the instrument."""
        name, worst = instrument.name, self._worst(account, instrument, new, old)
        mark = self._pricing.marks.get(name, instrument.price(new.price_ticks))
        before = self.standing(account, instrument.settlement).lines.get(name)
        whole = self._margining.future_initial(instrument, worst, mark)
        return whole - (before.initial if before else 0)

    def equity(self, account: Account, currency: str) -> int:
        """All assets of the account at present mark prices."""
        margin = self.standing(account, currency)
        return account.wallet(currency).balance + margin.upl + margin.rpl + margin.options_value

    def margin_balance(self, account: Account, currency: str) -> int:
        """The balance that is compared with margins."""
        margin = self.standing(account, currency)
        own = account.wallet(currency).balance + margin.upl + margin.rpl
        return own + margin.options_value if account.model == "segregated_pm" else own

    def initial(self, account: Account, currency: str) -> int:
        """The initial margin, including open orders."""
        if account.model == "segregated_pm":
            return self._matrix(account, currency)[0]
        return self.standing(account, currency).initial

    def maintenance(self, account: Account, currency: str) -> int:
        """The maintenance margin of the positions."""
        if account.model == "segregated_pm":
            return self._matrix(account, currency)[1]
        return self.standing(account, currency).maintenance

    def position_initial(self, account: Account, currency: str) -> int:
        """The initial margin without open orders."""
        if account.model == "segregated_pm":
            return self._matrix(account, currency)[2]
        return self.standing(account, currency).position_initial

    def available(self, account: Account, currency: str) -> int:
        """Funds for new orders; below zero if the initial margin is not covered."""
        if account.model == "segregated_sm":
            margin = self.standing(account, currency)
            return account.wallet(currency).balance + margin.upl + margin.rpl - margin.initial
        return self.margin_balance(account, currency) - self.initial(account, currency)

    def free(self, account: Account, currency: str) -> int:
        """Funds that may be withdrawn: available funds without this session's profit."""
        profit = self.standing(account, currency)
        unsettled = max(profit.upl + profit.rpl, 0)
        value = self._options_value(account, currency) if account.model == "segregated_pm" else 0
        return max(0, self.available(account, currency) - unsettled - max(value, 0))

    def covered(self, account: Account, currency: str) -> bool:
        """Whether the margin balance covers the maintenance margin."""
        if account.model == "segregated_sm":
            held = self._held(account, currency)
            return account.wallet(currency).balance + held.upl + held.rpl >= held.maintenance
        return self.margin_balance(account, currency) >= self.maintenance(account, currency)

    def _options_value(self, account: Account, currency: str) -> int:
        return self.standing(account, currency).options_value

    def _matrix(self, account: Account, currency: str) -> tuple[int, int, int]:
        self.standing(account, currency)
        key = account.id, currency
        matrix = self._matrices.get(key)
        if matrix is None:
            exposures = self._exposures.get(account.id, {})
            matrix = self._matrices[key] = self._portfolios.margins(account, currency, exposures)
        return matrix


def _order_price(instrument: Instrument, exposure: Exposure) -> float:
    """The mean price of open orders, used while there is no mark price."""
    lots = exposure.buy_lots + exposure.sell_lots
    ticks = exposure.buy_ticks + exposure.sell_ticks
    return instrument.price(1) * ticks / lots if lots else 0.0
