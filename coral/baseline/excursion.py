"""Series that had left their normal range before an incident began, and have not come back."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.baseline._excursion_kernels import rows_outside, varied_before
from coral.baseline.policy import HISTORY, HistoryPolicy

__all__ = ["Excursions", "excursions"]

Floats = NDArray[np.float64]


class Excursions(NamedTuple):
    """What series did at the end of the normal rows; arrays of shape (n_series,)."""

    level: Floats  # just before the onset, raw units; NaN where it had been seen before
    rows: NDArray[np.int64]  # since it is there; 0 where it had been seen before
    varied: NDArray[np.bool_]  # whether there were two values at least before that


def excursions(rows: Floats, center: Floats, policy: HistoryPolicy = HISTORY) -> Excursions:
    """Find the series that were outside of all earlier values just before the onset.

    A deployment, a batch job or a cache that filled is a change, and no cause of what begins only
    later: such a series is measured from where it was. One that comes there every day is not.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_series), float64, raw units, NaN = missing
        Rows before the onset, oldest first.
    center : ndarray of shape (n_series,), float64, raw units
        Median of the normal state.
    policy : HistoryPolicy

    Returns
    -------
    Excursions
        Of nothing where there are no more rows than a level is made of.
    """
    n_rows, n_series = rows.shape
    level, since = np.full(n_series, np.nan), np.zeros(n_series, dtype=np.int64)
    varied = np.zeros(n_series, dtype=np.bool_)
    if n_rows > policy.level_rows:
        newest = rows[-policy.level_rows :]
        seen = np.isfinite(newest).any(axis=0)
        level[seen] = np.nanmedian(newest[:, seen], axis=0)
        rows_outside(rows, center, level, policy.begun_share, since)
        level[since == 0] = np.nan
    varied_before(rows, since, varied)
    return Excursions(level, since, varied)
