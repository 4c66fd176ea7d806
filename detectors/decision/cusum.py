"""Cumulative sums of several statistics."""

from typing import ClassVar, Self

import numpy as np

from detectors._validate import check_integer, check_real, check_row
from detectors.base import FloatArray, IntArray, Stateful
from detectors.decision._cusum_kernels import cusum_step

__all__ = ["Cusum"]


class Cusum(Stateful):
    """Page's cumulative sum of standardised scores, one per statistic.

    ``y = min(max(0, y + score - slack), ceiling)``; a change is declared where y reaches the
    threshold, and the row after y was last zero is the estimate of its onset [1]_.

    Parameters
    ----------
    n_statistics : int
        Number of statistics.
    slack : float
        What is subtracted from each score, in its standard deviations: half the shift to find.
    threshold : float
        Declares a change.
    ceiling : float
        Largest value of y, not below the threshold: bounds the time to fall back to zero.

    References
    ----------
    .. [1] Page, E. S. (1954). Continuous inspection schemes. Biometrika 41.

    Examples
    --------
    >>> import numpy as np
    >>> cusum = Cusum(n_statistics=1, threshold=4.0)
    >>> for score in (0.0, 0.0, 3.0, 3.0):
    ...     _ = cusum.update(np.array([score]))
    >>> cusum.drift_detected, int(cusum.onset[0])
    (True, 2)
    """

    _STATE: ClassVar[tuple[str, ...]] = ("_statistic", "_age", "_alarm", "_drift")

    def __init__(
        self,
        n_statistics: int,
        *,
        slack: float = 0.5,
        threshold: float = 10.0,
        ceiling: float = 1000.0,
    ) -> None:
        who = "Cusum"
        n = check_integer(who, "n_statistics", n_statistics, 0)
        self.slack = check_real(who, "slack", slack, -np.inf)
        self.threshold = check_real(who, "threshold", threshold, 0.0)
        self.ceiling = check_real(who, "ceiling", ceiling, 0.0)
        if self.ceiling < self.threshold:
            raise ValueError(
                f"`{who}` requires ceiling >= threshold = {threshold}, got ceiling={ceiling}."
            )
        self._statistic: FloatArray = np.zeros(n)
        self._age: IntArray = np.zeros(n, dtype=np.int64)
        self._alarm = False
        self._drift = False

    @property
    def statistic(self) -> FloatArray:
        """Cumulative sum y of each statistic, shape (n_statistics,); not to be written to."""
        return self._statistic

    @property
    def onset(self) -> IntArray:
        """Rows since y was zero, shape (n_statistics,): 1 = it left zero on this row, 0 = is 0."""
        return self._age

    @property
    def drift_detected(self) -> bool:
        """Whether a sum reached the threshold on the newest row while none was there before."""
        return self._drift

    def update(self, x: FloatArray) -> Self:
        """Take one score per statistic.

        Parameters
        ----------
        x : ndarray of shape (n_statistics,), float64, NaN = missing
            Standardised scores; a missing one leaves its sum as it is.
        """
        row = check_row("Cusum", x, self._statistic.shape[0])
        self.push(row)
        above = bool((self._statistic >= self.threshold).any())
        self._drift = above and not self._alarm
        self._alarm = above
        return self

    def push(self, scores: FloatArray) -> None:
        """Take one score per statistic, trusted, when only the sums and the onset are asked for."""
        cusum_step(scores, self.slack, self.ceiling, self._statistic, self._age)

    def reset(self) -> None:
        """Set every sum back to zero."""
        self._statistic.fill(0.0)
        self._age.fill(0)
        self._alarm = self._drift = False
