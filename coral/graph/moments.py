"""Lagged second moments of a stream with missing cells: all the causal graph ever learns from."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from coral.graph._arrays import FloatArray, IndexArray
from detectors.places import take

_FOLD_ROWS: Final = 128
"""Rows held back before one BLAS call adds them all: a rank-1 update per row is memory-bound."""
_LARGEST_VALUE: Final = 1e100
"""Values beyond are cut, so that no product and no sum of products can overflow."""
_STORED_ARRAYS: Final = ("anchor", "products", "sums", "cells", "row_weight")


class LaggedMoments:
    """Pairwise-complete weighted second moments of a row and the rows before it.

    For every lag l = 0..p and every pair of series the object keeps
    ``M_l(i, j) = sum_t w_t (x[t, i] - a_i) (x[t - l, j] - a_j)`` over the rows where both cells
    are present, and the sum of the weights of these rows. A missing cell contributes nothing.

    Parameters
    ----------
    n_series : int, >= 1
        Number of series (columns of a row).
    lags : int, >= 0
        Largest lag p, in rows.
    half_life_rows : float, > 0, or None
        Rows after which a row weighs half. None keeps plain sums.
    anchor_first : bool
        True takes each series' first value for its anchor a_i, False takes zero. Use it for rows
        that sit far from zero: see Notes.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    The Gram matrix of (x[t], ..., x[t-p]) is block Toeplitz up to the first and last p rows, so
    p + 1 blocks of n x n stand for ((p + 1) n)^2 numbers [1]_.

    Means are kept per series, not per pair, which halves the memory. With missing cells the
    centred moment then carries an error of the order of (mean - anchor) x (pair mean - mean): it
    vanishes when the anchor is near the mean, hence the zero anchor of rows scaled about their
    median and the first-value anchor of rows during a fault. Without missing cells it is exact.

    Rows wait in a buffer of 128 and are added with one matrix product. Reading any result adds
    the waiting rows first; the checkpoint stores them as they are.

    References
    ----------
    .. [1] Lutkepohl, H. (2005). New Introduction to Multiple Time Series Analysis, section 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> moments = LaggedMoments(n_series=2, lags=1)
    >>> moments.update_block(np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]]))
    >>> moments.pair_weights(0)
    array([[3., 2.],
           [2., 2.]])
    """

    def __init__(
        self,
        n_series: int,
        lags: int,
        half_life_rows: float | None = None,
        *,
        anchor_first: bool = False,
    ) -> None:
        if n_series < 1:
            raise ValueError(f"`LaggedMoments` requires n_series >= 1, got n_series={n_series}.")
        if lags < 0:
            raise ValueError(f"`LaggedMoments` requires lags >= 0, got lags={lags}.")
        if half_life_rows is not None and not half_life_rows > 0.0:
            raise ValueError(
                f"`LaggedMoments` requires half_life_rows > 0, got half_life_rows={half_life_rows}."
            )
        self.n_series = n_series
        self.lags = lags
        self.half_life_rows = half_life_rows
        self._decay = 1.0 if half_life_rows is None else 0.5 ** (1.0 / half_life_rows)
        self._anchor_first = anchor_first
        self._anchor = np.full(n_series, np.nan if anchor_first else 0.0)
        self._rows = np.full((lags + _FOLD_ROWS, n_series), np.nan)
        self._pending = 0
        self._known = 0
        self.rows_seen = 0
        self._products = np.zeros((lags + 1, n_series, n_series))
        self._pairs: FloatArray | None = None
        self._sums = np.zeros((2, lags + 1, n_series))
        self._cells = np.zeros((2, lags + 1, n_series))
        self._row_weight = np.zeros(lags + 1)
        self._row_weight_sq = 0.0

    def update(self, z: FloatArray) -> None:
        """Add one row.

        Parameters
        ----------
        z : ndarray of shape (n_series,), float64, NaN or infinite = missing
            The next row in time. Not modified, not kept.
        """
        self._rows[self.lags + self._pending] = z
        self._pending += 1
        self.rows_seen += 1
        if self._pending == _FOLD_ROWS:
            self.fold()

    def update_block(self, rows: FloatArray) -> None:
        """Add consecutive rows; the same as row by row.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_series), float64, NaN or infinite = missing
            The next rows in time. Not modified, not kept.
        """
        start = 0
        while start < rows.shape[0]:
            take = min(_FOLD_ROWS - self._pending, rows.shape[0] - start)
            at = self.lags + self._pending
            self._rows[at : at + take] = rows[start : start + take]
            self._pending += take
            start += take
            if self._pending == _FOLD_ROWS:
                self.fold()
        self.rows_seen += rows.shape[0]

    def break_lags(self) -> None:
        """Forget the last rows as predecessors: the next row follows a gap in time."""
        self.fold()
        self._known = 0

    def follow(self, other: LaggedMoments) -> None:
        """Take over the last rows of another stream as the predecessors of the next row.

        Parameters
        ----------
        other : LaggedMoments
            Moments over the same series and lags.
        """
        self.fold()
        other.fold()
        self._rows[: self.lags] = other._rows[: self.lags]
        self._known = other._known

    def fold(self) -> None:
        """Add the waiting rows to the sums."""
        m, p = self._pending, self.lags
        if m == 0:
            return
        block = self._rows[: p + m]
        present = np.isfinite(block)
        first = p - self._known
        if not present[first:].all():
            self._count_pairs()
        self._set_anchor(block, present)
        centred = block - np.nan_to_num(self._anchor) if self._anchor.any() else block
        values = np.where(present, centred, 0.0)
        np.clip(values, -_LARGEST_VALUE, _LARGEST_VALUE, out=values)
        self._forget(m)
        weights = self._decay ** np.arange(m - 1, -1, -1, dtype=np.float64)
        self._row_weight_sq += float(weights @ weights)
        for lag in range(p + 1):
            start = max(0, lag - self._known)
            if start < m:
                self._add(lag, values, present, weights[start:], start)
        self._rows[:p] = self._rows[m : m + p].copy()
        self._known = min(p, self._known + m)
        self._pending = 0

    def _count_pairs(self) -> None:
        """From now on keep a weight per pair: not every cell of every row is present any more."""
        if self._pairs is None:
            self._pairs = np.empty_like(self._products)
            self._pairs[:] = self._row_weight[:, None, None]

    def _set_anchor(self, block: FloatArray, present: npt.NDArray[np.bool_]) -> None:
        """Fix the anchor of series that show their first value in this block."""
        for j in np.flatnonzero(np.isnan(self._anchor)):
            seen = np.flatnonzero(present[self.lags :, j])
            if seen.size:
                value = float(block[self.lags + seen[0], j])
                self._anchor[j] = max(-_LARGEST_VALUE, min(_LARGEST_VALUE, value))

    def _forget(self, rows: int) -> None:
        """Let everything kept so far fade by `rows` rows."""
        if self._decay == 1.0:
            return
        fade = self._decay**rows
        for kept in (self._products, self._pairs, self._sums, self._cells, self._row_weight):
            if kept is not None:
                np.multiply(kept, fade, out=kept)
        self._row_weight_sq *= fade * fade

    def _add(
        self,
        lag: int,
        values: FloatArray,
        present: npt.NDArray[np.bool_],
        weights: FloatArray,
        start: int,
    ) -> None:
        """Add the pairs (row, row - lag) of the waiting rows from `start` on."""
        now = slice(self.lags + start, values.shape[0])
        then = slice(self.lags + start - lag, values.shape[0] - lag)
        total = float(weights.sum())
        self._row_weight[lag] += total
        root = np.sqrt(weights)[:, None]
        left = values[now] if self._decay == 1.0 else values[now] * root
        right = values[then] if self._decay == 1.0 else values[then] * root
        self._products[lag] += left.T @ right
        self._sums[0, lag] += weights @ values[now]
        self._sums[1, lag] += weights @ values[then]
        if self._pairs is None:
            self._cells[:, lag] += total
            return
        self._pairs[lag] += (present[now] * root).T @ (present[then] * root)
        self._cells[0, lag] += weights @ present[now]
        self._cells[1, lag] += weights @ present[then]

    @property
    def means(self) -> FloatArray:
        """Weighted mean of every series, shape (n_series,); zero where nothing was seen."""
        self.fold()
        return np.asarray(self._offsets()[0, 0] + np.nan_to_num(self._anchor))

    @property
    def variances(self) -> FloatArray:
        """Weighted variance of every series, shape (n_series,); zero where it is not defined.

        A variance below 1e-10 of the second moment about the anchor is rounding: it counts as
        zero, as does that of fewer than three rows.
        """
        self.fold()
        diagonal = np.arange(self.n_series)
        weight = np.maximum(self._cells[0, 0], 1e-300)
        raw = self._products[0, diagonal, diagonal] / weight
        variance = raw - self._offsets()[0, 0] ** 2
        enough = self.effective_cells() >= 2.5
        return np.asarray(np.where(enough & (variance > 1e-10 * raw), variance, 0.0))

    @property
    def effective_rows(self) -> float:
        """Kish effective number of rows, (sum w)^2 / sum w^2; zero before the first row."""
        self.fold()
        if self._row_weight_sq <= 0.0:
            return 0.0
        return float(self._row_weight[0] ** 2 / self._row_weight_sq)

    @property
    def overlap(self) -> float:
        """Share of present cells among the series that were seen, 0..1; 1 without missing cells."""
        self.fold()
        cells = self._cells[0, 0]
        seen = cells[cells > 0.0]
        if self._pairs is None or seen.size == 0:
            return 1.0
        return min(1.0, float(seen.mean() / self._row_weight[0]))

    def effective_cells(self) -> FloatArray:
        """Effective number of present cells per series, shape (n_series,), float64."""
        return np.asarray(self._cells[0, 0] * self.weight_to_rows)

    @property
    def weight_to_rows(self) -> float:
        """Effective rows per unit of weight: turns a pair weight into a sample size."""
        self.fold()
        if self._row_weight_sq <= 0.0:
            return 0.0
        return float(self._row_weight[0] / self._row_weight_sq)

    def pair_weights(self, lag: int) -> FloatArray:
        """Sum of the weights of the rows where both cells are present.

        Parameters
        ----------
        lag : int, 0 <= lag <= lags
            Distance of the two rows.

        Returns
        -------
        ndarray of shape (n_series, n_series), float64
            Entry (i, j) belongs to the pair (x[t, i], x[t - lag, j]).
        """
        self.fold()
        if self._pairs is None:
            return np.full((self.n_series, self.n_series), self._row_weight[lag])
        return np.array(self._pairs[lag])

    def covariance(self, lag: int) -> FloatArray:
        """Centred lagged second moment; zero where fewer than two rows have both cells.

        Parameters
        ----------
        lag : int, 0 <= lag <= lags
            Distance of the two rows.

        Returns
        -------
        ndarray of shape (n_series, n_series), float64
            Entry (i, j) estimates cov(x[t, i], x[t - lag, j]).
        """
        weight = self.pair_weights(lag)
        offsets = self._offsets()[:, lag]
        moment: FloatArray = self._products[lag] / np.maximum(weight, 1e-300)
        moment -= np.multiply.outer(offsets[0], offsets[1])
        moment[weight * self.weight_to_rows < 1.5] = 0.0
        return moment

    def kernel_arrays(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Give the raw sums to a kernel, without a copy: read only, valid until the next row.

        Returns
        -------
        products : ndarray of shape (lags + 1, n_series, n_series), float64
        pairs : ndarray of the same shape, or of shape (0, 0, 0) when no cell was ever missing
        offsets : ndarray of shape (2, lags + 1, n_series), float64
            Mean minus anchor of x[t] and of x[t - lag].
        row_weight : ndarray of shape (lags + 1,), float64
        """
        self.fold()
        pairs = np.empty((0, 0, 0)) if self._pairs is None else self._pairs
        return self._products, pairs, self._offsets(), self._row_weight

    def _offsets(self) -> FloatArray:
        """Mean minus anchor per side, lag and series, shape (2, lags + 1, n_series)."""
        return np.asarray(self._sums / np.maximum(self._cells, 1e-300))

    def select(self, index: IndexArray) -> None:
        """Keep, reorder and append series.

        Parameters
        ----------
        index : ndarray of shape (n_new,), int
            Present place of each series of the new row, -1 for a series not seen yet.
        """
        self.fold()
        index = np.asarray(index, dtype=np.intp)
        if (index < 0).any() and self._row_weight[0] > 0.0:
            self._count_pairs()
        self._rows = take(self._rows, index, (1,), np.nan)
        self._products = take(self._products, index, (1, 2), 0.0)
        self._sums = take(self._sums, index, (2,), 0.0)
        self._cells = take(self._cells, index, (2,), 0.0)
        self._anchor = take(self._anchor, index, (0,), np.nan if self._anchor_first else 0.0)
        if self._pairs is not None:
            self._pairs = take(self._pairs, index, (1, 2), 0.0)
        self.n_series = index.size

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on identically: arrays, numbers and None only."""
        state: dict[str, Any] = {name: getattr(self, f"_{name}").copy() for name in _STORED_ARRAYS}
        state["pairs"] = None if self._pairs is None else self._pairs.copy()
        state["rows"] = self._rows[: self.lags + self._pending].copy()
        state["pending"] = self._pending
        state["known"] = self._known
        state["rows_seen"] = self.rows_seen
        state["row_weight_sq"] = self._row_weight_sq
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Raises
        ------
        ValueError
            If the state has another number of lags.
        """
        lags = np.shape(state["products"])[0] - 1
        if lags != self.lags:
            raise ValueError(f"`LaggedMoments` has lags={self.lags}, the state lags={lags}.")
        for name in _STORED_ARRAYS:
            setattr(self, f"_{name}", np.array(state[name], dtype=np.float64))
        pairs = state["pairs"]
        self._pairs = None if pairs is None else np.array(pairs, dtype=np.float64)
        self.n_series = self._products.shape[1]
        self._pending = int(state["pending"])
        self._rows = np.full((self.lags + _FOLD_ROWS, self.n_series), np.nan)
        self._rows[: self.lags + self._pending] = state["rows"]
        self._known = int(state["known"])
        self.rows_seen = int(state["rows_seen"])
        self._row_weight_sq = float(state["row_weight_sq"])
