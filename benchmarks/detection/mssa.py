"""Change-point detection by multivariate singular spectrum analysis, as in its paper.

Alanqary, A., Alomar, A., Shah, D. (2021). Change Point Detection via Multivariate Singular
Spectrum Analysis. NeurIPS 34. Written from its formulas, not from its code.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["mssa"]

Floats = NDArray[np.float64]

ENERGY = 0.95
# Rows of a base period: the paper's are some hundreds.
MOST_BASE_ROWS = 1024
CHUNK_ROWS = 4096
# Evidence cannot be numbered beyond the share of the base that is held out to set the limits.
HELD_OUT = 0.25


class _Base:
    """Signal space of a base period, the drift c, and the scale that thresholds are counted in."""

    def __init__(self, rows: Floats) -> None:
        kept = len(rows) - int(HELD_OUT * len(rows))
        self.lags = max(int(np.sqrt(kept)), 2)
        self._mean, self._std = rows.mean(axis=0), rows.std(axis=0)
        self._std[self._std <= 0.0] = 1.0
        cut = kept - kept % self.lags
        page = self._scaled(rows[:cut]).reshape(cut // self.lags, self.lags, -1)
        stacked = page.transpose(1, 2, 0).reshape(self.lags, -1)
        values, vectors = np.linalg.eigh(stacked @ stacked.T)
        singular = np.sqrt(np.maximum(values[::-1], 0.0))
        held = np.cumsum(singular) / max(float(singular.sum()), 1e-300)
        rank = min(int(np.searchsorted(held, ENERGY)) + 1, self.lags - 1)
        self._outside = vectors[:, : self.lags - rank]
        distances = self.distance(rows)
        self.drift = float(distances[kept:].max())

    def _scaled(self, rows: Floats) -> Floats:
        return np.asarray((rows - self._mean) / self._std)

    def distance(self, rows: Floats) -> Floats:
        """D of every row of which the window is known; the first ``lags - 1`` rows have D = 0."""
        windows = np.lib.stride_tricks.sliding_window_view(self._scaled(rows), self.lags, axis=0)
        found = np.zeros(len(rows))
        residual = windows @ self._outside
        found[self.lags - 1 :] = np.einsum("tnk,tnk->t", residual, residual)
        return found


def mssa(z: Floats, warmup: int, limits: Floats) -> NDArray[np.bool_]:
    """Rows on which y = max(0, y + D - c) reaches h; then a new base period begins.

    D is the sum over series of the squared distance of the newest lag vector from the signal
    space, c the largest D of the held-out end of the base, and h a multiple of c: the setting.

    Parameters
    ----------
    z : ndarray of shape (rows, series)
        No gaps.
    warmup : int
        Rows of the base period (at most 1024 of them, the newest).
    limits : ndarray of shape (settings,)
    """
    length = min(warmup, MOST_BASE_ROWS)
    fired = np.zeros((len(limits), len(z)), dtype=bool)
    first = _Base(z[warmup - length : warmup])
    shared = _distances(first, z, warmup)
    for which, limit in enumerate(limits):
        base, start, distances = first, warmup, shared
        while start < len(z):
            total = np.cumsum(distances[start:] - base.drift)
            y = total - np.minimum(np.minimum.accumulate(total), 0.0)
            hits = np.flatnonzero(y >= limit * base.drift)
            if not hits.size:
                break
            change = start + int(hits[0])
            fired[which, change] = True
            start = change + length
            if start >= len(z):
                break
            base = _Base(z[change:start])
            distances = _distances(base, z, start)
    return fired


def _distances(base: _Base, z: Floats, start: int) -> Floats:
    """D of every row from `start` on, in pieces that fit the cache."""
    found = np.zeros(len(z))
    for low in range(start, len(z), CHUNK_ROWS):
        from_row = low - base.lags + 1
        found[low : low + CHUNK_ROWS] = base.distance(z[from_row : low + CHUNK_ROWS])[
            base.lags - 1 :
        ]
    return found
