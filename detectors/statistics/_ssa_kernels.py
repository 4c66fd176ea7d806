"""Numba kernels of singular spectrum analysis: in place, C-contiguous arrays, inputs trusted.

Sums over series run in column order, so permuting the columns changes them by rounding only
(about 1e-12 relative).
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Structured = NDArray[np.void]

# Rows of what is learned of energies.
MEAN, WEIGHT = range(2)


@nb.njit(cache=True, error_model="numpy")
def ring_push(z: Floats, clip: float, position: int, ring: Floats) -> None:
    """Write a row, clipped to +-clip, into a ring of shape (rows, n)."""
    for j in range(z.shape[0]):
        ring[position, j] = z[j] if np.isnan(z[j]) else min(max(z[j], -clip), clip)


@nb.njit(cache=True, error_model="numpy")
def gap_energy(window: Floats, residual: Floats, rank: int, work: Floats) -> float:
    """Return the energy of one lag window (L,) with missing cells outside the signal subspace.

    ``residual`` (L, L) projects on the residual space. Missing cells take the values that make
    the energy smallest (generalised least squares on what is there), found by eliminating their
    rows from the quadratic form; the energy is then scaled up to the full number of degrees of
    freedom, and is NaN where rank or fewer cells are present.
    """
    lags = residual.shape[0]
    present = 0
    for i in range(lags):
        present += not np.isnan(window[i])
    if present <= rank or np.isnan(window[lags - 1]):
        return np.nan
    work[:, :] = residual
    for m in range(lags):
        if np.isnan(window[m]) and work[m, m] > 1e-9:
            for a in range(lags):
                if a != m:
                    factor = work[a, m] / work[m, m]
                    for b in range(lags):
                        work[a, b] -= factor * work[m, b]
            for a in range(lags):
                work[a, m] = 0.0
                work[m, a] = 0.0
    energy = 0.0
    for a in range(lags):
        if not np.isnan(window[a]):
            for b in range(lags):
                if not np.isnan(window[b]):
                    energy += window[a] * work[a, b] * window[b]
    return float(max(energy, 0.0) * (lags - rank) / (present - rank))


@nb.njit(cache=True, error_model="numpy")
def gap_energies(ring: Floats, start: int, residual: Floats, rank: int, out: Floats) -> None:
    """Write the energies of the lag windows with missing cells, which are NaN so far."""
    lags, n = ring.shape
    window = np.empty(lags)
    work = np.empty((lags, lags))
    for j in range(n):
        if np.isnan(out[j]):
            for i in range(lags):
                window[i] = ring[(start + i) % lags, j]
            out[j] = gap_energy(window, residual, rank, work)


@nb.njit(cache=True, error_model="numpy")
def ssa_energy(ring: Floats, start: int, outside: Floats, residual: Floats, out: Floats) -> None:
    """Write the energy of each lag window outside the signal subspace.

    ``ring`` (L, n) holds the windows, their oldest cells in row ``start``; the rows of ``outside``
    (L - rank, L) are an orthonormal basis of the residual space, ``residual`` (L, L) its projector.
    The inner loops run over series, so they are vectorised without re-association.
    """
    lags, n = ring.shape
    scratch = np.empty(n)
    out[:] = 0.0
    for a in range(outside.shape[0]):
        scratch[:] = 0.0
        for b in range(lags):
            weight = outside[a, b]
            cells = ring[start + b if start + b < lags else start + b - lags]
            for j in range(n):
                scratch[j] += weight * cells[j]
        for j in range(n):
            out[j] += scratch[j] * scratch[j]
    for j in range(n):
        if np.isnan(out[j]):
            gap_energies(ring, start, residual, lags - outside.shape[0], out)
            break


# As in _dynamic_pca_kernels.py: a kernel calls its own file only, or its cache goes stale.
@nb.njit(cache=True, error_model="numpy")
def track_energy(energy: Floats, policy: Structured, learned: Floats, learn: bool) -> None:
    """Divide energy by max(mean, floor) per series, in place, then learn the winsorised mean.

    learned (2, n): the means, and the rows that they stand for. A series gives NaN until enough of
    its energies are known to make a mean.
    """
    mean, weight = learned[MEAN], learned[WEIGHT]
    choice = policy[0]
    known, memory = choice["mean_rows"], choice["memory_rows"]
    floor, winsor = choice["floor"], choice["winsor"]
    for j in range(energy.shape[0]):
        e = energy[j]
        if np.isnan(e):
            continue
        unit = max(mean[j], floor)
        energy[j] = e / unit if weight[j] >= known else np.nan
        if learn:
            bounded = e if weight[j] < known else min(e, winsor * unit)
            weight[j] = min(weight[j] + 1.0, memory)
            mean[j] += (bounded - mean[j]) / weight[j]


@nb.njit(cache=True, error_model="numpy")
def ssa_push(
    z: Floats,
    policy: Structured,
    position: int,
    ring: Floats,
    fitted: bool,
    outside: Floats,
    residual: Floats,
    learned: Floats,
    learn: bool,
    out: Floats,
) -> None:
    """Append a row to the lag windows and write their relative energies, once there is a space."""
    ring_push(z, policy[0]["clip"], position, ring)
    if fitted:
        ssa_energy(ring, (position + 1) % ring.shape[0], outside, residual, out)
        track_energy(out, policy, learned, learn)


@nb.njit(cache=True, error_model="numpy")
def gram_add(ring: Floats, start: int, window: Floats, gram: Floats) -> int:
    """Add the outer product of every complete lag window to gram (L, L); return their number."""
    lags, n = ring.shape
    count = 0
    for j in range(n):
        complete = True
        for i in range(lags):
            window[i] = ring[(start + i) % lags, j]
            complete = complete and not np.isnan(window[i])
        if not complete:
            continue
        count += 1
        for a in range(lags):
            for b in range(lags):
                gram[a, b] += window[a] * window[b]
    return count
