"""`deltawire score`."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from deltawire.analytics.figures import HorizonScore, Interval
from deltawire.cli.tables import format_rows, make_console
from deltawire.errors import UsageError, how_to_install
from deltawire.model.events import Event
from deltawire.venues import REGISTRY

SIMULATED, SECOND_NS = "sim:", 1_000_000_000
SAMPLE = f"{SIMULATED}10"
"""Enough of the built-in exchange to see which books change."""
PREDICTORS = ("model", "calibrated_imbalance", "sign_imbalance", "micro_price", "persistence", "majority")


def score(
    path: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A recording, or a directory of them; `sim:3600`: so many seconds of the built-in exchange.",
        ),
    ],
    venue: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"The venue, if the recording does not say it: {', '.join(sorted(REGISTRY))}.",
        ),
    ] = "",
    symbol: Annotated[
        str, typer.Option(metavar="NAME", help="The instrument. [default: whose book changes most]")
    ] = "",
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a plot (SVG) of accuracy and calibration.")
    ] = None,
) -> None:
    """Predict the next moves of a recorded book and score the predictions, beside five baselines.

    Every tenth of a second of the venue's time, for 0.1, 0.5, 1 and 5 seconds, with 50 ms of latency. The model learns
    on the way and is judged before it learns. Intervals are 95 %, from blocks. Needs the extra `analytics`.

    Example: `deltawire score btcusdt.gz --venue binance_usdm --plot score.svg`
    """
    if find_spec("numpy") is None:
        raise UsageError(f"score needs the extra `analytics`: {how_to_install('analytics')}")
    from deltawire.roles.scoring import busiest, score_events, skill_by_time

    key = busiest(
        event
        for event in _events(SAMPLE if path.startswith(SIMULATED) else path, venue)
        if not symbol or getattr(getattr(event, "instrument", None), "name", "") == symbol
    )
    if not key:
        raise UsageError(f"{path} has no book{f' of {symbol}' if symbol else ''} to predict")
    found = score_events(_events(path, venue), key)
    console = make_console()
    console.print(f"{key}: {len(found[0].matured)} predictions for {found[0].horizon_ms} ms")
    rows = [
        _row(each.horizon_ms, name, each.score)
        for each in found
        if each.score is not None
        for name in PREDICTORS
    ]
    if not rows:
        raise UsageError(f"{key}: too few predictions matured to be scored; record for longer than a minute")
    headings = ("horizon", "predictor", "accuracy", "AUC", "MCC", "Brier", "model's skill over it", "verdict")
    console.print(format_rows(console, headings, rows, right=headings[2:7]))
    if plot is not None:
        from deltawire.testing.plots import plot_scores

        plot.write_text(plot_scores([(each.horizon_ms, each.score, skill_by_time(each)) for each in found]))
        console.print(f"plot: {plot}")


def _events(path: str, venue: str) -> Iterable[Event]:
    from deltawire.roles.scoring import recorded_events
    from deltawire.testing.market import quiet_events

    if not path.startswith(SIMULATED):
        return recorded_events(Path(path), venue)
    seconds = path.removeprefix(SIMULATED)
    if not seconds.isdecimal() or not int(seconds):
        raise UsageError(f"{SIMULATED} is followed by seconds, such as {SIMULATED}3600, not {seconds!r}")
    return quiet_events(1, int(seconds) * SECOND_NS)


def _row(horizon_ms: int, name: str, score: HorizonScore) -> list[Text]:
    figures = score.predictors[name]
    over = score.skill_over.get(name)
    first = name == PREDICTORS[0]
    cells = [
        f"{horizon_ms / 1000:g} s" if first else "",
        name,
        _number(figures.accuracy[0]),
        _number(figures.auc[0]),
        _number(figures.mcc[0]),
        _number(figures.brier[0]),
        "" if over is None else _with_interval(over),
        f"skill: {score.skill}" if first else "",
    ]
    return [Text(cell) for cell in cells]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _with_interval(figure: Interval) -> str:
    return f"{_number(figure[0])} ({_number(figure[1])} to {_number(figure[2])})"
