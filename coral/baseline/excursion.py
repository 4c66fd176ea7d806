"""Series that had left their normal range before an incident began, and have not come back."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Excursions", "excursions"]

Floats = NDArray[np.float64]

# Rows whose median is the level just before the onset: single values are not asked.
LEVEL_ROWS = 5
# An excursion begins where a series has come this far towards its level just before the onset.
BEGUN = 0.5


class Excursions(NamedTuple):
    """What series did at the end of the normal rows; arrays of shape (n_series,)."""

    level: Floats  # just before the onset, raw units; NaN where it had been seen before
    rows: NDArray[np.int64]  # since it is there; 0 where it had been seen before
    varied: NDArray[np.bool_]  # whether there were two values at least before that


def excursions(rows: Floats, center: Floats) -> Excursions:
    """Find the series that were outside of all earlier values just before the onset.

    A deployment, a batch job or a cache that filled is a change, and no cause of what begins only
    later: such a series is measured from where it was. One that comes there every day is not.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_series), float64, raw units, NaN = missing
        Rows before the onset, oldest first.
    center : ndarray of shape (n_series,), float64, raw units
        Median of the normal state.

    Returns
    -------
    Excursions
        Of nothing where there are no more rows than a level is made of.
    """
    n_rows, n_series = rows.shape
    level, since = np.full(n_series, np.nan), np.zeros(n_series, dtype=np.int64)
    if n_rows <= LEVEL_ROWS:
        return Excursions(level, since, _varied(rows))
    newest = rows[-LEVEL_ROWS:]
    seen = np.isfinite(newest).any(axis=0)
    level[seen] = np.nanmedian(newest[:, seen], axis=0)
    deviation = level - center
    towards = (rows - center) * np.sign(deviation)
    index = np.arange(n_rows)[:, None]
    begun = np.where(towards < BEGUN * np.abs(deviation), index, -1).max(axis=0) + 1
    earlier = np.fmax.reduce(np.where(index < begun, towards, np.nan), axis=0, initial=-np.inf)
    # An unknown level and one that is the median are further out than nothing.
    out = (begun > 0) & (np.abs(deviation) > np.maximum(earlier, 0.0))
    since[out] = n_rows - begun[out]
    level[~out] = np.nan
    return Excursions(level, since, _varied(np.where(index < n_rows - since, rows, np.nan)))


def _varied(rows: Floats) -> NDArray[np.bool_]:
    """Whether each column has two different values at least."""
    most = np.fmax.reduce(rows, axis=0, initial=-np.inf)
    varied: NDArray[np.bool_] = most > np.fmin.reduce(rows, axis=0, initial=np.inf)
    return varied
