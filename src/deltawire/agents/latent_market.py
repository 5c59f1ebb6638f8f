"""The latent market: prices with stochastic volatility, index constituents around them, volatility surfaces.

dS/S = σ dW + jumps, ln σ² an Ornstein-Uhlenbeck process; the second coin is correlated with the first. Constituents
are the latent price with errors that fade. Surfaces come from `admissible`, so they never allow arbitrage.
"""

from math import exp, sqrt

from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.pricing.pricing import Prices
from deltawire.model.random_stream import RandomStream, Streams
from deltawire.options.surface import Surface, admissible

YEAR_S = 365 * 86_400
CONSTITUENTS = 7
_VOL_MEMORY_S = 120.0
_VOL_OF_VOL = 0.6
_JUMPS_PER_S = 1 / 200
_JUMP_SD = 0.0006
_CORRELATION = 0.8


class Latent:
    """The latent price of a coin."""

    def __init__(self, chance: RandomStream, price: float, vol: float) -> None:
        self.price = price
        self.vol = vol
        self._chance = chance
        self._excess = 0.0
        self._now_ns: int | None = None
        self.shock = 0.0
        """The last step in standard deviations, without jumps."""

    def advance(self, now_ns: int, drive: float | None = None) -> float:
        """Advance and return the price; `drive` is the shock of the coin with which it is correlated."""
        before, self._now_ns = self._now_ns, now_ns
        if before is None or now_ns <= before:
            return self.price
        seconds = (now_ns - before) / SECOND_NS
        chance = self._chance
        fade = exp(-seconds / _VOL_MEMORY_S)
        self._excess = self._excess * fade + _VOL_OF_VOL * sqrt(1 - fade * fade) * chance.gauss(0.0, 1.0)
        shock = chance.gauss(0.0, 1.0)
        if drive is not None:
            shock = _CORRELATION * drive + sqrt(1 - _CORRELATION**2) * shock
        self.shock = shock
        move = self.sigma * sqrt(seconds) * shock
        if chance.random() < seconds * _JUMPS_PER_S:
            move += chance.gauss(0.0, _JUMP_SD)
        self.price *= exp(move)
        return self.price

    @property
    def sigma(self) -> float:
        """The present standard deviation of one second's return."""
        return self.vol / sqrt(YEAR_S) * exp(self._excess - 0.5 * _VOL_OF_VOL**2)


class LatentMarket:
    """Two coins, their indices against dollar and stablecoin, and their surfaces."""

    def __init__(self, streams: Streams, prices: dict[str, float], vols: dict[str, float]) -> None:
        self.coins = {base: Latent(streams(f"latent/{base}"), prices[base], vols[base]) for base in prices}
        self._errors = {base: [0.0] * CONSTITUENTS for base in prices}
        self._chance = streams("constituents")
        self._surface_chance = streams("surfaces")
        self._levels = dict.fromkeys(prices, 0.0)

    def advance(self, now_ns: int) -> None:
        """Advance every coin; the first one drives the others."""
        drive: float | None = None
        for latent in self.coins.values():
            latent.advance(now_ns, drive)
            drive = latent.shock

    def prices(self, now_ns: int, fair: dict[str, float]) -> Prices:
        """The price record of this moment."""
        self.advance(now_ns)
        constituents: dict[str, tuple[float, ...]] = {}
        surfaces: dict[str, Surface] = {}
        for base, latent in self.coins.items():
            errors = [0.9 * error + 0.43e-4 * self._chance.gauss(0.0, 1.0) for error in self._errors[base]]
            self._errors[base] = errors
            quotes = tuple(round(latent.price * (1 + error), 4) for error in errors)
            surface = self._surface(base, latent)
            for quote in ("usd", "usdc"):
                constituents[f"{base.lower()}_{quote}"] = quotes
                surfaces[f"{base.lower()}_{quote}"] = surface
        return Prices(at_ns=now_ns, constituents=constituents, fair=fair, surfaces=surfaces)

    def _surface(self, base: str, latent: Latent) -> Surface:
        """Surface parameters that vary over time, with the present volatility at the near end."""
        chance = self._surface_chance
        self._levels[base] = level = 0.999 * self._levels[base] + 0.002 * chance.gauss(0.0, 1.0)
        far = latent.vol**2 * exp(level)
        near = far * exp(0.3 * (latent.sigma * sqrt(YEAR_S) / latent.vol - 1))
        return admissible(near, far, 8.0, -0.15 + 0.5 * level, 1.0)
