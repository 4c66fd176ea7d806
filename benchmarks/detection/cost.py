"""What one row costs: by number of series, by length of the base, against recomputing mSSA."""

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.trigger import Trigger

__all__ = ["changed_rows", "cost_figures", "growth_with_base", "rows_of"]

SERIES = (30, 100, 300, 1000, 5000)
BLOCKS, TURNS = 9, 7
WARMUP_ROWS = 256
MSSA_SERIES, MSSA_RANK = 500, 3


def rows_of(n: int, rows: int, seed: int = 0) -> NDArray[np.float64]:
    """Return autocorrelated series with a few common factors, (rows, n)."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(3, n)) * 0.5
    factors, x = np.zeros(3), np.zeros(n)
    result = np.empty((rows, n))
    for t in range(rows):
        factors = 0.9 * factors + rng.normal(size=3)
        x = 0.6 * x + 0.4 * factors @ mixing + rng.normal(size=n)
        result[t] = 100 + x
    return result


def changed_rows(
    n: int, first: int, rows: int, seed: int, change: Callable[[NDArray[np.float64]], None]
) -> NDArray[np.float64]:
    """Return `rows_of` with a change, (first + rows, n).

    `change` gets the standardised values from row `first` on, and alters them in place.
    """
    x = rows_of(n, first + rows, seed)
    mean, spread = x[:first].mean(axis=0), x[:first].std(axis=0)
    z = (x - mean) / spread
    change(z[first:])
    return np.asarray(mean + spread * z)


def block_ms(work: Callable[[NDArray[np.float64]], Any], x: NDArray[np.float64]) -> float:
    """Milliseconds of a row: the median over blocks, each long enough to hold every refit.

    CPU time of this process, which has one thread: what a free core would take.
    """
    cuts = np.array_split(x, BLOCKS)
    found = []
    for block in cuts:
        began = time.process_time()
        for row in block:
            work(row)
        found.append(1e3 * (time.process_time() - began) / len(block))
    return median(found)


def detect_ms(n: int, warmup: int = WARMUP_ROWS) -> float:
    """Milliseconds of a row of n series in a trigger that has seen `warmup` rows."""
    per_block = 256 if n <= 1000 else 64
    x = rows_of(n, warmup + BLOCKS * per_block)
    trigger = Trigger(n, 1.0)
    for row in x[:warmup]:
        trigger.update(row)
    return block_ms(trigger.update, x[warmup:])


def growth_with_base(n: int = 100) -> dict[int, float]:
    """Milliseconds of a row by rows seen before: learning must not slow down."""
    return {rows: detect_ms(n, rows) for rows in (64, 256, 1024, 4096, 16_384)}


def recomputed_mssa_ms(n: int = MSSA_SERIES, window: int = WARMUP_ROWS) -> dict[str, float]:
    """Milliseconds of a row when mSSA is computed anew on the last `window` rows each time.

    The lag windows of all series are stacked side by side (every window, as the trigger does:
    `hankel`; or only those that do not overlap, as the paper does: `page`), decomposed by way of
    the small Gram matrix, or by `svd`, and the newest window of every series is projected.
    """
    lags = int(np.sqrt(window))
    x = rows_of(n, window + 3 * BLOCKS)
    stops = np.arange(window, len(x))[:, None].astype(float)

    def score(step: int, decompose: Callable[[Any], Any], row: NDArray[np.float64]) -> float:
        stop = int(row[0])
        base = x[stop - window : stop]
        base = (base - base.mean(axis=0)) / base.std(axis=0)
        windows = np.lib.stride_tricks.sliding_window_view(base, lags, axis=0)[::step]
        residual = decompose(windows.reshape(-1, lags)) @ windows[-1].T
        return float(np.sum(residual * residual))

    def gram(stacked: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.linalg.eigh(stacked.T @ stacked)[1][:, : lags - MSSA_RANK].T

    def svd(stacked: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.linalg.svd(stacked, full_matrices=False)[2][MSSA_RANK:]

    ways = {"hankel, gram": (1, gram), "hankel, svd": (1, svd)}
    ways |= {"page, gram": (lags, gram), "page, svd": (lags, svd)}
    return {name: block_ms(partial(score, step, way), stops) for name, (step, way) in ways.items()}


def pca_ms(n: int, warmup: int = WARMUP_ROWS, rank: int = 8) -> float:
    """Milliseconds of a row of n series in plain PCA with T2 and Q, fitted once on the base."""
    x = rows_of(n, warmup + BLOCKS * 256)
    mean, spread = x[:warmup].mean(axis=0), x[:warmup].std(axis=0)
    _, values, rows = np.linalg.svd((x[:warmup] - mean) / spread, full_matrices=False)
    basis, variance = rows[:rank].T, values[:rank] ** 2 / warmup

    def score(row: NDArray[np.float64]) -> float:
        z = (row - mean) / spread
        t = z @ basis
        q = z - t @ basis.T
        return float(np.sum(t * t / variance) + q @ q)

    return block_ms(score, x[warmup:])


def cost_figures(*, quick: bool) -> dict[str, float]:
    """Return the milliseconds of a row by number of series, and the gain over recomputing."""
    Trigger(2, 1.0).update(np.zeros(2))
    detect_ms(30)  # compiles or loads the kernels
    costs: dict[int, float] = {}
    # In turns, seconds apart: a neighbour of this machine disturbs one of them, not all.
    for turn in range(TURNS):
        for n in (*SERIES, MSSA_SERIES):
            if n <= 1000 or turn < (1 if quick else 3):
                costs[n] = min(costs.get(n, np.inf), detect_ms(n))
    figures = {f"detect_ms_per_row_{n}": costs[n] for n in SERIES}
    figures |= {f"detect_vs_pca_{n}": costs[n] / pca_ms(n) for n in (100, 1000)}
    return figures | {
        f"speedup_vs_recomputed_mssa_{MSSA_SERIES}": recomputed_mssa_ms()["hankel, gram"]
        / costs[MSSA_SERIES]
    }
