"""Re-baselining: when a change that lasts is taken for how things are now."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from detectors._validate import check_integer, check_real
from detectors.base import FloatArray, Stateful
from detectors.policy import TRIGGER, RebaseliningPolicy

__all__ = ["Rebaselining"]


class Rebaselining(Stateful):
    """How long an alarm must last to be accepted, and the evidence that is accepted with it.

    A level that moved is forgotten by recentring. What else the new state shows, row after row,
    would alarm for ever: each statistic stays quiet up to the evidence that was accepted. A row
    that shows some of it renews that much; what is not shown again is forgotten over as many rows
    as the alarm lasted, so that a deployment hides no later fault.

    Parameters
    ----------
    n_statistics : int
        Number of statistics.
    interval_s : float
        Seconds between two rows.
    memory_rows : int
        Longest memory of what is normal, rows: how long it may take to accept is bounded with it.
    policy : RebaseliningPolicy
        How long an alarm must last.

    Attributes
    ----------
    accepted : ndarray of shape (n_statistics,)
        Evidence up to which each statistic stays quiet, nats.
    decay : float
        What a row that does not show it leaves of it.

    Examples
    --------
    >>> import numpy as np
    >>> rule = Rebaselining(n_statistics=1, interval_s=60.0)
    >>> rule.rows_needed(learned_rows=320), rule.rows_needed(learned_rows=3200)
    (60.0, 200.0)
    >>> rule.begin(np.array([5.0]))
    >>> rule.follow(np.array([8.0]))
    >>> rule.accept(alarm_rows=61)
    >>> rule.accepted
    array([8.])
    """

    _STATE: ClassVar[tuple[str, ...]] = ("accepted", "decay", "_shown")
    _SAVED_AS: ClassVar[Mapping[str, str]] = {"decay": "fading"}

    def __init__(
        self,
        n_statistics: int,
        interval_s: float,
        memory_rows: int = TRIGGER.memory_rows,
        policy: RebaseliningPolicy = TRIGGER.rebaselining,
    ) -> None:
        who = "Rebaselining"
        n = check_integer(who, "n_statistics", n_statistics, 1)
        rows_of_least = policy.least_s / check_real(who, "interval_s", interval_s, 0.0)
        self._least = max(float(policy.least_rows), rows_of_least)
        self._policy = policy
        # A running mean of weight 1 / m is as good as one of the newest 2 m rows.
        self._most_rows = 2 * check_integer(who, "memory_rows", memory_rows, 1)
        self.accepted: FloatArray = np.zeros(n)
        self.decay = 1.0
        self._shown: FloatArray = np.zeros(n)

    def base(self, learned_rows: int) -> int:
        """Rows that what is known stands for, when so many were learned."""
        return min(learned_rows, self._most_rows)

    def weight(self, learned_rows: int) -> float:
        """Rows that the new level counts for, when so many normal ones were learned."""
        return self._policy.weight_share * self.base(learned_rows)

    def rows_needed(self, learned_rows: int) -> float:
        """Rows that an alarm lasts before it is accepted, when so many normal ones were learned."""
        return max(self._policy.base_share * self.base(learned_rows), self._least)

    def begin(self, shown: FloatArray) -> None:
        """Take the evidence of the first row of an alarm, nats above the limits, (n,)."""
        self._shown = np.maximum(shown, 0.0)

    def follow(self, shown: FloatArray) -> None:
        """Take the evidence of a further row of it."""
        np.maximum(self._shown, shown, out=self._shown)

    def accept(self, alarm_rows: int) -> None:
        """Accept what an alarm of so many rows has shown."""
        np.maximum(self.accepted, self._shown, out=self.accepted)
        self.decay = float(np.exp(-1.0 / alarm_rows))
