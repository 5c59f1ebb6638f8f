"""Randomness as an argument: what an agent may ask of its stream. `random.Random` fits."""

from collections.abc import Callable
from typing import Protocol


class RandomStream(Protocol):
    """One stream; agents never share one, so that adding an agent does not move the others."""

    def random(self) -> float:
        """Between 0 and 1."""

    def gauss(self, mu: float, sigma: float) -> float:
        """Normal."""

    def expovariate(self, lambd: float) -> float:
        """Exponential, by its rate."""

    def lognormvariate(self, mu: float, sigma: float) -> float:
        """e to a normal."""

    def paretovariate(self, alpha: float) -> float:
        """Pareto from 1 on."""


Streams = Callable[[str], RandomStream]
"""The stream of an agent by its name; the same seed and name give the same stream."""
