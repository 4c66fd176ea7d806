"""Robust location and scale of every series, learned row by row."""

from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors._validate import check_integer, check_row
from detectors.base import FloatArray, IntArray, PerSeries, Series
from detectors.policy import TRIGGER, ScalerPolicy
from detectors.statistics._robust_scaler_kernels import (
    scaler_normalise,
    scaler_observe,
    scaler_update,
)

__all__ = ["RobustScaler"]

# Location, scale, rows that they stand for, extreme rows in a row.
_UNKNOWN: Final = ((0.0,), (np.nan,), (0.0,), (0.0,))


class RobustScaler(PerSeries):
    """Robust z-scores of a stream of rows.

    A series is fitted when `fit_rows` of its cells have been seen: median, and 1.4826 times the
    median absolute deviation (1.2533 times the mean absolute deviation where more than half of the
    cells are equal). After that both follow winsorised means with weight 1/t, which is Huber's
    proposal 2 [1]_ solved by one stochastic step per row, down to weight ``1 / memory_rows``.

    Parameters
    ----------
    n_series : int
        Number of series.
    policy : ScalerPolicy
        Rows before a series is fitted, bound of the z-scores, and others.
    memory_rows : int
        Longest memory of location and scale, rows.

    Attributes
    ----------
    fitted : int
        Number of series that have a scale.

    Notes
    -----
    A positive factor of a series changes its z-scores by rounding only: there is no absolute scale
    floor, only one of a ten-thousandth of the level. A constant series has scale 0 until it moves;
    the first move, learned, becomes eight scales, so that a second one of the same size is large
    but not extreme.
    `update` checks its row; the other methods trust theirs.

    References
    ----------
    .. [1] Huber, P. J. (1981). Robust Statistics, section 6.4. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> scaler = RobustScaler(n_series=1, policy=ScalerPolicy(fit_rows=4))
    >>> for value in (1.0, 2.0, 3.0, 4.0):
    ...     _ = scaler.update(np.array([value]))
    >>> scaler.location
    array([2.5])
    """

    _STATE: ClassVar[tuple[str, ...]] = ("_learned", "_recent", "_seen")
    _SERIES: ClassVar[Series] = {"_learned": (1, _UNKNOWN), "_recent": (0, np.nan), "_seen": (0, 0)}

    def __init__(
        self,
        n_series: int,
        policy: ScalerPolicy = TRIGGER.scaler,
        memory_rows: int = TRIGGER.memory_rows,
    ) -> None:
        n = check_integer("RobustScaler", "n_series", n_series, 0)
        self.policy = policy
        self.memory_rows = check_integer(
            "RobustScaler", "memory_rows", memory_rows, policy.fit_rows
        )
        self._record = policy.record(memory_rows=self.memory_rows)
        self._learned: FloatArray = np.array(_UNKNOWN).repeat(n, axis=1)
        # The newest present cells of each series: what it is fitted and recentred on.
        self._recent: FloatArray = np.full((n, policy.recent_rows), np.nan)
        self._seen: IntArray = np.zeros(n, dtype=np.int64)
        self._allocate()

    @property
    def n_series(self) -> int:
        """Number of series."""
        return int(self._seen.shape[0])

    @property
    def location(self) -> FloatArray:
        """Location of each series, shape (n,), its own unit; NaN before it is fitted."""
        loc, scale, _, _ = self._learned
        return np.where(np.isnan(scale), np.nan, loc)

    @property
    def scale(self) -> FloatArray:
        """Scale of each series, shape (n,), its own unit; NaN before it is fitted."""
        _, scale, _, _ = self._learned
        return np.array(scale)

    def transform(self, x: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Return the z-scores of a row without learning from it.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, NaN or infinite = missing
            One row.
        out : ndarray of shape (n,), float64, optional
            Where to write.

        Returns
        -------
        ndarray of shape (n,), float64
            z-scores in scales; NaN where the cell is missing or the series not fitted yet.
        """
        z = np.empty(self.n_series) if out is None else out
        scaler_normalise(x, self.policy.cap, self.policy.level_share, self._learned, z)
        return z

    def update(self, x: FloatArray) -> Self:
        """Learn location and scale from one row.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, NaN or infinite = missing
            One row; missing cells leave their series as it is.

        Raises
        ------
        ValueError
            If the row has another number of series.
        """
        self.learn(check_row("RobustScaler", x, self.n_series))
        return self

    def learn(self, x: FloatArray) -> None:
        """Learn as `update` does from a row that has been checked."""
        if scaler_update(x, self._record, self._learned, self._recent, self._seen):
            self._fit_ready()

    def observe(self, x: FloatArray) -> None:
        """Remember a row without learning from it, except for series that are not fitted yet.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, NaN or infinite = missing
            One row.
        """
        if scaler_observe(x, self._record, self._learned, self._recent, self._seen):
            self._fit_ready()

    def recentre(self, rows: int, weight: float) -> None:
        """Take the newest cells of each series for its level from now on.

        Parameters
        ----------
        rows : int
            How many cells, between `fit_rows` and `recent_rows`.
        weight : float
            Rows that the new level counts for: how fast it follows what comes next.
        """
        _, scale, stands_for, _ = self._learned
        fitted = np.flatnonzero(~np.isnan(scale))
        if fitted.size:
            old = scale[fitted]
            self._fit(fitted, min(max(rows, self.policy.fit_rows), self.policy.recent_rows))
            scale[fitted] = np.maximum(old, scale[fitted])
            stands_for[fitted] = min(max(weight, self.policy.fit_rows), self.memory_rows)

    def relocate(self, series: NDArray[np.bool_], rows: int) -> None:
        """Take the newest cells of some series for their level from now on; scales only grow.

        Parameters
        ----------
        series : ndarray of shape (n,), bool
        rows : int
            How many cells, at most `recent_rows`.
        """
        _, scale, _, _ = self._learned
        known = np.flatnonzero(series & ~np.isnan(scale) & (self._seen > 0))
        if known.size:
            old = scale[known]
            self._fit(known, min(rows, self.policy.recent_rows))
            scale[known] = np.maximum(old, scale[known])

    def _fit_ready(self) -> None:
        """Fit the series that have just become known well enough."""
        needed = self.policy.fit_rows
        ready = np.isnan(self.scale) & (self._seen >= needed)
        self._fit(np.flatnonzero(ready), needed)
        self._allocate()

    def _allocate(self) -> None:
        """Count the series that are fitted."""
        self.fitted = int(np.count_nonzero(~np.isnan(self.scale)))

    def _fit(self, series: IntArray, rows: int) -> None:
        """Set location and scale of some series from their newest cells."""
        newest = self._seen[series, None] - 1 - np.arange(rows)
        cells = np.take_along_axis(self._recent[series], newest % self.policy.recent_rows, axis=1)
        cells[newest < 0] = np.nan
        loc = np.nanmedian(cells, axis=1)
        deviation = np.abs(cells - loc[:, None])
        scale = 1.4826 * np.nanmedian(deviation, axis=1)
        flat = scale <= 0.0
        scale[flat] = 1.2533 * np.nanmean(deviation[flat], axis=1)
        location, scales, stands_for, _ = self._learned
        location[series] = loc
        scales[series] = scale
        stands_for[series] = self.policy.fit_rows
