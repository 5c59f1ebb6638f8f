"""Standard margin: each instrument separately, without netting (formulas: see `margin_tables`)."""

from math import inf, sqrt
from typing import NamedTuple

from deltawire.exchange.accounts.margin_tables import FutureRates, OptionRates


class Requirement(NamedTuple):
    """Margins in settlement currency."""

    initial: float
    maintenance: float


def future_margin(rates: FutureRates, coins: float, price: float = 1.0) -> Requirement:
    """The margins of a position of this many coins (inverse.

    Dollars over mark); linear ones are worth `price` per coin.
    """
    size = abs(coins)
    grown = rates.slope * size
    return Requirement((rates.initial + grown) * size * price, (rates.maintenance + grown) * size * price)


def short_option_margin(
    rates: OptionRates, call: bool, strike: float, underlying: float, mark: float, scale: float
) -> Requirement:
    """The margins of one short option.

    `mark` is in settlement currency, `scale` is the worth of the underlying in it.

    Inverse options: scale 1.0 (coin); linear ones: the index. If a put is deep in the money, its maintenance margin
    may exceed the usual initial margin, and then is the initial margin, too.
    """
    out = max(strike - underlying if call else underlying - strike, 0.0)
    initial = max(rates.initial - out / underlying, rates.floor) * scale + mark
    if call:
        return Requirement(initial, rates.maintenance * scale + mark)
    maintenance = rates.maintenance * max(scale, mark) + mark
    return Requirement(max(initial, maintenance), maintenance)


def liquidation_price(
    rates: FutureRates, dollars: float, entry: float, equity: float, *, inverse: bool = True
) -> float | None:
    """The price at which an account with only this future (`dollars` long, entered at `entry`) has MM = equity.

    Inverse, with x = 1/P: e + Q/E − Qx = (m + s|Q|x)|Q|x, quadratic in x; `equity` e excludes the position's profit,
    in coin. Linear: `dollars` is the size in coins and the equation is quadratic in the size alone.

    None if no price liquidates: a short whose equity covers its whole size.
    """
    size = abs(dollars)
    if not size:
        return None
    if not inverse:
        share = rates.maintenance + rates.slope * size
        sign = 1.0 if dollars > 0 else -1.0
        price = (sign * entry * size - equity) / (size * (sign - share))
        return price if price > 0.0 else None
    return _inverse_price(rates, dollars, equity + dollars / entry)


def _inverse_price(rates: FutureRates, dollars: float, worth: float) -> float | None:
    """Solve s q² x² + (m q + Q) x − worth = 0 for the x = 1/P at which the position is closed."""
    size = abs(dollars)
    square, line = rates.slope * size * size, rates.maintenance * size + dollars
    if dollars < 0.0 and worth >= 0.0:
        return None
    root = line * line + 4.0 * square * worth
    if root < 0.0 or (dollars > 0.0 and worth <= 0.0):
        return inf if dollars > 0.0 else 0.0
    # the root without cancellation: for longs the positive one, for shorts the smaller of the two
    over = 2.0 * worth / (line + sqrt(root)) if dollars > 0.0 else 2.0 * worth / (line - sqrt(root))
    return 1.0 / over if over > 0.0 else None
