"""The predictor whose innovations are evidence: a ridge VAR in the units of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import linalg

from coral.graph import _moments_kernels as _kernels
from coral.graph.reduced import block_toeplitz, cholesky_definite

if TYPE_CHECKING:
    from coral.graph._arrays import BoolArray, FloatArray
    from coral.graph.moments import LaggedMoments


class Predictor(NamedTuple):
    """A fitted predictor of the next row.

    Attributes
    ----------
    coefficients : ndarray of shape (lags * n_series, n_series), float64
        Row (lag - 1) * n_series + cause, column effect.
    leverage : float, 0 .. 1
        Mean leverage of the rows that it was fitted to: effective parameters over rows. Where it
        is near 1 the predictor knows its rows by heart and says nothing about the next one.
    """

    coefficients: FloatArray
    leverage: float


def fit_predictor(moments: LaggedMoments, ridge_rows: float) -> Predictor:
    """Fit z[t] = sum over l >= 1 of z[t-l] P_l + u[t] with a ridge that grows with the system.

    Parameters
    ----------
    moments : LaggedMoments
        Of rows scaled so that one unit is a remarkable deviation (a third of the observed range).
    ridge_rows : float
        Ridge as rows of one squared unit, for each of the predictors.

    Returns
    -------
    Predictor

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
    .. [2] Hastie, T., Tibshirani, R., Friedman, J. (2009). The Elements of Statistical Learning,
       7.6: the effective number of parameters is the trace of the smoother.
    """
    arrays = moments.kernel_arrays()
    sums = np.empty_like(arrays[0])
    _kernels.sum_about_zero(*arrays, moments.means, moments.weight_to_rows, sums)
    target = np.concatenate([block.T for block in sums[1:]])
    ridge = ridge_rows * len(target)
    factor = cholesky_definite(block_toeplitz(sums[:-1]), ridge)
    solution = linalg.cho_solve((factor, True), target, overwrite_b=True, check_finite=False)
    inverse, _ = linalg.lapack.dtrtri(factor, lower=1)
    parameters = len(target) - ridge * float(np.square(np.tril(inverse)).sum())
    leverage = min(max(parameters / max(moments.effective_rows, 1.0), 0.0), 1.0)
    # C order: LAPACK answers in Fortran's, and a product with a restored copy must round alike.
    return Predictor(np.ascontiguousarray(solution), leverage)


def own_persistence(rows: FloatArray, adjacent: BoolArray, ridge_rows: float) -> FloatArray:
    """Fit every series on its own previous value alone, with a ridge.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_series), float64, NaN = missing
        Scaled rows about their median.
    adjacent : ndarray of shape (n_rows,), bool
        Whether a row directly follows the one before it.
    ridge_rows : float
        Ridge as rows of one squared unit.

    Returns
    -------
    ndarray of shape (n_series,), float64
    """
    z = np.nan_to_num(rows)
    then, weight = z[:-1], adjacent[1:].astype(np.float64)
    # einsum makes no copies: with thousands of series they would be what this costs.
    product = np.einsum("t,tj,tj->j", weight, then, z[1:])
    square = np.einsum("t,tj,tj->j", weight, then, then)
    result: FloatArray = product / (square + ridge_rows)
    return result
