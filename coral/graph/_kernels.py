"""Kernels of the causal graph. They compute in place on C-contiguous float64 and trust the caller.

Shapes: n series, lags 0..p, features f = lag * n + series for x[t - lag, series]. `coef[f]`
is a coefficient in the equation of one node, in standard deviations. `table` of shape
(2p + 1, n, n) holds the lagged correlations so that every row of the block Toeplitz Gram matrix is
contiguous: with d = l - m, ``corr(x[t - l, j], x[t - m, k]) = table[d, k, j]`` for d >= 0 and
``table[p - d, k, j]`` else. `settings` is named by the constants below.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

LOG_FEATURES, RIDGE, TETHER, LIMIT, PRUNE, ROWS, OVERLAP = range(7)
OFFSET, COEF, GRADIENT, PENALTY = range(4)


@nb.njit(cache=True, error_model="numpy")
def correlate(
    products: FloatArray,
    pairs: FloatArray,
    offsets: FloatArray,
    row_weight: FloatArray,
    variances: FloatArray,
    min_weight: float,
    table: FloatArray,
) -> None:
    """Turn lagged sums into the table of lagged correlations.

    The moment of lag l is multiplied by weight(l) / weight(0): of complete rows the biased
    autocovariance, which is semidefinite. Pairs that share at most `min_weight`, and series
    without variance, have correlation zero (one with themselves).
    """
    p, n = products.shape[0] - 1, products.shape[1]
    for lag in range(p + 1):
        factor = row_weight[lag] / row_weight[0] if row_weight[0] > 0.0 else 0.0
        for i in range(n):
            for j in range(n):
                weight = row_weight[lag] if pairs.shape[0] == 0 else pairs[lag, i, j]
                value = 0.0
                scale = math.sqrt(variances[i]) * math.sqrt(variances[j])
                if scale > 0.0 and weight > min_weight:
                    moment = products[lag, i, j] / weight - offsets[0, lag, i] * offsets[1, lag, j]
                    value = min(1.0, max(-1.0, factor * moment / scale))
                table[lag, i, j] = value
        if lag > 0:
            for i in range(n):
                for j in range(n):
                    table[p + lag, j, i] = table[lag, i, j]
    for i in range(n):
        table[0, i, i] = 1.0


@nb.njit(cache=True, error_model="numpy")
def subtract_feature(table: FloatArray, feature: int, value: float, gradient: FloatArray) -> None:
    """Subtract `value` times the Gram row of a feature from the gradient."""
    n = table.shape[1]
    p = (table.shape[0] - 1) // 2
    lag, series = feature // n, feature % n
    for other in range(p + 1):
        row = table[other - lag if other >= lag else p + lag - other, series]
        part = gradient[other * n : (other + 1) * n]
        for j in range(n):
            part[j] -= value * row[j]


@nb.njit(cache=True, error_model="numpy")
def start_gradient(table: FloatArray, node: int, coef: FloatArray, gradient: FloatArray) -> float:
    """Fill gradient = c - G coef of one node; return its residual variance.

    c is the correlation of the node with every feature, G their Gram matrix; the variance is
    1 - coef'(c + gradient).
    """
    n = table.shape[1]
    for f in range(coef.shape[0]):
        gradient[f] = table[f // n, node, f % n]
    for f in range(coef.shape[0]):
        if coef[f] != 0.0:
            subtract_feature(table, f, coef[f], gradient)
    variance = 1.0
    for f in range(coef.shape[0]):
        if coef[f] != 0.0:
            variance -= coef[f] * (table[f // n, node, f % n] + gradient[f])
    return variance


@nb.njit(cache=True, error_model="numpy")
def fill_penalties(
    node: int,
    pairs: FloatArray,
    lag_rows: FloatArray,
    variances: FloatArray,
    prior: FloatArray,
    position: IntArray,
    doubt: FloatArray,
    settings: FloatArray,
    penalty: FloatArray,
) -> None:
    """Fill the penalty of every feature of one node, in units of its noise; inf = not allowed.

    ``sqrt(2 log(features) (1 / pair rows + doubt)) * prior weight``. `lag_rows` holds the effective
    rows per lag and, last, those per unit of `pairs`. `position` is the place of each series in the
    instantaneous order, empty when there is no instantaneous part; `prior[effect, cause]` is empty
    when nothing is known.
    """
    n = variances.shape[0]
    per_weight = lag_rows[lag_rows.shape[0] - 1]
    for f in range(penalty.shape[0]):
        lag, j = f // n, f % n
        rows = lag_rows[lag] if pairs.shape[0] == 0 else pairs[lag, node, j] * per_weight
        value = math.inf
        if rows > 0.0 and variances[j] > 0.0:
            value = math.sqrt(2.0 * settings[LOG_FEATURES] * (1.0 / rows + doubt[j]))
            if prior.shape[0] > 0 and value < math.inf:
                value *= prior[node, j]
        if lag == 0 and (j == node or position.shape[0] == 0 or position[j] >= position[node]):
            value = math.inf
        penalty[f] = value


@nb.njit(cache=True, error_model="numpy")
def widen_active(
    sheet: FloatArray, sigma: float, is_active: BoolArray, active: IntArray, n_active: int
) -> int:
    """Append the features that break the optimality condition by the most; return the new count.

    Only those at least half as far out as the worst enter in one round: of near copies one enters.
    """
    gradient, penalty = sheet[GRADIENT], sheet[PENALTY]
    worst = 0.0
    for f in range(gradient.shape[0]):
        if not is_active[f]:
            worst = max(worst, abs(gradient[f]) - sigma * penalty[f])
    if worst <= 1e-9:
        return n_active
    for f in range(gradient.shape[0]):
        if n_active == active.shape[0]:
            return n_active
        if not is_active[f] and abs(gradient[f]) - sigma * penalty[f] >= 0.5 * worst:
            is_active[f] = True
            active[n_active] = f
            n_active += 1
    return n_active


@nb.njit(cache=True, error_model="numpy")
def gather_gram(table: FloatArray, features: IntArray, size: int, gram: FloatArray) -> None:
    """Fill the Gram matrix of the first `size` features."""
    n = table.shape[1]
    p = (table.shape[0] - 1) // 2
    for a in range(size):
        for b in range(size):
            d = features[a] // n - features[b] // n
            gram[a, b] = table[d if d >= 0 else p - d, features[b] % n, features[a] % n]


@nb.njit(cache=True, error_model="numpy")
def descend(
    gram: FloatArray, work: FloatArray, size: int, settings: FloatArray, sweeps: int, tol: float
) -> None:
    """Minimise the penalised quadratic form over the active features by coordinate descent.

    Rows of `work`: gradient c - G coef, coefficients, previous coefficients, penalties. Covariance
    updates: the gradient of the active features is kept, never the residuals. The limit on every
    coefficient keeps the descent finite when the Gram is not positive semidefinite.
    """
    limit, tether = settings[LIMIT], settings[TETHER]
    for _ in range(sweeps):
        biggest = 0.0
        for a in range(size):
            pull = work[0, a] + gram[a, a] * work[1, a] + tether * work[2, a]
            shrunk = math.copysign(max(abs(pull) - work[3, a], 0.0), pull)
            new = min(limit, max(-limit, shrunk / (gram[a, a] + settings[RIDGE] + tether)))
            change = new - work[1, a]
            if change != 0.0:
                work[1, a] = new
                for b in range(size):
                    work[0, b] -= change * gram[a, b]
                biggest = max(biggest, abs(change))
        if biggest < tol:
            return


@nb.njit(cache=True, error_model="numpy")
def invert(matrix: FloatArray, ridge: float) -> bool:
    """Replace a small symmetric matrix by the inverse of itself plus ridge, by Gauss-Jordan sweeps.

    False, the matrix spoilt, when a pivot (a conditional variance) is below half the ridge.
    """
    size = matrix.shape[0]
    for k in range(size):
        matrix[k, k] += ridge
    for k in range(size):
        pivot = matrix[k, k]
        if pivot <= 0.5 * ridge:
            return False
        matrix[k, k] = 1.0
        for b in range(size):
            matrix[k, b] /= pivot
        for a in range(size):
            if a != k:
                factor = matrix[a, k]
                matrix[a, k] = 0.0
                for b in range(size):
                    matrix[a, b] -= factor * matrix[k, b]
    return True


@nb.njit(cache=True, error_model="numpy")
def move_to(
    table: FloatArray, support: IntArray, target: FloatArray, coef: FloatArray, gradient: FloatArray
) -> float:
    """Set coefficients to `target`, carry the gradient along; return the fall of the variance.

    It is the sum of change * (gradient before + gradient after).
    """
    change = target - coef[support]
    gain = float(np.sum(change * gradient[support]))
    for a in range(support.shape[0]):
        if change[a] != 0.0:
            coef[support[a]] = target[a]
            subtract_feature(table, support[a], change[a], gradient)
    return gain + float(np.sum(change * gradient[support]))


@nb.njit(cache=True, error_model="numpy")
def relax(table: FloatArray, sheet: FloatArray, sigma: float, settings: FloatArray) -> float:
    """Refit the support without penalty and drop what the refit finds weak, at most twice.

    A coefficient stays when it reaches `PRUNE` penalties of its feature times the root of the
    inverse Gram diagonal; after the second round none is refitted. Returns the variance's fall.
    """
    total = 0.0
    for _ in range(2):
        support = np.flatnonzero(sheet[COEF])
        size = support.shape[0]
        inverse = np.zeros((size, size))
        gather_gram(table, support, size, inverse)
        if size == 0 or not invert(inverse, settings[RIDGE]):
            return total
        target = np.zeros(size)
        for a in range(size):
            target[a] = sheet[COEF, support[a]]
            for b in range(size):
                target[a] += inverse[a, b] * sheet[GRADIENT, support[b]]
        if np.max(np.abs(target)) > settings[LIMIT]:
            return total
        for a in range(size):
            error = sigma * sheet[PENALTY, support[a]] * math.sqrt(inverse[a, a])
            if abs(target[a]) < settings[PRUNE] * error:
                target[a] = 0.0
        total += move_to(table, support, target, sheet[COEF], sheet[GRADIENT])
        if np.flatnonzero(target).shape[0] == size:
            break
    return total


@nb.njit(cache=True, error_model="numpy")
def noise_level(
    variance: float, size_sq: float, n_used: int, settings: FloatArray, lags: int
) -> float:
    """Noise of the gradient of a fit of `n_used` coefficients, in units of 1 / sqrt(rows).

    With missing cells the moments of a gradient come from different rows and their errors do not
    cancel: a share 1 - overlap of the noise is 1 + sum of squared coefficients, not the residual
    variance. Not below sqrt(lags / rows), the error of the block Toeplitz form by its first and
    last rows: a smaller residual must not open the door to every feature.
    """
    rows, overlap = max(settings[ROWS], 1.0), settings[OVERLAP]
    own = max(variance / max(0.05, 1.0 - n_used / rows), lags / rows)
    return math.sqrt(overlap * own + (1.0 - overlap) * (1.0 + size_sq))


@nb.njit(cache=True, error_model="numpy")
def solve_node(
    table: FloatArray,
    node: int,
    sheet: FloatArray,
    settings: FloatArray,
    is_active: BoolArray,
    active: IntArray,
    gram: FloatArray,
    work: FloatArray,
) -> float:
    """Solve one node from the warm start in `sheet`; return its residual variance.

    Rows of `sheet`: OFFSET + COEF is the equation, of which only COEF is penalised, by PENALTY, and
    moved; GRADIENT is filled. The noise level is estimated along (scaled lasso), nothing to tune.
    `active` (cap,), `gram` (cap, cap), `work` (4, cap) are work space.
    """
    coef, gradient, penalty = sheet[COEF], sheet[GRADIENT], sheet[PENALTY]
    n_active = 0
    work[2] = 0.0
    for f in range(coef.shape[0]):
        is_active[f] = coef[f] != 0.0 and n_active < active.shape[0] and penalty[f] < math.inf
        if is_active[f]:
            active[n_active] = f
            work[2, n_active] = coef[f]
            n_active += 1
        else:
            coef[f] = 0.0
    variance = start_gradient(table, node, sheet[OFFSET] + coef, gradient)
    lags = coef.shape[0] // table.shape[1] - 1
    n_used, last_sigma = n_active, math.inf
    for _ in range(12):
        size_sq = float(np.sum((sheet[OFFSET] + coef) ** 2))
        sigma = noise_level(variance, size_sq, n_used, settings, lags)
        n_last = n_active
        n_active = widen_active(sheet, sigma, is_active, active, n_active)
        if n_active == n_last and abs(sigma - last_sigma) <= 1e-2 * sigma:
            break
        if n_active > n_last or last_sigma == math.inf:
            gather_gram(table, active, n_active, gram)
        for a in range(n_active):
            work[0, a] = gradient[active[a]]
            work[1, a] = coef[active[a]]
            work[3, a] = sigma * penalty[active[a]]
        descend(gram, work, n_active, settings, 100, 1e-5)
        n_used = np.flatnonzero(work[1, :n_active]).shape[0]
        variance -= move_to(table, active[:n_active], work[1, :n_active], coef, gradient)
        last_sigma = sigma
    return variance - relax(table, sheet, sigma, settings)


@nb.njit(cache=True, error_model="numpy")
def solve_all(
    table: FloatArray,
    pairs: FloatArray,
    lag_rows: FloatArray,
    variances: FloatArray,
    prior: FloatArray,
    position: IntArray,
    doubt: FloatArray,
    wanted: BoolArray,
    base: FloatArray,
    settings: FloatArray,
    cap: int,
    coefs: FloatArray,
    noise: FloatArray,
    change: FloatArray,
) -> None:
    """Solve every wanted node in place, warm-started; the others have no coefficients.

    `coefs` and `base`, of shape (n, features) as [effect, feature], are in the units of the rows;
    `base` is the part that stays as it is, empty without one. Fills `noise` with the residual
    variance of every wanted node, adds to `change` the summed absolute change and the summed
    absolute value of the coefficients, in standard deviations.
    """
    n, features = coefs.shape
    sheet = np.zeros((4, features))
    old, unit = np.zeros(features), np.zeros(features)
    is_active, active = np.zeros(features, dtype=np.bool_), np.zeros(cap, dtype=np.int64)
    gram, work = np.zeros((cap, cap)), np.zeros((4, cap))
    for node in range(n):
        deviation = math.sqrt(variances[node])
        for f in range(features):
            unit[f] = math.sqrt(variances[f % n]) / deviation if deviation > 0.0 else 0.0
            old[f] = coefs[node, f] * unit[f]
            sheet[COEF, f] = old[f]
            sheet[OFFSET, f] = base[node, f] * unit[f] if base.shape[0] > 0 else 0.0
        if deviation > 0.0 and wanted[node]:
            fill_penalties(
                node, pairs, lag_rows, variances, prior, position, doubt, settings, sheet[PENALTY]
            )
            left = solve_node(table, node, sheet, settings, is_active, active, gram, work)
            noise[node] = variances[node] * max(0.0, left)
        else:
            sheet[COEF] = 0.0
        for f in range(features):
            value = sheet[COEF, f]
            change[0] += abs(value - old[f])
            change[1] += abs(value)
            coefs[node, f] = value / unit[f] if value != 0.0 else 0.0


@nb.njit(cache=True, error_model="numpy")
def residual_variances(
    table: FloatArray, variances: FloatArray, coefs: FloatArray, noise: FloatArray
) -> None:
    """Fill `noise` with the variance that fixed equations leave in other moments, floored at 0.

    A node without variance keeps that of its own prediction, coef' G coef.
    """
    n, features = coefs.shape
    gradient, coef = np.empty(features), np.zeros(features)
    for node in range(n):
        deviation = math.sqrt(variances[node]) if variances[node] > 0.0 else 1.0
        for f in range(features):
            coef[f] = coefs[node, f] * (math.sqrt(variances[f % n]) / deviation)
        left = start_gradient(table, node, coef, gradient)
        left -= 0.0 if variances[node] > 0.0 else 1.0
        noise[node] = max(0.0, left) * deviation**2
