"""Plots of a tape (prices, memory of signs, sizes, every fact within its band) and of scored predictions."""

from collections.abc import Sequence
from math import log10

from deltawire.analytics.figures import HorizonScore
from deltawire.testing.realism import Fact, Tape, autocorrelation, mids

WIDE, HIGH, GAP = 420, 200, 50
STYLE = "font-family:sans-serif;font-size:11px"

Points = Sequence[tuple[float, float]]


def plot(tape: Tape, facts: Sequence[Fact]) -> str:
    """The plot as SVG text."""
    signs = [float(sign) for _, sign, _ in tape.orders]
    sizes = sorted((lots for _, _, lots in tape.orders), reverse=True)
    prices = [price / 2 for price in mids(tape, 5.0)]
    memory = [(float(lag), autocorrelation(signs, lag)) for lag in range(1, 51)]
    ranks = [(log10(size), log10((place + 1) / len(sizes))) for place, size in enumerate(sizes)]
    panels = [
        panel("mid price in ticks, by seconds", [(5.0 * n, price) for n, price in enumerate(prices)]),
        panel("autocorrelation of order signs, by lag", memory),
        panel("order sizes: log10 of rank by log10 of size", ranks[:: max(1, len(ranks) // 800)]),
    ]
    width, height = 2 * (WIDE + GAP) + GAP, 2 * (HIGH + GAP) + GAP + 18 * len(facts)
    rows = "".join(_row(fact, 18 * n) for n, fact in enumerate(sorted(facts, key=lambda fact: fact.name)))
    below = f'<g transform="translate({GAP},{2 * (HIGH + GAP) + GAP})">{rows}</g>'
    return _document(width, height, _grid(panels) + below)


def panel(title: str, points: Sequence[tuple[float, float]]) -> str:
    """A line through these points in a frame, with the least and the greatest value beside it."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, right, low, high = min(xs), max(xs), min(ys), max(ys)
    line = " ".join(
        f"{WIDE * (x - left) / (right - left or 1):.1f},{HIGH - HIGH * (y - low) / (high - low or 1):.1f}"
        for x, y in points
    )
    return (
        f'<text y="-8">{title}</text><rect width="{WIDE}" height="{HIGH}" fill="none" stroke="#ccc"/>'
        f'<polyline points="{line}" fill="none" stroke="#1565c0"/>'
        f'<text x="{WIDE + 3}" y="10">{high:.4g}</text><text x="{WIDE + 3}" y="{HIGH}">{low:.4g}</text>'
    )


def _row(fact: Fact, y: int) -> str:
    """One fact: its band as a bar, with the position of the value."""
    span = fact.high - fact.low
    place = 250 + 300 * max(-0.2, min(1.2, (fact.value - fact.low) / span))
    colour = "#2e7d32" if fact.within else "#c62828"
    return (
        f'<text y="{y}">{fact.name}</text><rect x="250" y="{y - 8}" width="300" height="8" fill="#dde"/>'
        f'<circle cx="{place:.1f}" cy="{y - 4}" r="4" fill="{colour}"/>'
        f'<text x="630" y="{y}">{fact.value:.3f} ({fact.low:g} to {fact.high:g})</text>'
    )


def plot_scores(found: Sequence[tuple[int, HorizonScore | None, Points]]) -> str:
    """SVG text, of (horizon in milliseconds, score, accuracy of the direction over time in seconds)."""
    panels: list[str] = []
    for horizon_ms, score, accuracy in found:
        if score is None or len(accuracy) < 2:
            continue
        bins = [
            (each.stated, each.happened)
            for each in score.calibration
            if each.stated is not None and each.happened is not None
        ]
        panels.append(panel(f"{horizon_ms} ms: direction right among moves, by seconds", accuracy))
        panels.append(panel(f"{horizon_ms} ms: share that rose, by stated probability", bins))
    rows = (len(panels) + 1) // 2
    width, height = 2 * (WIDE + GAP) + GAP, rows * (HIGH + GAP) + GAP
    return _document(width, height, _grid(panels))


def _grid(panels: Sequence[str]) -> str:
    """Panels in two columns."""
    return "".join(
        f'<g transform="translate({GAP + (n % 2) * (WIDE + GAP)},{GAP + (n // 2) * (HIGH + GAP)})">{each}</g>'
        for n, each in enumerate(panels)
    )


def _document(width: int, height: int, content: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" style="{STYLE}">'
        f'<rect width="100%" height="100%" fill="white"/>{content}</svg>\n'
    )
