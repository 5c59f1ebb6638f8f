"""eSSVI: one smile per expiry, with no butterfly within one and no calendar arbitrage between them.

w(k) = ½ (θ + ρψk + √((ψk + θρ)² + θ²(1 − ρ²))), k = ln(K/F), θ the total variance at the money, ψ = θφ. Sources:
Hendriks and Martini 2019 (SSRN 2971502), Corbetta, Cohort, Laachir and Martini 2019 (arXiv 1804.04924). In terms of
the slopes A = ψ(1+ρ) and B = ψ(1−ρ) of the right and left wing the sufficient conditions are

* butterfly: max(A, B) ≤ 4 and ψ max(A, B) ≤ 4θ (Gatheral and Jacquier 2014, theorem 4.2);
* calendar, from an expiry (1) to a later one (2): θ₂ ≥ θ₁, A₂ ≥ A₁, B₂ ≥ B₁ and ψ₂/θ₂ ≤ ψ₁/θ₁.

Needs the extra `analytics`.
"""

from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from deltawire.errors import SurfaceError
from deltawire.options.black76_arrays import Floats

_SLACK = 1e-12


class SmileSlice(msgspec.Struct, frozen=True):
    """One expiry: `theta` total variance at the money, `right` and `left` the slopes A and B of its wings.

    Raises `SurfaceError` for parameters that would allow a butterfly.
    """

    years: float
    forward: float
    theta: float
    right: float
    left: float

    def __post_init__(self) -> None:
        bounds = {
            "theta > 0": self.theta > 0.0,
            "right > 0": self.right > 0.0,
            "left > 0": self.left > 0.0,
            "max(right, left) <= 4": self.steepest <= 4.0 + _SLACK,
            "psi max(right, left) <= 4 theta": self.psi * self.steepest <= 4.0 * self.theta * (1 + 1e-9),
        }
        broken = [bound for bound, held in bounds.items() if not held]
        if broken:
            raise SurfaceError(broken)

    @property
    def psi(self) -> float:
        """ψ: twice the curvature scale, the mean of the wings' slopes."""
        return 0.5 * (self.right + self.left)

    @property
    def rho(self) -> float:
        """ρ: the tilt, −1 to 1."""
        return (self.right - self.left) / (self.right + self.left)

    @property
    def steepest(self) -> float:
        """max(A, B) = ψ(1 + |ρ|)."""
        return max(self.right, self.left)

    def variance(self, log_strike: ArrayLike) -> Floats:
        """w: total variance σ²T at these k = ln(K/F)."""
        k = np.atleast_1d(np.asarray(log_strike, dtype=np.float64))
        return total_variance(k, self.theta, self.right, self.left)[0]

    def vol(self, strike: ArrayLike) -> Floats:
        """σ as a fraction per √year at these strikes."""
        vols: Floats = np.sqrt(self.variance(np.log(np.asarray(strike) / self.forward)) / self.years)
        return vols

    def follows(self, earlier: "SmileSlice") -> list[str]:
        """The calendar conditions from an earlier expiry that do not hold."""
        bounds = {
            "theta falls": self.theta >= earlier.theta * (1 - _SLACK),
            "right wing falls": self.right >= earlier.right * (1 - _SLACK),
            "left wing falls": self.left >= earlier.left * (1 - _SLACK),
            "psi/theta rises": self.psi / self.theta <= earlier.psi / earlier.theta * (1 + 1e-9),
        }
        return [bound for bound, held in bounds.items() if not held]


def total_variance(k: Floats, theta: float, right: float, left: float) -> tuple[Floats, Floats]:
    """w at k, and its derivatives by θ, A and B in three columns."""
    psi, tilt = 0.5 * (right + left), 0.5 * (right - left)
    lean = tilt * k + theta
    root = np.sqrt(np.maximum(psi * psi * k * k + theta * (2 * tilt * k + theta), 1e-300))
    by_psi, by_tilt = 0.5 * psi * k * k / root, 0.5 * (k + theta * k / root)
    gradient = np.column_stack([0.5 * (1 + lean / root), 0.5 * (by_psi + by_tilt), 0.5 * (by_psi - by_tilt)])
    return 0.5 * (lean + root), gradient


class FittedSurface(msgspec.Struct, frozen=True):
    """Smiles by rising expiry. `calendar` names the conditions that do not hold between neighbours; none if fitted."""

    slices: tuple[SmileSlice, ...]

    @property
    def calendar(self) -> list[tuple[float, str]]:
        """(years of the later expiry, condition)."""
        return [
            (later.years, broken)
            for earlier, later in pairwise(self.slices)
            for broken in later.follows(earlier)
        ]


def density_factor(smile: SmileSlice, log_strike: ArrayLike) -> Floats:
    """g(k) = (1 − k w'/(2w))² − w'²/4 (1/w + 1/4) + w''/2, which is negative where a butterfly would cost less than 0.

    Source: Gatheral and Jacquier 2014, equation 2.1.
    """
    k = np.asarray(log_strike, dtype=np.float64)
    psi, tilt, theta = smile.psi, 0.5 * (smile.right - smile.left), smile.theta
    root = np.sqrt(psi * psi * k * k + theta * (2 * tilt * k + theta))
    w = 0.5 * (tilt * k + theta + root)
    slope = 0.5 * (tilt + (psi * psi * k + theta * tilt) / root)
    bend = 0.5 * theta * theta * (psi * psi - tilt * tilt) / root**3
    factor: Floats = (1 - k * slope / (2 * w)) ** 2 - slope * slope / 4 * (1 / w + 0.25) + bend / 2
    return factor


def grid_breaches(surface: FittedSurface, log_strikes: ArrayLike) -> list[tuple[float, float, str]]:
    """(years, k, "butterfly" or "calendar") of each point of the grid at which the surface allows an arbitrage.

    An audit that knows nothing of how the surface was made.
    """
    k = np.asarray(log_strikes, dtype=np.float64)
    found = []
    for smile in surface.slices:
        found += [(smile.years, float(at), "butterfly") for at in k[density_factor(smile, k) < -1e-10]]
    for earlier, later in pairwise(surface.slices):
        falls = later.variance(k) < earlier.variance(k) * (1 - 1e-9)
        found += [(later.years, float(at), "calendar") for at in k[falls]]
    return found
