"""A volatility surface without arbitrage: SSVI over a curve of at-the-money variance.

w(k, θ) = θ/2 · (1 + ρφk + √((φk + ρ)² + 1 − ρ²)), k = ln(K/F), φ(θ) = η / (θ^γ (1+θ)^(1−γ)) (Gatheral and
Jacquier 2014, arXiv 1204.0646). θ(T) is the integral of a forward variance that goes from `near` to `far` at the
rate `reversion`, so it never falls; with 0 < γ ≤ 1/2 and η(1+|ρ|) ≤ 2 there is neither calendar nor butterfly
arbitrage (theorems 4.1, 4.2 and the remark on the power law).
"""

from math import expm1, log, pow, sqrt

import msgspec

from deltawire.errors import SurfaceError

_BUTTERFLY = 2.0


class Surface(msgspec.Struct, frozen=True):
    """Total variance by strike and time; `near` and `far` are variances per year (0.36 is a σ of 60 %).

    Raises `SurfaceError` for parameters that would allow arbitrage.
    """

    near: float
    far: float
    reversion: float
    rho: float
    eta: float
    gamma: float = 0.5

    def __post_init__(self) -> None:
        bounds = {
            "near > 0": self.near > 0.0,
            "far > 0": self.far > 0.0,
            "reversion > 0": self.reversion > 0.0,
            "|rho| < 1": abs(self.rho) < 1.0,
            "eta > 0": self.eta > 0.0,
            "0 < gamma <= 1/2": 0.0 < self.gamma <= 0.5,
            "eta (1 + |rho|) <= 2": self.eta * (1.0 + abs(self.rho)) <= _BUTTERFLY,
        }
        broken = [bound for bound, held in bounds.items() if not held]
        if broken:
            raise SurfaceError(broken)

    def variance_at_money(self, years: float) -> float:
        """θ(T): the integral of the forward variance from now to T."""
        return self.far * years - (self.near - self.far) * expm1(-self.reversion * years) / self.reversion

    def at(self, years: float) -> "Smile":
        """The surface at one expiry."""
        return Smile(self, years)

    def variance(self, strike: float, forward: float, years: float) -> float:
        """w: total variance σ²T."""
        return Smile(self, years).variance(strike, forward)

    def vol(self, strike: float, forward: float, years: float) -> float:
        """σ as a fraction per √year; 0.0 once expired."""
        return Smile(self, years).vol(strike, forward)


class Smile:
    """A surface at one expiry, with everything precomputed that does not depend on the strike."""

    __slots__ = ("_half_theta", "_phi", "_rho", "_rho_squared", "_years")

    def __init__(self, surface: Surface, years: float) -> None:
        theta = surface.variance_at_money(years)
        self._years = years
        self._half_theta = 0.5 * theta
        self._phi = surface.eta / _power(theta, surface.gamma) if theta > 0.0 else 0.0
        self._rho = surface.rho
        self._rho_squared = surface.rho * surface.rho

    def variance(self, strike: float, forward: float) -> float:
        """w: total variance σ²T."""
        if self._half_theta <= 0.0:
            return 0.0
        moneyness = self._phi * log(strike / forward)
        bent = moneyness + self._rho
        return self._half_theta * (1.0 + self._rho * moneyness + sqrt(bent * bent + 1.0 - self._rho_squared))

    def vol(self, strike: float, forward: float) -> float:
        """σ as a fraction per √year; 0.0 once expired."""
        return sqrt(self.variance(strike, forward) / self._years) if self._years > 0.0 else 0.0


def _power(theta: float, gamma: float) -> float:
    """θ^γ (1+θ)^(1−γ)."""
    return (1.0 + theta) * pow(theta / (1.0 + theta), gamma)


def admissible(
    near: float, far: float, reversion: float, rho: float, eta: float, gamma: float = 0.5
) -> Surface:
    """The surface nearest to these parameters that allows no arbitrage: each is moved to its bound."""
    rho = min(max(rho, -0.999), 0.999)
    return Surface(
        max(near, 1e-6),
        max(far, 1e-6),
        max(reversion, 1e-6),
        rho,
        min(max(eta, 1e-6), 1.999 / (1.0 + abs(rho))),
        min(max(gamma, 1e-6), 0.5),
    )
