"""How much residual energy each series usually has, and how much more it has now."""

from typing import ClassVar

import numpy as np

from detectors._kernels import track_energy
from detectors.base import FloatArray, Stateful

__all__ = ["UsualEnergy"]

# What one row may teach, in usual energies: a spike must not become usual.
_CLIP = 16.0


class UsualEnergy(Stateful):
    """Winsorised running mean of every series' energy, and the ratio of the newest energy to it.

    Parameters
    ----------
    n_series : int
        Number of series.
    memory_rows : int
        Longest memory of the mean, rows.
    floor : float
        Smallest mean that an energy is compared with.
    """

    _STATE: ClassVar[tuple[str, ...]] = ("_mean", "_weight", "_score")

    def __init__(self, n_series: int, memory_rows: int, floor: float) -> None:
        self._memory_rows = memory_rows
        self._floor = floor
        self._mean: FloatArray = np.zeros(n_series)
        self._weight: FloatArray = np.zeros(n_series)
        self._score: FloatArray = np.full(n_series, np.nan)

    @property
    def n_series(self) -> int:
        """Number of series."""
        return int(self._mean.shape[0])

    @property
    def scores(self) -> FloatArray:
        """Scores of the newest row, shape (n,); not to be written to."""
        return self._score

    def track(self, energy: FloatArray, *, learn: bool) -> FloatArray:
        """Score a row's energies, then learn them when `learn`; the result is reused.

        Parameters
        ----------
        energy : ndarray of shape (n,), float64, NaN = not known

        Returns
        -------
        ndarray of shape (n,), float64
            Energy over the usual one; NaN where either is not known.
        """
        track_energy(
            energy,
            self._mean,
            self._weight,
            self._memory_rows,
            _CLIP,
            self._floor,
            learn,
            self._score,
        )
        return self._score

    def relearn(self, weight: float) -> None:
        """Let the mean count for at most `weight` rows, so that it follows sooner."""
        np.minimum(self._weight, weight, out=self._weight)

    def grow(self, n_series: int) -> None:
        """Append series of which nothing is known."""
        extra = n_series - self.n_series
        self._mean = np.append(self._mean, np.zeros(extra))
        self._weight = np.append(self._weight, np.zeros(extra))
        self._score = np.append(self._score, np.full(extra, np.nan))
