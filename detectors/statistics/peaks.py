"""How far each series strays within a block of rows, on average."""

from typing import ClassVar

import numpy as np

from detectors._validate import check_integer
from detectors.base import FloatArray, Stateful
from detectors.policy import TRIGGER, PeaksPolicy
from detectors.statistics._peaks_kernels import peaks_learn

__all__ = ["MeanPeak"]


class MeanPeak(Stateful):
    """Winsorised running mean of the block maxima of every series' absolute z-score.

    A spiky series and a smooth one have the same robust scale, but not the same mean peak: in
    units of it a value says how unusual it is for the series it comes from.

    Parameters
    ----------
    n_series : int
        Number of series.
    policy : PeaksPolicy
        Rows of a block, memory, and others.

    Attributes
    ----------
    mean : ndarray of shape (n,)
        Mean peak of each series; NaN until two blocks are known.
    """

    _STATE: ClassVar[tuple[str, ...]] = ("mean", "_open", "_weight", "_rows")

    def __init__(self, n_series: int, policy: PeaksPolicy = TRIGGER.peaks) -> None:
        n = check_integer("MeanPeak", "n_series", n_series, 0)
        self._policy = policy
        self.mean: FloatArray = np.full(n, np.nan)
        self._open: FloatArray = np.full(n, -1.0)
        self._weight: FloatArray = np.zeros(n)
        self._rows = 0

    def learn(self, z: FloatArray) -> None:
        """Learn one normal row of z-scores, shape (n,), float64, NaN = missing."""
        policy = self._policy
        self._rows = (self._rows + 1) % policy.block_rows
        peaks_learn(
            z,
            self._rows == 0,
            policy.memory_blocks,
            policy.winsor,
            policy.winsor_blocks,
            self._open,
            self._weight,
            self.mean,
        )

    def grow(self, n_series: int) -> None:
        """Append series of which nothing is known."""
        extra = n_series - self.mean.shape[0]
        self.mean = np.append(self.mean, np.full(extra, np.nan))
        self._open = np.append(self._open, np.full(extra, -1.0))
        self._weight = np.append(self._weight, np.zeros(extra))
