"""Moments as the table of correlations that the kernels read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coral.graph import _correlations_kernels as _kernels

if TYPE_CHECKING:
    from coral.graph._arrays import FloatArray
    from coral.graph.moments import LaggedMoments


def correlation_table(moments: LaggedMoments, variances: FloatArray) -> FloatArray:
    """Lagged correlations in the layout of `coral.graph._solver_kernels`.

    Parameters
    ----------
    moments : LaggedMoments
        The sums.
    variances : ndarray of shape (n_series,), float64
        `moments.variances`; zero = the series takes no part.

    Returns
    -------
    ndarray of shape (2 * lags + 1, n_series, n_series), float64
    """
    products, pairs, offsets, row_weight = moments.kernel_arrays()
    n, p = moments.n_series, moments.lags
    table = np.empty((2 * p + 1, n, n))
    per_row = moments.weight_to_rows
    min_weight = 1.5 / per_row if per_row > 0.0 else 0.0
    _kernels.correlate(products, pairs, offsets, row_weight, variances, min_weight, table)
    return table
