"""The novelty gate: what it is worth to a statistic that novelty confirms a row."""

import numpy as np
from numpy.typing import NDArray

from detectors.names import LEVEL_FREE, Statistic
from detectors.policy import TRIGGER, NoveltyGatePolicy

__all__ = ["NoveltyGate"]

_DAY_S = 86_400.0
_TRAITS = np.dtype([("used", np.bool_), ("level_free", np.bool_)])


class NoveltyGate:
    """Rules of the gate for the kernel that judges a row (`judge`); it learns nothing.

    On a base that is long enough a statistic may spend the whole alarm budget where novelty calls
    the row rare, and needs much more than its share elsewhere. On a shorter base the gate is open.

    Parameters
    ----------
    used : ndarray of shape (n_statistics,), bool
        Which statistics may raise an alarm.
    interval_s : float
        Seconds between two rows.
    policy : NoveltyGatePolicy
        How long the base must be, and others.

    Attributes
    ----------
    traits : ndarray of shape (n_statistics,), structured
        ``used`` and ``level_free`` of each statistic.
    shares : int
        Statistics that share the budget: all but novelty, which raises nothing that no other sees.
    relief : float
        Nats that a confirmation is worth: the whole budget instead of a share of it.
    """

    def __init__(
        self,
        used: NDArray[np.bool_],
        interval_s: float,
        policy: NoveltyGatePolicy = TRIGGER.gate,
    ) -> None:
        self.traits = np.zeros(len(used), dtype=_TRAITS)
        self.traits["used"] = used
        self.traits["level_free"][list(LEVEL_FREE)] = True
        gated = bool(used[Statistic.NOVELTY])
        self.shares = max(int(np.count_nonzero(used)) - gated, 1)
        self.relief = float(np.log(self.shares)) if gated else 0.0
        self._rows = max(policy.base_rows, policy.base_days * _DAY_S / interval_s)
        self._closed, self._open = (
            policy.record(
                novelty=int(Statistic.NOVELTY),
                rare_log_p=float(np.log(interval_s / (policy.rarer_than_days * _DAY_S))),
                relief=relief,
            )
            for relief in (self.relief, 0.0)
        )

    def record(self, learned_rows: int) -> NDArray[np.void]:
        """Return the numbers for the kernel, when so many normal rows were learned."""
        return self._closed if learned_rows >= self._rows else self._open
