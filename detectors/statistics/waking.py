"""Series that rest and wake now and then: what they do awake has been seen too seldom to judge."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import FloatArray, IntArray, PerSeries, Series
from detectors.policy import TRIGGER, WakingPolicy
from detectors.statistics._waking_kernels import waking_step

__all__ = ["Waking"]

# Of a series of which nothing is known: it rests.
_RESTS = 1 << 40


class Waking(PerSeries):
    """Episodes of series that mostly stand still, at a value or missing, such as those of a job.

    Whoever has woken once, and went to rest again, is no constant: it does so now and then. What
    its next episodes will look like is known after some of them; until then they are unfamiliar,
    unless one lasts far longer, or goes far further, than any before. A series that never woke is
    none of these: that a constant moves is news.

    Parameters
    ----------
    n_series : int
        Number of series.
    policy : WakingPolicy

    Attributes
    ----------
    unfamiliar : ndarray of shape (n,), bool
        Series that are awake in the newest row, or were until a moment ago, in such an episode.
    """

    _STATE: ClassVar[tuple[str, ...]] = ("unfamiliar", "_values", "_counts")
    _SERIES: ClassVar[Series] = {
        "unfamiliar": (0, False),
        "_values": (1, [[np.nan], [0.0], [0.0], [0.0]]),
        "_counts": (1, [[0], [_RESTS], [0], [0], [0], [0], [0]]),
    }

    def __init__(self, n_series: int, policy: WakingPolicy = TRIGGER.waking) -> None:
        self._record = policy.record()
        self.unfamiliar: NDArray[np.bool_] = np.zeros(n_series, dtype=np.bool_)
        values, counts = (np.array(self._SERIES[name][1]) for name in ("_values", "_counts"))
        self._values: FloatArray = np.repeat(values, n_series, axis=1)
        self._counts: IntArray = np.repeat(counts, n_series, axis=1)

    def push(self, x: FloatArray, *, learn: bool) -> None:
        """Take one row.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, NaN or infinite = missing
        learn : bool
            Whether the row counts as normal.
        """
        waking_step(x, learn, self._record, self._values, self._counts, self.unfamiliar)
