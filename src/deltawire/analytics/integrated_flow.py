"""Integrated order flow: the flows of several levels as one figure, by the first principal component of those before.

Source: Cont, Cucuringu and Zhang 2023 (arXiv 2112.13213, equations 3 and 4): flows of a window over the mean size of a
level and side in it, weighted by w₁/‖w₁‖₁, w₁ the first component of earlier windows. `order_flow_arrays` has the same
on arrays; here it is in pure Python, since servers need no arrays.
"""

from collections import deque
from collections.abc import Sequence
from itertools import combinations
from math import copysign, hypot
from operator import mul

import msgspec

from deltawire.analytics.known_book import KnownBook
from deltawire.analytics.order_flow import Flow, OrderFlow

LEAST_ROWS = 30
"""Windows before a component is computed."""
ROWS = 200
"""Windows that it is computed of."""
SWEEPS = 30
Matrix = list[list[float]]


class Integrated(msgspec.Struct, frozen=True, gc=False):
    """The integrated flow in units of the mean size of a level; None while there are too few `windows`.

    `band` of the levels asked for have been used, those known in the whole window; `known` is whether these are all.
    `weights` sum to 1 in absolute value, `explained` is the share of the variance of the `windows` they were fitted on.
    """

    value: float | None
    band: int
    known: bool
    weights: tuple[float, ...] = ()
    explained: float | None = None
    windows: int = 0


class IntegratedOrderFlow:
    """Flow over a window of the last `window` updates, by level and integrated.

    Every `window` updates make one row, of which the newest `rows` count. The rows are those before the current
    window's last update, so a figure never depends on what follows it.
    """

    def __init__(self, levels: int, window: int, *, rows: int = ROWS, least: int = LEAST_ROWS) -> None:
        self._levels, self._window, self._least = levels, window, least
        self._flow = OrderFlow(levels, window)
        self._rows: deque[Flow] = deque(maxlen=rows)
        """Of windows that do not overlap."""
        self._left = window
        self._fitted: dict[int, tuple[tuple[float, ...], float, int]] = {}

    def add(self, book: KnownBook) -> None:
        """Count a book without computing anything."""
        self._flow.add(book)
        self._left -= 1
        if self._left < 0:  # the first book follows nothing
            self._left = self._window - 1
            flow = self._flow.flow
            if flow is not None and flow.band:
                self._rows.append(flow)
                self._fitted.clear()

    def reset(self) -> None:
        """Forget the last book after a gap; rows from before remain, since each is of one unbroken window."""
        self._flow.reset()
        self._left = self._window

    @property
    def flow(self) -> Flow | None:
        """Flow by level up to the last book; None if it follows nothing."""
        return self._flow.flow

    @property
    def integrated(self) -> Integrated | None:
        """Integrated flow up to the last book; None if it follows nothing, or if not even the touch was known."""
        flow = self._flow.flow
        if flow is None or not flow.band:
            return None
        band, known = flow.band, flow.known
        weights, explained, count = self._fit(band)
        if not weights:
            return Integrated(None, band, known, windows=count)
        value = sum(map(mul, weights, normalised(flow, band)))
        return Integrated(value, band, known, weights, explained, count)

    def _fit(self, band: int) -> tuple[tuple[float, ...], float, int]:
        """The weights of so many levels, fitted once per new row; empty if there are too few rows or none varies."""
        if band not in self._fitted:
            rows = [normalised(row, band) for row in self._rows if row.band >= band]
            found = first_component(rows) if len(rows) >= self._least else None
            self._fitted[band] = (*(found or ((), 0.0)), len(rows))
        return self._fitted[band]


def normalised(flow: Flow, band: int) -> tuple[float, ...]:
    """Flows of the best levels over the mean size of a level and side, Q = (1/M) Σ_m mean((q_b + q_a)/2)."""
    scale = sum(flow.sizes[:band]) / band
    return tuple([(each or 0.0) / scale if scale > 0.0 else 0.0 for each in flow.levels[:band]])


def first_component(rows: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], float] | None:
    """w₁/‖w₁‖₁ of the rows' covariance, positive in sum, and the share of the variance; None if nothing varies."""
    count, columns = len(rows), [*zip(*rows, strict=True)]
    means = [sum(column) / count for column in columns]
    centred = [[each - mean for each in column] for column, mean in zip(columns, means, strict=True)]
    variances, components = eigen(
        [[sum(map(mul, one, other)) / (count - 1) for other in centred] for one in centred]
    )
    total = sum(variances)
    if total <= 0.0:
        return None
    most = max(range(len(variances)), key=lambda at: variances[at])
    first = [row[most] for row in components]
    length = copysign(sum(map(abs, first)), sum(first))
    return tuple([each / length for each in first]), variances[most] / total


def eigen(symmetric: Matrix) -> tuple[list[float], Matrix]:
    """Eigenvalues of a small symmetric matrix, and eigenvectors as columns, by Jacobi's rotations.

    Source: Golub and Van Loan, Matrix Computations, §8.5.
    """
    size = len(symmetric)
    matrix = [list(row) for row in symmetric]
    vectors = [[float(row == column) for column in range(size)] for row in range(size)]
    scale = sum(abs(each) for row in matrix for each in row)
    for _ in range(SWEEPS):
        if sum(abs(matrix[row][column]) for row, column in combinations(range(size), 2)) <= 1e-17 * scale:
            break
        for row, column in combinations(range(size), 2):
            _rotate(matrix, vectors, row, column)
    return [matrix[at][at] for at in range(size)], vectors


def _rotate(matrix: Matrix, vectors: Matrix, row: int, column: int) -> None:
    """Make one entry off the diagonal zero."""
    shared = matrix[row][column]
    if shared == 0.0:
        return
    ratio = (matrix[column][column] - matrix[row][row]) / (2 * shared)
    tangent = copysign(1.0, ratio) / (abs(ratio) + hypot(1.0, ratio))
    cosine = 1.0 / hypot(1.0, tangent)
    sine = tangent * cosine
    for each in matrix:
        each[row], each[column] = (
            cosine * each[row] - sine * each[column],
            sine * each[row] + cosine * each[column],
        )
    one, other = matrix[row], matrix[column]
    matrix[row] = [cosine * a - sine * b for a, b in zip(one, other, strict=True)]
    matrix[column] = [sine * a + cosine * b for a, b in zip(one, other, strict=True)]
    for each in vectors:
        each[row], each[column] = (
            cosine * each[row] - sine * each[column],
            sine * each[row] + cosine * each[column],
        )
