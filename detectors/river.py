"""Both ways between this package and river, the online machine-learning library.

The trigger and its statistics as estimators of river, for pipelines, filters and models of river;
and river's drift detectors as one detector of rows. How a detector of river becomes a statistic of
the trigger is in `detectors.statistics.river_statistic`.
"""

import copy
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Self

import numpy as np
from river.base import AnomalyDetector, DriftDetector

from detectors._validate import check_integer, check_row
from detectors.base import FloatArray
from detectors.names import STATISTICS
from detectors.places import appended
from detectors.policy import TriggerPolicy
from detectors.statistics.row_statistics import RowStatistics
from detectors.trigger import Trigger

__all__ = ["AnyOf", "SeriesTrigger", "StatisticDetector", "TriggerDetector"]


class _Features:
    """Columns of the features seen so far, in an order that does not depend on a dictionary's."""

    def __init__(self) -> None:
        self._column: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._column)

    def add(self, x: Mapping[Hashable, float]) -> bool:
        """Give new features columns behind the present ones; return whether there are any."""
        new = sorted(x.keys() - self._column.keys(), key=str)
        for name in new:
            self._column[name] = len(self._column)
        return bool(new)

    def row(self, x: Mapping[Hashable, float]) -> FloatArray:
        """Return the values in columns; NaN where a feature is missing, unknown ones left out."""
        row = np.full(len(self._column), np.nan)
        for name, value in x.items():
            if name in self._column:
                row[self._column[name]] = value
        return row

    def named(self, values: FloatArray) -> dict[Hashable, float]:
        """Return one value per feature by name."""
        return dict(zip(self._column, values.tolist(), strict=True))


def _numbers(x: Mapping[Hashable, Any]) -> dict[Hashable, float]:
    """Return the features as numbers; None is missing, as NaN is."""
    numbers: dict[Hashable, float] = {}
    for name, value in x.items():
        try:
            numbers[name] = np.nan if value is None else float(value)
        except (TypeError, ValueError):
            raise ValueError(
                f"`detectors.river` requires features that are numbers, got {name}={value!r}; "
                "`river.compose.Discard` leaves one out."
            ) from None
    return numbers


class TriggerDetector(AnomalyDetector):
    """The trigger as an anomaly detector of river: dictionaries in, evidence for a change out.

    It is an `AnomalyDetector` because river's drift detectors take single numbers, and the trigger
    takes rows. Features may come and go: a missing one is missing, a new one warms up.

    A score is the log p-value of the statistic closest to its limit, as a share of what an alarm
    takes: 0 where nothing is unusual, from 1 on an alarm would be raised. So the filter that
    fits it is ``river.anomaly.ThresholdFilter(TriggerDetector(), threshold=1.0)``.

    Parameters
    ----------
    interval_s : float
        Seconds between two rows.
    false_alarms_per_week : float
        How many alarms a week of normal operation may raise.
    warmup_rows : int
        Learned rows before the first alarm.
    memory_rows : int
        Longest memory of what is normal, rows.

    Notes
    -----
    ``learn_one`` is `Trigger.update`: rows of an alarm are not learned, whatever is passed.
    ``score_one`` leaves everything as it is: it asks a copy.

    Examples
    --------
    >>> import random
    >>> noise = random.Random(0)
    >>> detector = TriggerDetector()
    >>> for t in range(300):
    ...     fault = 40.0 if t >= 290 else 0.0
    ...     x = {"load": noise.gauss(0, 1) + fault, "latency": noise.gauss(0, 1)}
    ...     score = detector.score_one(x)
    ...     detector.learn_one(x)
    ...     if detector.drift_detected:
    ...         print(t, score > 1.0, max(detector.scores, key=detector.scores.get))
    291 True load
    """

    def __init__(
        self,
        interval_s: float = 60.0,
        false_alarms_per_week: float = 1.0,
        warmup_rows: int = 48,
        memory_rows: int = 16_384,
    ) -> None:
        self.interval_s = interval_s
        self.false_alarms_per_week = false_alarms_per_week
        self.warmup_rows = warmup_rows
        self.memory_rows = memory_rows
        self._features = _Features()
        self._trigger = self._made(1)

    @property
    def drift_detected(self) -> bool:
        """Whether an alarm was raised on the newest row learned."""
        return self._trigger.drift_detected

    @property
    def alarm(self) -> bool:
        """Whether that row belongs to an alarm."""
        return self._trigger.alarm

    @property
    def statistic(self) -> str:
        """Name of the statistic that was closest to its limit on that row."""
        return self._trigger.statistic_name

    @property
    def onset_rows(self) -> int:
        """How many rows before the last alarm the change began."""
        return self._trigger.onset_rows

    @property
    def scores(self) -> dict[Hashable, float]:
        """What each feature brings to that statistic, >= 0."""
        return self._features.named(self._trigger.scores) if self._features else {}

    def learn_one(self, x: Mapping[Hashable, Any]) -> None:
        """Take one row of features."""
        numbers = _numbers(x)
        if not self._features and numbers:
            self._trigger = self._made(len(numbers))
        if self._features.add(numbers):
            self._trigger.select(appended(self._trigger.n_series, len(self._features)))
        if self._features:
            self._trigger.update(self._features.row(numbers))

    def score_one(self, x: Mapping[Hashable, Any]) -> float:
        """Return the evidence that the next row is no normal one; features not known do not count.

        Parameters
        ----------
        x : mapping of feature to number
            Features; None, NaN and infinite = missing.
        """
        if not self._features:
            return 0.0
        row = self._features.row(_numbers(x))
        return copy.deepcopy(self._trigger).update(row).evidence

    def _made(self, n_series: int) -> Trigger:
        return Trigger(
            n_series,
            self.interval_s,
            false_alarms_per_week=self.false_alarms_per_week,
            policy=TriggerPolicy(warmup_rows=self.warmup_rows, memory_rows=self.memory_rows),
        )


class StatisticDetector(AnomalyDetector):
    """One statistic of the trigger as an anomaly detector of river; see `RowStatistics`.

    A score is the value of the statistic, in its own unit, 0 where it says nothing. Everything is
    learned that is passed: `river.anomaly.QuantileFilter` keeps anomalies out.

    Parameters
    ----------
    statistic : str
        Its name.
    memory_rows : int
        Longest memory of what is normal, rows.

    Examples
    --------
    >>> detector = StatisticDetector("mean")
    >>> for t in range(200):
    ...     detector.learn_one({"load": t % 7, "latency": t % 5})
    >>> usual, odd = {"load": 3, "latency": 2}, {"load": 3, "latency": 90}
    >>> detector.score_one(usual) < detector.score_one(odd)
    True
    """

    def __init__(self, statistic: str = "pair", memory_rows: int = 16_384) -> None:
        if statistic not in STATISTICS:
            known = ", ".join(STATISTICS)
            raise ValueError(f"`StatisticDetector` requires one of {known}, got {statistic!r}.")
        self.statistic = statistic
        self.memory_rows = memory_rows
        self._features = _Features()
        self._row_statistics: RowStatistics | None = None

    def learn_one(self, x: Mapping[Hashable, Any]) -> None:
        """Take one row of features as normal."""
        numbers = _numbers(x)
        new = self._features.add(numbers)
        if self._row_statistics is None:
            if not new:
                return
            self._row_statistics = RowStatistics(
                len(self._features), TriggerPolicy(memory_rows=self.memory_rows)
            )
        elif new:
            known = self._row_statistics.n_series
            self._row_statistics.select(appended(known, len(self._features)))
        row = self._features.row(numbers)
        self._row_statistics.measure(row, learn=True)
        self._row_statistics.learn(row)

    def score_one(self, x: Mapping[Hashable, Any]) -> float:
        """Return the statistic of the next row; features that are not known do not count.

        Parameters
        ----------
        x : mapping of feature to number
            Features; None, NaN and infinite = missing.
        """
        if self._row_statistics is None:
            return 0.0
        row = self._features.row(_numbers(x))
        values = copy.deepcopy(self._row_statistics).measure(row, learn=False)
        return float(np.nan_to_num(values[STATISTICS.index(self.statistic)], nan=0.0))

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        """Yield what river's checks are to be run with."""
        yield from ({"statistic": name} for name in STATISTICS)


class SeriesTrigger(DriftDetector):
    """The trigger on a single series as a drift detector of river, for the models that take one.

    Parameters
    ----------
    interval_s : float
        Seconds between two numbers.
    false_alarms_per_week : float
        How many alarms a week of normal operation may raise.

    Examples
    --------
    >>> trigger = SeriesTrigger()
    >>> for t in range(210):
    ...     trigger.update(t % 7 + (50.0 if t >= 200 else 0.0))
    ...     if trigger.drift_detected:
    ...         print(t)
    200
    """

    def __init__(self, interval_s: float = 60.0, false_alarms_per_week: float = 1.0) -> None:
        super().__init__()
        self.interval_s = interval_s
        self.false_alarms_per_week = false_alarms_per_week
        self._trigger = Trigger(1, interval_s, false_alarms_per_week=false_alarms_per_week)

    def update(self, x: float) -> None:
        """Take one number; NaN and infinite = missing."""
        self._trigger.update(np.array([x], dtype=np.float64))
        self._drift_detected = self._trigger.drift_detected


class AnyOf:
    """One drift detector of river per series; a change in any of them is a change of the system.

    Parameters
    ----------
    make : callable
        Returns a new drift detector, such as ``river.drift.ADWIN``.
    n_series : int
        Number of series.

    Examples
    --------
    >>> from river.drift import ADWIN
    >>> detector = AnyOf(ADWIN, n_series=3)
    >>> detector.update(np.zeros(3)).drift_detected
    False
    """

    def __init__(self, make: Callable[[], DriftDetector], n_series: int) -> None:
        n = check_integer("AnyOf", "n_series", n_series, 1)
        self._detectors = [make() for _ in range(n)]
        self._drifted: list[int] = []

    @property
    def drift_detected(self) -> bool:
        """Whether a change was declared on the newest row."""
        return bool(self._drifted)

    @property
    def drifted(self) -> tuple[int, ...]:
        """Series in which a change was declared on the newest row."""
        return tuple(self._drifted)

    def update(self, x: FloatArray) -> Self:
        """Take one row.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, NaN or infinite = missing
            A missing cell leaves its detector as it is.

        Raises
        ------
        ValueError
            If the row has another number of series.
        """
        row = check_row("AnyOf", x, len(self._detectors))
        self._drifted = []
        for series in np.flatnonzero(np.isfinite(row)).tolist():
            detector = self._detectors[series]
            detector.update(float(row[series]))
            if detector.drift_detected:
                self._drifted.append(series)
        return self
