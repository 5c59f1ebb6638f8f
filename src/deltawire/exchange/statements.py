"""What an account is told of its money, margin, greeks and positions, in Deribit's names and meanings.

Source of the names: docs.deribit.com, `private/get_account_summary`, `private/get_positions`. Money is in the
currency itself, margins too. Nothing here changes an account.
"""

from typing import Any

from deltawire.exchange.accounts import Accounts
from deltawire.exchange.contracts import UNITS, worth_at
from deltawire.exchange.ledger import Account, Wallet
from deltawire.exchange.listing import Listings
from deltawire.exchange.margining import NO_LINE, Exposure
from deltawire.exchange.orders import AccountId
from deltawire.exchange.positions import Position, average_price
from deltawire.model.instruments import Instrument

GREEKS = ("gamma", "vega", "theta")


class Statements:
    """Reads accounts."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def currencies(self) -> tuple[str, ...]:
        """What accounts may hold."""
        return tuple(sorted(Listings.currencies()))

    def summary(self, number: AccountId, currency: str) -> dict[str, Any]:
        """One currency of one account; all zero where it holds nothing."""
        account = self._accounts.ledger.accounts.get(number) or Account(number)
        standings = self._accounts.standings
        standing = standings.standing(account, currency)
        wallet = account.wallets.get(currency) or Wallet()
        held = self._held(account, currency)
        options_upl = sum(self._upl(*each) for each in held if each[0].kind == "option")
        upl, rpl = _money(standing.upl), _money(standing.rpl)
        equity = standing.upl + standing.rpl + standing.options_value + wallet.balance
        found: dict[str, Any] = {
            "currency": currency,
            "balance": _money(wallet.balance),
            "equity": _money(equity),
            "session_upl": round(upl + _money(options_upl), 8),
            "session_rpl": rpl,
            "futures_session_upl": upl,
            "futures_session_rpl": rpl,
            "futures_pl": round(upl + rpl, 8),
            "options_session_upl": _money(options_upl),
            "options_session_rpl": 0.0,
            "options_pl": _money(options_upl),
            "options_value": _money(standing.options_value),
            "total_pl": round(upl + rpl + _money(options_upl), 8),
            "fee_balance": 0.0,
            "spot_reserve": 0.0,
            "additional_reserve": 0.0,
            "locked_balance": 0.0,
            "margin_model": account.model,
            "portfolio_margining_enabled": account.model == "segregated_pm",
            "cross_collateral_enabled": False,
        }
        return found | self._margins(account, currency, wallet) | self._greeks(held)

    def positions(self, number: AccountId) -> list[dict[str, Any]]:
        """Every position that is not flat."""
        account = self._accounts.ledger.accounts.get(number)
        if account is None:
            return []
        instruments = self._accounts.pricing.instruments
        return [
            self._position(account, instruments[name], position)
            for name, position in account.positions.items()
            if position.lots and name in instruments
        ]

    def margins(
        self, number: AccountId, instrument: Instrument, lots: int, ticks: int
    ) -> tuple[float, float]:
        """What an order to buy, and one to sell, would need by itself."""
        margining, account = self._accounts.margining, Account(number)
        buying, selling = Exposure(), Exposure()
        buying.buy_lots, buying.buy_ticks = lots, lots * ticks
        selling.sell_lots, selling.sell_ticks = lots, lots * ticks
        price = instrument.price(ticks)
        each = [
            margining.line(account, instrument, exposure, price).initial for exposure in (buying, selling)
        ]
        return _money(each[0]), _money(each[1])

    def _held(self, account: Account, currency: str) -> list[tuple[Instrument, Position]]:
        instruments = self._accounts.pricing.instruments
        return [
            (instruments[name], position)
            for name, position in account.positions.items()
            if position.lots and name in instruments and instruments[name].settlement == currency
        ]

    def _upl(self, instrument: Instrument, position: Position) -> int:
        mark = self._accounts.pricing.marks.get(instrument.name)
        return 0 if mark is None else worth_at(instrument, mark, position.lots) - position.cost

    def _margins(self, account: Account, currency: str, wallet: Wallet) -> dict[str, Any]:
        if currency not in account.wallets:
            initial = maintenance = balance = available = free = 0
        else:
            standings = self._accounts.standings
            initial = standings.initial(account, currency)
            maintenance = standings.maintenance(account, currency)
            balance = standings.margin_balance(account, currency)
            available, free = balance - initial, standings.free(account, currency)
        ratio = round(maintenance / balance, 6) if balance > 0 else 0.0
        return {
            "margin_balance": _money(balance),
            "available_funds": _money(available),
            "available_withdrawal_funds": _money(free),
            "initial_margin": _money(initial),
            "maintenance_margin": _money(maintenance),
            "projected_initial_margin": _money(initial),
            "projected_maintenance_margin": _money(maintenance),
            "estimated_liquidation_ratio": ratio,
            "locked": wallet.liquidating,
        }

    def _greeks(self, held: list[tuple[Instrument, Position]]) -> dict[str, Any]:
        deltas: dict[str, float] = {}
        options_delta = 0.0
        maps: dict[str, dict[str, float]] = {name: {} for name in GREEKS}
        for instrument, position in held:
            index = instrument.index_name
            delta = self._delta(instrument, position)
            deltas[index] = deltas.get(index, 0.0) + delta
            if instrument.kind == "option":
                options_delta += delta
                for name, value in self._option_greeks(instrument, position).items():
                    maps[name][index] = maps[name].get(index, 0.0) + value
        total = round(sum(deltas.values()), 8)
        found: dict[str, Any] = {
            "delta_total": total,
            "projected_delta_total": total,
            "delta_total_map": {name: round(value, 8) for name, value in deltas.items()},
            "options_delta": round(options_delta, 8),
        }
        for name in GREEKS:
            found[f"options_{name}"] = round(sum(maps[name].values()), 8)
            found[f"options_{name}_map"] = {index: round(value, 8) for index, value in maps[name].items()}
        return found

    def _delta(self, instrument: Instrument, position: Position) -> float:
        """In base coin: of an option by its greek, of a future its size at the mark."""
        size = instrument.size(position.lots)
        if instrument.kind == "option":
            priced = self._accounts.pricing.options.get(instrument.name)
            return size * priced.value.delta if priced else 0.0
        mark = self._accounts.pricing.marks.get(instrument.name)
        if not instrument.inverse:
            return size
        return size / mark if mark else 0.0

    def _option_greeks(self, instrument: Instrument, position: Position) -> dict[str, float]:
        priced = self._accounts.pricing.options.get(instrument.name)
        size = instrument.size(position.lots)
        return {name: size * getattr(priced.value, name) if priced else 0.0 for name in GREEKS}

    def _position(self, account: Account, instrument: Instrument, position: Position) -> dict[str, Any]:
        pricing, standings = self._accounts.pricing, self._accounts.standings
        line = standings.standing(account, instrument.settlement).lines.get(instrument.name, NO_LINE)
        mark = pricing.marks.get(instrument.name, 0.0)
        upl = line.upl if instrument.kind == "future" else self._upl(instrument, position)
        realised = position.realised
        found: dict[str, Any] = {
            "instrument_name": instrument.name,
            "kind": instrument.kind,
            "direction": "buy" if position.lots > 0 else "sell",
            "size": instrument.size(position.lots),
            "average_price": _price(average_price(instrument, position.lots, position.basis), instrument),
            "mark_price": mark,
            "index_price": pricing.index.get(instrument.index_name),
            "floating_profit_loss": _money(upl),
            "realized_profit_loss": _money(realised),
            "total_profit_loss": _money(upl + realised),
            "initial_margin": _money(line.position_initial),
            "maintenance_margin": _money(line.maintenance),
            "open_orders_margin": _money(line.initial - line.position_initial),
            "delta": round(self._delta(instrument, position), 8),
            "settlement_price": _price(average_price(instrument, position.lots, position.cost), instrument),
        }
        if instrument.kind == "option":
            return found | self._option_greeks(instrument, position)
        coins = found["size"] / mark if instrument.inverse and mark else found["size"]
        found["size_currency"] = round(coins, 8)
        found["realized_funding"] = _money(position.funding)
        notional = abs(coins) if instrument.inverse else abs(coins) * mark
        margin = found["initial_margin"]
        found["leverage"] = round(notional / margin) if margin else 0
        return found


def _money(units: int) -> float:
    return units / UNITS


def _price(price: float, instrument: Instrument) -> float:
    return round(price, 4 - instrument.price_exponent)
