"""The implied volatility of an option's price."""

from deltawire.model.instruments import Instrument
from deltawire.options.black76 import years_between
from deltawire.options.implied import implied_vol


def implied_percent(instrument: Instrument, price: float, underlying: float, at_ns: int) -> float:
    """The implied volatility of a price in the option's quote unit, in percent.

    0.0, the dialect's value for none, if there is none.

    `underlying` is the forward in dollars from which the option is priced.
    """
    if not price:
        return 0.0
    call, strike = instrument.option_type == "call", instrument.strike or 0.0
    value = price * underlying if instrument.inverse else price
    volatility = implied_vol(call, value, underlying, strike, years_between(at_ns, instrument.expiration_ns))
    return round(100 * volatility, 2) if volatility else 0.0
