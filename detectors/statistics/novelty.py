"""How far a row is from everything that was normal before."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors._validate import check_integer
from detectors.base import FloatArray, PerSeries, Series
from detectors.policy import TRIGGER, NoveltyPolicy
from detectors.statistics._novelty_kernels import learn_step, measure_pairs, push_step

__all__ = ["Novelty"]


class Novelty(PerSeries):
    """Distance of a row to the nearest of the normal rows that are remembered.

    What is far from the mean may have been there every evening: no news. What lies between two
    frequent states may never have been there. A row is where its series have been of late, as a
    moving mean of their z-scores' signed logarithm; the distance of two rows is that of the
    series that differs most. What is remembered covers all that was learned within a radius,
    which grows only as far as the memory asks for: incremental k-centre clustering [1]_.

    Parameters
    ----------
    n_series : int
        Number of series.
    policy : NoveltyPolicy
        Time constant of the moving mean, rows that are remembered, and others.

    References
    ----------
    .. [1] Charikar, M., Chekuri, C., Feder, T., Motwani, R. (2004). Incremental clustering and
       dynamic information retrieval. SIAM Journal on Computing 33.

    Examples
    --------
    >>> import numpy as np
    >>> novelty = Novelty(n_series=2, policy=NoveltyPolicy(rows=1))
    >>> for row in ([0.0, 0.0], [9.0, 9.0]):
    ...     _ = novelty.push(np.array(row))
    ...     novelty.learn()
    >>> novelty.push(np.array([9.0, 9.0])), round(novelty.push(np.array([9.0, 0.0])), 3)
    (0.0, 2.303)
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "_seen",
        "_mean",
        "_place",
        "_centres",
        "_count",
        "_radius",
        "_nearest",
        "_distance",
        "_stands",
    )
    _SERIES: ClassVar[Series] = {
        "_seen": (0, 0.0),
        "_mean": (0, 0.0),
        "_place": (0, np.nan),
        "_centres": (0, 0.0),
    }

    def __init__(self, n_series: int, policy: NoveltyPolicy = TRIGGER.novelty) -> None:
        n = check_integer("Novelty", "n_series", n_series, 0)
        size = policy.size
        self._growth, self._rows = policy.growth, policy.rows
        self._needed = policy.least_share * policy.rows
        self._radius = policy.resolution
        self._seen: FloatArray = np.zeros(n)
        self._mean: FloatArray = np.zeros(n)
        self._place: NDArray[np.float32] = np.full(n, np.nan, dtype=np.float32)
        self._centres: NDArray[np.float32] = np.zeros((n, size), dtype=np.float32)
        self._gaps: NDArray[np.float32] = np.zeros(size, dtype=np.float32)
        # Distance of every centre to each earlier one, below the diagonal.
        self._pairs: NDArray[np.float32] = np.zeros((size, size), dtype=np.float32)
        self._count = self._nearest = 0
        self._distance = np.nan
        self._stands = False

    def push(self, z: FloatArray) -> float:
        """Append a row of z-scores, shape (n,), NaN = missing; return how far it is from normal.

        NaN before anything was learned, and where no series stands anywhere.
        """
        self._stands, self._nearest, self._distance = push_step(
            z,
            self._rows,
            self._needed,
            self._seen,
            self._mean,
            self._place,
            self._centres,
            self._count,
            self._gaps,
        )
        return self._distance

    def learn(self) -> None:
        """Remember the row that was pushed last, unless one like it is known."""
        if self._distance <= self._radius or not self._stands:
            return
        self._count, self._radius = learn_step(
            self._growth,
            self._place,
            self._centres,
            self._pairs,
            self._count,
            self._nearest,
            self._radius,
            self._gaps,
        )

    @property
    def scores(self) -> FloatArray:
        """Distance of each series to where it stands in the nearest row, shape (n,).

        NaN where the newest cell is missing, or too few rows are known.
        """
        gaps: FloatArray = np.abs(self._place - self._centres[:, self._nearest], dtype=np.float64)
        return gaps

    def clear(self) -> None:
        """Begin the moving means anew: the next row does not follow the last one."""
        self._seen.fill(0.0)
        self._mean.fill(0.0)

    def _allocate(self) -> None:
        """Measure the distances of the centres anew."""
        measure_pairs(self._centres, self._pairs, self._count, self._gaps)
