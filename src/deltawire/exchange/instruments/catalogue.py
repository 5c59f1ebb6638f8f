"""The instruments that the exchange lists: perpetuals, futures and options of each series, by calendar and price."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from deltawire.exchange.instruments.calendar import Expiry, Plan, expiries
from deltawire.exchange.instruments.fees import Fee, FeeTable, future_liquidation_rate
from deltawire.exchange.instruments.strikes import strikes
from deltawire.model.expiries import FOREVER_NS, format_day
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import exponent_of, format_decimal
from deltawire.options.black76 import years_between

VENUE = "deltawire"
NO_LEVERAGES: Mapping[str, int] = {}


class Trading(msgspec.Struct, frozen=True):
    """Trading parameters of one kind of instrument in a series; decimal texts."""

    tick_size: str
    min_trade_size: str
    contract_size: float
    tick_size_steps: tuple[tuple[str, str], ...] = ()


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """All instruments of one coin against one currency.

    Inverse ones (against USD) are margined and settled in the coin, linear ones in the quote currency.
    """

    base: str
    quote: str
    perpetual: Trading
    future: Trading
    option: Trading
    futures: Plan
    options: Plan

    @property
    def inverse(self) -> bool:
        """Whether the coin itself is the collateral."""
        return self.quote == "USD"

    @property
    def index_name(self) -> str:
        """`btc_usd`, `btc_usdc`."""
        return f"{self.base}_{self.quote}".lower()

    @property
    def prefix(self) -> str:
        """The prefix of its instruments' names: `BTC`, `BTC_USDC`."""
        return self.base if self.inverse else f"{self.base}_{self.quote}"


_FUTURES = Plan(weeks=2, months=2, quarters=4)
_OPTIONS = Plan(days=2, weeks=3, months=2, quarters=3)
_FEW = Plan(weeks=1, quarters=1)
_COIN_STEPS = (("0.005", "0.0005"),)
_DOLLAR_STEPS = (("100", "5"),)
SERIES = (
    Series(
        base="BTC",
        quote="USD",
        perpetual=Trading("0.5", "10", 10.0),
        future=Trading("2.5", "10", 10.0),
        option=Trading("0.0001", "0.1", 1.0, _COIN_STEPS),
        futures=_FUTURES,
        options=_OPTIONS,
    ),
    Series(
        base="ETH",
        quote="USD",
        perpetual=Trading("0.05", "1", 1.0),
        future=Trading("0.25", "1", 1.0),
        option=Trading("0.0001", "1", 1.0, _COIN_STEPS),
        futures=_FUTURES,
        options=_OPTIONS,
    ),
    Series(
        base="BTC",
        quote="USDC",
        perpetual=Trading("1", "0.0001", 0.0001),
        future=Trading("2.5", "0.0001", 0.0001),
        option=Trading("1", "0.01", 0.01, _DOLLAR_STEPS),
        futures=_FEW,
        options=_FEW,
    ),
    Series(
        base="ETH",
        quote="USDC",
        perpetual=Trading("0.05", "0.001", 0.001),
        future=Trading("0.25", "0.001", 0.001),
        option=Trading("0.1", "0.1", 0.1, (("20", "0.2"),)),
        futures=_FEW,
        options=_FEW,
    ),
)
"""Increments and contract sizes of Deribit's instruments with the same names; fewer expiries of options than there."""


def wanted(
    now_ns: int, prices: Mapping[str, float], fees: FeeTable, leverages: Mapping[str, int] = NO_LEVERAGES
) -> Iterator[Instrument]:
    """Every instrument that should be listed now, given the index prices by name (`btc_usd`).

    What is listed stays so until it expires, so strikes that an older price asked for remain; a series without
    an index price has no options. `leverages` are the highest of futures, by base coin.
    """
    for series in SERIES:
        most = leverages.get(series.base)
        yield _future(series, series.perpetual, None, now_ns, fees, most)
        for expiry in expiries(now_ns, series.futures):
            yield _future(series, series.future, expiry, now_ns, fees, most)
        price = prices.get(series.index_name)
        for expiry in expiries(now_ns, series.options) if price else ():
            for strike in strikes(price or 0.0, years_between(now_ns, expiry.at_ns)):
                for side in ("call", "put"):
                    yield _option(series, expiry, strike, side, now_ns, fees)


def _future(
    series: Series,
    trading: Trading,
    expiry: Expiry | None,
    now_ns: int,
    fees: FeeTable,
    max_leverage: int | None,
) -> Instrument:
    weekly = expiry is not None and expiry.period != "month"
    day = "PERPETUAL" if expiry is None else format_day(expiry.at_ns)
    return Instrument(
        name=f"{series.prefix}-{day}",
        kind="future",
        size_unit="quote" if series.inverse else "base",
        max_leverage=max_leverage,
        max_liquidation_commission=future_liquidation_rate(fees, series.base),
        **_terms(series, trading, fees.weekly_future if weekly else fees.future, expiry, now_ns),
    )


def _option(
    series: Series,
    expiry: Expiry,
    strike: float,
    side: Literal["call", "put"],
    now_ns: int,
    fees: FeeTable,
) -> Instrument:
    letter = "C" if side == "call" else "P"
    return Instrument(
        name=f"{series.prefix}-{format_day(expiry.at_ns)}-{strike_text(strike)}-{letter}",
        kind="option",
        size_unit="base",
        tick_size_steps=series.option.tick_size_steps,
        strike=strike,
        option_type=side,
        **_terms(
            series, series.option, fees.option if series.inverse else fees.linear_option, expiry, now_ns
        ),
    )


def _terms(series: Series, trading: Trading, fee: Fee, expiry: Expiry | None, now_ns: int) -> dict[str, Any]:
    """The facts that futures and options of a series share."""
    return {
        "venue": VENUE,
        "base": series.base,
        "quote": series.quote,
        "settlement": series.base if series.inverse else series.quote,
        "price_exponent": exponent_of(trading.tick_size),
        "size_exponent": exponent_of(trading.min_trade_size),
        "tick_size": trading.tick_size,
        "min_trade_size": trading.min_trade_size,
        "contract_size": trading.contract_size,
        "inverse": series.inverse,
        "expiration_ns": expiry.at_ns if expiry else FOREVER_NS,
        "creation_ns": now_ns,
        "settlement_period": expiry.period if expiry else "perpetual",
        "index_name": series.index_name,
        "maker_commission": fee.maker_ppm / 1_000_000,
        "taker_commission": fee.taker_ppm / 1_000_000,
    }


def strike_text(strike: float) -> str:
    """A strike as written in names: `64000`, and 0.625 as `0d625`."""
    return format_decimal(round(strike * 10**6), -6).replace(".", "d")
