"""Which series the causal graph holds when there are more than it can afford."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coral.graph.policy import GRAPH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coral.graph._arrays import FloatArray, IndexArray


def screened(base: FloatArray, first: FloatArray, kpi: Sequence[int], most: int) -> IndexArray:
    """Choose the series of one incident: health signals, what deviates, and what relates to these.

    Parameters
    ----------
    base : ndarray of shape (n_rows, n_series), float64, NaN = missing
        Scaled rows of the normal state.
    first : ndarray of shape (n_first, n_series), float64, NaN = missing
        Scaled first rows of the incident, not cut.
    kpi : sequence of int
        Places of the health signals.
    most : int, >= 1
        Number of series wanted, below n_series.

    Returns
    -------
    ndarray of shape (most,), int
        Places, rising.

    Notes
    -----
    Half of the places go by the largest deviation so far, the rest by the largest correlation, at
    lags -1, 0 or 1 of the base, with a health signal or one of the 16 largest deviations: sure
    independence screening [1]_, by the series that matter. Cost O(n_rows n_series anchors).

    References
    ----------
    .. [1] Fan, J., Lv, J. (2008). Sure independence screening for ultrahigh dimensional feature
       space. J. R. Stat. Soc. B 70.
    """
    n = base.shape[1]
    deviation = np.abs(np.nan_to_num(first)).max(axis=0, initial=0.0)
    by_deviation = np.argsort(-deviation, kind="stable")
    rank = np.full(n, np.inf)
    rank[by_deviation[: most // 2]] = 1.0
    anchors = np.unique([*kpi, *by_deviation[: GRAPH.anchors].tolist()])[:most].astype(np.intp)
    rank[anchors] = 0.0
    related = _relation(base, anchors)
    open_places = np.flatnonzero(np.isinf(rank))
    rank[open_places] = 3.0 - related[open_places]
    return np.sort(np.argsort(rank, kind="stable")[:most])


def _relation(base: FloatArray, anchors: IndexArray) -> FloatArray:
    """Largest absolute correlation with an anchor at lags -1, 0 and 1, (n_series,), 0..1."""
    n_rows = base.shape[0]
    related = np.zeros(base.shape[1])
    if n_rows < 3:
        return related
    present = np.isfinite(base)
    z = np.where(present, base, 0.0)
    z -= z.sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    z *= present
    size = np.sqrt(np.einsum("tj,tj->j", z, z))
    z /= np.where(size > 0.0, size, 1.0)
    chosen = z[:, anchors]
    for left, right in ((chosen, z), (chosen[1:], z[:-1]), (chosen[:-1], z[1:])):
        np.maximum(related, np.abs(left.T @ right).max(axis=0, initial=0.0), out=related)
    return np.minimum(related, 1.0)
