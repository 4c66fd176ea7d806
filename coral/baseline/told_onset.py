"""How many rows a told onset is late: whoever tells one has noticed something first."""

import numpy as np
from numpy.typing import NDArray

from coral.baseline.policy import SCALE, ScalePolicy
from coral.baseline.scaling import center_and_scale

__all__ = ["rows_late"]

Floats = NDArray[np.float64]


def rows_late(base: Floats, newest: Floats, policy: ScalePolicy = SCALE) -> int:
    """Count the rows directly before a told onset that are in its state already.

    Rows of the fault that count as normal stretch the range that everything is judged by, and
    hide it: three rows are enough.

    Parameters
    ----------
    base : ndarray of shape (rows, n), float64, raw units, NaN = missing
        Normal rows.
    newest : ndarray of shape (m + 1, n), float64, raw units, NaN = missing
        The rows after them, the last of which is the told onset.
    policy : ScalePolicy

    Returns
    -------
    int
        0 .. m; 0 as well for fewer than three rows.
    """
    if len(base) < policy.late_base_rows:
        return 0
    center, scale = center_and_scale(base, policy)
    with np.errstate(over="ignore", invalid="ignore"):
        outside = (
            np.abs(newest - center) > policy.late_units * scale
        )  # False where a cell is missing
    at_onset = outside[-1]
    shared = (outside[:-1] & at_onset).sum(axis=1)
    alike = (shared >= policy.late_share * at_onset.sum()) & at_onset.any()
    rows = int(np.logical_and.accumulate(alike[::-1]).sum())
    return rows if rows >= policy.late_rows else 0
