"""Textbook twins of `coral.graph`: plain loops and dense matrices, slow and obvious."""

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from typed import BoolArray, FloatArray, IntArray

# Normal rows, fault rows, the true systems of both, and the nodes that changed.
Simulated = tuple[FloatArray, FloatArray, FloatArray, FloatArray, IntArray]


class Settings(NamedTuple):
    """Numbers of a solve."""

    ridge: float
    tether: float
    limit: float
    prune: float
    rows: float
    overlap: float
    fresh: float = 1.0
    trust: float = 1.0
    floor: float = 0.0


def lagged_moments(
    rows: FloatArray, lags: int, half_life: float | None = None, anchor: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
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


def lagged_covariance(rows: FloatArray, lag: int) -> FloatArray:
    """Covariance of complete rows, means taken over the very rows that make the pairs."""
    now, then = rows[lag:], rows[: rows.shape[0] - lag]
    found: FloatArray = (now - now.mean(0)).T @ (then - then.mean(0)) / len(now)
    return found


def sums_about_zero(rows: FloatArray, lags: int) -> FloatArray:
    """Sums of products about zero, from covariances about the means of all cells on each side."""
    m, n = rows.shape
    products, pairs = lagged_moments(rows, lags)
    sums = np.zeros_like(products)
    for lag, i, j in itertools.product(range(lags + 1), range(n), range(n)):
        cells = [rows[lag:, i], rows[: m - lag, j], rows[:, i], rows[:, j]]
        left, right, one, other = (
            float(np.nanmean(side)) if np.isfinite(side).any() else 0.0 for side in cells
        )
        if pairs[lag, i, j] >= 2.0:
            covariance = products[lag, i, j] / pairs[lag, i, j] - left * right
            sums[lag, i, j] = (covariance + one * other) * pairs[lag, i, j]
        else:
            sums[lag, i, j] = one * other * pairs[lag, i, j]
    return sums


def gram_and_target(table: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Dense Gram matrix of all features, and the correlation of every node with them."""
    p, n = (table.shape[0] - 1) // 2, table.shape[1]
    gram = np.zeros(((p + 1) * n, (p + 1) * n))
    for a, b in itertools.product(range(p + 1), repeat=2):
        block = table[a - b].T if a >= b else table[b - a]
        gram[a * n : (a + 1) * n, b * n : (b + 1) * n] = block
    target = np.concatenate([table[lag].T for lag in range(p + 1)])
    return gram, target


def table_of(correlations: FloatArray) -> FloatArray:
    """Table of `coral.graph._solver_kernels` from the correlations of lags 0..p."""
    return np.concatenate([correlations, correlations[1:].transpose(0, 2, 1)])


def lasso(
    gram: FloatArray,
    gradient: FloatArray,
    previous: FloatArray,
    penalty: FloatArray | float,
    ridge: float,
    tether: float,
) -> FloatArray:
    """Penalised quadratic form by proximal gradient steps, run far beyond need."""
    size = len(gradient)
    step = 1.0 / (np.linalg.eigvalsh(gram)[-1] + ridge + tether)
    coef = np.zeros(size)
    for _ in range(20000):
        slope = gram @ coef - gradient + ridge * coef + tether * (coef - previous)
        moved = coef - step * slope
        coef = np.sign(moved) * np.maximum(np.abs(moved) - step * penalty, 0.0)
    return coef


def gradient_after(
    table: FloatArray, feature: int, value: float, gradient: FloatArray
) -> FloatArray:
    """Gradient when the coefficient of a feature has grown by a value."""
    after: FloatArray = gradient - value * gram_and_target(table)[0][feature]
    return after


def penalties(
    pairs: FloatArray,
    row_weight: FloatArray,
    per_weight: float,
    variances: FloatArray,
    prior: FloatArray,
    order: IntArray,
    doubt: FloatArray,
    log_features: float,
) -> FloatArray:
    """Threshold of the largest of many normal errors, for every cause a node may have."""
    n, lags = len(variances), len(row_weight) - 1
    found = np.full((n, lags + 1, n), math.inf)
    for node, lag, j in itertools.product(range(n), range(lags + 1), range(n)):
        precedes = len(order) > 0 and list(order).index(j) < list(order).index(node)
        rows = float(pairs[lag, node, j] if len(pairs) else row_weight[lag]) * per_weight
        if (lag == 0 and not precedes) or rows == 0.0 or variances[j] == 0.0:
            continue
        error = math.sqrt(1.0 / rows + doubt[j])
        if math.isfinite(error):
            weight = prior[node, j] if len(prior) else 1.0
            found[node, lag, j] = weight * error * math.sqrt(2.0 * log_features)
    return found


def widened(
    gradient: FloatArray, penalty: FloatArray, sigma: float, active: list[int], cap: int
) -> list[int]:
    """Active features and, up to the cap, those at least half as far out as the worst."""
    out = {
        f: abs(gradient[f]) - sigma * penalty[f]
        for f in range(len(gradient))
        if f not in active and math.isfinite(penalty[f])
    }
    worst = max(out.values(), default=0.0)
    entering = [f for f in out if worst > 1e-9 and out[f] >= worst / 2.0]
    return (active + entering)[: max(cap, len(active))]


def noise_level(variance: float, size_sq: float, n_used: int, settings: Settings) -> float:
    """Root of the residual variance and of what moments from different rows add."""
    rows = max(settings.rows, 1.0)
    free_share = max(0.05, (rows - n_used) / rows)
    complete = max(variance / free_share, settings.floor)
    return math.sqrt(complete + (1.0 - settings.overlap**2) * (1.0 + size_sq))


def is_definite(matrix: FloatArray, floor: float) -> bool:
    """Whether every conditional variance, a ratio of leading minors, is above the floor."""
    minors = [np.linalg.det(matrix[:k, :k]) for k in range(len(matrix) + 1)]
    return all(after > floor * before for before, after in itertools.pairwise(minors))


def refit(
    gram: FloatArray,
    gradient: FloatArray,
    coef: FloatArray,
    penalty: FloatArray,
    sigma: float,
    settings: Settings,
) -> FloatArray:
    """Least squares over the support, the weakest cause dropped until none is weak."""
    support, goal = np.flatnonzero(coef), gradient + gram @ coef
    lifted = gram[np.ix_(support, support)] + settings.ridge * np.eye(len(support))
    if not is_definite(lifted, 0.5 * settings.ridge):
        return coef
    if any(np.abs(np.linalg.solve(lifted, goal[support])) > settings.limit):
        return coef
    result = np.zeros_like(coef)
    while support.size:
        lifted = gram[np.ix_(support, support)] + settings.ridge * np.eye(len(support))
        fitted = np.linalg.solve(lifted, goal[support])
        error = sigma * penalty[support] * np.sqrt(np.diag(np.linalg.inv(lifted)))
        share = np.divide(np.abs(fitted), error, out=np.full(error.size, np.inf), where=error > 0.0)
        if share.min() >= settings.prune:
            result[support] = settings.trust * fitted + (1.0 - settings.trust) * coef[support]
            break
        support = np.delete(support, share.argmin())
    return result


def scaled_lasso(
    gram: FloatArray,
    target: FloatArray,
    offset: FloatArray,
    start: FloatArray,
    penalty: FloatArray,
    settings: Settings,
) -> tuple[FloatArray, float]:
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
        sigma = noise_level(left, size_sq, int(np.count_nonzero(coef)), settings)
        moved = coef + step * (gradient - pull * coef + settings.tether * start)
        threshold = step * sigma * np.where(allowed, penalty, 0.0)
        shrunk = np.sign(moved) * np.maximum(np.abs(moved) - threshold, 0.0)
        coef = np.where(allowed, np.clip(shrunk, -limit, limit), 0.0)
    coef = refit(gram, target - gram @ (offset + coef), coef, penalty, sigma, settings)
    return coef, residual_variance(gram, target, offset + coef, 1.0)


def solve_all(
    table: FloatArray,
    deviations: FloatArray,
    penalties: FloatArray,
    wanted: BoolArray,
    floors: FloatArray,
    base: FloatArray,
    settings: Settings,
    cap: int,
    coefs: FloatArray,
    noise: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scaled lasso of every node in deviations; new coefs, noise and change, no cap."""
    coefs, noise, change = coefs.copy(), noise.copy(), np.zeros(2)
    gram, target = gram_and_target(table)
    spread = np.tile(deviations, len(target) // max(1, len(deviations)))
    for node, own in enumerate(deviations):
        unit = spread / own if own > 0.0 else np.zeros_like(spread)
        before, after = coefs[node] * unit, np.zeros_like(unit)
        if wanted[node] and own > 0.0:
            offset = base[node] * unit if len(base) else np.zeros_like(unit)
            own_settings = settings._replace(floor=max(settings.floor, floors[node]))
            after, left = scaled_lasso(
                gram, target[:, node], offset, before, penalties[node], own_settings
            )
            if left < 0.5 * floors[node]:
                after, left = 0.0 * after, residual_variance(gram, target[:, node], offset, 1.0)
            noise[node] = own**2 * max(0.0, left)
        assert np.count_nonzero(after) <= cap
        change += [np.abs(after - before).sum(), np.abs(after).sum()]
        coefs[node] = np.divide(after, unit, out=np.zeros_like(unit), where=after != 0.0)
    return coefs, noise, change


def residual_variance(
    gram: FloatArray, target: FloatArray, coef: FloatArray, variance: float
) -> float:
    """Variance that an equation in standard deviations leaves, by the definition."""
    return float(variance * (1.0 - 2.0 * target @ coef + coef @ gram @ coef))


def eliminate(
    gram: FloatArray,
    node: int,
    features: Iterable[int],
    rows: float,
    price: float,
    ridge: float = 1e-4,
) -> tuple[float, list[int]]:
    """Least squares from scratch after each dropped cause; score and the causes that stay."""
    left = [f for f in features if gram[f, f] > 0.0]
    while True:
        cross = gram[np.ix_(left, [node])][:, 0]
        inverse = np.linalg.inv(gram[np.ix_(left, left)] + ridge * np.eye(len(left)))
        coef = inverse @ cross
        variance = max(gram[node, node] - cross @ coef, 1e-9)
        strength = rows * coef**2 / (np.diag(inverse) * variance)
        if not left or strength.min() >= price:
            return rows * math.log(variance) + price * len(left), left
        del left[int(strength.argmin())]


def is_acyclic(adjacency: BoolArray) -> bool:
    """Whether no power of a graph leads back to where it began."""
    return not np.linalg.matrix_power(adjacency.astype(float), len(adjacency)).any()


def peel(covariance: FloatArray) -> list[int]:
    """Order by least conditional variance, each one from a regression of its own."""
    n = len(covariance)
    order: list[int] = []
    for _ in range(n):
        left: dict[int, float] = {}
        for i in set(range(n)) - set(order):
            explained = 0.0
            if order:
                cross = covariance[np.ix_(order, [i])][:, 0]
                explained = float(cross @ np.linalg.pinv(covariance[np.ix_(order, order)]) @ cross)
            left[i] = float(covariance[i, i]) - explained
        order.append(min(left, key=left.__getitem__))
    return order


def simulate(
    coefs: FloatArray,
    n_rows: int,
    rng: np.random.Generator,
    noise: float | FloatArray = 1.0,
    start: FloatArray | None = None,
) -> FloatArray:
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


def random_system(n: int, rng: np.random.Generator, lags: int = 1) -> tuple[FloatArray, IntArray]:
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


def radius(coefs: FloatArray) -> float:
    """Spectral radius of the reduced form: below one the system is stable."""
    lags, n = coefs.shape[0] - 1, coefs.shape[1]
    mix = np.linalg.inv(np.eye(n) - coefs[0])
    companion = np.zeros((lags * n, lags * n))
    for lag in range(lags):
        companion[lag * n : (lag + 1) * n, :n] = coefs[lag + 1] @ mix
    companion[: (lags - 1) * n, n:] = np.eye((lags - 1) * n)
    return float(np.abs(np.linalg.eigvals(companion)).max())


def break_nodes(
    coefs: FloatArray, perm: IntArray, nodes: Iterable[int], rng: np.random.Generator
) -> FloatArray:
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


def f1(found: FloatArray, true: FloatArray) -> float:
    """F1 of the supports of two coefficient arrays."""
    claimed, there = found != 0, true != 0
    return float(2.0 * np.sum(claimed & there) / max(1, claimed.sum() + there.sum()))


def incident(
    seed: int,
    n: int = 15,
    n_normal: int = 1500,
    n_fault: int = 200,
    noise: float = 1.0,
    lags: int = 1,
) -> Simulated:
    """Normal rows, fault rows, the true systems of both, and the two nodes that changed."""
    rng = np.random.default_rng(seed)
    before, perm = random_system(n, rng, lags)
    nodes = rng.choice(n, 2, replace=False)
    after = break_nodes(before, perm, nodes, rng)
    normal = simulate(before, n_normal, rng, noise)
    fault = simulate(after, n_fault, rng, noise, start=normal[-lags:])
    return normal, fault, before, after, nodes
