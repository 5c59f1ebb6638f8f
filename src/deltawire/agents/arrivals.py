"""Times, directions and sizes of takers' orders: clustered, persistent and heavy-tailed.

Arrivals are a Hawkes process with two exponential kernels (branching 0.7); signs come from metaorders of Pareto
length (tail 1.5, so that their memory fades slowly, Lillo and Farmer 2004); sizes are lognormal.
"""

from math import exp

from deltawire.model.random_stream import RandomStream

_KERNELS = ((20.0, 0.35), (0.5, 0.35))
"""(decay per second, children per parent)."""
METAORDERS = 3
_LENGTH_TAIL = 1.5
_PERSISTENT = 0.8


class Arrivals:
    """A self-exciting stream of times in seconds."""

    def __init__(self, chance: RandomStream, per_second: float) -> None:
        self._chance = chance
        self._base = per_second * (1 - sum(children for _, children in _KERNELS))
        self._excited = [0.0] * len(_KERNELS)
        self._at = 0.0

    def next(self) -> float:
        """Seconds from the last arrival to the next one (Ogata's thinning)."""
        began = self._at
        while True:
            limit = self._base + sum(self._excited)
            wait = self._chance.expovariate(limit)
            self._at += wait
            self._excited = [
                level * exp(-decay * wait) for level, (decay, _) in zip(self._excited, _KERNELS, strict=True)
            ]
            if self._chance.random() * limit <= self._base + sum(self._excited):
                self._excited = [
                    level + decay * children
                    for level, (decay, children) in zip(self._excited, _KERNELS, strict=True)
                ]
                gap, self._at = self._at - began, 0.0
                return gap


class Intentions:
    """The direction of the next taker."""

    def __init__(self, chance: RandomStream) -> None:
        self._chance = chance
        self._metaorders = [(0, 0)] * METAORDERS

    def sign(self, lean: float) -> int:
        """+1 to buy. `lean` from −1 to 1 is the expected direction of the price, for takers without a metaorder."""
        chance = self._chance
        if chance.random() >= _PERSISTENT:
            return 1 if chance.random() < 0.5 * (1 + lean) else -1
        place = int(chance.random() * METAORDERS)
        sign, left = self._metaorders[place]
        if left <= 0:
            sign = 1 if chance.random() < 0.5 * (1 + 0.5 * lean) else -1
            left = int(2 * chance.paretovariate(_LENGTH_TAIL))
        self._metaorders[place] = sign, left - 1
        return sign
