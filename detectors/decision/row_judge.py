"""Judging a row: how rare each statistic finds it, and how far that is beyond its limit."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors._validate import check_integer, check_real
from detectors.base import FloatArray, FurtherStatistic, IntArray, Stateful
from detectors.decision._verdict_kernels import judge
from detectors.decision.alarm_budget import AlarmBudget
from detectors.decision.cusum import Cusum
from detectors.decision.gpd_tail import PredictiveTail
from detectors.decision.novelty_gate import NoveltyGate
from detectors.decision.rebaselining import Rebaselining
from detectors.names import Statistic
from detectors.policy import TriggerPolicy
from detectors.statistics.row_statistics import RowStatistics

__all__ = ["RowJudge"]


class RowJudge(Stateful):
    """Statistics of the newest row with their p-values and limits; what a `Trigger` acts on.

    Its parameters, and `names`, are those of the trigger.

    Attributes
    ----------
    rows_seen, learned_rows : int
        Rows judged, and those of them that were learned.
    """

    def __init__(
        self,
        n_series: int,
        interval_s: float,
        false_alarms_per_week: float,
        policy: TriggerPolicy,
        further: Sequence[FurtherStatistic],
    ) -> None:
        who = type(self).__name__
        n = check_integer(who, "n_series", n_series, 1)
        self.interval_s = check_real(who, "interval_s", interval_s, 0.0)
        self.false_alarms_per_week = check_real(
            who, "false_alarms_per_week", false_alarms_per_week, 0.0
        )
        self.policy = policy
        self._row_statistics = RowStatistics(n, policy, further)
        self.names = self._row_statistics.names
        alarming = {*policy.statistics, *(one.name for one in further)}
        self._used = np.array([name in alarming for name in self.names])
        self._gate = NoveltyGate(self._used, self.interval_s, policy.gate)
        self._budget = AlarmBudget(
            self.false_alarms_per_week, self.interval_s, self._gate.shares, policy.budget
        )
        spans, n_statistics = self._row_statistics.spans, len(self.names)
        # Statistics of long windows: what took them to notice, they must also see go.
        self._long = spans > policy.calm_rows
        blocks = np.maximum(2 * (spans[:-1] // 3), policy.tail.least_block_rows)
        units = self._row_statistics.units()
        self._tail = PredictiveTail(n_statistics - 1, blocks.tolist(), policy.tail, units)
        slack, ceiling = policy.onset.slack, policy.onset.ceiling
        self._onset = Cusum(n_statistics, slack=slack, threshold=ceiling, ceiling=ceiling)
        self.rows_seen = self.learned_rows = self._worst = 0
        self._rebaselining = Rebaselining(
            n_statistics, self.interval_s, policy.memory_rows, policy.rebaselining
        )
        self._log_p, self._easing, self._beyond = np.zeros((3, n_statistics))

    @property
    def n_series(self) -> int:
        """Number of series."""
        return self._row_statistics.n_series

    @property
    def warm(self) -> bool:
        """Whether the base is long enough for an alarm."""
        return self.learned_rows >= self.policy.warmup_rows

    @property
    def statistic_name(self) -> str:
        """Name of the statistic that is farthest beyond, or closest to, its limit."""
        return self.names[self._worst]

    @property
    def statistic(self) -> float:
        """Value of that statistic on the newest row; NaN where it says nothing."""
        return float(self._row_statistics.statistics[self._worst])

    @property
    def threshold(self) -> float:
        """Limit of that statistic on the newest row; NaN before there is one."""
        return float(self.thresholds[self._worst])

    @property
    def p_value(self) -> float:
        """How often a normal row is expected to exceed that statistic, at most 1."""
        return float(np.exp(self._log_p[self._worst]))

    @property
    def evidence(self) -> float:
        """Its log p-value as a share of what an alarm takes; 0 = nothing, beyond 1 an alarm."""
        if not self.warm:
            return 0.0
        eased = self._budget.level + self._easing - self._rebaselining.accepted
        return float(self._log_p[self._worst] / eased[self._worst])

    @property
    def statistics(self) -> FloatArray:
        """Value of every statistic on the newest row, shape (n_statistics,); NaN = says nothing."""
        return self._row_statistics.statistics.copy()

    @property
    def thresholds(self) -> FloatArray:
        """Limit of every statistic on the newest row, shape (n_statistics,); NaN = none yet.

        That of a row that novelty confirms: what was there before alarms far beyond it only.
        """
        needed = self._needed()
        return np.append(self._tail.limits(needed[:-1]), -needed[-1:])

    @property
    def scores(self) -> FloatArray:
        """What each series brings to that statistic, shape (n,), >= 0; 0 = nothing or missing."""
        return self._row_statistics.scores(self._worst)

    @property
    def blind(self) -> bool:
        """Whether no change of sqrt(n) series, however large, would raise an alarm yet."""
        seen = self.thresholds[:-1] < self._row_statistics.reach()  # no limit yet: nothing seen
        return not (self._used[:-1] & seen).any()

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which series are missing although they are known, shape (n,)."""
        return self._row_statistics.missing

    @property
    def waiting(self) -> NDArray[np.bool_]:
        """Which series are missing because they are slower than the grid, shape (n,)."""
        return self._row_statistics.waiting

    @property
    def periods(self) -> IntArray:
        """Rows from value to value, at most, of series slower than the grid; else 0: (n,)."""
        return self._row_statistics.periods

    @property
    def missing_share(self) -> float:
        """Share of the due cells that are missing in normal rows."""
        return self._row_statistics.missing_share

    def _judge(self, statistics: FloatArray, *, felt: bool) -> float:
        """Return how far, in log p, the worst statistic is beyond its limit; negative = within."""
        gate, rebaselining = self._gate, self._rebaselining
        self._worst, margin = judge(
            statistics,
            self._tail.tails,
            gate.record(0 if felt else self.learned_rows),
            gate.traits,
            self._budget.level,
            rebaselining.decay,
            rebaselining.accepted,
            self._log_p,
            self._easing,
            self._beyond,
        )
        self._onset.push(self._beyond)
        return margin

    @property
    def _worth(self) -> float:
        """What a confirmation was worth on the newest row, nats; 0 = the gate was open."""
        return self._gate.relief if self._easing[Statistic.PERSISTENCE] else 0.0

    def _needed(self) -> FloatArray:
        """Return the log p-value that each statistic needs for an alarm when it is confirmed."""
        eased = np.where(self._easing < 0.0, self._worth, self._easing)
        return np.asarray(self._budget.level + eased - self._rebaselining.accepted)

    def _calm(self, *, long: bool) -> bool:
        """Whether no statistic is far, in log p, on the way from its tail to its limit.

        Those of long windows are asked only if `long`.
        """
        share = self.policy.calm_share
        halfway = np.full(len(self.names), share * self._budget.log_alpha)
        halfway[:-1] += (1.0 - share) * self._tail.log_rate
        quiet = (self._log_p > halfway) | ~self._used
        quiet[Statistic.NOVELTY] |= not self._worth
        if not long:
            quiet[self._long] = True
        return bool(quiet.all())
