"""Textbook twins of `coral.graph`: plain loops and dense matrices, slow and obvious."""

import itertools
import math

import numpy as np


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
