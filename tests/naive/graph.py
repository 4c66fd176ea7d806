"""Textbook twins of `coral.graph`: plain loops and dense matrices, slow and obvious."""

import itertools
import math
from typing import NamedTuple

import numpy as np


class Settings(NamedTuple):
    """Numbers of a solve, in the order in which the kernels read them."""

    log_features: float
    ridge: float
    tether: float
    limit: float
    prune: float
    rows: float
    overlap: float


def lagged_moments(rows, lags, half_life=None, anchor=None):
    """Products and pair weights, one pair of cells at a time."""
    m, n = rows.shape
    anchor = np.zeros(n) if anchor is None else anchor
    products = np.zeros((lags + 1, n, n))
    pairs = np.zeros((lags + 1, n, n))
    for lag in range(lags + 1):
        for t in range(lag, m):
            weight = 1.0 if half_life is None else 0.5 ** ((m - 1 - t) / half_life)
            for i, j in itertools.product(range(n), repeat=2):
                a, b = rows[t, i], rows[t - lag, j]
                if math.isfinite(a) and math.isfinite(b):
                    products[lag, i, j] += weight * (a - anchor[i]) * (b - anchor[j])
                    pairs[lag, i, j] += weight
    return products, pairs


def lagged_covariance(rows, lag):
    """Covariance of complete rows, means taken over the very rows that make the pairs."""
    now, then = rows[lag:], rows[: rows.shape[0] - lag]
    return (now - now.mean(0)).T @ (then - then.mean(0)) / len(now)


def gram_and_target(table):
    """Dense Gram matrix of all features, and the correlation of every node with them."""
    p, n = (table.shape[0] - 1) // 2, table.shape[1]
    gram = np.zeros(((p + 1) * n, (p + 1) * n))
    for a, b in itertools.product(range(p + 1), repeat=2):
        block = table[a - b].T if a >= b else table[b - a]
        gram[a * n : (a + 1) * n, b * n : (b + 1) * n] = block
    target = np.concatenate([table[lag].T for lag in range(p + 1)])
    return gram, target


def table_of(correlations):
    """Table of `coral.graph._kernels` from the correlations of lags 0..p."""
    return np.concatenate([correlations, correlations[1:].transpose(0, 2, 1)])


def lasso(gram, gradient, previous, penalty, ridge, tether):
    """Penalised quadratic form by proximal gradient steps, run far beyond need."""
    size = len(gradient)
    step = 1.0 / (np.linalg.eigvalsh(gram)[-1] + ridge + tether)
    coef = np.zeros(size)
    for _ in range(20000):
        slope = gram @ coef - gradient + ridge * coef + tether * (coef - previous)
        moved = coef - step * slope
        coef = np.sign(moved) * np.maximum(np.abs(moved) - step * penalty, 0.0)
    return coef


def gradient_after(table, feature, value, gradient):
    """Gradient when the coefficient of a feature has grown by a value."""
    return gradient - value * gram_and_target(table)[0][feature]


def penalties(node, pairs, lag_rows, variances, prior, position, doubt, settings):
    """Threshold of the largest of many normal errors, for every feature that may be a cause."""
    n, lags = len(variances), len(lag_rows) - 2
    found = np.full((lags + 1, n), math.inf)
    for lag, j in itertools.product(range(lags + 1), range(n)):
        precedes = len(position) > 0 and position[j] < position[node]
        rows = float(pairs[lag, node, j] * lag_rows[-1] if len(pairs) else lag_rows[lag])
        if (lag == 0 and not precedes) or rows == 0.0 or variances[j] == 0.0:
            continue
        error = math.sqrt(1.0 / rows + doubt[j])
        if math.isfinite(error):
            weight = prior[node, j] if len(prior) else 1.0
            found[lag, j] = weight * error * math.sqrt(2.0 * settings.log_features)
    return found.ravel()


def widened(gradient, penalty, sigma, active, cap):
    """Active features and, up to the cap, those at least half as far out as the worst."""
    out = {
        f: abs(gradient[f]) - sigma * penalty[f]
        for f in range(len(gradient))
        if f not in active and math.isfinite(penalty[f])
    }
    worst = max(out.values(), default=0.0)
    entering = [f for f in out if worst > 1e-9 and out[f] >= worst / 2.0]
    return (active + entering)[: max(cap, len(active))]


def noise_level(variance, size_sq, n_used, settings, lags):
    """Root mean of what complete rows and what missing cells give, weighted by the overlap."""
    rows = max(settings.rows, 1.0)
    free_share = max(0.05, (rows - n_used) / rows)
    complete = max(variance / free_share, lags / rows)
    weights = [settings.overlap, 1.0 - settings.overlap]
    return math.sqrt(np.average([complete, 1.0 + size_sq], weights=weights))


def is_definite(matrix, floor):
    """Whether every conditional variance, a ratio of leading minors, is above the floor."""
    minors = [np.linalg.det(matrix[:k, :k]) for k in range(len(matrix) + 1)]
    return all(after > floor * before for before, after in itertools.pairwise(minors))


def refit(gram, gradient, coef, penalty, sigma, settings):
    """At most two rounds of least squares over the support, each then drops what is weak."""
    coef, ridge = coef.copy(), settings.ridge
    goal = gradient + gram @ coef
    for _ in range(2):
        support = np.flatnonzero(coef)
        lifted = gram[np.ix_(support, support)] + ridge * np.eye(len(support))
        if not is_definite(lifted, 0.5 * ridge):
            break
        fitted = np.linalg.solve(lifted, goal[support] + ridge * coef[support])
        if any(np.abs(fitted) > settings.limit):
            break
        error = sigma * penalty[support] * np.sqrt(np.diag(np.linalg.inv(lifted)))
        coef[support] = np.where(np.abs(fitted) < settings.prune * error, 0.0, fitted)
        if coef[support].all():
            break
    return coef


def scaled_lasso(gram, target, offset, start, penalty, settings, lags):
    """Proximal gradient steps, the noise level taken anew before each; then the refit."""
    allowed = np.isfinite(penalty)
    start = np.where(allowed, start, 0.0)
    pull = settings.ridge + settings.tether
    step = 1.0 / (np.linalg.eigvalsh(gram)[-1] + pull)
    coef, limit = start, settings.limit
    for _ in range(1000):
        gradient = target - gram @ (offset + coef)
        left = residual_variance(gram, target, offset + coef, 1.0)
        size_sq = np.sum((offset + coef) ** 2)
        sigma = noise_level(left, size_sq, np.count_nonzero(coef), settings, lags)
        moved = coef + step * (gradient - pull * coef + settings.tether * start)
        threshold = step * sigma * np.where(allowed, penalty, 0.0)
        shrunk = np.sign(moved) * np.maximum(np.abs(moved) - threshold, 0.0)
        coef = np.where(allowed, np.clip(shrunk, -limit, limit), 0.0)
    coef = refit(gram, target - gram @ (offset + coef), coef, penalty, sigma, settings)
    return coef, residual_variance(gram, target, offset + coef, 1.0)


def solve_all(
    table, pairs, lag_rows, variances, prior, position, doubt, wanted, base, settings,
    cap, coefs, noise, change,
):  # fmt: skip
    """Scaled lasso of every node in standard deviations; new coefs, noise and change, no cap."""
    coefs, noise, change = coefs.copy(), noise.copy(), change.copy()
    gram, target = gram_and_target(table)
    lags = len(lag_rows) - 2
    spread = np.tile(np.sqrt(variances), lags + 1)
    for node in range(len(coefs)):
        own = math.sqrt(variances[node])
        unit = spread / own if own > 0.0 else np.zeros_like(spread)
        before, after = coefs[node] * unit, np.zeros_like(unit)
        if wanted[node] and own > 0.0:
            offset = base[node] * unit if len(base) else np.zeros_like(unit)
            penalty = penalties(node, pairs, lag_rows, variances, prior, position, doubt, settings)
            after, left = scaled_lasso(
                gram, target[:, node], offset, before, penalty, settings, lags
            )
            noise[node] = variances[node] * max(0.0, left)
        assert np.count_nonzero(after) <= cap
        change += [np.abs(after - before).sum(), np.abs(after).sum()]
        coefs[node] = np.divide(after, unit, out=np.zeros_like(unit), where=after != 0.0)
    return coefs, noise, change


def residual_variance(gram, target, coef, variance):
    """Variance that an equation in standard deviations leaves, by the definition."""
    return variance * (1.0 - 2.0 * target @ coef + coef @ gram @ coef)


def peel(covariance):
    """Order by least conditional variance, each one from a regression of its own."""
    n = len(covariance)
    order = []
    for _ in range(n):
        left = {}
        for i in set(range(n)) - set(order):
            explained = 0.0
            if order:
                cross = covariance[np.ix_(order, [i])][:, 0]
                explained = cross @ np.linalg.pinv(covariance[np.ix_(order, order)]) @ cross
            left[i] = covariance[i, i] - explained
        order.append(min(left, key=left.get))
    return order


def simulate(coefs, n_rows, rng, noise=1.0, start=None):
    """Rows of a structural VAR; `coefs` as [lag, cause, effect], burnt in unless started."""
    lags, n = coefs.shape[0] - 1, coefs.shape[1]
    burn = 100 if start is None else 0
    rows = np.zeros((lags + burn + n_rows, n))
    if start is not None:
        rows[:lags] = start
    mix = np.linalg.inv(np.eye(n) - coefs[0])
    for t in range(lags, len(rows)):
        drive = rng.normal(size=n) * noise
        for lag in range(1, lags + 1):
            drive += rows[t - lag] @ coefs[lag]
        rows[t] = drive @ mix
    return rows[lags + burn :]


def random_system(n, rng, lags=1):
    """Sparse stable structural VAR in a random causal order, as [lag, cause, effect]."""
    perm = rng.permutation(n)
    coefs = np.zeros((lags + 1, n, n))
    for a, b in itertools.combinations(range(n), 2):
        if rng.random() < 2.0 / (n - 1):
            coefs[0, perm[a], perm[b]] = rng.uniform(0.3, 0.8) * rng.choice([-1, 1])
    for i in range(n):
        coefs[1, i, i] = rng.uniform(0.2, 0.5)
        j = rng.integers(n)
        if j != i:
            coefs[1, j, i] = 0.3 * rng.choice([-1, 1])
    while radius(coefs) > 0.9:
        coefs[1:] *= 0.9
    return coefs, perm


def radius(coefs):
    """Spectral radius of the reduced form: below one the system is stable."""
    lags, n = coefs.shape[0] - 1, coefs.shape[1]
    mix = np.linalg.inv(np.eye(n) - coefs[0])
    companion = np.zeros((lags * n, lags * n))
    for lag in range(lags):
        companion[lag * n : (lag + 1) * n, :n] = coefs[lag + 1] @ mix
    companion[: (lags - 1) * n, n:] = np.eye((lags - 1) * n)
    return float(np.abs(np.linalg.eigvals(companion)).max())


def break_nodes(coefs, perm, nodes, rng):
    """The same system with other mechanisms at some nodes: two new or moved causes each."""
    broken = coefs.copy()
    place = np.argsort(perm)
    for i in nodes:
        others = [j for j in range(coefs.shape[1]) if j != i]
        for j in rng.choice(others, 2, replace=False):
            lag = 0 if place[j] < place[i] else 1
            broken[lag, j, i] += 0.8 * rng.choice([-1, 1])
    while radius(broken) > 0.95:
        broken = coefs + 0.9 * (broken - coefs)
    return broken


def f1(found, true):
    """F1 of the supports of two coefficient arrays."""
    found, true = found != 0, true != 0
    return 2.0 * np.sum(found & true) / max(1, found.sum() + true.sum())


def incident(seed, n=15, n_normal=1500, n_fault=200, noise=1.0, lags=1):
    """Normal rows, fault rows, the true systems of both, and the two nodes that changed."""
    rng = np.random.default_rng(seed)
    before, perm = random_system(n, rng, lags)
    nodes = rng.choice(n, 2, replace=False)
    after = break_nodes(before, perm, nodes, rng)
    normal = simulate(before, n_normal, rng, noise)
    fault = simulate(after, n_fault, rng, noise, start=normal[-lags:])
    return normal, fault, before, after, nodes
