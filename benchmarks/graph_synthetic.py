"""Synthetic structural VARs with known truth: a normal state, then one whose mechanism changed.

Each series depends on its own past, on about one other within the row and on a few at a lag. In the
fault state some nodes get other coefficients and two new causes. All draws come from one seed.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NORMAL_ROWS = 2000
BURN_IN = 100


class Incident(NamedTuple):
    """Rows of two states and the truth; coefficients as [lag, cause, effect]."""

    normal: Floats
    fault: Floats
    before: Floats
    after: Floats
    changed: NDArray[np.intp]


class Setting(NamedTuple):
    """What is varied."""

    n_series: int = 20
    lags: int = 1
    changed: int = 2
    unequal_noise: bool = False
    standardised: bool = False
    missing: float = 0.0
    fault_rows: int = 200
    normal_rows: int = NORMAL_ROWS

    @property
    def name(self) -> str:
        """Short label of a table's row."""
        noise = "unequal" if self.unequal_noise else "equal"
        scale = ", standardised" if self.standardised else ""
        gaps = f", {self.missing:.0%} missing" if self.missing else ""
        return f"d={self.n_series} lags={self.lags} {noise}{scale}, {self.changed} changed{gaps}"


def simulate(coefs: Floats, noise: Floats, start: Floats) -> Floats:
    """Rows of a structural VAR driven by `noise`, from the rows `start` on."""
    lags, n = coefs.shape[0] - 1, coefs.shape[1]
    mix = np.linalg.inv(np.eye(n) - coefs[0])
    lagged = (coefs[:0:-1] @ mix).reshape(lags * n, n)  # oldest lag first, like the rows
    driven = noise @ mix
    rows = np.vstack([start, np.empty_like(noise)])
    for t in range(len(noise)):
        rows[lags + t] = rows[t : t + lags].ravel() @ lagged + driven[t]
    return rows[lags:]


def radius(coefs: Floats) -> float:
    """Spectral radius of the reduced form: the system is stable below one."""
    lags, n = coefs.shape[0] - 1, coefs.shape[1]
    mix = np.linalg.inv(np.eye(n) - coefs[0])
    companion = np.zeros((lags * n, lags * n))
    for lag in range(lags):
        companion[lag * n : (lag + 1) * n, :n] = coefs[lag + 1] @ mix
    companion[: (lags - 1) * n, n:] = np.eye((lags - 1) * n)
    return float(np.abs(np.linalg.eigvals(companion)).max())


def random_system(setting: Setting, rng: np.random.Generator) -> tuple[Floats, NDArray[np.intp]]:
    """Draw a stable sparse structural VAR and its causal order."""
    n, lags = setting.n_series, setting.lags
    order = rng.permutation(n)
    coefs = np.zeros((lags + 1, n, n))
    early, late = np.triu_indices(n, 1)
    chosen = rng.random(len(early)) < 2.0 / (n - 1)
    coefs[0, order[early[chosen]], order[late[chosen]]] = _strengths(rng, int(chosen.sum()))
    for effect in range(n):
        coefs[1, effect, effect] = rng.uniform(0.2, 0.6)
        for lag in range(1, lags + 1):
            causes = rng.choice(n, min(n, rng.poisson(0.5)), replace=False)
            causes = causes[causes != effect]
            coefs[lag, causes, effect] = 0.5 * _strengths(rng, len(causes))
    while radius(coefs) > 0.9:
        coefs[1:] *= 0.9
    return coefs, order


def change(
    coefs: Floats, order: NDArray[np.intp], n_changed: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.intp]]:
    """Give some nodes another mechanism: other strengths, and two new causes."""
    lags, n = coefs.shape[0] - 1, coefs.shape[1]
    nodes = rng.choice(n, n_changed, replace=False)
    place = np.argsort(order)
    after = coefs.copy()
    for node in nodes:
        there = after[:, :, node] != 0.0
        there[:, node] = False
        after[:, :, node][there] += 1.2 * _strengths(rng, int(there.sum()))
        for cause in rng.choice(np.delete(np.arange(n), node), 2, replace=False):
            lag = int(rng.integers(0, lags + 1))
            if place[cause] > place[node]:
                lag = max(lag, 1)
            after[lag, cause, node] += 1.2 * float(_strengths(rng, 1)[0])
    while radius(after) > 0.95:
        after[1:, :, nodes] *= 0.9
    return after, nodes


def draw(seed: int, setting: Setting) -> Incident:
    """Draw one incident."""
    rng = np.random.default_rng(seed)
    before, order = random_system(setting, rng)
    after, changed = change(before, order, setting.changed, rng)
    n, lags = setting.n_series, setting.lags
    deviation = rng.uniform(0.5, 2.0, n) if setting.unequal_noise else np.ones(n)
    noise = deviation * rng.normal(size=(BURN_IN + setting.normal_rows, n))
    normal = simulate(before, noise, np.zeros((lags, n)))[BURN_IN:]
    noise = deviation * rng.normal(size=(setting.fault_rows, n))
    fault = simulate(after, noise, normal[-lags:])
    if setting.standardised:
        scale = normal.std(axis=0)
        normal, fault = normal / scale, fault / scale
        before, after = (part * scale[:, None] / scale for part in (before, after))
    for rows in (normal, fault):
        rows[rng.random(rows.shape) < setting.missing] = np.nan
    return Incident(normal, fault, before, after, changed)


def _strengths(rng: np.random.Generator, size: int) -> Floats:
    """Coefficients of .3 to .8, of either sign."""
    strengths: Floats = rng.uniform(0.3, 0.8, size) * rng.choice([-1.0, 1.0], size)
    return strengths


def tiled(seed: int, n_series: int, lags: int, n_rows: int) -> Floats:
    """Draw normal rows of many series, systems of at most 50 side by side, for timing."""
    parts: list[Floats] = []
    left = n_series
    while left > 0:
        setting = Setting(min(left, 50), lags, changed=0, normal_rows=n_rows, fault_rows=1)
        parts.append(draw(seed + len(parts), setting).normal)
        left -= 50
    return np.hstack(parts)


def streams(seed: int, setting: Setting, decades: int) -> Iterator[list[Floats]]:
    """Yield independent normal streams of one system: 10^3 rows in all, then up to 10^4, ..."""
    rng = np.random.default_rng(seed)
    coefs, _ = random_system(setting, rng)
    n, lags, length = setting.n_series, setting.lags, 1000
    mix = np.linalg.inv(np.eye(n) - coefs[0])
    lagged = (coefs[:0:-1] @ mix).reshape(lags * n, n)
    for decade in range(3, decades + 1):
        chains = 1 if decade == 3 else 9 * 10 ** (decade - 4)
        rows = np.zeros((chains, lags + BURN_IN + length, n))
        for t in range(lags, rows.shape[1]):
            past = rows[:, t - lags : t].reshape(chains, -1)
            rows[:, t] = past @ lagged + rng.normal(size=(chains, n)) @ mix
        yield list(rows[:, lags + BURN_IN :])
