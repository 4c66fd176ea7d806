"""The instantaneous order: which series can act on which within one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from coral.graph._arrays import take
from coral.graph.reduced import fit_reduced_form

if TYPE_CHECKING:
    from coral.graph._arrays import BoolArray, FloatArray, IndexArray
    from coral.graph.moments import LaggedMoments


class InstantaneousOrder:
    """An order of the series, causes first, peeled anew each time the rows have doubled.

    With forgetting, every four half-lives at the latest. The number of these O((lags n)^3) steps is
    logarithmic in the rows seen, and between them the order is stable.

    Parameters
    ----------
    n_series : int
        Number of series; at first they are ordered as they come.
    """

    def __init__(self, n_series: int) -> None:
        self.series: IndexArray = np.arange(n_series)
        self._rows = 0

    @property
    def position(self) -> IndexArray:
        """Place of each series in the order, shape (n_series,)."""
        position = np.empty(self.series.size, dtype=np.intp)
        position[self.series] = np.arange(self.series.size)
        return position

    def refresh(self, moments: LaggedMoments, weights: FloatArray) -> None:
        """Peel again if it is time.

        Parameters
        ----------
        moments : LaggedMoments
            Moments of the normal state.
        weights : ndarray of shape (n_series, n_series), float64, or (0, 0)
            Prior penalty weights as [effect, cause]: a favoured cause comes first, unless the
            reverse is favoured as well.
        """
        rows = moments.rows_seen
        wait = float(self._rows)
        if moments.half_life_rows is not None:
            wait = min(wait, 4.0 * moments.half_life_rows)
        if rows < 2 or (self._rows > 0 and rows < self._rows + wait):
            return
        before: BoolArray | None = None
        if weights.size:
            before = (weights.T < 1.0) & ~(weights < 1.0)
        self.series = peel(fit_reduced_form(moments).innovations, before)
        self._rows = rows

    def select(self, index: IndexArray) -> None:
        """Follow the series to their new places; a new one comes last until the next peeling."""
        position = take(self.position.astype(np.float64), index, (0,), np.inf)
        self.series = np.argsort(position, kind="stable")

    def state_dict(self) -> dict[str, Any]:
        """Arrays and numbers, for the checkpoint."""
        return {"series": self.series.copy(), "rows": self._rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.series = np.array(state["series"], dtype=np.intp)
        self._rows = int(state["rows"])


def peel(covariance: FloatArray, before: BoolArray | None = None) -> IndexArray:
    """Order the series by equal-variance peeling: always next the least conditional variance.

    Parameters
    ----------
    covariance : ndarray of shape (n_series, n_series), float64
        Second moment of the innovations. Not modified.
    before : ndarray of shape (n_series, n_series), bool, or None
        Entry (cause, effect): the cause is known to come first. A series waits for its known
        causes as long as another one need not wait; a cycle is broken where least is waited for.

    Returns
    -------
    ndarray of shape (n_series,), int
        Series, causes first.

    Notes
    -----
    With equal noise variances the first series of a causal order has the least variance, and
    after conditioning on it so has the next [1]_. It is a Cholesky decomposition whose pivot is
    the smallest remaining diagonal entry. With unequal noise variances the order is one
    admissible order of many and must not be read as the direction of causes.

    References
    ----------
    .. [1] Chen, W., Drton, M., Wang, Y. S. (2019). On causal discovery with an equal-variance
       assumption. Biometrika 106, algorithm 1.
    """
    n = covariance.shape[0]
    full = np.diag(covariance).copy()
    left = full.copy()
    factor = np.zeros((n, n))
    order = np.empty(n, dtype=np.intp)
    waits = np.zeros(n) if before is None else before.sum(axis=0).astype(np.float64)
    for step in range(n):
        candidates = np.flatnonzero(waits == waits.min())
        best = int(candidates[np.argmin(left[candidates])])
        order[step] = best
        if before is not None:
            waits -= before[best]
        waits[best] = np.inf
        if left[best] > 1e-9 * full[best]:
            row = covariance[best] - factor[:step, best] @ factor[:step]
            row[order[: step + 1]] = 0.0
            factor[step] = row / np.sqrt(left[best])
            left -= factor[step] ** 2
            np.maximum(left, 0.0, out=left)
    return order
