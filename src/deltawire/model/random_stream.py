"""The interface of a random stream, which is passed as an argument. `random.Random` implements it."""

from collections.abc import Callable
from typing import Protocol


class RandomStream(Protocol):
    """One random stream; agents never share one, so that adding an agent does not change the others."""

    def random(self) -> float:
        """A uniform number between 0 and 1."""

    def gauss(self, mu: float, sigma: float) -> float:
        """A normal number."""

    def expovariate(self, lambd: float) -> float:
        """An exponential number with this rate."""

    def lognormvariate(self, mu: float, sigma: float) -> float:
        """A lognormal number."""

    def paretovariate(self, alpha: float) -> float:
        """A Pareto number, at least 1."""


Streams = Callable[[str], RandomStream]
"""The stream of an agent by its name; the same seed and name give the same stream."""
