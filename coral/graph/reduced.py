"""Reduced form: the ridge VAR that predicts a row, its innovations, and the order they suggest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from coral.graph._arrays import FloatArray
    from coral.graph.moments import LaggedMoments

_RIDGE_FLOOR: Final = 1e-3
"""Smallest ridge, in units of one series' mean square."""


class ReducedForm(NamedTuple):
    """A fitted predictor of the next row.

    Attributes
    ----------
    coefficients : ndarray of shape (lags * n_series, n_series), float64
        Row (lag - 1) * n_series + cause, column effect, in the units of the rows.
    innovations : ndarray of shape (n_series, n_series), float64
        Second moment about zero of what the predictor leaves, in the units of the rows.
    """

    coefficients: FloatArray
    innovations: FloatArray


def fit_reduced_form(moments: LaggedMoments, ridge: float | None = None) -> ReducedForm:
    """Fit z[t] = sum over l >= 1 of z[t-l] P_l + u[t] by ridge least squares.

    Parameters
    ----------
    moments : LaggedMoments
        Rows scaled about their median: second moments about zero are used, no intercept.
    ridge : float, > 0, or None
        Ridge in units of a series' mean square, equal for all. None takes
        lags * n_series / effective rows, at least 1e-3.

    Returns
    -------
    ReducedForm
        Zero coefficients from and to series without two present cells or without variation.

    Notes
    -----
    The default is the Bayes ridge of coefficients that together explain about half of a series:
    prior variance 1 / (lags n), noise 1 / effective rows.

    Pairwise-complete moments need not be positive semidefinite. When the Cholesky decomposition
    fails, off-diagonal entries are multiplied by 1 - a, a = .05, .1, .2, .4, .8, 1 until it
    succeeds: linear shrinkage to the diagonal [1]_.

    Cost O((lags n)^3) once; memory (lags n)^2.

    References
    ----------
    .. [1] Ledoit, O., Wolf, M. (2004). A well-conditioned estimator for large-dimensional
       covariance matrices. Journal of Multivariate Analysis 88.
    """
    n, p = moments.n_series, moments.lags
    second = _second_moments(moments)
    size = np.sqrt(np.maximum(np.diag(second[0]), 0.0))
    alive = (size > 0.0) & (moments.variances > 0.0)
    unit = np.where(alive, size, 1.0)
    second /= unit[:, None]
    second /= unit
    second *= alive[:, None] & alive
    if p == 0:
        return ReducedForm(np.zeros((0, n)), second[0] * np.multiply.outer(unit, unit))
    if ridge is None:
        ridge = max(_RIDGE_FLOOR, p * n / max(moments.effective_rows * moments.overlap**2, 1.0))
    target = np.concatenate([block.T for block in second[1:]])
    solution = solve_definite(block_toeplitz(second[:p]), target, ridge)
    explained = target.T @ solution
    left = second[0] - 0.5 * (explained + explained.T) - ridge * (solution.T @ solution)
    diagonal = np.arange(n)
    left[diagonal, diagonal] = np.maximum(left[diagonal, diagonal], 0.0)
    left *= np.multiply.outer(unit, unit)
    solution *= unit
    solution /= np.tile(unit, p)[:, None]
    return ReducedForm(np.ascontiguousarray(solution), left)


def _second_moments(moments: LaggedMoments) -> FloatArray:
    """Lagged second moments about zero, shape (lags + 1, n, n), finite."""
    _, _, _, row_weight = moments.kernel_arrays()
    means = moments.means
    around = np.multiply.outer(means, means)
    total = max(float(row_weight[0]), 1e-300)
    blocks = [
        (moments.covariance(lag) + around) * (row_weight[lag] / total)
        for lag in range(moments.lags + 1)
    ]
    result: FloatArray = np.nan_to_num(np.stack(blocks), nan=0.0, posinf=0.0, neginf=0.0)
    return result


def block_toeplitz(blocks: FloatArray) -> FloatArray:
    """Gram matrix of (x[t-1], ..., x[t-p]) from the moments of lags 0..p-1."""
    p, n = blocks.shape[0], blocks.shape[1]
    gram = np.empty((p * n, p * n))
    for a in range(p):
        for b in range(p):
            block = blocks[b - a] if b >= a else blocks[a - b].T
            gram[a * n : (a + 1) * n, b * n : (b + 1) * n] = block
    return gram


def solve_definite(gram: FloatArray, target: FloatArray, ridge: float) -> FloatArray:
    """Solve (gram + ridge I) x = target; shrink gram to its diagonal until it is definite."""
    solution: FloatArray = linalg.cho_solve(
        (cholesky_definite(gram, ridge), True), target, check_finite=False
    )
    return solution


def cholesky_definite(gram: FloatArray, ridge: float) -> FloatArray:
    """Return the lower factor of gram + ridge I, of gram shrunk until there is one."""
    diagonal = np.arange(gram.shape[0])
    own = np.maximum(gram[diagonal, diagonal], 0.0) + ridge
    for shrink in (0.0, 0.05, 0.1, 0.2, 0.4, 0.8):
        trial = gram * (1.0 - shrink)
        trial[diagonal, diagonal] = own
        try:
            factor: FloatArray = linalg.cholesky(
                trial, lower=True, overwrite_a=True, check_finite=False
            )
        except linalg.LinAlgError:
            continue
        return factor
    return np.diag(np.sqrt(own))
