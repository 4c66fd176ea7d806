"""When a change began: the most likely change point of the series that carry it."""

from typing import NamedTuple

import numpy as np

from detectors.base import FloatArray, IntArray
from detectors.policy import TRIGGER, OnsetPolicy

__all__ = ["ChangePoint", "change_point", "date", "first_change"]


class ChangePoint(NamedTuple):
    """Rows before the newest one at which a change began."""

    rows: int
    earliest: int
    latest: int
    gain: float  # log likelihood over no change, nats
    sharp: bool  # whether a step elsewhere is much less likely


def change_point(z: FloatArray, policy: OnsetPolicy = TRIGGER.onset) -> ChangePoint:
    """Find the row from which the means of some series have been different until now.

    For a shift of unknown size in independent unit-variance noise the profile log likelihood of a
    change t rows ago is half the squared sum of the newest t values over their number; it is added
    up over series (Hinkley 1970, Biometrika 57), and divided by the rows that count as one. A ramp
    begins before the step that fits it best: the interval holds the rows at which the better of
    the two is likely.

    Parameters
    ----------
    z : ndarray of shape (rows, n_series), float64, NaN = missing
        z-scores, oldest first.
    policy : OnsetPolicy
        Rows that count as one, and others.

    Examples
    --------
    >>> import numpy as np
    >>> change_point(np.array([[0.1], [-0.2], [0.3], [5.0], [4.0]])).rows
    1
    """
    there = ~np.isnan(z)
    sums = np.cumsum(np.where(there, z, 0.0)[::-1], axis=0)
    counts = np.cumsum(there[::-1], axis=0)
    profile = _gain(sums, counts, policy.rows_of_one)
    best = int(np.argmax(profile))
    # A ramp weights its rows with 1, 2, .. t; these sums, of that and of its square, are exact.
    weights = np.cumsum(counts, axis=0)
    squares = 2 * np.cumsum(weights, axis=0) - weights
    ramp = _gain(np.cumsum(sums, axis=0), squares, policy.rows_of_one)
    likely = np.append(_likely(np.maximum(profile, ramp), policy.likely_loss), best)
    sharp = np.ptp(_likely(profile, policy.likely_loss)) <= policy.sharp_rows
    return ChangePoint(
        best, int(likely.max()), int(likely.min()), float(profile[best]), bool(sharp)
    )


def _gain(products: FloatArray, squares: FloatArray, rows_of_one: float) -> FloatArray:
    """Return the log likelihood that a regression from each row on adds, over all series."""
    gains = products * products / (2.0 * rows_of_one * np.maximum(squares, 1))
    return np.asarray(gains.sum(axis=1))


def _likely(profile: FloatArray, loss: float) -> IntArray:
    """Return the rows that are about as likely as the best one."""
    return np.flatnonzero(profile >= profile.max() - loss)


def date(
    z: FloatArray, least: int, policy: OnsetPolicy = TRIGGER.onset
) -> tuple[int, tuple[int, int]]:
    """Return how many rows ago a change began, and the earliest and latest that it may have.

    It began with the series that moved first: a cause moves before what follows from it.

    Parameters
    ----------
    z : ndarray of shape (rows, n_series), float64, NaN = missing
        z-scores of the series that carry it, oldest first.
    least : int
        Rows ago that it had begun for certain: the answer where no series says when, and it may
        have begun at any row.
    policy : OnsetPolicy
        When series say when they changed, and others.

    Examples
    --------
    >>> import numpy as np
    >>> date(np.array([[0.1, 0.0], [-0.2, 0.1], [0.3, 0.1], [7.0, -0.1], [7.0, 20.0]]), least=0)
    (1, (2, 1))
    """
    first = first_change(z, policy)
    if first is None:
        return least, (max(least, len(z) - 1), 0)
    rows = max(least, first.rows)
    return rows, (max(least, first.earliest), min(rows, first.latest))


def first_change(z: FloatArray, policy: OnsetPolicy = TRIGGER.onset) -> ChangePoint | None:
    """Return the change point of the series that moved first; None where none says when.

    Parameters
    ----------
    z : ndarray of shape (rows, n_series), float64, NaN = missing
        z-scores of the series that carry a change, oldest first.
    policy : OnsetPolicy
    """
    each = (change_point(z[:, [j]], policy) for j in range(z.shape[1]))
    points = [change_point(z, policy), *each]
    telling = [point for point in points if point.gain >= policy.telling_gain and point.sharp]
    return max(telling, key=lambda point: point.rows, default=None)
