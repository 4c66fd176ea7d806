"""Lagged moments of the newest rows alone, in units that may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coral.graph import _moments_kernels as _kernels
from coral.graph.moments import LaggedMoments

if TYPE_CHECKING:
    from coral.graph._arrays import BoolArray, FloatArray, IndexArray


class WindowMoments(LaggedMoments):
    """Lagged moments of which the oldest rows are taken back, while the rest follows other units.

    What is left is what the rows of the window give when they are added anew, but for rounding,
    at a small part of the cost. For rows about zero, without an anchor, that all weigh the same.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.arange(8.0).reshape(4, 2)
    >>> moments = WindowMoments(n_series=2, lags=1)
    >>> moments.update_block(rows)
    >>> moments.take_back(rows[:3], np.ones(3, dtype=bool))
    >>> moments.kernel_arrays()[0][0]
    array([[52., 62.],
           [62., 74.]])
    """

    @property
    def n_rows(self) -> int:
        """Number of rows in the sums."""
        return round(float(self._row_weight[0])) + self._pending

    @property
    def n_following(self) -> int:
        """How many of them follow the one before."""
        self.fold()
        return round(float(self._row_weight[1]))

    @property
    def complete(self) -> BoolArray:
        """Whether each series has a value in every row: (n_series,)."""
        self.fold()
        every: BoolArray = self._cells[0, 0] == self._row_weight[0]
        return every

    def take_back(self, rows: FloatArray, adjacent: BoolArray) -> None:
        """Take the oldest rows out of the sums.

        Parameters
        ----------
        rows : ndarray of shape (m + lags, n_series), float64, NaN = missing
            The oldest m rows and the `lags` after them, as they were added.
        adjacent : ndarray of shape (m + lags,), bool
            Whether each follows the one before it.
        """
        self.fold()
        present, m = np.isfinite(rows), rows.shape[0] - self.lags
        values, cells = np.where(present, rows, 0.0), present.astype(np.float64)
        self._row_weight_sq -= m
        for lag in range(self.lags + 1):
            now, then = _apart(values, adjacent, lag, m)
            self._row_weight[lag] -= now.shape[0]
            self._products[lag] -= now.T @ then
            self._sums[:, lag] -= now.sum(axis=0), then.sum(axis=0)
            now, then = _apart(cells, adjacent, lag, m)
            self._cells[:, lag] -= now.sum(axis=0), then.sum(axis=0)
            if self._pairs is not None:
                self._pairs[lag] -= now.T @ then

    def convert(self, unit: FloatArray, shift: FloatArray) -> None:
        """Follow complete series to units in which z is unit x z + shift.

        Parameters
        ----------
        unit, shift : ndarray of shape (n_series,), float64
        """
        self.fold()
        _kernels.convert(self._products, self._sums, self._row_weight, unit, shift)
        self._sums = unit * self._sums + shift * self._row_weight[:, None]
        self._rows[: self.lags] = unit * self._rows[: self.lags] + shift
        self._known = min(self.lags, self.n_rows)

    def retell(self, series: IndexArray, rows: FloatArray, adjacent: BoolArray) -> None:
        """Take the sums that some series are part of from all rows anew.

        Parameters
        ----------
        series : ndarray of shape (k,), int
        rows : ndarray of shape (n_rows, n_series), float64, NaN = missing
            All that are in the sums, oldest first.
        adjacent : ndarray of shape (n_rows,), bool
            Whether each follows the one before it.
        """
        self.fold()
        present, m = np.isfinite(rows), rows.shape[0]
        values, cells = np.where(present, rows, 0.0), present.astype(np.float64)
        if not present.all():
            self._count_pairs()
        for lag in range(self.lags + 1):
            for kept, columns in ((self._products, values), (self._pairs, cells)):
                if kept is not None:
                    now, then = _apart(columns, adjacent, lag, m - lag)
                    kept[lag][:, series] = now.T @ then[:, series]
                    kept[lag][series] = now[:, series].T @ then
            for sums, columns in ((self._sums, values), (self._cells, cells)):
                now, then = _apart(columns[:, series], adjacent, lag, m - lag)
                sums[:, lag, series] = now.sum(axis=0), then.sum(axis=0)
        self._rows[: self.lags] = rows[m - self.lags :]


def _apart(
    rows: FloatArray, adjacent: BoolArray, lag: int, pairs: int
) -> tuple[FloatArray, FloatArray]:
    """Return the rows `lag` after the first `pairs` rows, and these; without those across a gap."""
    follows = np.ones(pairs, dtype=np.bool_)
    for step in range(1, lag + 1):
        follows &= adjacent[step : step + pairs]
    now, then = rows[lag : lag + pairs], rows[:pairs]
    return (now, then) if follows.all() else (now[follows], then[follows])
