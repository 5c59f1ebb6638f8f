"""Fees by a versioned table, in parts per million; charged in whole units, rounded in the house's favour.

Source of the default: Deribit's fee page (support article 25944746248989, read 2025): futures and perpetuals
0.05 % taker, weeklies with a maker rebate; options 0.0003 coin or a share of the index, never above 12.5 % of
the option's price; delivery 0.025 % and 0.015 %, nothing for dailies and weeklies.
"""

import msgspec

from deltawire.exchange.instruments.contracts import UNITS, notional
from deltawire.exchange.orders.orders import Role
from deltawire.model.instruments import Instrument

_MILLION = 1_000_000
CoinRates = tuple[tuple[str, int], ...]


class Fee(msgspec.Struct, frozen=True):
    """Parts per million of the notional value; below zero: a rebate."""

    maker_ppm: int
    taker_ppm: int


class FeeTable(msgspec.Struct, frozen=True, kw_only=True):
    """Every fee; `version` names the table that an account event was made with."""

    version: str = "2025-1"
    future: Fee = Fee(0, 500)
    weekly_future: Fee = Fee(-100, 500)
    option: Fee = Fee(300, 300)
    linear_option: Fee = Fee(100, 500)
    option_cap_ppm: int = 125_000
    """Maximum fee as a share of an option's price."""
    future_delivery_ppm: int = 250
    option_delivery_ppm: int = 150
    future_liquidation_ppm: CoinRates = (("BTC", 7_500), ("ETH", 9_000))
    option_liquidation_ppm: CoinRates = (("BTC", 1_900), ("ETH", 2_000))
    """By base coin; another coin pays like the last one. Goes to the insurance fund."""


def trade_fee(
    table: FeeTable, instrument: Instrument, price: float, index: float, lots: int, role: Role
) -> int:
    """The fee of a fill in smallest units of the settlement currency; below zero is a rebate to the maker."""
    if instrument.kind != "option":
        weekly = instrument.settlement_period in ("day", "week")
        fee = table.weekly_future if weekly else table.future
        return _share(notional(instrument, price, lots), _ppm(fee, role))
    fee = table.option if instrument.inverse else table.linear_option
    share = _share(notional(instrument, index, lots), _ppm(fee, role))
    return min(share, _cap(table, instrument, price, lots))


def delivery_fee(table: FeeTable, instrument: Instrument, price: float, delivery: float, lots: int) -> int:
    """The fee of an expiring position; `price` is the contract's value at the delivery price."""
    if instrument.settlement_period in ("day", "week"):
        return 0
    if instrument.kind != "option":
        return _share(notional(instrument, delivery, lots), table.future_delivery_ppm)
    share = _share(notional(instrument, delivery, lots), table.option_delivery_ppm)
    return min(share, _cap(table, instrument, price, lots))


def liquidation_fee(table: FeeTable, instrument: Instrument, price: float, index: float, lots: int) -> int:
    """The fee of a liquidation's fill to the insurance fund."""
    option = instrument.kind == "option"
    rates = table.option_liquidation_ppm if option else table.future_liquidation_ppm
    return _share(notional(instrument, index if option else price, lots), _of_coin(rates, instrument.base))


def future_liquidation_rate(table: FeeTable, base: str) -> float:
    """The share of a future's notional value that a liquidation costs."""
    return _of_coin(table.future_liquidation_ppm, base) / _MILLION


def _of_coin(rates: CoinRates, base: str) -> int:
    return dict(rates).get(base, rates[-1][1])


def _ppm(fee: Fee, role: Role) -> int:
    return fee.maker_ppm if role == "maker" else fee.taker_ppm


def _share(value: float, ppm: int) -> int:
    """A share rounded up, so that a rebate is rounded down."""
    if not ppm:
        return 0
    return -(-round(value * UNITS) * ppm // _MILLION)


def _cap(table: FeeTable, instrument: Instrument, price: float, lots: int) -> int:
    return round(price * instrument.size(abs(lots)) * UNITS) * table.option_cap_ppm // _MILLION
