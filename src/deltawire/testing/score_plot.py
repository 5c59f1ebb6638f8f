"""A plot of scored predictions: accuracy over time and calibration, a row of panels per horizon."""

from collections.abc import Sequence

from deltawire.analytics.figures import HorizonScore
from deltawire.testing.plots import GAP, HIGH, STYLE, WIDE, panel

Points = Sequence[tuple[float, float]]


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
    placed = "".join(
        f'<g transform="translate({GAP + (n % 2) * (WIDE + GAP)},{GAP + (n // 2) * (HIGH + GAP)})">{each}</g>'
        for n, each in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" style="{STYLE}">'
        f'<rect width="100%" height="100%" fill="white"/>{placed}</svg>\n'
    )
