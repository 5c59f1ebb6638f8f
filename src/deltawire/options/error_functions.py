"""The complementary error function and its scaled form on arrays. Needs the extra `analytics`.

For z ≥ 0, erfcx(z) = exp(z²) erfc(z) = P(t)/(1 + 2z) with t = (z − 3)/(z + 3), as in Shepherd and Laframboise,
"Chebyshev approximation of (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞", Mathematics of Computation 36, 1981. P is the
interpolation of degree 24 at Chebyshev nodes, computed with 60 digits and expressed in powers of t. Relative error: at
most 3 units of 2⁻⁵² for z ≥ 0 (`tests/options/test_error_functions.py`).
"""

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_NODE = 3.0
_COEFFICIENTS = (
    1.2530080582697296,
    -0.13562110612458117,
    -0.0475622943534492,
    0.1296451587027594,
    -0.11927366341538638,
    0.0683080273440099,
    -0.02377051491717134,
    0.0025293918156939696,
    0.0018886903449991718,
    -0.0007798322696543306,
    -0.00010515971958448065,
    0.0001250993424583729,
    4.949196649968345e-06,
    -2.0100542268525612e-05,
    -7.308281468783614e-07,
    3.472370944977168e-06,
    3.5576086684080595e-07,
    -6.166011460398726e-07,
    -1.4047654315428462e-07,
    1.0183620603842736e-07,
    4.1064013667940355e-08,
    -1.3312919661038687e-08,
    -8.217595058711455e-09,
    9.862533510345587e-10,
    8.393734858690877e-10,
)
"""Of P, by rising power of t."""
_STEP = 16.0
"""Squares of multiples of 1/16 are exact up to 2²²."""
_NO_ERFC = 28.0
"""From here on erfc is below the smallest double, and of the other sign erfcx above the largest."""


def erfcx(z: _Floats) -> _Floats:
    """exp(z²) erfc(z), to a few roundings; for z below −26.6 it is infinite."""
    found = _scaled(np.abs(z))
    if (below := z < 0.0).any():
        with np.errstate(over="ignore"):
            found[below] = 2.0 * _exp_square(np.maximum(z[below], -_NO_ERFC), 1.0) - found[below]
    return found


def erfc(z: _Floats) -> _Floats:
    """1 − erf(z), to a few roundings also where it is small."""
    distance = np.minimum(np.abs(z), _NO_ERFC)
    found: _Floats = _scaled(distance) * _exp_square(distance, -1.0)
    return np.where(z < 0.0, 2.0 - found, found)


def erfcx_pair(first: _Floats, second: _Floats) -> tuple[_Floats, _Floats]:
    """erfcx of two arrays of one length, in the time of little more than one."""
    both = erfcx(np.concatenate((first, second)))
    return both[: first.size], both[first.size :]


def _scaled(z: _Floats) -> _Floats:
    """exp(z²) erfc(z) for z ≥ 0."""
    t = 1.0 - 2.0 * _NODE / (z + _NODE)
    found = np.full_like(t, _COEFFICIENTS[-1])
    for coefficient in _COEFFICIENTS[-2::-1]:
        found *= t
        found += coefficient
    found /= 1.0 + 2.0 * z
    return found


def _exp_square(z: _Floats, sign: float) -> _Floats:
    """exp(±z²), of a square without rounding: z² = s² + (z − s)(z + s) with s so short that its square is exact."""
    short = np.trunc(z * _STEP) / _STEP
    found: _Floats = np.exp(sign * short * short) * np.exp(sign * (z - short) * (z + short))
    return found
