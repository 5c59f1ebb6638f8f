"""The volatility that all options of one expiry expect together: that of a variance swap.

σ² = 2/T · ∫ Q(K)/K² dK over all strikes, Q the out-of-the-money option's value by a forward of one. Source:
Demeterfi, Derman, Kamal and Zou 1999, equation 26; Deribit's DVOL is made in the same way for 30 days.
"""

from math import exp, sqrt

from deltawire.options.black76 import price
from deltawire.options.surface import Surface

STEPS = 48
"""Of Simpson's rule; even."""
WIDTH = 8.0
"""How many standard deviations away from the forward strikes matter."""


def expected_volatility(surface: Surface, years: float) -> float:
    """σ as a fraction per √year; 0.0 once expired."""
    smile = surface.at(years)
    deviation = smile.vol(1.0, 1.0) * sqrt(years)
    if deviation <= 0.0:
        return 0.0
    step, total = 2 * WIDTH * deviation / STEPS, 0.0
    for number in range(STEPS + 1):
        log_strike = (number - STEPS / 2) * step
        strike = exp(log_strike)
        value = price(log_strike >= 0.0, 1.0, strike, years, smile.vol(strike, 1.0))
        weight = 1.0 if number in (0, STEPS) else 4.0 if number % 2 else 2.0
        total += weight * value / strike
    return sqrt(2.0 / years * total * step / 3.0)
