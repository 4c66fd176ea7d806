"""Numba kernels of the detectors: in place, on float64 C-contiguous arrays, inputs trusted.

Sums over series run in column order, so permuting the columns changes them by rounding only
(about 1e-12 relative); ``top_mean`` sorts what it keeps and is exactly invariant.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@nb.njit(cache=True, error_model="numpy")
def scaler_normalise(x: Floats, loc: Floats, scale: Floats, cap: float, z: Floats) -> None:
    """Write (x - loc) / scale, clipped to +-cap, into z; NaN where x or the scale is unknown."""
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
    x: Floats,
    loc: Floats,
    scale: Floats,
    weight: Floats,
    beyond: Floats,
    memory: float,
    clip: float,
    cap: float,
    wake: float,
) -> None:
    """Move location and scale of each fitted series one winsorised step towards the row."""
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
def scaler_observe(x: Floats, scale: Floats, recent: Floats, seen: Ints) -> int:
    """Remember the present cells of a row; return how many series can be fitted now."""
    rows = recent.shape[1]
    ready = 0
    for j in range(x.shape[0]):
        if np.isfinite(x[j]):
            recent[j, seen[j] % rows] = x[j]
            seen[j] += 1
            if np.isnan(scale[j]) and seen[j] >= rows:
                ready += 1
    return ready


@nb.njit(cache=True, error_model="numpy")
def ring_push(z: Floats, ring: Floats, position: int, lags: int) -> None:
    """Append z to rings of shape (n, 2 lags), written twice so that windows are contiguous.

    The window that ends with this row is ``ring[:, position + 1:position + 1 + lags]``.
    """
    for j in range(z.shape[0]):
        ring[j, position] = z[j]
        ring[j, position + lags] = z[j]


@nb.njit(cache=True, error_model="numpy")
def window_mean(ring: Floats, start: int, stop: int, out: Floats) -> None:
    """Write sum / sqrt(count) of the present cells ring[:, start:stop]; NaN where none is."""
    for j in range(ring.shape[0]):
        total = 0.0
        count = 0
        for i in range(start, stop):
            if not np.isnan(ring[j, i]):
                total += ring[j, i]
                count += 1
        out[j] = total / np.sqrt(count) if count else np.nan


@nb.njit(cache=True, error_model="numpy")
def ssa_energy(
    ring: Floats,
    start: int,
    residual: Floats,
    rank: int,
    clip: float,
    work: Floats,
    window: Floats,
    out: Floats,
) -> None:
    """Write the energy of each lag window outside the signal subspace.

    ``residual`` (L, L) projects on the residual space. Missing cells take the values that make
    the energy smallest (generalised least squares on what is there), found by eliminating their
    rows from the quadratic form; the energy is then scaled up to the full number of degrees of
    freedom, and is NaN where rank or fewer cells are present.
    """
    lags = residual.shape[0]
    for j in range(ring.shape[0]):
        present = 0
        for i in range(lags):
            w = ring[j, start + i]
            if not np.isnan(w):
                present += 1
                w = min(max(w, -clip), clip)
            window[i] = w
        if present <= rank or np.isnan(window[lags - 1]):
            out[j] = np.nan
            continue
        if present == lags:
            energy = 0.0
            for a in range(lags):
                dot = 0.0
                for b in range(lags):
                    dot += residual[a, b] * window[b]
                energy += dot * dot
            out[j] = energy
            continue
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
        out[j] = max(energy, 0.0) * (lags - rank) / (present - rank)


@nb.njit(cache=True, error_model="numpy")
def gram_add(ring: Floats, start: int, clip: float, window: Floats, gram: Floats) -> int:
    """Add the outer product of every complete lag window to gram (L, L); return their number."""
    lags = gram.shape[0]
    count = 0
    for j in range(ring.shape[0]):
        complete = True
        for i in range(lags):
            w = ring[j, start + i]
            if np.isnan(w):
                complete = False
                break
            window[i] = min(max(w, -clip), clip)
        if not complete:
            continue
        count += 1
        for a in range(lags):
            for b in range(lags):
                gram[a, b] += window[a] * window[b]
    return count


@nb.njit(cache=True, error_model="numpy")
def subspace_residual(
    lagged: Floats,
    basis: Floats,
    basis_t: Floats,
    coefficients: Floats,
    fitted: Floats,
    present: Flags,
    out: Floats,
) -> None:
    """Write the squared residual of the newest n entries of a lagged row outside a subspace.

    ``lagged`` (D,) with missing cells as 0, ``basis`` (D, r) orthonormal, ``basis_t`` its first n
    rows transposed. The inner loops run over contiguous memory without a reduction, so they are
    vectorised without re-association.
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
        out[j] = e * e if present[j] else np.nan


@nb.njit(cache=True, error_model="numpy")
def track_energy(
    energy: Floats,
    mean: Floats,
    weight: Floats,
    memory: float,
    clip: float,
    floor: float,
    learn: bool,
    out: Floats,
) -> None:
    """Write energy / max(mean, floor) per series, then learn the winsorised mean.

    A series gives NaN until eight of its energies are known: fewer do not make a mean.
    """
    for j in range(energy.shape[0]):
        if np.isnan(energy[j]):
            out[j] = np.nan
            continue
        usual = max(mean[j], floor)
        out[j] = energy[j] / usual if weight[j] >= 8.0 else np.nan
        if learn:
            bounded = energy[j] if weight[j] < 8.0 else min(energy[j], clip * usual)
            weight[j] = min(weight[j] + 1.0, memory)
            mean[j] += (bounded - mean[j]) / weight[j]


@nb.njit(cache=True, error_model="numpy")
def top_mean(values: Floats, k: int, heap: Floats) -> float:
    """Return the mean of the k largest absolute values that are present; NaN without any."""
    kept = 0
    for j in range(values.shape[0]):
        v = abs(values[j])
        if np.isnan(v) or (kept == k and v <= heap[k - 1]):
            continue
        i = kept if kept < k else k - 1
        while i > 0 and heap[i - 1] < v:
            heap[i] = heap[i - 1]
            i -= 1
        heap[i] = v
        kept = min(kept + 1, k)
    total = 0.0
    for i in range(kept):
        total += heap[i]
    return total / kept if kept else np.nan


@nb.njit(cache=True, error_model="numpy")
def cusum_step(score: Floats, slack: float, ceiling: float, statistic: Floats, age: Ints) -> None:
    """One step of y = min(max(0, y + score - slack), ceiling); age counts rows since y was 0."""
    for c in range(score.shape[0]):
        if np.isnan(score[c]):
            if statistic[c] > 0.0:
                age[c] += 1
            continue
        y = min(max(0.0, statistic[c] + score[c] - slack), ceiling)
        age[c] = age[c] + 1 if y > 0.0 else 0
        statistic[c] = y


@nb.njit(cache=True, error_model="numpy")
def present_mean(values: Floats) -> float:
    """Return the mean of the values that are present; NaN without any."""
    total = 0.0
    count = 0
    for j in range(values.shape[0]):
        if not np.isnan(values[j]):
            total += values[j]
            count += 1
    return total / count if count else np.nan


@nb.njit(cache=True, error_model="numpy")
def age_step(score: Floats, limit: float, age: Ints) -> None:
    """Count the rows since each score was last at or below the limit, or missing."""
    for c in range(score.shape[0]):
        age[c] = age[c] + 1 if score[c] > limit else 0


@nb.njit(cache=True, error_model="numpy")
def tail_push(values: Floats, now: int, top: Floats, when: Ints) -> None:
    """Insert one value per channel into its descending list, dropping the smallest entry."""
    last = top.shape[1] - 1
    for c in range(values.shape[0]):
        v = values[c]
        if not v > top[c, last]:
            continue
        i = last
        while i > 0 and top[c, i - 1] < v:
            top[c, i] = top[c, i - 1]
            when[c, i] = when[c, i - 1]
            i -= 1
        top[c, i] = v
        when[c, i] = now


@nb.njit(cache=True, error_model="numpy")
def tail_forget(first: int, newest: int, top: Floats, when: Ints, blocks: Ints) -> None:
    """Drop the entries that are older than block ``first`` of ``newest``."""
    size = top.shape[1]
    for c in range(top.shape[0]):
        kept = 0
        for i in range(size):
            if when[c, i] >= first:
                top[c, kept] = top[c, i]
                when[c, kept] = when[c, i]
                kept += 1
        for i in range(kept, size):
            top[c, i] = -np.inf
            when[c, i] = -1
        blocks[c] = min(blocks[c], newest - first)


@nb.njit(cache=True, error_model="numpy")
def tail_fit(
    top: Floats,
    blocks: Ints,
    block_rows: int,
    share: float,
    max_peaks: int,
    onset: Floats,
    sigma: Floats,
    shape: Floats,
    rate: Floats,
) -> None:
    """Fit the predictive tail above a high block maximum of every channel with three blocks.

    Excesses over the (k+1)-th largest maximum u: generalised Pareto with mean m and shape xi.
    """
    for c in range(top.shape[0]):
        stored = 0
        while stored < top.shape[1] and top[c, stored] > -np.inf:
            stored += 1
        k = min(max(int(blocks[c] * share), 2), max_peaks, stored - 1)
        if blocks[c] < 3 or k < 2:
            onset[c] = np.nan
            continue
        u = top[c, k]
        mean = 0.0
        weighted = 0.0
        for i in range(k):
            mean += top[c, i] - u
            weighted += (top[c, i] - u) * (k - 1 - i)
        mean /= k
        # L-moments, the list being sorted downwards: l2 / l1 = 2 b1 / b0 - 1 = 1 / (2 - xi).
        ratio = 2.0 * weighted / (k * (k - 1) * mean) - 1.0 if mean > 0.0 else 0.5
        xi = 2.0 - 1.0 / ratio if ratio > 0.5 else 0.0
        # Half its standard error (about 1 / sqrt(k)) is taken off: a short list proves no shape.
        xi = min(max(0.0, xi - 0.5 / np.sqrt(k)), 0.9)
        # A tail without any spread (a quantised statistic) gets a thousandth of its level.
        sigma[c] = max(mean, 1e-3 * abs(u), 1e-9) * (1.0 - xi)
        shape[c] = xi + 1.0 / k
        onset[c] = u
        rate[c] = (k + 1) / (blocks[c] * block_rows)


@nb.njit(cache=True, error_model="numpy")
def tail_log_p(
    values: Floats, rate: Floats, onset: Floats, sigma: Floats, shape: Floats, out: Floats
) -> None:
    """Write log of the expected exceedances per row: a predictive p-value per channel."""
    for c in range(values.shape[0]):
        e = (values[c] - onset[c]) / sigma[c]
        # Below the tail nothing is remarkable, however rare the tail itself has become.
        if np.isnan(e) or e <= 0.0:
            out[c] = 0.0
        else:
            out[c] = np.log(rate[c]) - np.log(1.0 + shape[c] * e) / shape[c]
