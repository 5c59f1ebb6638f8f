"""Analytics: a chain of options, the refit of a smile, and metrics per book update, beside other libraries.

Contestants take turns, round after round. vollib is called option by option, as its functions take numbers;
py_vollib_vectorized runs only with old dependencies: in an environment of its own, if `make vollib` has made one.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bench import analytics_fanout, analytics_load, analytics_metrics
from bench.chain_program import Chain, Figures, make_chain
from deltawire.options import black76_arrays, implied_arrays
from deltawire.options.black76_arrays import prices
from deltawire.options.surface_fit import ExpiryQuotes, expiry_quotes, fit_slice

TOP = Path(__file__).resolve().parent.parent
VECTORIZED = TOP / ".venv-vollib" / "bin" / "python"
NAMES = "deltawire", "numpy", "numba", "vollib", "QuantLib", "wickra", "river"
ROUNDS, QUICK_ROUNDS = 30, 5
AT_ONCE = 3
"""Chains of one contestant before the next has its turn: the first finds nothing in the caches."""
BARS_MS = {"deltawire, numpy": 1.0, "deltawire, numba": 0.5}
REFIT_MS = 1.0
WITHIN = 1e-6
"""How near a contestant's volatilities must be, relative; those out of the money."""
Run = Callable[[Chain], Figures]


def main(*, quick: bool = False) -> None:
    """Measure and print."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    print(
        f"Analytics: medians of {rounds} interleaved rounds on one core\n"
        f"  Python {sys.version.split()[0]}, " + ", ".join(f"{name} {version(name)}" for name in NAMES)
    )
    report_chain(rounds)
    report_refit(rounds)
    analytics_metrics.main(rounds)
    analytics_load.main(rounds)
    analytics_fanout.main(quick=quick)


def arrays(chain: Chain) -> Figures:
    """Volatilities and all greeks with numpy."""
    vols = implied_arrays.implied_vols(
        chain.call, chain.price, chain.forward, strike=chain.strike, years=chain.years
    )
    found = black76_arrays.evaluate_chain(
        chain.call, chain.forward, chain.strike, years=chain.years, vol=vols
    )
    return Figures(vols, found.delta)


def compiled(chain: Chain) -> Figures:
    """The same with numba."""
    from deltawire.options import compiled as functions

    vols = functions.implied_vols(
        chain.call, chain.price, chain.forward, strike=chain.strike, years=chain.years
    )
    found = functions.evaluate_chain(chain.call, chain.forward, chain.strike, years=chain.years, vol=vols)
    return Figures(vols, found.delta)


def vollib(chain: Chain) -> Figures:
    """vollib: volatility, delta, gamma, vega, theta and rho."""
    from vollib.black.greeks import analytical
    from vollib.black.implied_volatility import implied_volatility

    vols, deltas, forward = [], [], chain.forward
    for flag, price, strike, years in zip(
        chain.flags, chain.price.tolist(), chain.strike.tolist(), chain.years.tolist(), strict=True
    ):
        vol = implied_volatility(price, forward, strike, 0.0, years, flag)
        vols.append(vol)
        deltas.append(analytical.delta(flag, forward, strike, years, 0.0, vol))
        for greek in (analytical.gamma, analytical.vega, analytical.theta, analytical.rho):
            greek(flag, forward, strike, years, 0.0, vol)
    return Figures(np.array(vols), np.array(deltas))


def quantlib(chain: Chain) -> Figures:
    """QuantLib: the same."""
    import QuantLib as ql  # noqa: N813 (as its documents call it)

    vols, deltas, forward = [], [], chain.forward
    kinds = {"c": ql.Option.Call, "p": ql.Option.Put}
    for flag, price, strike, years in zip(
        chain.flags, chain.price.tolist(), chain.strike.tolist(), chain.years.tolist(), strict=True
    ):
        deviation = ql.blackFormulaImpliedStdDev(
            kinds[flag], strike, forward, price, 1.0, 0.0, 0.3, 1e-12, 200
        )
        vols.append(deviation / years**0.5)
        found = ql.BlackCalculator(ql.PlainVanillaPayoff(kinds[flag], strike), forward, deviation)
        deltas.append(found.deltaForward())
        found.gammaForward()
        found.vega(years)
        found.theta(forward, years)
        found.rho(years)
    return Figures(np.array(vols), np.array(deltas))


class Vectorized:
    """py_vollib_vectorized in an environment of its own: it says how long each of its rounds took."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(VECTORIZED), "-I", str(TOP / "bench" / "chain_program.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.version = self._answer()

    def round(self) -> float:
        """Seconds."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._answer())

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise SystemExit("py_vollib_vectorized ended; make vollib again")
        return line


CHAINS: dict[str, Run] = {
    "deltawire, numpy": arrays,
    "deltawire, numba": compiled,
    "vollib": vollib,
    "QuantLib": quantlib,
}


def report_chain(rounds: int) -> None:
    """A chain of 1,000 options: from prices to volatilities and greeks."""
    chain = make_chain()
    for name, run in CHAINS.items():
        check(name, chain, run(chain))  # and compile
    other = Vectorized() if VECTORIZED.exists() else None
    times: dict[str, list[float]] = {name: [] for name in CHAINS}
    for _ in range(rounds):
        for name, run in CHAINS.items():
            for _ in range(AT_ONCE):
                begun = time.process_time()
                run(chain)
                times[name].append(time.process_time() - begun)
        if other is not None:
            times.setdefault(f"py_vollib_vectorized {other.version}", []).extend(
                other.round() for _ in range(AT_ONCE)
            )
    print(f"\n  {len(chain.strike):,} options: implied volatility, delta, gamma, vega, theta, rho")
    print("    (deltawire: vanna, volga, charm and premium-adjusted delta as well)")
    ours = statistics.median(times["deltawire, numpy"])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(
            f"    {name:28s} {1e3 * median:8.2f} ms (best {1e3 * min(seconds):7.2f})"
            f"{median / ours:9.1f} × {verdict(1e3 * median, BARS_MS.get(name))}"
        )
    if other is None:
        print("    py_vollib_vectorized: not measured, there is no environment for it (make vollib)")
    else:
        other.stop()


def check(name: str, chain: Chain, found: Figures) -> None:
    """Who is fast must be right as well."""
    outer = chain.call == (chain.strike >= chain.forward)
    error = float(np.max(np.abs(found.vols / chain.vol - 1)[outer]))
    if not error <= WITHIN:
        raise SystemExit(f"{name}: a volatility is wrong by {error:.1e}")


def report_refit(rounds: int) -> None:
    """A smile is fitted again from its last fit, after the forward and all quotes have moved a little."""
    times, steps, cold = [], [], []
    for seed in range(rounds):
        before, after = (slice_quotes(seed, shift) for shift in (0.0, 0.002))
        begun = time.process_time()
        fit = fit_slice(before)
        cold.append(time.process_time() - begun)
        begun = time.process_time()
        again = fit_slice(after, None, fit.smile)
        times.append(time.process_time() - begun)
        steps.append(again.steps)
    median = 1e3 * statistics.median(times)
    print(f"\n  Refit of an eSSVI slice of {len(before.log_strike)} quotes after a move of 20 basis points")
    print(
        f"    from the last fit {median:6.2f} ms ({statistics.median(steps):.0f} steps)"
        f" {verdict(median, REFIT_MS)}; from nothing {1e3 * statistics.median(cold):.2f} ms"
    )


def slice_quotes(seed: int, shift: float) -> ExpiryQuotes:
    """Quotes of one expiry around a smile, with noise; `shift` moves the forward and the level of volatility."""
    chance = np.random.default_rng(seed)
    forward, years = 60_000.0 * (1 + shift), 30 / 365
    strike = np.arange(42_000.0, 84_000.0, 1_000.0)
    k = np.log(strike / forward)
    mid = (0.55 - 0.12 * k + 0.5 * k * k) * (1 + shift) + chance.normal(0.0, 0.002, len(strike))
    quotes = {
        f"{name}_{side}": prices(call, forward, strike, years=years, vol=mid + way)
        for name, call in (("call", True), ("put", False))
        for side, way in (("bid", -0.01), ("ask", 0.01))
    }
    return expiry_quotes(strike, **quotes, forward=forward, years=years)


def verdict(value: float, bar: float | None) -> str:
    """Whether a bar is met."""
    return "" if bar is None else f"bar {bar:g} ms: {'met' if value <= bar else 'missed'}"
