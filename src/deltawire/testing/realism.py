"""Statistics of a book and its trades, and the bands in which those of real markets lie.

Definitions: market orders are trades of one taker at one moment, merged; OFI by Cont, Kukanov and Stoikov (2014); the
imbalance's AUC counts samples 0.1 s apart after which the mid moved within 0.1 s. Bands: from half the least to one
and a half times the most of four real markets, five minutes each (Binance, 2024-08-08 and 09); shares and scores that
cannot exceed one, and autocorrelations near zero, have bands of their own.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import log
from statistics import fmean, median, pvariance
from typing import Any

import msgspec

from deltawire.model.events import BookDelta, Trade

SECOND_NS = 1_000_000_000
BANDS: dict[str, tuple[float, float]] = {
    "bbo updates per s": (48.0, 288.0),
    "market orders per s": (1.8, 22.6),
    "mid moves per s": (2.5, 19.4),
    "share of time at one tick": (0.95, 1.0),
    "sign autocorrelation, lag 1": (0.08, 0.70),
    "sign autocorrelation, lag 5": (0.06, 0.42),
    "sign autocorrelation, lag 20": (-0.03, 0.14),
    "inter-arrival CV": (1.1, 2.7),
    "Fano factor, 1 s": (2.2, 26.6),
    "Fano factor, 5 s": (3.4, 58.0),
    "order size, p99 / median": (58.0, 448.0),
    "order size, mean / median": (3.7, 28.0),
    "order size, Hill tail (top 2 %)": (0.61, 2.21),
    "touch queue / mean order": (2.4, 31.0),
    "1 s return, sd in bp": (0.59, 2.14),
    "1 s return, excess kurtosis": (1.2, 31.2),
    "1 s return, autocorrelation": (-0.15, 0.32),
    "variance 10 s / 0.1 s": (0.37, 3.6),
    "R² of 1 s return on OFI": (0.19, 0.95),
    "AUC of imbalance, 0.1 s": (0.85, 1.0),
}


class Tape:
    """What one instrument showed: best prices and sizes after every moment, and the market orders."""

    def __init__(self, instrument: str) -> None:
        self.instrument = instrument
        self.times: list[int] = []
        self.touches: list[tuple[int, int, int, int]] = []
        self.orders: list[tuple[int, int, int]] = []
        """(moment, +1 or −1, lots)."""
        self.tick = 1

    def moment(self, at_ns: int, outputs: Iterable[Any], touch: tuple[int, int, int, int] | None) -> None:
        """Record a moment; `touch` is (bid, lots, ask, lots) after it, None while a side is empty."""
        traded = changed = False
        for output in outputs:
            if type(output) is Trade and output.instrument.name == self.instrument:
                self._trade(at_ns, 1 if output.side == "buy" else -1, output.size_lots, traded)
                traded = True
            elif type(output) is BookDelta and output.instrument.name == self.instrument:
                changed = True
        if changed and touch is not None and (not self.touches or touch != self.touches[-1]):
            self.times.append(at_ns)
            self.touches.append(touch)

    def _trade(self, at_ns: int, sign: int, lots: int, again: bool) -> None:
        if again and self.orders and self.orders[-1][:2] == (at_ns, sign):
            lots += self.orders.pop()[2]
        self.orders.append((at_ns, sign, lots))


class Fact(msgspec.Struct, frozen=True):
    """One measured statistic and the band in which it should lie."""

    name: str
    value: float
    low: float
    high: float

    @property
    def within(self) -> bool:
        """Whether the value lies within the band."""
        return self.low <= self.value <= self.high


def measure(tape: Tape) -> list[Fact]:
    """Compute all statistics of a tape."""
    values = _book_facts(tape) | _order_facts(tape) | _return_facts(tape)
    return [Fact(name, values[name], *band) for name, band in BANDS.items()]


def mids(tape: Tape, step_s: float) -> list[float]:
    """The mid at equal steps, in half ticks (bid + ask)."""
    return [float(bid + ask) for bid, _, ask, _ in sampled(tape, step_s)]


def sampled(tape: Tape, step_s: float) -> list[tuple[int, int, int, int]]:
    """The best prices and sizes at equal steps."""
    moments = range(tape.times[0], tape.times[-1] + 1, int(step_s * SECOND_NS))
    return [tape.touches[bisect_right(tape.times, at) - 1] for at in moments]


def _book_facts(tape: Tape) -> dict[str, float]:
    seconds = (tape.times[-1] - tape.times[0]) / SECOND_NS
    moves = one = 0
    for place, (bid, _, ask, _) in enumerate(tape.touches[:-1]):
        after = tape.touches[place + 1]
        moves += after[0] + after[2] != bid + ask
        if ask - bid == tape.tick:
            one += tape.times[place + 1] - tape.times[place]
    queue = median([bid_lots for _, bid_lots, _, _ in sampled(tape, 0.5)])
    return {
        "bbo updates per s": len(tape.touches) / seconds,
        "mid moves per s": moves / seconds,
        "share of time at one tick": one / (seconds * SECOND_NS),
        "touch queue / mean order": queue / fmean(lots for _, _, lots in tape.orders),
        "AUC of imbalance, 0.1 s": _imbalance_auc(tape),
        "R² of 1 s return on OFI": _ofi_r2(tape),
    }


def _order_facts(tape: Tape) -> dict[str, float]:
    signs = [float(sign) for _, sign, _ in tape.orders]
    times = [at for at, _, _ in tape.orders]
    gaps = [(after - before) / SECOND_NS for before, after in pairwise(times)]
    sizes = sorted(lots for _, _, lots in tape.orders)
    middle = median(sizes)
    tail = sizes[-max(2, len(sizes) // 50) :]
    seconds = (times[-1] - times[0]) / SECOND_NS
    return {
        "market orders per s": len(times) / seconds,
        **{f"sign autocorrelation, lag {lag}": autocorrelation(signs, lag) for lag in (1, 5, 20)},
        "inter-arrival CV": pvariance(gaps) ** 0.5 / fmean(gaps),
        "Fano factor, 1 s": _fano(times, 1),
        "Fano factor, 5 s": _fano(times, 5),
        "order size, p99 / median": sizes[int(0.99 * len(sizes))] / middle,
        "order size, mean / median": fmean(sizes) / middle,
        "order size, Hill tail (top 2 %)": 1 / fmean(log(size / tail[0]) for size in tail[1:]),
    }


def _return_facts(tape: Tape) -> dict[str, float]:
    tenths, seconds = _returns(mids(tape, 0.1)), _returns(mids(tape, 1.0))
    tens = _returns(mids(tape, 10.0))
    variance = pvariance(seconds)
    middle = fmean(seconds)
    fourth = fmean((value - middle) ** 4 for value in seconds)
    return {
        "1 s return, sd in bp": 1e4 * variance**0.5,
        "1 s return, excess kurtosis": fourth / variance**2 - 3,
        "1 s return, autocorrelation": autocorrelation(seconds, 1),
        "variance 10 s / 0.1 s": pvariance(tens) / 100 / pvariance(tenths),
    }


def _returns(prices: Sequence[float]) -> list[float]:
    return [log(after / before) for before, after in pairwise(prices)]


def autocorrelation(values: Sequence[float], lag: int) -> float:
    """The autocorrelation of a series at `lag` steps."""
    middle, spread = fmean(values), pvariance(values)
    pairs = zip(values, values[lag:], strict=False)
    total = sum((one - middle) * (other - middle) for one, other in pairs)
    return total / len(values) / spread if spread else 0.0


def _fano(times: Sequence[int], window_s: int) -> float:
    """The variance divided by the mean of counts in windows."""
    counts = [0] * ((times[-1] - times[0]) // (window_s * SECOND_NS) + 1)
    for at in times:
        counts[(at - times[0]) // (window_s * SECOND_NS)] += 1
    whole = counts[:-1] or counts
    return pvariance(whole) / fmean(whole)


def _ofi_r2(tape: Tape) -> float:
    """R² of one second's mid change on its order-flow imbalance."""
    flows: dict[int, float] = {}
    for place in range(1, len(tape.touches)):
        second = (tape.times[place] - tape.times[0]) // SECOND_NS
        flows[second] = flows.get(second, 0.0) + _flow(tape.touches[place - 1], tape.touches[place])
    prices = mids(tape, 1.0)
    pairs = [(flows.get(n, 0.0), prices[n + 1] - prices[n]) for n in range(len(prices) - 1)]
    return _r2(pairs)


def _flow(before: tuple[int, int, int, int], after: tuple[int, int, int, int]) -> float:
    """e_n: what one update adds on the bid minus what it adds on the ask."""
    signed = 0.0
    if after[0] >= before[0]:
        signed += after[1]
    if after[0] <= before[0]:
        signed -= before[1]
    if after[2] <= before[2]:
        signed -= after[3]
    if after[2] >= before[2]:
        signed += before[3]
    return signed


def _r2(pairs: Sequence[tuple[float, float]]) -> float:
    x, y = [one for one, _ in pairs], [other for _, other in pairs]
    mean_x, mean_y = fmean(x), fmean(y)
    both = sum((one - mean_x) * (other - mean_y) for one, other in pairs)
    total = sum((one - mean_x) ** 2 for one in x) * sum((other - mean_y) ** 2 for other in y)
    return both * both / total if total else 0.0


def _imbalance_auc(tape: Tape) -> float:
    """How well the queue imbalance separates rises from falls (Mann and Whitney)."""
    touches = sampled(tape, 0.1)
    scored = []
    for before, after in pairwise(touches):
        move = after[0] + after[2] - before[0] - before[2]
        if move:
            scored.append(((before[1] - before[3]) / (before[1] + before[3]), move > 0))
    return _auc(scored)


def _auc(scored: list[tuple[float, bool]]) -> float:
    """The probability that a rise scores above a fall; equal scores count a half."""
    counts: dict[float, list[int]] = {}
    for score, up in scored:
        counts.setdefault(score, [0, 0])[up] += 1
    below = won = 0.0
    for score in sorted(counts):
        downs, ups = counts[score]
        won += ups * (below + 0.5 * downs)
        below += downs
    ups = sum(up for _, up in scored)
    return won / (ups * below) if ups and below else 0.5
