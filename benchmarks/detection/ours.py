"""The trigger as the engine runs it, over one recording."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coral.config import EngineConfig
from detection.recordings import Run
from detection.scoring import Alarm
from detectors.trigger import Trigger

__all__ = ["watch"]


def watch(
    run: Run, adapt: Callable[[Trigger], None] = lambda _: None, **changes: Any
) -> tuple[list[Alarm], NDArray[np.bool_], int, float]:
    """Feed a recording to a new trigger.

    Parameters
    ----------
    run : Run
    adapt : callable
        Gets the new trigger, for an ablation.
    changes
        Keyword arguments of the trigger other than the shipped ones.

    Returns
    -------
    alarms : list of Alarm
    on : ndarray of shape (rows,), bool
        Rows in alarm.
    warm : int
        First row that could have raised an alarm.
    seconds : float
    """
    settings = {"false_alarms_per_week": EngineConfig().false_alarms_per_week} | changes

    def build() -> Trigger:
        trigger = Trigger(run.x.shape[1], run.interval_s, **settings)
        adapt(trigger)
        return trigger

    trigger = build()
    ends = dict(run.faults)
    alarms: list[Alarm] = []
    on = np.zeros(len(run.x), dtype=bool)
    warm = len(run.x)
    began = time.perf_counter()
    for row, values in enumerate(run.x):
        if row in ends and trigger.alarm:
            rearmed = build()
            rearmed.load_state_dict(trigger.state_dict())
            rearmed.restart()
            alarms += _first_alarm(run, rearmed, row, ends[row])
        if not run.adjacent[row]:
            trigger.break_lags()
        if trigger.warm:
            warm = min(warm, row)
        trigger.update(values)
        on[row] = trigger.alarm
        if trigger.drift_detected:
            alarms.append(_alarm(row, trigger))
    return sorted(alarms), on, warm, time.perf_counter() - began


def _first_alarm(run: Run, trigger: Trigger, start: int, end: int) -> list[Alarm]:
    """Return the first alarm, if any, of a re-armed trigger within a fault.

    It works on a copy, so that the alarm it interrupted goes on, and is counted once.
    """
    for row in range(start, min(end, len(run.x))):
        if not run.adjacent[row]:
            trigger.break_lags()
        if trigger.update(run.x[row]).drift_detected:
            return [_alarm(row, trigger)]
    return []


def _alarm(row: int, trigger: Trigger) -> Alarm:
    """Return what the trigger has just said, in rows of the recording."""
    earliest, latest = (row - int(rows) for rows in trigger.onset_interval)
    return Alarm(row, row - trigger.onset_rows, trigger.statistic_name, (earliest, latest))
