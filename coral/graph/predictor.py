"""The predictor whose innovations are evidence: a ridge VAR in the units of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from coral.graph.reduced import block_toeplitz, solve_definite

if TYPE_CHECKING:
    from coral.graph._arrays import BoolArray, FloatArray
    from coral.graph.moments import LaggedMoments

RIDGE_ROWS: Final = 10.0
"""Ridge of one series on its own past, as rows of one squared unit."""
RIDGE_ROWS_PER_SERIES: Final = 1.0 / 6.0
"""Ridge of the system, as rows of one squared unit for each of its predictors."""


def fit_predictor(moments: LaggedMoments) -> FloatArray:
    """Fit z[t] = sum over l >= 1 of z[t-l] P_l + u[t] with a ridge that grows with the system.

    Parameters
    ----------
    moments : LaggedMoments
        Of rows scaled so that one unit is a remarkable deviation (a third of the observed range).

    Returns
    -------
    ndarray of shape (lags * n_series, n_series), float64
        Row (lag - 1) * n_series + cause, column effect.

    Notes
    -----
    Sums, not means, and the units of the rows, not unit variance: a series that hardly moved in
    the base period has a small sum and so hardly any coefficient. Scaled to unit variance it
    would become a long lever that turns its first real deviation into surprises everywhere, which
    ruins the ranking on recorded incidents. A missing cell counts as zero, the median, which
    makes the moments of all series fit together.
    The more series, the more shrinkage [1]_: a prior variance of 1 / n per coefficient keeps what
    can be predicted of a series independent of how many others are watched.

    References
    ----------
    .. [1] Banbura, M., Giannone, D., Reichlin, L. (2010). Large Bayesian vector auto regressions.
       Journal of Applied Econometrics 25.
    """
    means = moments.means
    around = np.multiply.outer(means, means)
    blocks = np.stack(
        [
            (moments.covariance(lag) + around) * moments.pair_weights(lag)
            for lag in range(moments.lags + 1)
        ]
    )
    blocks = np.nan_to_num(blocks * moments.weight_to_rows, nan=0.0, posinf=0.0, neginf=0.0)
    target = np.concatenate([block.T for block in blocks[1:]])
    # C order: LAPACK answers in Fortran's, and a product with a restored copy must round alike.
    ridge = RIDGE_ROWS_PER_SERIES * len(target)
    return np.ascontiguousarray(solve_definite(block_toeplitz(blocks[:-1]), target, ridge))


def own_persistence(rows: FloatArray, adjacent: BoolArray) -> FloatArray:
    """Fit every series on its own previous value alone, with a ridge of `RIDGE_ROWS`.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_series), float64, NaN = missing
        Scaled rows about their median.
    adjacent : ndarray of shape (n_rows,), bool
        Whether a row directly follows the one before it.

    Returns
    -------
    ndarray of shape (n_series,), float64
    """
    z = np.nan_to_num(rows)
    then, weight = z[:-1], adjacent[1:].astype(np.float64)
    # einsum makes no copies: with thousands of series they would be what this costs.
    product = np.einsum("t,tj,tj->j", weight, then, z[1:])
    square = np.einsum("t,tj,tj->j", weight, then, then)
    result: FloatArray = product / (square + RIDGE_ROWS)
    return result
