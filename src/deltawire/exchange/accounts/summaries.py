"""Accounts as their owners see them. Source of the meanings: docs.deribit.com, get_account_summary.

Amounts are doubles of coins or dollars; greeks are in dollars, delta in coin.
"""

from functools import partial
from math import isfinite

import msgspec

from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.ledger import Account, MarginModel, Wallet
from deltawire.exchange.accounts.margin_tables import max_leverage
from deltawire.exchange.accounts.margining import NO_LINE, Exposure
from deltawire.exchange.accounts.positions import Position, average_price
from deltawire.exchange.accounts.standard_margin import liquidation_price
from deltawire.exchange.instruments.contracts import UNITS, worth_at
from deltawire.exchange.orders.orders import AccountId
from deltawire.exchange.pricing.funding import interest_value
from deltawire.model.instruments import Instrument

GREEKS = ("gamma", "vega", "theta")


class OptionsSummary(msgspec.Struct, frozen=True):
    """The options of one currency of an account; `delta` is not net of premiums, greeks are by index."""

    value: float
    profit: float
    session_upl: float
    session_rpl: float
    delta: float
    greeks: dict[str, dict[str, float]]


class CurrencySummary(msgspec.Struct, frozen=True):
    """One currency of an account; of one without money every amount is zero."""

    currency: str
    balance: float
    equity: float
    margin_balance: float
    available: float
    withdrawable: float
    initial_margin: float
    maintenance_margin: float
    projected_initial_margin: float
    projected_maintenance_margin: float
    futures_upl: float
    futures_rpl: float
    futures_profit: float
    deltas: dict[str, float]
    """By index."""
    projected_delta: float
    liquidation_ratio: float
    """How much of the margin balance is needed; at 1 liquidation begins."""
    liquidation_ratios: dict[str, float]
    """The liquidation ratio by index, for standard margin; portfolio margin is not split."""
    margin_model: MarginModel
    options: OptionsSummary


class PositionSummary(msgspec.Struct, frozen=True):
    """One position; size and profit are zero where there is none. `greeks` and dollars are an option's alone."""

    instrument: Instrument
    lots: int
    average_price: float
    settlement_price: float
    mark_price: float
    index_price: float
    initial_margin: float
    maintenance_margin: float
    orders_margin: float
    floating_profit: float
    realised_profit: float
    total_profit: float
    delta: float
    greeks: dict[str, float]
    size_in_coin: float
    leverage: int
    realised_funding: float
    interest_value: float | None
    """What a perpetual's position has paid since it was opened; None of any other."""
    liquidation_price: float | None
    """None where this position alone is never liquidated."""
    average_price_usd: float
    floating_profit_usd: float


def account_summary(accounts: Accounts, number: AccountId, currency: str) -> CurrencySummary:
    """One currency of an account as it stands."""
    account = accounts.ledger.accounts.get(number) or Account(number)
    wallet = account.wallets.get(currency) or Wallet()
    standings = accounts.standings
    standing = standings.standing(account, currency)
    margin_balance = standings.margin_balance(account, currency)
    maintenance = standings.maintenance(account, currency)
    projected = _projected(accounts, account, currency)
    return CurrencySummary(
        currency=currency,
        balance=_coins(wallet.balance),
        equity=_coins(standings.equity(account, currency)),
        margin_balance=_coins(margin_balance),
        available=_coins(standings.available(account, currency)),
        withdrawable=0.0 if wallet.liquidating else _coins(standings.free(account, currency)),
        initial_margin=_coins(standings.initial(account, currency)),
        maintenance_margin=_coins(maintenance),
        projected_initial_margin=_coins(projected[0]),
        projected_maintenance_margin=_coins(projected[1]),
        futures_upl=_coins(standing.upl),
        futures_rpl=_coins(standing.rpl),
        futures_profit=_coins(standing.upl + standing.rpl),
        deltas=_deltas(accounts, account, currency),
        projected_delta=sum(_deltas(accounts, account, currency, beyond=True).values(), 0.0),
        liquidation_ratio=_ratio(maintenance, margin_balance),
        liquidation_ratios=_ratios(accounts, account, currency, margin_balance),
        margin_model=account.model,
        options=_options(accounts, account, currency),
    )


def position_summary(accounts: Accounts, number: AccountId, name: str) -> PositionSummary:
    """One position as it stands."""
    account = accounts.ledger.accounts.get(number) or Account(number)
    instrument = accounts.instrument(name)
    position = account.positions.get(name) or Position(instrument.kind == "future")
    standings, pricing = accounts.standings, accounts.pricing
    line = standings.standing(account, instrument.settlement).lines.get(name, NO_LINE)
    mark, index = pricing.marks.get(name, 0.0), pricing.index.get(instrument.index_name, 0.0)
    lots, option = position.lots, instrument.kind == "option"
    dollars = _in_dollars(instrument, position, mark, index) if option else (0.0, 0.0)
    price: float | None = None
    if not option and account.model == "segregated_sm" and lots:
        price = _liquidation_price(accounts, account, instrument, position)
    return PositionSummary(
        instrument=instrument,
        lots=lots,
        average_price=average_price(instrument, lots, position.basis),
        settlement_price=average_price(instrument, lots, position.cost),
        mark_price=mark,
        index_price=index,
        initial_margin=_coins(line.position_initial),
        maintenance_margin=_coins(line.maintenance),
        orders_margin=_coins(line.initial - line.position_initial),
        floating_profit=_coins(line.upl if position.margined else line.options_value - position.cost),
        realised_profit=_coins(position.realised),
        total_profit=_coins(worth_at(instrument, mark, lots) - position.basis)
        if name in pricing.marks
        else 0.0,
        delta=_delta(accounts, instrument, lots),
        greeks={greek: _greek(accounts, instrument, lots, greek) for greek in GREEKS if option},
        size_in_coin=0.0 if option else _size_in_coin(instrument, lots, mark),
        leverage=0 if option else max_leverage(accounts.margins, instrument.base),
        realised_funding=_coins(position.funding),
        interest_value=interest_value(instrument, position.reading) if instrument.perpetual else None,
        liquidation_price=price if price and isfinite(price) else None,
        average_price_usd=dollars[0],
        floating_profit_usd=dollars[1],
    )


def _in_dollars(instrument: Instrument, option: Position, mark: float, index: float) -> tuple[float, float]:
    """What an option's position cost on average, and has brought, at the index of the trades and of now."""
    size, cost = instrument.size(option.lots), _coins(option.basis_usd)
    worth = mark * size * (index if instrument.inverse else 1.0)
    return round(cost / size, 6) if size else 0.0, round(worth - cost, 6)


def margins(accounts: Accounts, instrument: Instrument, lots: int, price: float) -> tuple[float, float]:
    """What buying, and what selling, so much at a price would need alone."""
    ticks = round(price / instrument.price(1)) * lots
    buy, sell = Exposure(buy_lots=lots, buy_ticks=ticks), Exposure(sell_lots=lots, sell_ticks=ticks)
    line = partial(accounts.margining.line, Account(0), instrument)
    return _coins(line(buy, price).initial), _coins(line(sell, price).initial)


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


def _ratio(maintenance: int, margin_balance: int) -> float:
    """How much of the margin balance is needed; at 1 liquidation begins."""
    return maintenance / margin_balance if margin_balance > 0 else 0.0


def _ratios(accounts: Accounts, account: Account, currency: str, margin_balance: int) -> dict[str, float]:
    """The liquidation ratio by index, for standard margin; portfolio margin is not split."""
    needed: dict[str, int] = {}
    for name, line in accounts.standings.standing(account, currency).lines.items():
        index = accounts.instrument(name).index_name
        needed[index] = needed.get(index, 0) + line.maintenance
    return {index: _ratio(units, margin_balance) for index, units in needed.items()}


def _deltas(accounts: Accounts, account: Account, currency: str, *, beyond: bool = False) -> dict[str, float]:
    """Net delta by index; with `beyond`, without instruments that expire at the next settlement."""
    deltas: dict[str, float] = {}
    for instrument, position in _held(accounts, account, currency):
        if beyond and instrument.expiration_ns <= accounts.settlement.settle_ns:
            continue
        delta = _delta(accounts, instrument, position.lots)
        deltas[instrument.index_name] = deltas.get(instrument.index_name, 0.0) + delta
    return deltas


def _options(accounts: Accounts, account: Account, currency: str) -> OptionsSummary:
    held = [
        (instrument, position)
        for instrument, position in _held(accounts, account, currency)
        if instrument.kind == "option"
    ]
    value = accounts.standings.standing(account, currency).options_value
    cost = sum(position.cost for _, position in held)
    realised = sum(position.realised for _, position in held)
    return OptionsSummary(
        value=_coins(value),
        profit=_coins(value - cost + realised),
        session_upl=_coins(value - cost),
        session_rpl=_coins(realised),
        delta=sum(
            (
                instrument.size(position.lots) * option.value.delta
                for instrument, position in held
                if (option := accounts.pricing.options.get(instrument.name))
            ),
            0.0,
        ),
        greeks={greek: _by_index(accounts, held, greek) for greek in GREEKS},
    )


def _by_index(accounts: Accounts, held: list[tuple[Instrument, Position]], greek: str) -> dict[str, float]:
    by_index: dict[str, float] = {}
    for instrument, position in held:
        amount = _greek(accounts, instrument, position.lots, greek)
        by_index[instrument.index_name] = by_index.get(instrument.index_name, 0.0) + amount
    return by_index


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
