"""The false-alarm budget: what an alarm costs, and what is left to spend."""

from typing import ClassVar, Final

import numpy as np
from scipy.special import gammaincinv

from detectors._validate import check_real
from detectors.base import Stateful
from detectors.policy import TRIGGER, AlarmBudgetPolicy

__all__ = ["WEEK_S", "AlarmBudget"]

WEEK_S: Final = 604_800.0


class AlarmBudget(Stateful):
    """Alarms raised against alarms allowed.

    Time pays for alarms at the rate of the budget, one alarm is free; the first rows may cost
    more (`pay`). What was spent beyond is held back: a level that follows the rate of alarms keeps
    the budget in the long run whatever the data do (adaptive conformal inference [1]_), in steps
    too small to hide a fault.

    Parameters
    ----------
    per_week : float
        How many alarms a week of normal operation may raise.
    interval_s : float
        Seconds between two rows.
    shares : int
        Statistics that share the budget (Bonferroni).
    policy : AlarmBudgetPolicy
        What is held back for an alarm too many, and others.

    Attributes
    ----------
    alarms : int
        Alarms raised so far.
    log_alpha : float
        Log p-value of a row that a statistic needs for an alarm, when nothing is overspent.
    level : float
        The same for the newest row; an alarm is held against the rows after it.

    References
    ----------
    .. [1] Gibbs, I., Candes, E. (2021). Adaptive conformal inference under distribution shift.
       NeurIPS 34.

    Examples
    --------
    >>> budget = AlarmBudget(per_week=1.0, interval_s=60.0, shares=1)
    >>> budget.spend()
    >>> budget.overspent
    False
    >>> budget.spend()
    >>> budget.pay()
    >>> budget.overspent, round(budget.level - budget.log_alpha, 3)
    (True, -0.3)
    """

    _STATE: ClassVar[tuple[str, ...]] = ("alarms", "level", "log_alpha", "_debt", "_watched")

    def __init__(
        self,
        per_week: float,
        interval_s: float,
        shares: int,
        policy: AlarmBudgetPolicy = TRIGGER.budget,
    ) -> None:
        self._policy = policy
        rows = WEEK_S / interval_s / check_real("AlarmBudget", "per_week", per_week, 0.0)
        self._shares = shares
        self._rows_an_alarm = rows
        self._watched = 0
        self.log_alpha = self.level = -float(np.log(rows * shares))
        self._income = 1.0 / max(rows, 1.0)  # alarms that a row pays for
        self.alarms = 0
        self._debt = 0.0  # alarms not yet paid for

    @property
    def owed(self) -> float:
        """Alarms beyond what time has paid for, free ones aside."""
        return max(self._debt - self._policy.free_alarms, 0.0)

    @property
    def overspent(self) -> bool:
        """Whether there were more alarms than time has paid for, free ones aside."""
        return self.owed > 0.0

    def pay(self) -> None:
        """Let one row pass.

        Its share of the budget is one alarm in the rows that pay for one, and `early_alarms` in
        as many rows as were watched where that is more: the sum over a doubling of the rows
        watched is the same whatever the interval.
        """
        self._watched += 1
        early = self._watched / self._policy.early_alarms if self._policy.early_alarms else np.inf
        self.log_alpha = -float(np.log(min(self._rows_an_alarm, early) * self._shares))
        self.level = self.log_alpha
        if not self._debt:
            return
        self._debt = max(self._debt - self._income, 0.0)
        self.level -= self._policy.held_nats * self.owed

    def spend(self) -> None:
        """Raise an alarm."""
        self.alarms += 1
        self._debt += 1.0

    def refund(self) -> None:
        """Take the newest alarm back: it was no false one."""
        self.alarms = max(self.alarms - 1, 0)
        self._debt = max(self._debt - 1.0, 0.0)

    def certified_per_week(self, weeks: float) -> float:
        """Rate of false alarms per week that the alarms in `weeks` rule out.

        Upper limit of a Poisson rate (Garwood 1936), every alarm counted as false: without any, at
        95 %, it is 3 over the time watched, so one a week needs three quiet weeks. Infinite at
        first.
        """
        if not weeks:
            return np.inf
        return float(gammaincinv(self.alarms + 1, self._policy.confidence) / weeks)
