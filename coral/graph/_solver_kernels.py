"""Kernels of the causal graph's solver, in place on C-contiguous float64; they trust the caller.

Shapes: n series, lags 0..p, features f = lag * n + series for x[t - lag, series]. `coef[f]`
is a coefficient in the equation of one node, in standard deviations. `table` of shape
(2p + 1, n, n) holds the lagged correlations so that every row of the block Toeplitz Gram matrix is
contiguous: with d = l - m, ``corr(x[t - l, j], x[t - m, k]) = table[d, k, j]`` for d >= 0 and
``table[p - d, k, j]`` else. `settings` is one element of `SETTINGS`.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Settings = np.record
OFFSET, COEF, GRADIENT, PENALTY = range(4)
_NUMBERS = ("ridge", "tether", "limit", "prune", "rows", "overlap", "trust", "floor")
SETTINGS = np.dtype([(name, "f8") for name in _NUMBERS] + [("fresh", "?"), ("most_causes", "i8")])


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
    gradient[:] = table[: coef.shape[0] // n, node].flatten()
    for f in range(coef.shape[0]):
        if coef[f] != 0.0:
            subtract_feature(table, f, coef[f], gradient)
    variance = 1.0
    for f in range(coef.shape[0]):
        if coef[f] != 0.0:
            variance -= coef[f] * (table[f // n, node, f % n] + gradient[f])
    return variance


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
def gather_gram(
    table: FloatArray, features: IntArray, first: int, size: int, gram: FloatArray
) -> None:
    """Fill the Gram matrix of the first `size` features but for what the first `first` filled."""
    n = table.shape[1]
    p = (table.shape[0] - 1) // 2
    lags, series = features[:size] // n, features[:size] % n
    for a in range(size):
        for b in range(first if a < first else 0, size):
            d = lags[a] - lags[b]
            gram[a, b] = table[d if d >= 0 else p - d, series[b], series[a]]


@nb.njit(cache=True, error_model="numpy")
def descend(
    gram: FloatArray, work: FloatArray, size: int, settings: Settings, sweeps: int, tol: float
) -> None:
    """Minimise the penalised quadratic form over the active features by coordinate descent.

    Rows of `work`: gradient c - G coef, coefficients, previous coefficients, penalties. Covariance
    updates: the gradient of the active features is kept, never the residuals. The limit on every
    coefficient keeps the descent finite when the Gram is not positive semidefinite.
    """
    limit, tether = settings.limit, settings.tether
    for _ in range(sweeps):
        biggest = 0.0
        for a in range(size):
            pull = work[0, a] + gram[a, a] * work[1, a] + tether * work[2, a]
            shrunk = math.copysign(max(abs(pull) - work[3, a], 0.0), pull)
            new = min(limit, max(-limit, shrunk / (gram[a, a] + settings.ridge + tether)))
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
def noise_level(variance: float, size_sq: float, n_used: int, settings: Settings) -> float:
    """Noise of the gradient of a fit of `n_used` coefficients, in units of 1 / sqrt(rows).

    With missing cells the moments of a gradient come from different rows and their errors do not
    cancel: a share 1 - overlap of the noise is 1 + sum of squared coefficients, not the residual
    variance. Not below `floor`: a small residual must not open the door to every feature.
    """
    rows, overlap = max(settings.rows, 1.0), settings.overlap
    own = max(variance / max(0.05, 1.0 - n_used / rows), settings.floor)
    return math.sqrt(own + (1.0 - overlap**2) * (1.0 + size_sq))


@nb.njit(cache=True, error_model="numpy")
def refit(
    table: FloatArray,
    sheet: FloatArray,
    settings: Settings,
    support: IntArray,
    inverse: FloatArray,
    target: FloatArray,
) -> bool:
    """Fill the coefficients of least squares over the support and its inverse Gram matrix.

    False when they cannot be trusted: the matrix is not definite or a coefficient is absurd.
    """
    size = support.shape[0]
    gather_gram(table, support, 0, size, inverse)
    if not invert(inverse, settings.ridge):
        return False
    for a in range(size):
        target[a] = sheet[COEF, support[a]]
        for b in range(size):
            pull = sheet[GRADIENT, support[b]] - settings.ridge * sheet[COEF, support[b]]
            target[a] += inverse[a, b] * pull
        if abs(target[a]) > settings.limit:
            return False
    return True


@nb.njit(cache=True, error_model="numpy")
def drop_weak(
    inverse: FloatArray, target: FloatArray, error: FloatArray, settings: Settings
) -> int:
    """Set the weakest coefficient to zero and adjust the others, until none is weak; count them.

    Weak is below `prune` times its error, penalty x root of the inverse Gram diagonal. Setting to
    zero is a rank-one downdate of the inverse.
    """
    size, dropped = target.shape[0], 0
    while True:
        weakest, least = -1, settings.prune
        for a in range(size):
            if inverse[a, a] > 0.0:
                share = abs(target[a]) / (error[a] * math.sqrt(inverse[a, a]))
                if share < least:
                    weakest, least = a, share
        if weakest < 0:
            return dropped
        column = inverse[:, weakest] / inverse[weakest, weakest]
        own, value = inverse[weakest].copy(), target[weakest]
        for a in range(size):
            target[a] -= column[a] * value
            for b in range(size):
                inverse[a, b] -= column[a] * own[b]
        target[weakest] = 0.0
        inverse[weakest], inverse[:, weakest] = 0.0, 0.0
        dropped += 1


@nb.njit(cache=True, error_model="numpy")
def relax(table: FloatArray, sheet: FloatArray, sigma: float, settings: Settings) -> float:
    """Refit the support without penalty, without its weak causes; return the variance's fall.

    A share 1 - `trust` of the way back to the penalised coefficients is gone again.
    """
    support = np.flatnonzero(sheet[COEF])
    size = support.shape[0]
    inverse, target = np.empty((size, size)), np.empty(size)
    if not refit(table, sheet, settings, support, inverse, target):
        return 0.0
    drop_weak(inverse, target, sigma * sheet[PENALTY][support], settings)
    for a in range(size):
        if target[a] != 0.0:
            target[a] += (1.0 - settings.trust) * (sheet[COEF, support[a]] - target[a])
    return move_to(table, support, target, sheet[COEF], sheet[GRADIENT])


@nb.njit(cache=True, error_model="numpy")
def confirm(
    table: FloatArray, sheet: FloatArray, variance: float, settings: Settings
) -> tuple[bool, float]:
    """Refit the causes of the previous solve; say whether they still are the causes.

    They are when each would survive `drop_weak` and nothing else would if it entered alone. Also
    returns the residual variance; the refit stands in either case.
    """
    support = np.flatnonzero(sheet[COEF])
    size = support.shape[0]
    size_sq = float(np.sum((sheet[OFFSET] + sheet[COEF]) ** 2))
    sigma = noise_level(variance, size_sq, size, settings)
    penalty, gradient = sheet[PENALTY], sheet[GRADIENT]
    inverse, target = np.empty((size, size)), np.empty(size)
    if not refit(table, sheet, settings, support, inverse, target):
        return False, variance
    if drop_weak(inverse, target.copy(), sigma * penalty[support], settings) > 0:
        return False, variance
    variance -= move_to(table, support, target, sheet[COEF], gradient)
    bar = settings.prune * sigma
    for f in range(gradient.shape[0]):
        if abs(gradient[f]) > bar * penalty[f] and sheet[COEF, f] == 0.0:
            return False, variance
    return True, variance


@nb.njit(cache=True, error_model="numpy")
def solve_node(
    table: FloatArray,
    node: int,
    sheet: FloatArray,
    settings: Settings,
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
    n_active, work[2] = 0, 0.0
    for f in range(coef.shape[0]):
        is_active[f] = coef[f] != 0.0 and n_active < active.shape[0] and penalty[f] < math.inf
        if is_active[f]:
            active[n_active] = f
            work[2, n_active] = coef[f]
            n_active += 1
        else:
            coef[f] = 0.0
    variance = start_gradient(table, node, sheet[OFFSET] + coef, gradient)
    if not settings.fresh and settings.trust == 1.0:
        settled, variance = confirm(table, sheet, variance, settings)
        if settled:
            return variance
    n_used, last_sigma = n_active, math.inf
    for _ in range(12):
        size_sq = float(np.sum((sheet[OFFSET] + coef) ** 2))
        sigma = noise_level(variance, size_sq, n_used, settings)
        n_last = n_active
        n_active = widen_active(sheet, sigma, is_active, active, n_active)
        if n_active == n_last and abs(sigma - last_sigma) <= 1e-2 * sigma:
            break
        gather_gram(table, active, 0 if last_sigma == math.inf else n_last, n_active, gram)
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
    deviations: FloatArray,
    penalties: FloatArray,
    wanted: BoolArray,
    floors: FloatArray,
    base: FloatArray,
    all_settings: npt.NDArray[np.void],
    coefs: FloatArray,
    noise: FloatArray,
) -> tuple[float, float]:
    """Solve every wanted node in place, warm-started; the others have no coefficients.

    `coefs`, `base` and `penalties`, of shape (n, features) as [effect, feature], the first two in
    the units of the rows; `base` is the part that stays as it is, empty without one; an infinite
    penalty forbids. No noise is believed to be below the share `floors` of a node's variance; a fit
    below half of that is no fit. Fills `noise` with the residual variance of every wanted node,
    returns summed absolute change and value of the coefficients, in deviations.
    """
    (n, features), settings = coefs.shape, all_settings[0]
    sheet, least, cap = np.zeros((4, features)), settings.floor, settings.most_causes
    is_active, active = np.zeros(features, dtype=np.bool_), np.zeros(cap, dtype=np.int64)
    gram, work, changed, size = np.zeros((cap, cap)), np.zeros((4, cap)), 0.0, 0.0
    for node in range(n):
        own = deviations[node] if deviations[node] > 0.0 else math.inf
        old = coefs[node].copy()
        for f in np.flatnonzero(old):
            old[f] *= deviations[f % n] / own
        sheet[COEF] = 0.0
        if wanted[node] and own < math.inf:
            sheet[COEF], sheet[PENALTY] = old, penalties[node]
            settings.floor = max(least, floors[node])
            if base.shape[0] > 0:
                sheet[OFFSET] = base[node]
                for f in np.flatnonzero(base[node]):
                    sheet[OFFSET, f] *= deviations[f % n] / own
            left = solve_node(table, node, sheet, settings, is_active, active, gram, work)
            if left < 0.5 * floors[node]:
                sheet[COEF] = 0.0
                left = start_gradient(table, node, sheet[OFFSET], sheet[GRADIENT])
            noise[node] = own**2 * max(0.0, left)
        for f in np.flatnonzero((sheet[COEF] != 0.0) | (coefs[node] != 0.0)):
            value = sheet[COEF, f]
            changed += abs(value - old[f])
            size += abs(value)
            coefs[node, f] = value * own / deviations[f % n] if value != 0.0 else 0.0
    return changed, size


@nb.njit(cache=True, error_model="numpy")
def residual_variances(
    table: FloatArray, variances: FloatArray, coefs: FloatArray, noise: FloatArray
) -> None:
    """Fill `noise` with the variance that fixed equations leave in other moments, at least 0.

    A node without variance keeps that of its own prediction, coef' G coef.
    """
    n, gradient, coef = table.shape[1], np.empty(coefs.shape[1]), np.empty(coefs.shape[1])
    for node in range(n):
        deviation = math.sqrt(variances[node]) if variances[node] > 0.0 else 1.0
        coef[:] = coefs[node]
        for f in np.flatnonzero(coef):
            coef[f] *= math.sqrt(variances[f % n]) / deviation
        left = start_gradient(table, node, coef, gradient)
        left -= 0.0 if variances[node] > 0.0 else 1.0
        noise[node] = max(0.0, left) * deviation**2
