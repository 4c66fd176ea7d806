"""The sparkline of every series since the onset, in a bounded number of points."""

from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.base import Stateful

__all__ = ["POINTS", "SparklineBuffer", "Sparklines"]

Floats = NDArray[np.float64]

POINTS = 20


class Sparklines(NamedTuple):
    """Means of equal spans of rows around the onset, oldest first; NaN = no value."""

    span: int  # rows of a point
    before: Floats  # (points, n_series), raw units, at most `POINTS` points
    after: Floats  # the same since the onset


class SparklineBuffer(Stateful):
    """Means of equal spans of rows; a span doubles whenever the points would become too many.

    Parameters
    ----------
    n_series : int
    skipped : int
        Rows since the onset that were not recorded; they count as missing.

    Attributes
    ----------
    rows : int
        Rows since the onset.
    span : int
        Rows of a point.

    Examples
    --------
    >>> import numpy as np
    >>> buffer = SparklineBuffer(n_series=1)
    >>> for value in range(30):
    ...     buffer.update(np.array([float(value)]))
    >>> sparklines = buffer.sparklines(base=np.array([[7.0], [1.0], [2.0]]))
    >>> sparklines.span, sparklines.before[:, 0].tolist(), sparklines.after[:3, 0].tolist()
    (2, [1.5], [0.5, 2.5, 4.5])
    """

    _STATE: ClassVar[tuple[str, ...]] = ("rows", "span", "_sum", "_count")

    def __init__(self, n_series: int, skipped: int = 0) -> None:
        self.rows = skipped
        self.span = 1
        while self.rows > POINTS * self.span:
            self.span *= 2
        self._sum = np.zeros((POINTS, n_series))
        self._count = np.zeros((POINTS, n_series), dtype=np.int64)

    def update(self, x: Floats) -> None:
        """Add one row.

        Parameters
        ----------
        x : ndarray of shape (n_series,), float64, raw units, NaN = missing
        """
        if self.rows == POINTS * self.span:
            self._fold()
        point, present = self.rows // self.span, ~np.isnan(x)
        with np.errstate(over="ignore"):
            self._sum[point] += np.where(present, x, 0.0)
        self._count[point] += present
        self.rows += 1

    def sparklines(self, base: Floats) -> Sparklines:
        """Return the sparkline of every series on both sides of the onset, in equal spans.

        Parameters
        ----------
        base : ndarray of shape (n_rows, n_series), float64, raw units, NaN = missing
            Last rows before the onset, oldest first; more than `POINTS` spans are not used, nor
            what is left over of a whole span.
        """
        used = -(-self.rows // self.span)
        after = _divided(self._sum[:used], self._count[:used])
        return Sparklines(self.span, _means(base, self.span), after)

    def _fold(self) -> None:
        """Join neighbouring points."""
        half = POINTS // 2
        for points in (self._sum, self._count):
            points[:half] = points[0::2] + points[1::2]
            points[half:] = 0
        self.span *= 2


def _means(rows: Floats, span: int) -> Floats:
    points = min(len(rows) // span, POINTS)
    used = rows[len(rows) - points * span :].reshape(points, span, rows.shape[1])
    present = np.isfinite(used)
    with np.errstate(over="ignore"):
        total = np.where(present, used, 0.0).sum(axis=1)
    return _divided(total, present.sum(axis=1))


def _divided(total: Floats, count: NDArray[np.int64]) -> Floats:
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean
