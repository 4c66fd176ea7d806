"""Residual energy of every series, relative to its running mean."""

from typing import ClassVar

import numpy as np

from detectors.base import FloatArray, PerSeries, Series

__all__ = ["RelativeEnergy"]


class RelativeEnergy(PerSeries):
    """Winsorised running mean of every series' energy, and the ratio of the newest energy to it.

    What makes the energies moves both, in its own kernel (`RelativeEnergyPolicy`).

    Parameters
    ----------
    n_series : int
        Number of series.

    Attributes
    ----------
    learned : ndarray of shape (2, n)
        Running mean of each series' energy, and the rows it stands for.
    scores : ndarray of shape (n,)
        Newest energy over the mean; NaN where either is not known.
    """

    _STATE: ClassVar[tuple[str, ...]] = ("learned", "scores")
    _SERIES: ClassVar[Series] = {"learned": (1, 0.0), "scores": (0, np.nan)}

    def __init__(self, n_series: int) -> None:
        self.learned: FloatArray = np.zeros((2, n_series))
        self.scores: FloatArray = np.full(n_series, np.nan)

    @property
    def n_series(self) -> int:
        """Number of series."""
        return int(self.scores.shape[0])

    def relearn(self, weight: float) -> None:
        """Let the mean count for at most `weight` rows, so that it follows sooner."""
        _, stands_for = self.learned
        np.minimum(stands_for, weight, out=stands_for)
