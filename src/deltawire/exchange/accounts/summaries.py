"""Accounts as shown to their owners, with Deribit's names and meanings (docs.deribit.com, get_account_summary).

Amounts are doubles of coins or dollars; greeks are in dollars, delta in coin.
"""

from typing import Any

from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.ledger import Account, Wallet
from deltawire.exchange.accounts.margining import NO_LINE, Exposure
from deltawire.exchange.accounts.positions import Position, average_price
from deltawire.exchange.accounts.standard_margin import liquidation_price
from deltawire.exchange.instruments.contracts import DECIMALS, UNITS, worth_at
from deltawire.exchange.orders.orders import AccountId
from deltawire.model.instruments import Instrument

GREEKS = ("gamma", "vega", "theta")


def account_summary(accounts: Accounts, number: AccountId, currency: str) -> dict[str, Any]:
    """One currency of an account: the result of `get_account_summary`, the data of `user.portfolio`.

    Without money every amount is zero.
    """
    account = accounts.ledger.accounts.get(number) or Account(number)
    wallet = account.wallets.get(currency) or Wallet()
    standings = accounts.standings
    standing = standings.standing(account, currency)
    margin_balance = standings.margin_balance(account, currency)
    maintenance = standings.maintenance(account, currency)
    options = _options(accounts, account, currency)
    deltas = _deltas(accounts, account, currency)
    session = options["options_session_upl"] + options["options_session_rpl"]
    projected = _projected(accounts, account, currency)
    return {
        "currency": currency,
        "balance": _coins(wallet.balance),
        "equity": _coins(standings.equity(account, currency)),
        "margin_balance": _coins(margin_balance),
        "available_funds": _coins(standings.available(account, currency)),
        "available_withdrawal_funds": 0.0
        if wallet.liquidating
        else _coins(standings.free(account, currency)),
        "initial_margin": _coins(standings.initial(account, currency)),
        "maintenance_margin": _coins(maintenance),
        "projected_initial_margin": _coins(projected[0]),
        "projected_maintenance_margin": _coins(projected[1]),
        "session_upl": round(_coins(standing.upl) + options["options_session_upl"], DECIMALS),
        "session_rpl": round(_coins(standing.rpl) + options["options_session_rpl"], DECIMALS),
        "futures_session_upl": _coins(standing.upl),
        "futures_session_rpl": _coins(standing.rpl),
        "futures_pl": _coins(standing.upl + standing.rpl),
        "total_pl": round(_coins(standing.upl + standing.rpl) + session, DECIMALS),
        "delta_total": sum(deltas.values(), 0.0),
        "delta_total_map": deltas,
        "projected_delta_total": sum(_deltas(accounts, account, currency, beyond=True).values(), 0.0),
        "fee_balance": 0.0,
        "spot_reserve": 0.0,
        "additional_reserve": 0.0,
        "locked_balance": 0.0,
        "estimated_liquidation_ratio": maintenance / margin_balance if margin_balance > 0 else 0.0,
        "margin_model": account.model,
        "portfolio_margining_enabled": account.model == "segregated_pm",
        "cross_collateral_enabled": False,
        **options,
    }


def position_summary(accounts: Accounts, number: AccountId, name: str) -> dict[str, Any]:
    """One position, an entry of `get_positions`; size and profit are zero if there is none."""
    account = accounts.ledger.accounts.get(number) or Account(number)
    instrument = accounts.instrument(name)
    position = account.positions.get(name) or Position(instrument.kind == "future")
    standings, pricing = accounts.standings, accounts.pricing
    line = standings.standing(account, instrument.settlement).lines.get(name, NO_LINE)
    mark, index = pricing.marks.get(name, 0.0), pricing.index.get(instrument.index_name, 0.0)
    lots = position.lots
    floating = _coins(line.upl if position.margined else line.options_value - position.cost)
    found: dict[str, Any] = {
        "instrument_name": name,
        "kind": instrument.kind,
        "direction": "zero" if not lots else "buy" if lots > 0 else "sell",
        "size": instrument.size(lots),
        "average_price": average_price(instrument, lots, position.basis),
        "mark_price": round(mark, 6 if instrument.kind == "option" else 2),
        "index_price": round(index, 2),
        "settlement_price": average_price(instrument, lots, position.cost),
        "initial_margin": _coins(line.position_initial),
        "maintenance_margin": _coins(line.maintenance),
        "open_orders_margin": _coins(line.initial - line.position_initial),
        "floating_profit_loss": floating,
        "realized_profit_loss": _coins(position.realised),
        "total_profit_loss": _coins(worth_at(instrument, mark, lots) - position.basis) if mark else 0.0,
        "delta": _delta(accounts, instrument, lots),
    }
    if instrument.kind == "option":
        found |= {greek: _greek(accounts, instrument, lots, greek) for greek in GREEKS}
        return found
    found["size_currency"] = _size_in_coin(instrument, lots, mark)
    found["leverage"] = round(1 / accounts.margins.coin(instrument.base).future.initial)
    found["realized_funding"] = _coins(position.funding)
    if account.model == "segregated_sm" and lots:
        found["estimated_liquidation_price"] = _liquidation_price(accounts, account, instrument, position)
    return found


def margins(accounts: Accounts, instrument: Instrument, lots: int, price: float) -> dict[str, float]:
    """The margin of buying or selling this amount at a price alone: the result of `get_margins`."""
    found = {}
    for side, way in (("buy", 1), ("sell", -1)):
        exposure = Exposure()
        ticks = round(price / instrument.price(1)) * lots
        if way > 0:
            exposure.buy_lots, exposure.buy_ticks = lots, ticks
        else:
            exposure.sell_lots, exposure.sell_ticks = lots, ticks
        found[side] = _coins(accounts.margining.line(Account(0), instrument, exposure, price).initial)
    return found


def _coins(units: int) -> float:
    return units / UNITS


def _held(accounts: Accounts, account: Account, currency: str) -> list[tuple[Instrument, Position]]:
    listed = accounts.pricing.instruments
    return [
        (listed[name], position)
        for name, position in account.positions.items()
        if listed[name].settlement == currency
    ]


def _size_in_coin(instrument: Instrument, lots: int, mark: float) -> float:
    size = instrument.size(lots)
    if instrument.inverse and instrument.kind == "future":
        return size / mark if mark else 0.0
    return size


def _left(accounts: Accounts, instrument: Instrument) -> float:
    """In its last half hour, the delta of an option decreases with the part of the mean that is fixed."""
    average = accounts.pricing.deliveries.get(instrument.index_name)
    if average is None or average.at_ns != instrument.expiration_ns:
        return 1.0
    return 1.0 - average.elapsed


def _delta(accounts: Accounts, instrument: Instrument, lots: int) -> float:
    """Delta in coin; for an inverse option net of its premium, which is coin, too."""
    mark = accounts.pricing.marks.get(instrument.name, 0.0)
    if instrument.kind == "future":
        return _size_in_coin(instrument, lots, mark) * _left(accounts, instrument)
    option = accounts.pricing.options.get(instrument.name)
    if option is None:
        return 0.0
    net = option.value.delta - (mark if instrument.inverse else 0.0)
    return instrument.size(lots) * net * _left(accounts, instrument)


def _greek(accounts: Accounts, instrument: Instrument, lots: int, greek: str) -> float:
    option = accounts.pricing.options.get(instrument.name)
    value: float = getattr(option.value, greek) if option else 0.0
    return instrument.size(lots) * value


def _deltas(accounts: Accounts, account: Account, currency: str, *, beyond: bool = False) -> dict[str, float]:
    """Net delta by index; with `beyond`, without instruments that expire at the next settlement."""
    found: dict[str, float] = {}
    for instrument, position in _held(accounts, account, currency):
        if beyond and instrument.expiration_ns <= accounts.settlement.settle_ns:
            continue
        delta = _delta(accounts, instrument, position.lots)
        found[instrument.index_name] = found.get(instrument.index_name, 0.0) + delta
    return found


def _options(accounts: Accounts, account: Account, currency: str) -> dict[str, Any]:
    """All `options_` members; delta is not net of premiums here."""
    held = [
        (instrument, position)
        for instrument, position in _held(accounts, account, currency)
        if instrument.kind == "option"
    ]
    value = accounts.standings.standing(account, currency).options_value
    cost = sum(position.cost for _, position in held)
    realised = sum(position.realised for _, position in held)
    found: dict[str, Any] = {
        "options_value": _coins(value),
        "options_pl": _coins(value - cost + realised),
        "options_session_upl": _coins(value - cost),
        "options_session_rpl": _coins(realised),
        "options_delta": sum(
            (
                instrument.size(position.lots) * option.value.delta
                for instrument, position in held
                if (option := accounts.pricing.options.get(instrument.name))
            ),
            0.0,
        ),
    }
    for greek in GREEKS:
        by_index: dict[str, float] = {}
        for instrument, position in held:
            amount = _greek(accounts, instrument, position.lots, greek)
            by_index[instrument.index_name] = by_index.get(instrument.index_name, 0.0) + amount
        found[f"options_{greek}"] = sum(by_index.values(), 0.0)
        found[f"options_{greek}_map"] = by_index
    return found


def _projected(accounts: Accounts, account: Account, currency: str) -> tuple[int, int]:
    """Margins without instruments that expire at the next settlement; portfolio margin is not split."""
    standings = accounts.standings
    initial, maintenance = standings.initial(account, currency), standings.maintenance(account, currency)
    for name, line in standings.standing(account, currency).lines.items():
        if accounts.instrument(name).expiration_ns <= accounts.settlement.settle_ns:
            initial -= line.initial
            maintenance -= line.maintenance
    return initial, maintenance


def _liquidation_price(
    accounts: Accounts, account: Account, instrument: Instrument, position: Position
) -> float | None:
    """The price at which this position alone would use up the margin balance that the others leave."""
    currency = instrument.settlement
    standings = accounts.standings
    line = standings.standing(account, currency).lines.get(instrument.name, NO_LINE)
    rest = standings.margin_balance(account, currency) - line.upl
    rest -= standings.maintenance(account, currency) - line.maintenance
    return liquidation_price(
        accounts.margins.coin(instrument.base).future,
        instrument.size(position.lots),
        average_price(instrument, position.lots, position.cost),
        _coins(rest),
        inverse=instrument.inverse,
    )
