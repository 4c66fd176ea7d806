"""How far each series strays within a block of rows: its own tail."""

from typing import ClassVar

import numpy as np

from detectors._validate import check_integer
from detectors.base import FloatArray, PerSeries, Series
from detectors.policy import TRIGGER, PeaksPolicy
from detectors.statistics._peaks_kernels import MEAN, peaks_learn, peaks_score

__all__ = ["BlockMaxima"]


class BlockMaxima(PerSeries):
    """Block maxima of a value of every series: their mean, and the scale of their tail.

    A spiky series and a smooth one have the same robust scale, but not the same maxima. Where a
    value is held against the tail of its own series, no other series' limit suffers from it.

    Parameters
    ----------
    n_series : int
        Number of series.
    policy : PeaksPolicy
        Rows of a block, memory, and others.

    Attributes
    ----------
    scores : ndarray of shape (n,)
        Of the newest values: `score`.
    """

    _STATE: ClassVar[tuple[str, ...]] = ("scores", "_open", "_learned", "_rows")
    _SERIES: ClassVar[Series] = {"scores": (0, np.nan), "_open": (0, -1.0), "_learned": (1, 0.0)}

    def __init__(self, n_series: int, policy: PeaksPolicy = TRIGGER.peaks) -> None:
        n = check_integer("BlockMaxima", "n_series", n_series, 0)
        self._policy = policy
        self._record = policy.record()
        self.scores: FloatArray = np.full(n, np.nan)
        self._open: FloatArray = np.full(n, -1.0)
        self._learned: FloatArray = np.zeros((3, n))
        self._rows = 0

    @property
    def mean(self) -> FloatArray:
        """Mean maximum of each series, shape (n,), 0 before the first block; not to be written."""
        learned: FloatArray = self._learned[MEAN]
        return learned

    def score(self, values: FloatArray) -> float:
        """Return the largest of what the values exceed their mean maxima by, in their scales.

        Parameters
        ----------
        values : ndarray of shape (n,), float64, >= 0, NaN = missing
        """
        largest: float = peaks_score(
            values, self._record, self._policy.block_rows, self._learned, self.scores
        )
        return largest

    def reach(self, most: FloatArray) -> float:
        """Return the score that a median series has at most, given its largest value, (n,)."""
        scores = np.empty_like(self.scores)
        peaks_score(most, self._record, self._policy.block_rows, self._learned, scores)
        known = scores[np.isfinite(scores)]
        return float(np.median(known)) if known.size else 0.0

    def learn(self, values: FloatArray) -> None:
        """Learn one normal row of values, shape (n,), float64, >= 0, NaN = missing."""
        self._rows = (self._rows + 1) % self._policy.block_rows
        peaks_learn(values, self._rows == 0, self._record, self._open, self._learned)
