"""The trigger: whether, and when, a system left its normal state."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors._validate import check_row
from detectors.base import (
    FloatArray,
    FurtherStatistic,
    Indices,
    IntArray,
    State,
)
from detectors.decision.alarm_budget import WEEK_S
from detectors.decision.change_point import date
from detectors.decision.row_judge import RowJudge
from detectors.policy import TRIGGER, TriggerPolicy
from detectors.statistics.row_statistics import Exempt

__all__ = ["Trigger"]

# Of what is saved: counts up when the statistics change.
FORMAT: Final = 2


class Trigger(RowJudge):
    """Declares when a system of many series leaves its normal state, at a set false-alarm budget.

    Each row is judged by several statistics (`RowStatistics`). A row is scored first and learned
    from afterwards, so every score is out of sample, and the tails that turn scores into p-values
    are calibrated prequentially [1]_ at no extra cost. The statistics share the alarm budget
    (Bonferroni). On a base of 1,024 rows and three days novelty is a gate: where it calls the row
    rarer than once a day, a statistic beyond its limit may spend the whole budget; without this
    confirmation it needs 15 nats more than its share, unless a health signal moves.

    Parameters
    ----------
    n_series : int
        Number of series.
    interval_s : float
        Seconds between two rows.
    false_alarms_per_week : float
        How many alarms a week of normal operation may raise.
    policy : TriggerPolicy
        Every other choice.
    further : sequence of FurtherStatistic
        Statistics to add, with the same calibration and budget.

    Attributes
    ----------
    names : tuple of str
        Published names of the statistics. All but the last have a tail: missingness is a log
        probability itself.

    Notes
    -----
    While an alarm lasts nothing is learned. It ends when all statistics have been calm for eight
    rows (longer where a long window raised it), or, when it lasts longer than a sixteenth of the
    base, 30 rows and an hour, by taking the new level for normal (`Rebaselining`); what no health
    signal feels for that long need not outlast a share of the base.
    An alarm beyond the budget is learned, when it has ended, as one excursion that reached the
    limit (`PredictiveTail.censor`): what recurs raises the limits until the rate of alarms is the
    budget, while a second fault soon after the first is measured with nearly the same limits.
    Another order of the columns changes results by rounding only (about 1e-12 relative).

    References
    ----------
    .. [1] Dawid, A. P. (1984). The prequential approach. JRSS A 147.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=(300, 3))
    >>> trigger = Trigger(n_series=3, interval_s=60.0)
    >>> for t, row in enumerate(noise):
    ...     if trigger.update(row + (40.0 if t >= 290 else 0.0)).drift_detected:
    ...         print(t, t - trigger.onset_rows)
    290 290
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "rows_seen",
        "learned_rows",
        "alarm",
        "drift_detected",
        "rebaselined",
        "onset_rows",
        "onset_interval",
        "_alarm_rows",
        "_calm_rows",
        "_raised_by",
        "_peak",
        "_worst",
        "_log_p",
        "_easing",
        "_confirmed",
        "_unfelt_rows",
    )
    _PARTS = ("_row_statistics", "_tail", "_onset", "_budget", "_rebaselining")
    _SAVED_AS: ClassVar[Mapping[str, str]] = {
        "rebaselined": "new_normal",
        "_easing": "_bonus",
        "_row_statistics": "_bank",
        "_rebaselining": "_acceptance",
    }

    def __init__(
        self,
        n_series: int,
        interval_s: float,
        *,
        false_alarms_per_week: float = 1.0,
        policy: TriggerPolicy = TRIGGER,
        further: Sequence[FurtherStatistic] = (),
    ) -> None:
        super().__init__(n_series, interval_s, false_alarms_per_week, policy, further)
        self.alarm = self.drift_detected = self.rebaselined = False
        self._confirmed = False
        self._unfelt_rows = 0  # since a health signal moved
        self.onset_rows = self._alarm_rows = self._calm_rows = self._raised_by = 0
        self.onset_interval: IntArray = np.zeros(2, dtype=np.int64)
        self._peak: FloatArray = np.full(len(self.names), -np.inf)

    @property
    def alarms(self) -> int:
        """Alarms raised so far."""
        return self._budget.alarms

    @property
    def watched_weeks(self) -> float:
        """Normal operation since the warm-up, weeks."""
        return max(self.learned_rows - self.policy.warmup_rows, 0) * self.interval_s / WEEK_S

    @property
    def certified_per_week(self) -> float:
        """Rate of false alarms that what was seen rules out: `AlarmBudget.certified_per_week`."""
        return self._budget.certified_per_week(self.watched_weeks)

    def state_dict(self) -> State:
        """Return a copy of everything learned, and the format that it is in."""
        return super().state_dict() | {"format": FORMAT}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state of the present format (`is_current`)."""
        own = {"_unfelt_rows": 0} | dict(state)  # that the first ones of this format lack
        del own["format"]
        super().load_state_dict(own)

    @staticmethod
    def is_current(state: Mapping[str, Any]) -> bool:
        """Whether a saved state is of the present format: older ones had other statistics."""
        return bool(state.get("format", 1) == FORMAT)

    def update(
        self,
        x: FloatArray,
        *,
        hold: bool = False,
        felt: bool | None = None,
        exempt: Exempt | None = None,
    ) -> Self:
        """Take one row.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, NaN or infinite = missing
            One row, which is not changed.
        hold : bool
            Whether the row is known not to be normal: it is judged, and not learned from.
        felt : bool or None
            Whether a health signal moves: then no statistic needs another one's confirmation. What
            none feels for an hour is taken for the new level. None = there are no health signals.
        exempt : Exempt or None
            What is not judged of the row, because it is known why it is unusual.

        Raises
        ------
        ValueError
            If the row has another number of series.
        """
        row = check_row("Trigger", x, self.n_series)
        self.rows_seen += 1
        self.drift_detected = self.rebaselined = False
        self._budget.pay()
        learn = not (self.alarm or hold)
        measured = self._row_statistics.measure(row, learn=learn, exempt=exempt)
        margin = self._judge(measured, felt=bool(felt))
        self._unfelt_rows = self._unfelt_rows + 1 if felt is False else 0
        if self.alarm:
            self._follow()
        elif margin > 0.0 and self.warm:
            self._raise()
        if self.alarm or hold:
            self._row_statistics.observe(row)
        elif not self.rebaselined:
            self._learn(row, exempt)
        return self

    def confirm(self) -> None:
        """Take the alarm that is on for no false one: it costs nothing and raises no limit."""
        if self.alarm and not self._confirmed:
            self._confirmed = True
            self._budget.refund()

    @property
    def rows_to_accept(self) -> float:
        """Rows that a change must last before it is taken for normal."""
        least = self._rebaselining.rows_needed(0)
        unfelt = self._unfelt_rows > least
        return least if unfelt else self._rebaselining.rows_needed(self.learned_rows)

    def settle(self, series: NDArray[np.bool_], left: NDArray[np.bool_], rows: int) -> None:
        """Take series at the level of their newest rows for normal, and others for gone.

        Parameters
        ----------
        series, left : ndarray of shape (n,), bool
        rows : int
            How many rows.
        """
        self._row_statistics.settle(series, left, rows)

    def restart(self) -> None:
        """Forget the alarm and the evidence that led to it; keep the base."""
        self.alarm = self.drift_detected = self.rebaselined = False
        self._alarm_rows = self._calm_rows = 0
        self._tail.discard()
        self._clear()

    def break_lags(self) -> None:
        """Begin windows anew: the next row does not follow the last one."""
        self._row_statistics.break_lags()

    def select(self, index: Indices) -> None:
        """Keep, reorder and append series; new ones warm up beside the others.

        Parameters
        ----------
        index : ndarray of shape (n_new,), int
            Present place of each series of the next row, -1 for a new one. A place that does not
            occur is forgotten.
        """
        self._row_statistics.select(index)
        self._tail.units = self._row_statistics.units()

    def _raise(self) -> None:
        """Declare a change, and estimate when it began."""
        self.alarm = self.drift_detected = True
        self._alarm_rows = self._calm_rows = 0
        self._confirmed = False
        self._budget.spend()
        self._raised_by = self._worst
        self._rebaselining.begin(self._budget.log_alpha - self._log_p)
        np.copyto(self._peak, self._row_statistics.statistics)
        self._tail.discard()  # what was still on probation may belong to the change
        self._date()

    def _date(self) -> None:
        """Estimate how many rows ago the change began, and within which interval."""
        spans, level_free = self._row_statistics.spans, self._gate.traits["level_free"]
        rows = int(spans[self._worst])
        by = np.arange(len(self.names)) == self._worst
        if self._long[self._worst] and not level_free[self._worst]:
            # What takes many rows to get there, another statistic may have seen before.
            by |= ~level_free & (spans <= spans[self._worst])
        summed = max(int(np.max(self._onset.onset[by])) - 1, 0)
        # When the statistic went into its tail, it did so for what it spans at that time.
        oldest = summed + max(rows, self.policy.onset.lead_rows)
        if self._worst == len(self.names) - 1:  # missingness
            self.onset_rows, interval = rows - 1, (rows - 1, rows - 1)  # first row of the gap
        elif level_free[self._worst]:
            self.onset_rows, interval = min(summed, rows), (oldest, 0)
        else:
            carriers = np.argsort(-self.scores, kind="stable")[: self._row_statistics.top]
            self.onset_rows, interval = date(
                self._row_statistics.recent()[-oldest - 1 :, carriers], summed
            )
        self.onset_interval = np.array(interval)

    def _follow(self) -> None:
        """End the alarm where the system is calm again, or stayed where it went."""
        self._alarm_rows += 1
        self._rebaselining.follow(self._budget.log_alpha - self._log_p)
        np.fmax(self._peak, self._row_statistics.statistics, out=self._peak)
        long = bool(self._long[self._raised_by])
        calm = self._calm(long=long)
        if calm and not self._calm_rows and not long:
            self._row_statistics.forget_windows()  # long ones would need long to empty
        self._calm_rows = self._calm_rows + 1 if calm else 0
        if self._calm_rows >= self.policy.calm_rows:
            self._end()
            return
        # Not while it calms down: that would take the fault for the new level.
        lasted = self._alarm_rows > self.rows_to_accept
        if lasted and not self._calm_rows:
            self._rebaseline()

    def _end(self) -> None:
        """End the alarm; of one too many is left that the limits were reached."""
        self.alarm = False
        if self._budget.overspent and not self._confirmed:
            self._tail.censor(self._peak[:-1], self._budget.log_alpha)

    def _rebaseline(self) -> None:
        """Take the present level for the normal one."""
        self._end()
        self.rebaselined = True
        weight = self._rebaselining.weight(self.learned_rows)
        self._row_statistics.accept(self._alarm_rows, weight)
        self._rebaselining.accept(self._alarm_rows)
        self._clear()

    def _clear(self) -> None:
        """Empty everything that carries evidence from row to row."""
        self._row_statistics.clear()
        self._onset.reset()

    def _learn(self, row: FloatArray, exempt: Exempt | None = None) -> None:
        """Learn from a normal row, after it was scored."""
        fitted = self._row_statistics.fitted
        self._row_statistics.learn(row, exempt)
        self.learned_rows += 1
        if fitted:
            self._tail.push(self._row_statistics.statistics)
