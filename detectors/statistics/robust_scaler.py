"""Robust location and scale of every series, learned row by row."""

from typing import ClassVar, Self

import numpy as np

from detectors._validate import check_integer, check_real, check_row
from detectors.base import FloatArray, IntArray, Stateful
from detectors.statistics._robust_scaler_kernels import (
    scaler_normalise,
    scaler_observe,
    scaler_update,
)

__all__ = ["RobustScaler"]


class RobustScaler(Stateful):
    """Robust z-scores of a stream of rows.

    A series is fitted when ``fit_rows`` of its cells have been seen: median, and 1.4826 times the
    median absolute deviation (1.2533 times the mean absolute deviation where more than half of the
    cells are equal). After that both follow winsorised means with weight 1/t, which is Huber's
    proposal 2 [1]_ solved by one stochastic step per row, down to weight ``1 / memory_rows``.

    Parameters
    ----------
    n_series : int
        Number of series.
    fit_rows : int
        Present cells after which a series is fitted.
    memory_rows : int
        Longest memory of location and scale, rows.
    cap : float
        z-scores are clipped to ``[-cap, cap]``. A series that was constant so far gets +-cap when
        it moves: visible, and finite.
    winsor : float
        Deviations count up to this many scales when learning.

    Attributes
    ----------
    fitted : int
        Number of series that have a scale.

    Notes
    -----
    A positive factor or a shift of a series changes its z-scores by rounding only: there is no
    absolute scale floor. A constant series has scale 0 until it moves; the first move, learned,
    becomes ``wake`` = 8 scales, so that a second one of the same size is large but not extreme.
    `update` checks its row; the other methods trust theirs.

    References
    ----------
    .. [1] Huber, P. J. (1981). Robust Statistics, section 6.4. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> scaler = RobustScaler(n_series=1, fit_rows=4)
    >>> for value in (1.0, 2.0, 3.0, 4.0):
    ...     _ = scaler.update(np.array([value]))
    >>> scaler.location
    array([2.5])
    """

    _STATE: ClassVar[tuple[str, ...]] = ("_learned", "_recent", "_seen")
    _WAKE: ClassVar[float] = 8.0
    _RECENT: ClassVar[int] = 96

    def __init__(
        self,
        n_series: int,
        *,
        fit_rows: int = 24,
        memory_rows: int = 16_384,
        cap: float = 100.0,
        winsor: float = 4.0,
    ) -> None:
        who = "RobustScaler"
        n = check_integer(who, "n_series", n_series, 0)
        self.fit_rows = check_integer(who, "fit_rows", fit_rows, 2, self._RECENT)
        self.memory_rows = check_integer(who, "memory_rows", memory_rows, self.fit_rows)
        self.cap = check_real(who, "cap", cap, 0.0)
        self.winsor = check_real(who, "winsor", winsor, 1.0)
        # Location, scale, rows that they stand for, extreme rows in a row.
        self._learned: FloatArray = np.zeros((4, n))
        self._learned[1] = np.nan
        # The newest present cells of each series: what it is fitted and recentred on.
        self._recent: FloatArray = np.full((n, self._RECENT), np.nan)
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
        return np.array(self._learned[1])

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
        scaler_normalise(x, self._learned, self.cap, z)
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
        ready = scaler_update(
            x,
            self._learned,
            self.memory_rows,
            self.winsor,
            self.cap,
            self._WAKE,
            self.fit_rows,
            self._recent,
            self._seen,
        )
        if ready:
            self._fit_ready()

    def observe(self, x: FloatArray) -> None:
        """Remember a row without learning from it, except for series that are not fitted yet.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, NaN or infinite = missing
            One row.
        """
        if scaler_observe(x, self.fit_rows, self._learned, self._recent, self._seen):
            self._fit_ready()

    def recentre(self, rows: int, weight: float) -> None:
        """Accept the newest cells of each series as its new normal level.

        Parameters
        ----------
        rows : int
            How many cells, between ``fit_rows`` and 96.
        weight : float
            Rows that the new level counts for: how fast it follows what comes next.
        """
        _, scale, stands_for, _ = self._learned
        fitted = np.flatnonzero(~np.isnan(scale))
        if fitted.size:
            old = scale[fitted]
            self._fit(fitted, min(max(rows, self.fit_rows), self._RECENT))
            scale[fitted] = np.maximum(old, scale[fitted])
            stands_for[fitted] = min(max(weight, self.fit_rows), self.memory_rows)

    def grow(self, n_series: int) -> None:
        """Append series, unfitted, behind the present ones.

        Parameters
        ----------
        n_series : int
            The new number of series, not smaller than the old one.
        """
        extra = check_integer("RobustScaler", "n_series", n_series, self.n_series) - self.n_series
        unknown = np.tile([[0.0], [np.nan], [0.0], [0.0]], extra)
        self._learned = np.ascontiguousarray(np.hstack([self._learned, unknown]))
        self._recent = np.vstack([self._recent, np.full((extra, self._RECENT), np.nan)])
        self._seen = np.append(self._seen, np.zeros(extra, dtype=np.int64))

    def _fit_ready(self) -> None:
        """Fit the series that have just become known well enough."""
        ready = np.isnan(self._learned[1]) & (self._seen >= self.fit_rows)
        self._fit(np.flatnonzero(ready), self.fit_rows)
        self._allocate()

    def _allocate(self) -> None:
        """Count the series that are fitted."""
        self.fitted = int(np.count_nonzero(~np.isnan(self._learned[1])))

    def _fit(self, series: IntArray, rows: int) -> None:
        """Set location and scale of some series from their newest cells."""
        newest = self._seen[series, None] - 1 - np.arange(rows)
        cells = np.take_along_axis(self._recent[series], newest % self._RECENT, axis=1)
        cells[newest < 0] = np.nan
        loc = np.nanmedian(cells, axis=1)
        deviation = np.abs(cells - loc[:, None])
        scale = 1.4826 * np.nanmedian(deviation, axis=1)
        flat = scale <= 0.0
        scale[flat] = 1.2533 * np.nanmean(deviation[flat], axis=1)
        self._learned[0, series] = loc
        self._learned[1, series] = scale
        self._learned[2, series] = self.fit_rows
