"""The strikes of an expiry: close together around the forward, wider apart in the wings, all of them round numbers."""

from math import ceil, exp, floor, log10, sqrt

NOMINAL_VOL = 0.6
"""The volatility by which strikes are spaced; the options' own volatility does not move their strikes."""
_PER_DEVIATION = 5
_WIDEST = 0.1
_WING_DEVIATIONS = 3.0
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


def round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5 or 5 times a power of ten that is not below `least` (above zero)."""
    scale = 10.0 ** floor(log10(least))
    return next(scale * part for part in _ROUND if scale * part >= least * (1 - 1e-9))


def strike_step(forward: float, years: float) -> float:
    """The distance of strikes near the forward.

    The lesser of a fifth of a standard deviation and a tenth of the forward.

    It is rounded up.
    """
    return round_step(forward * min(NOMINAL_VOL * sqrt(max(years, 1 / 365)) / _PER_DEVIATION, _WIDEST))


def strikes(forward: float, years: float) -> list[float]:
    """The strikes around a forward: `step` apart within one and a half deviations, twice that up to three.

    All are multiples of the step, in the wings of twice the step, so that strikes of a moved forward agree.
    """
    step = strike_step(forward, years)
    deviation = NOMINAL_VOL * sqrt(max(years, 1 / 365))
    inner = _multiples(forward * exp(-deviation * 1.5), forward * exp(deviation * 1.5), step)
    wings = _multiples(
        forward * exp(-deviation * _WING_DEVIATIONS), forward * exp(deviation * _WING_DEVIATIONS), 2 * step
    )
    return sorted({*inner, *wings})


def _multiples(low: float, high: float, step: float) -> list[float]:
    return [round(count * step, 10) for count in range(max(1, ceil(low / step)), floor(high / step) + 1)]
