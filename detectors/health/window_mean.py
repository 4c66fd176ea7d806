"""Mean of the ratios in a window of time, in constant memory and without drift."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from detectors._validate import check_integer
from detectors.base import State, Stateful

__all__ = ["MOST_BUCKETS", "WindowMean"]

MOST_BUCKETS: Final = 64
"""Parts of a window, each of one row or more, that are forgotten as a whole."""

# Ratios are counted in units of 2^-40: sums of integers are exact in whatever order they are made.
_ONE: Final = 1 << 40
_LONG_AGO: Final = -(1 << 62)


class WindowMean(Stateful):
    """Mean of the newest readings of a ratio, each with its weight.

    The window is kept in at most `MOST_BUCKETS` buckets and moves on by whole ones: up to 64 rows
    it is exact, a longer one is as long as asked for to within a 64th part.

    Parameters
    ----------
    rows : int
        Length of the window in rows of the grid, >= 1.

    Examples
    --------
    >>> mean = WindowMean(rows=2)
    >>> for number, ratio in enumerate((1.0, 0.0, 0.5)):
    ...     mean.push(number, ratio)
    >>> mean.value, mean.exceeds(0.25), mean.exceeds(0.2)
    (0.25, False, True)
    """

    _STATE: ClassVar[tuple[str, ...]] = ("_sums", "_counts", "_newest", "_total", "_readings")

    def __init__(self, rows: int) -> None:
        rows = check_integer("WindowMean", "rows", rows, 1)
        self._width = -(-rows // MOST_BUCKETS)
        size = -(-rows // self._width)
        self._sums = [0] * size  # lists: one cell at a time is read, which arrays are slow at
        self._counts = [0] * size
        self._newest = _LONG_AGO
        self._total = 0
        self._readings = 0

    def push(self, number: int, ratio: float, weight: int = 1) -> None:
        """Take a reading.

        Parameters
        ----------
        number : int
            Of its row on the grid; one that is smaller than before counts as the newest.
        ratio : float
            What lies outside of [0, 1] counts as 0 or 1.
        weight : int
            >= 0, the same unit for all.
        """
        size, bucket = len(self._sums), number // self._width
        if bucket > self._newest:
            for passed in range(max(self._newest, bucket - size) + 1, bucket + 1):
                at = passed % size
                self._total -= self._sums[at]
                self._readings -= self._counts[at]
                self._sums[at] = self._counts[at] = 0
            self._newest = bucket
        at = self._newest % size
        units = weight * (int(ratio * _ONE) if 0.0 <= ratio <= 1.0 else _ONE * (ratio > 1.0))
        self._total += units
        self._readings += weight
        self._sums[at] += units
        self._counts[at] += weight

    @property
    def value(self) -> float:
        """The mean; NaN without a reading."""
        return self._total / (self._readings * _ONE) if self._readings else float("nan")

    def exceeds(self, limit: float) -> bool:
        """Whether the mean is larger than this; False without a reading."""
        return self._total > limit * (self._readings * _ONE)

    def state_dict(self) -> State:
        """Return a copy of the state; what is summed is text, as it has more than 64 bits."""
        summed = {"_sums": [*map(str, self._sums)], "_total": str(self._total)}
        return super().state_dict() | summed

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state; in older ones the sums are numbers."""
        super().load_state_dict(state)
        self._sums = [*map(int, self._sums)]
