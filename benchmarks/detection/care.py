"""CARE: coverage, accuracy, reliability and earliness of alarms on long streams.

Gück, C., Roelofs, C. M. A., Faulstich, S. (2024). CARE to Compare: a real-world benchmark dataset
for early fault detection in wind turbine data. Data 9 (12), 138. Adapted: its datasets of one
event each are cut from streams. A fault with the clean rows since the fault before it, at most a
day, is an anomaly event; a day without a label is a normal event. An event counts as detected
from its first row in alarm (the paper asks for 72 rows of ten minutes, longer than most faults
here last).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.recordings import Run

__all__ = ["CareEvents", "care_events", "care_score"]

DAY_S = 86_400.0
BETA_SQUARED = 0.25
# Earliness weighs a row 1 up to this share of the event, then falls linearly to 0 at its end.
DESCENT = 0.25
# Coverage, earliness, reliability, accuracy.
WEIGHTS = (1.0, 1.0, 1.0, 2.0)


class CareEvents(NamedTuple):
    """Parts of the score from one stream; lists of several streams are added up."""

    coverage: list[float]
    earliness: list[float]
    accuracy: list[float]
    true: int  # anomaly events detected
    missed: int
    false: int  # normal events detected as anomalies


def care_events(run: Run, on: NDArray[np.bool_], *, after: int) -> CareEvents:
    """Score every event of a stream from the rows in alarm."""
    day = max(int(DAY_S / run.interval_s), 1)
    found = CareEvents([], [], [], 0, 0, 0)
    true = missed = false = 0
    for start, stop in run.faults:
        if start < after:
            continue
        lead = start
        while lead > after and start - lead < day and not run.label[lead - 1]:
            lead -= 1
        inside, before = on[start:stop], on[lead:start]
        found.coverage.append(_f_beta(int(inside.sum()), int(before.sum()), int((~inside).sum())))
        weights = np.clip((1.0 - np.arange(len(inside)) / len(inside)) / (1.0 - DESCENT), 0.0, 1.0)
        found.earliness.append(float(weights @ inside / weights.sum()))
        true += bool(inside.any())
        missed += not inside.any()
    for first in range(after, len(on) - day + 1, day):
        if run.label[first : first + day].any():
            continue
        alarm = on[first : first + day]
        found.accuracy.append(float((~alarm).mean()))
        false += bool(alarm.any())
    return found._replace(true=true, missed=missed, false=false)


def care_score(parts: list[CareEvents]) -> dict[str, Any]:
    """Combine the events of all streams."""
    coverage = [v for part in parts for v in part.coverage]
    earliness = [v for part in parts for v in part.earliness]
    accuracy = float(np.mean([v for part in parts for v in part.accuracy] or [0.0]))
    true = sum(part.true for part in parts)
    reliability = _f_beta(true, sum(p.false for p in parts), sum(p.missed for p in parts))
    means = (float(np.mean(coverage or [0.0])), float(np.mean(earliness or [0.0])), reliability)
    score = float(np.dot(WEIGHTS, (*means, accuracy)) / sum(WEIGHTS))
    if not true:
        score = 0.0
    elif accuracy < 0.5:
        score = accuracy
    names = ("coverage", "earliness", "reliability", "accuracy", "care")
    return {n: round(v, 4) for n, v in zip(names, (*means, accuracy, score), strict=True)}


def _f_beta(true: int, false: int, missed: int) -> float:
    """F-beta of counts; 0 where nothing is true."""
    whole = (1.0 + BETA_SQUARED) * true
    return whole / (whole + BETA_SQUARED * missed + false) if true else 0.0
