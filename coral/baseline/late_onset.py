"""How many rows an onset that is given is late: whoever gives it has noticed something first."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coral.baseline.policy import SCALE, ScalePolicy
from coral.baseline.scaling import center_and_scale
from detectors.decision.change_point import first_change

__all__ = ["rows_late", "rows_since_change"]

Floats = NDArray[np.float64]


def rows_late(
    base: Floats,
    newest: Floats,
    owner: NDArray[np.int64],
    health: Sequence[int],
    policy: ScalePolicy = SCALE,
) -> int:
    """Count the rows directly before an oracle onset that are in its state already.

    Rows of the fault that count as normal stretch the range that everything is judged by, and
    hide it: three rows are enough. A single entity that changed before is no such row: a
    deployment, say, minutes before the fault of another one. It takes two, or a health signal.

    Parameters
    ----------
    base : ndarray of shape (rows, n), float64, raw units, NaN = missing
        Normal rows.
    newest : ndarray of shape (m + 1, n), float64, raw units, NaN = missing
        The rows after them, the last of which is the onset that is given.
    owner : ndarray of shape (n,), int64
        Entity of every series.
    health : sequence of int
        Places of the health signals.
    policy : ScalePolicy

    Returns
    -------
    int
        0 .. m; 0 as well for fewer than three rows.
    """
    near = _beyond(base, newest[-1]) if len(base) >= policy.late_base_rows else np.zeros(0, np.intp)
    if near.size == 0:
        return 0
    owner, felt = owner[near], np.isin(near, health)
    center, scale = center_and_scale(base[:, near], policy)
    with np.errstate(over="ignore", invalid="ignore"):
        # Not where one is missing.
        outside = np.abs(newest[:, near] - center) > policy.late_units * scale
    shared = outside[:-1] & outside[-1]
    alike = shared.any(axis=1) & (shared.sum(axis=1) >= policy.late_share * outside[-1].sum())
    # Two entities: not all that is shared is of the first one of them.
    first = owner[shared.argmax(axis=1)]
    several = (shared & (owner != first[:, None])).any(axis=1)
    alike &= several | shared[:, felt].any(axis=1)
    rows = int(np.logical_and.accumulate(alike[::-1]).sum())
    return rows if rows >= policy.late_rows else 0


def rows_since_change(base: Floats, newest: Floats, policy: ScalePolicy = SCALE) -> int | None:
    """Count the rows before a given onset since which the series out at it have changed.

    Where an onset is late for certain nothing of `newest` is taken for normal, and the change
    points of the series decide, not whether each row looks alike.

    Parameters
    ----------
    base : ndarray of shape (rows, n), float64, raw units, NaN = missing
        Normal rows, that end before any of the fault.
    newest : ndarray of shape (m + 1, n), float64, raw units, NaN = missing
        The rows after them, the last of which is the onset that is given.
    policy : ScalePolicy

    Returns
    -------
    int or None
        0 .. m; None where nothing says: the base is short, no series is out, or none of those
        that are changed at a row that can be told.
    """
    if len(base) < policy.late_base_rows:
        return None
    near = _beyond(base, newest[-1])
    center, scale = center_and_scale(base[:, near], policy)
    unit = np.where(scale > 0.0, scale, np.nan) / policy.range_units
    with np.errstate(over="ignore", invalid="ignore"):
        z = np.clip((newest[:, near] - center) / unit, -policy.clip_units, policy.clip_units)
    out = np.abs(z[-1]) > policy.range_units * policy.late_units
    point = first_change(z[:, out]) if out.any() else None
    return None if point is None else point.rows


def _beyond(base: Floats, row: Floats) -> NDArray[np.intp]:
    """Return the series that leave the values of the base in a row.

    What does not leave them is not outside: mostly nobody has to be asked for its unit.
    """
    low, high = np.fmin.reduce(base), np.fmax.reduce(base)
    return np.flatnonzero(~((row >= low) & (row <= high)) & ~np.isnan(row))
