"""Numba kernels of dynamic principal component analysis: in place, inputs trusted.

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
def lag_push(z: Floats, clip: float, lagged: Floats) -> None:
    """Move a lagged row (lags n,) on by one row of n cells, clipped; missing cells stand at 0."""
    n = z.shape[0]
    for i in range(lagged.shape[0] - 1, n - 1, -1):
        lagged[i] = lagged[i - n]
    for j in range(n):
        lagged[j] = min(max(z[j], -clip), clip) if np.isfinite(z[j]) else 0.0


@nb.njit(cache=True, error_model="numpy")
def subspace_residual(
    z: Floats, lagged: Floats, basis: Floats, basis_t: Floats, out: Floats
) -> None:
    """Write the squared residual of the newest n entries of a lagged row outside a subspace.

    ``lagged`` (D,) with missing cells as 0, ``basis`` (D, r) orthonormal, ``basis_t`` its first n
    rows transposed; NaN where the row z itself is missing. The inner loops run over contiguous
    memory without a reduction, so they are vectorised without re-association.
    """
    # Equivalent: the square of lagged[:n] minus basis[:n] times (basis.T times lagged).
    rank = basis.shape[1]
    n = out.shape[0]
    coefficients = np.zeros(rank)
    for i in range(lagged.shape[0]):
        v = lagged[i]
        if v != 0.0:
            for c in range(rank):
                coefficients[c] += v * basis[i, c]
    fitted = np.zeros(n)
    for c in range(rank):
        a = coefficients[c]
        for j in range(n):
            fitted[j] += a * basis_t[c, j]
    for j in range(n):
        e = lagged[j] - fitted[j]
        out[j] = e * e if np.isfinite(z[j]) else np.nan


# As in _ssa_kernels.py: a kernel calls its own file only, or its cache goes stale.
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
def subspace_push(
    z: Floats,
    policy: Structured,
    lagged: Floats,
    basis: Floats,
    basis_t: Floats,
    learned: Floats,
    learn: bool,
    out: Floats,
) -> None:
    """Append a row to the lagged one and write relative energies, once there are directions."""
    lag_push(z, policy[0]["clip"], lagged)
    if basis.shape[1] > 0:
        subspace_residual(z, lagged, basis, basis_t, out)
        track_energy(out, policy, learned, learn)
