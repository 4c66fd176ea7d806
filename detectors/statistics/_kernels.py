"""Numba kernels of the detectors: in place, on float64 C-contiguous arrays, inputs trusted.

Sums over series run in column order, so permuting the columns changes them by rounding only
(about 1e-12 relative).
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@nb.njit(cache=True, error_model="numpy")
def scaler_normalise(x: Floats, learned: Floats, cap: float, z: Floats) -> None:
    """Write (x - loc) / scale, clipped to +-cap, into z; NaN where x or the scale is unknown.

    learned (4, n): location, scale, rows that they stand for, extreme rows in a row.
    """
    loc, scale, _, _ = learned
    for j in range(x.shape[0]):
        if not np.isfinite(x[j]) or np.isnan(scale[j]):
            z[j] = np.nan
            continue
        e = x[j] - loc[j]
        # A series that never moved has scale 0: any move beyond rounding is as large as can be.
        if abs(e) <= 1e-12 * (abs(x[j]) + abs(loc[j])):
            z[j] = 0.0
        elif scale[j] * cap <= abs(e):
            z[j] = cap if e > 0 else -cap
        else:
            z[j] = e / scale[j]


@nb.njit(cache=True, error_model="numpy")
def scaler_learn(
    x: Floats, learned: Floats, memory: float, clip: float, cap: float, wake: float
) -> None:
    """Move location and scale of each fitted series one winsorised step towards the row."""
    loc, scale, weight, beyond = learned
    for j in range(x.shape[0]):
        if not np.isfinite(x[j]) or np.isnan(scale[j]):
            continue
        e = x[j] - loc[j]
        weight[j] = min(weight[j] + 1.0, memory)
        if scale[j] <= 0.0:
            if abs(e) > 1e-12 * (abs(x[j]) + abs(loc[j])):
                scale[j] = abs(e) / wake
            continue
        # A series that slept for long has next to no scale; doubling wakes it within rows. From
        # the third extreme row in a row on, so that spikes, however large, change nothing.
        beyond[j] = beyond[j] + 1.0 if abs(e) > cap * scale[j] else 0.0
        if beyond[j] > 2.0:
            scale[j] *= min(abs(e) / (cap * scale[j]), 2.0)
        bound = clip * scale[j]
        e = min(max(e, -bound), bound)
        loc[j] += e / weight[j]
        scale[j] = np.sqrt(scale[j] * scale[j] + (e * e - scale[j] * scale[j]) / weight[j])


@nb.njit(cache=True, error_model="numpy")
def scaler_observe(x: Floats, needed: int, learned: Floats, recent: Floats, seen: Ints) -> int:
    """Remember the present cells of a row; return how many series can be fitted now."""
    scale = learned[1]
    rows = recent.shape[1]
    ready = 0
    for j in range(x.shape[0]):
        if np.isfinite(x[j]):
            recent[j, seen[j] % rows] = x[j]
            seen[j] += 1
            if np.isnan(scale[j]) and seen[j] >= needed:
                ready += 1
    return ready


@nb.njit(cache=True, error_model="numpy")
def scaler_update(
    x: Floats,
    learned: Floats,
    memory: float,
    clip: float,
    cap: float,
    wake: float,
    needed: int,
    recent: Floats,
    seen: Ints,
) -> int:
    """Learn from a row and remember it; return how many series can be fitted now."""
    scaler_learn(x, learned, memory, clip, cap, wake)
    return scaler_observe(x, needed, learned, recent, seen)


@nb.njit(cache=True, error_model="numpy")
def track_energy(
    energy: Floats, usual: Floats, memory: float, clip: float, floor: float, learn: bool
) -> None:
    """Divide energy by max(mean, floor) per series, in place, then learn the winsorised mean.

    usual (2, n): the means, and the rows that they stand for. A series gives NaN until eight of
    its energies are known: fewer do not make a mean.
    """
    mean, weight = usual
    for j in range(energy.shape[0]):
        e = energy[j]
        if np.isnan(e):
            continue
        unit = max(mean[j], floor)
        energy[j] = e / unit if weight[j] >= 8.0 else np.nan
        if learn:
            bounded = e if weight[j] < 8.0 else min(e, clip * unit)
            weight[j] = min(weight[j] + 1.0, memory)
            mean[j] += (bounded - mean[j]) / weight[j]


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
def ssa_energy(
    ring: Floats, start: int, outside: Floats, residual: Floats, scratch: Floats, out: Floats
) -> None:
    """Write the energy of each lag window outside the signal subspace.

    ``ring`` (L, n) holds the windows, their oldest cells in row ``start``; the rows of ``outside``
    (L - rank, L) are an orthonormal basis of the residual space, ``residual`` (L, L) its projector.
    The inner loops run over series, so they are vectorised without re-association.
    """
    lags, n = ring.shape
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


@nb.njit(cache=True, error_model="numpy")
def ssa_push(
    z: Floats,
    clip: float,
    position: int,
    ring: Floats,
    fitted: bool,
    outside: Floats,
    residual: Floats,
    scratch: Floats,
    usual: Floats,
    memory: float,
    bound: float,
    floor: float,
    learn: bool,
    out: Floats,
) -> None:
    """Append a row to the lag windows and write their relative energies, once there is a space."""
    ring_push(z, clip, position, ring)
    if fitted:
        ssa_energy(ring, (position + 1) % ring.shape[0], outside, residual, scratch, out)
        track_energy(out, usual, memory, bound, floor, learn)


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
    z: Floats,
    lagged: Floats,
    basis: Floats,
    basis_t: Floats,
    coefficients: Floats,
    fitted: Floats,
    out: Floats,
) -> None:
    """Write the squared residual of the newest n entries of a lagged row outside a subspace.

    ``lagged`` (D,) with missing cells as 0, ``basis`` (D, r) orthonormal, ``basis_t`` its first n
    rows transposed; NaN where the row z itself is missing. The inner loops run over contiguous
    memory without a reduction, so they are vectorised without re-association.
    """
    # Equivalent: the square of lagged[:n] minus basis[:n] times (basis.T times lagged).
    rank = basis.shape[1]
    n = out.shape[0]
    coefficients[:] = 0.0
    for i in range(lagged.shape[0]):
        v = lagged[i]
        if v != 0.0:
            for c in range(rank):
                coefficients[c] += v * basis[i, c]
    fitted[:] = 0.0
    for c in range(rank):
        a = coefficients[c]
        for j in range(n):
            fitted[j] += a * basis_t[c, j]
    for j in range(n):
        e = lagged[j] - fitted[j]
        out[j] = e * e if np.isfinite(z[j]) else np.nan


@nb.njit(cache=True, error_model="numpy")
def subspace_push(
    z: Floats,
    clip: float,
    lagged: Floats,
    basis: Floats,
    basis_t: Floats,
    coefficients: Floats,
    scratch: Floats,
    usual: Floats,
    memory: float,
    bound: float,
    floor: float,
    learn: bool,
    out: Floats,
) -> None:
    """Append a row to the lagged one and write relative energies, once there are directions."""
    lag_push(z, clip, lagged)
    if basis.shape[1] > 0:
        subspace_residual(z, lagged, basis, basis_t, coefficients, scratch, out)
        track_energy(out, usual, memory, bound, floor, learn)
