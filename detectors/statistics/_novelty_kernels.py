"""Numba kernels of the distance to what was normal before: in place, C-contiguous arrays, trusted.

Distances are largest differences over series; missing cells (NaN) take no part in them. Centres
stand in columns, so that a row is held against all of them at once.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Flags = NDArray[np.bool_]


@nb.njit(cache=True, error_model="numpy")
def place_step(
    z: Floats, rows: int, needed: float, seen: Floats, mean: Floats, place: Singles
) -> bool:
    """Move every series' mean of sign(z) log(1 + |z|) on by one row; return whether any stands.

    ``place`` is NaN where the cell is missing or fewer than `needed` rows have been seen.
    """
    stands = False
    for j in range(z.shape[0]):
        place[j] = np.nan
        if np.isnan(z[j]):
            continue
        size = np.log(1.0 + abs(z[j]))  # twice as fast as log1p, to the precision of place
        seen[j] = min(seen[j] + 1.0, rows)
        mean[j] += ((size if z[j] > 0.0 else -size) - mean[j]) / seen[j]
        if seen[j] >= needed:
            place[j] = mean[j]
            stands = True
    return stands


@nb.njit(cache=True, error_model="numpy")
def widen(row: Singles, at: np.float32, count: int, gaps: Singles) -> None:
    """Raise gaps (count,) to the distance of one series' value from that of every centre."""
    for k in range(count):
        gap = abs(row[k] - at)
        # max() minds NaN, and is no vector code.
        gaps[k] = gap if gap > gaps[k] else gaps[k]  # noqa: FURB136


@nb.njit(cache=True, error_model="numpy")
def nearest(place: Singles, centres: Singles, count: int, gaps: Singles) -> tuple[int, float]:
    """Return the nearest of the first `count` centres and how far it is.

    ``centres`` is (n, size); ``gaps`` (size,) gets the distance of each.
    """
    gaps[:count] = 0.0
    for j in range(place.shape[0]):
        if not np.isnan(place[j]):
            widen(centres[j], place[j], count, gaps)
    best = 0
    for k in range(1, count):
        if gaps[k] < gaps[best]:
            best = k
    return best, gaps[best]


@nb.njit(cache=True, error_model="numpy")
def push_step(
    z: Floats,
    rows: int,
    needed: float,
    seen: Floats,
    mean: Floats,
    place: Singles,
    centres: Singles,
    count: int,
    gaps: Singles,
) -> tuple[bool, int, float]:
    """Move on by one row; return whether it stands anywhere, the nearest centre, how far it is."""
    if not place_step(z, rows, needed, seen, mean, place):
        return False, 0, np.nan
    if not count:
        return True, 0, np.nan
    best, gap = nearest(place, centres, count, gaps)
    return True, best, gap


@nb.njit(cache=True, error_model="numpy")
def near(gaps: Singles, kept: Flags, radius: float) -> bool:
    """Return whether a centre that is kept is closer than radius, given the distances of all."""
    hits = 0
    for k in range(gaps.shape[0]):  # to the end: leaving early is no vector code
        hits += kept[k] and gaps[k] < radius
    return hits > 0


@nb.njit(cache=True, error_model="numpy")
def make_room(
    growth: float, centres: Singles, pairs: Singles, count: int, radius: float, gaps: Singles
) -> tuple[int, float]:
    """Widen the radius until a centre is within that of an earlier one; drop all that are.

    ``pairs`` (size, size) has the distance of every centre to each earlier one, ``gaps`` (size,)
    that of a row to each.
    """
    kept = np.empty(count, dtype=np.bool_)
    n_kept = count
    while n_kept == count:
        radius *= growth
        n_kept = 0
        for i in range(count):
            kept[i] = not near(pairs[i, :i], kept, radius)
            n_kept += kept[i]
    stay = np.flatnonzero(kept)
    for j in range(centres.shape[0]):
        for k in range(n_kept):
            centres[j, k] = centres[j, stay[k]]
    for i in range(n_kept):
        gaps[i] = gaps[stay[i]]
        for k in range(i):
            pairs[i, k] = pairs[stay[i], stay[k]]
    return n_kept, radius


@nb.njit(cache=True, error_model="numpy")
def learn_step(
    growth: float,
    place: Singles,
    centres: Singles,
    pairs: Singles,
    count: int,
    best: int,
    radius: float,
    gaps: Singles,
) -> tuple[int, float]:
    """Make the row pushed last a centre, of which ``best`` is the nearest; return (count, radius).

    A series of which nothing is known stands where it does in the nearest row. ``gaps`` (size,)
    has the distances that `push_step` left there.
    """
    row = np.empty_like(place)
    whole = True
    for j in range(place.shape[0]):
        there = not np.isnan(place[j])
        row[j] = place[j] if there else centres[j, best]
        whole = whole and there
    if count == centres.shape[1]:
        count, radius = make_room(growth, centres, pairs, count, radius, gaps)
    if not whole:
        nearest(row, centres, count, gaps)
    pairs[count, :count] = gaps[:count]
    centres[:, count] = row
    return count + 1, radius


@nb.njit(cache=True, error_model="numpy")
def measure_pairs(centres: Singles, pairs: Singles, count: int, gaps: Singles) -> None:
    """Write the distance of every centre to each earlier one."""
    for i in range(1, count):
        nearest(centres[:, i].copy(), centres, i, gaps)
        pairs[i, :i] = gaps[:i]
