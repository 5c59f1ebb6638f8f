"""The normalised Black price: b(x, s), the out-of-the-money value over √(FK), x = −|ln(F/K)| and s = σ√T.

Source: Jäckel, "Let's be rational", Wilmott 2015, equations 2.1 to 2.6. In terms of the scaled complementary error
function its relative error is of some h/s roundings (h = −x/s) however far out of the money the option is; the
volatility implied from it has h² times less.
"""

from math import erf, erfc, exp, pi, sqrt

ROOT_HALF = sqrt(0.5)
DEEP = 4.0
"""Deviations out of the money (h − t) from which the difference of two distribution functions loses digits."""


def normalised(x: float, s: float) -> float:
    """b(x, s) for x ≤ 0 and s > 0."""
    if x == 0.0:
        return erf(0.5 * s * ROOT_HALF)
    h, t = -x / s, 0.5 * s
    if h - t < DEEP:
        return 0.5 * (exp(0.5 * x) * erfc((h - t) * ROOT_HALF) - exp(-0.5 * x) * erfc((h + t) * ROOT_HALF))
    scale = exp(-0.5 * (h * h + t * t))
    return 0.5 * scale * (erfcx((h - t) * ROOT_HALF) - erfcx((h + t) * ROOT_HALF))


def missing(x: float, s: float) -> float:
    """e^{x/2} − b(x, s), without cancellation."""
    h, t = -x / s, 0.5 * s
    return 0.5 * (exp(0.5 * x) * erfc((t - h) * ROOT_HALF) + exp(-0.5 * x) * erfc((h + t) * ROOT_HALF))


def erfcx(z: float) -> float:
    """exp(z²) erfc(z) for z > 0, by its continued fraction if the factors would overflow."""
    if z < 5.0:
        return exp(z * z) * erfc(z)
    fraction = 0.0
    for k in range(30, 0, -1):
        fraction = 0.5 * k / (z + fraction)
    return 1.0 / (sqrt(pi) * (z + fraction))
