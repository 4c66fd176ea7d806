"""What z-scores do: now, for two rows in a row, in a short mean, in a long mean."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from detectors._validate import check_integer
from detectors.base import FloatArray, PerSeries, Series
from detectors.policy import TRIGGER, MovingAveragesPolicy
from detectors.statistics._moving_averages_kernels import averages_step

__all__ = ["MovingAverages"]


class MovingAverages(PerSeries):
    """Persistence and moving means of every series, and two statistics made of them.

    Parameters
    ----------
    n_series : int
        Number of series.
    policy : MovingAveragesPolicy
        Rows of the two windows, and others.

    Attributes
    ----------
    persistence : ndarray of shape (n,)
        Smaller of the newest two absolute values where they have the same sign, else 0: what a
        single spike, however large, does not move. NaN where the newest is missing.
    means : ndarray of shape (2, n)
        Of the short and of the long window: absolute sum of its cells over the root of their
        number, so that independent cells of unit variance give unit variance; NaN while less than
        half a window is present.
    top : int
        How many series the largest of them are: sqrt(n).

    Examples
    --------
    >>> import numpy as np
    >>> averages = MovingAverages(1, MovingAveragesPolicy(short_rows=2, long_rows=4))
    >>> for value in (3.0, 5.0):
    ...     statistics = averages.push(np.array([value]))
    >>> np.round(statistics, 3)
    array([3.   , 5.657])
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "_ring",
        "_position",
        "_sums",
        "_counts",
        "_last",
        "persistence",
        "means",
    )
    _SAVED_AS: ClassVar[Mapping[str, str]] = {"persistence": "pair"}
    _SERIES: ClassVar[Series] = {
        "_ring": (1, np.nan),
        "_sums": (1, 0.0),
        "_counts": (1, 0.0),
        "_last": (0, np.nan),
        "persistence": (0, np.nan),
        "means": (1, np.nan),
    }

    def __init__(self, n_series: int, policy: MovingAveragesPolicy = TRIGGER.averages) -> None:
        n = check_integer("MovingAverages", "n_series", n_series, 0)
        self.policy = policy
        self._ring: FloatArray = np.full((policy.long_rows, n), np.nan)
        self._position = 0
        self._sums: FloatArray = np.zeros((2, n))
        self._counts: FloatArray = np.zeros((2, n))
        self._last: FloatArray = np.full(n, np.nan)
        self.persistence: FloatArray = np.full(n, np.nan)
        self.means: FloatArray = np.full((2, n), np.nan)
        self._allocate()

    def push(self, z: FloatArray) -> tuple[float, float]:
        """Append a row of z-scores and return its statistics.

        Parameters
        ----------
        z : ndarray of shape (n,), float64, NaN = missing

        Returns
        -------
        persistence, long_mean : float
            NaN where no series says anything: the mean of ``persistence``, and that of the ``top``
            largest long means, both without the very largest.
        """
        statistics: tuple[float, float] = averages_step(
            z,
            self._record,
            self._position,
            self._ring,
            self._sums,
            self._counts,
            self._last,
            self.persistence,
            self.means,
        )
        self._position = (self._position + 1) % self.policy.long_rows
        return statistics

    def recent(self) -> FloatArray:
        """Return the clipped rows of the long window, shape (long, n), oldest first."""
        return np.roll(self._ring, -self._position, axis=0)

    def clear(self) -> None:
        """Forget the rows: the next one does not follow the last one."""
        self._ring.fill(np.nan)
        self._sums.fill(0.0)
        self._counts.fill(0.0)
        self._last.fill(np.nan)

    def _allocate(self) -> None:
        """Set how many series the largest of them are."""
        self.top = int(np.ceil(np.sqrt(self._last.shape[0])))
        self._record = self.policy.record(top=self.top)
