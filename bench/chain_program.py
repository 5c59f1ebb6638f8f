"""A chain of 1,000 options, and py_vollib_vectorized on it as a program: numpy and the standard library only.

    python chain_program.py

says its version, and for each line on standard input how many seconds a round took.
"""

import sys
import time
from importlib.metadata import version
from math import erf, sqrt
from typing import Any, NamedTuple

import numpy as np

FORWARD = 60_000.0


class Chain(NamedTuple):
    """Ten expiries of fifty strikes, a call and a put each; prices in quote currency."""

    call: Any
    flags: list[str]
    forward: float
    strike: Any
    years: Any
    vol: Any
    price: Any


class Figures(NamedTuple):
    """What is compared of a result."""

    vols: Any
    delta: Any


def make_chain() -> Chain:
    """Strikes up to 2.5 deviations from the forward."""
    years = np.repeat(np.linspace(7, 500, 10) / 365, 100)
    deviations = np.tile(np.repeat(np.linspace(-2.5, 2.5, 50), 2), 10)
    vol = 0.5 - 0.02 * deviations + 0.05 * deviations**2
    strike = FORWARD * np.exp(deviations * vol * np.sqrt(years))
    call = np.tile([True, False], 500)
    price = np.array([_price(*each) for each in zip(call, strike, years, vol)])  # noqa: B905 (of one length)
    return Chain(call, ["c" if each else "p" for each in call], FORWARD, strike, years, vol, price)


def _price(call: bool, strike: float, years: float, vol: float) -> float:
    deviation = vol * sqrt(years)
    d1 = float(np.log(FORWARD / strike)) / deviation + 0.5 * deviation
    side = 1.0 if call else -1.0
    return side * (FORWARD * _normal(side * d1) - strike * _normal(side * (d1 - deviation)))


def _normal(z: float) -> float:
    return 0.5 * (1.0 + erf(z / sqrt(2.0)))


def _round(chain: Chain) -> Any:
    """Volatilities and greeks."""
    from py_vollib_vectorized import get_all_greeks, vectorized_implied_volatility_black

    vols = vectorized_implied_volatility_black(
        chain.price, chain.forward, chain.strike, 0.0, chain.years, chain.flags, return_as="numpy"
    )
    get_all_greeks(
        chain.flags, chain.forward, chain.strike, chain.years, 0.0, vols, model="black", return_as="dict"
    )
    return vols


def _main() -> None:
    chain = make_chain()
    vols = _round(chain)  # compiles
    outer = chain.call == (chain.strike >= chain.forward)
    if not np.max(np.abs(vols / chain.vol - 1)[outer]) <= 1e-6:
        sys.exit("a volatility is wrong")
    print(version("py_vollib_vectorized"), flush=True)
    for _ in sys.stdin:
        begun = time.process_time()
        _round(chain)
        print(time.process_time() - begun, flush=True)


if __name__ == "__main__":
    _main()
