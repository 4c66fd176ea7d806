"""The Numenta score of alarms after change points, and what a blind clock gets for as many.

Lavin, A., Ahmad, S. (2015). Evaluating real-time anomaly detection algorithms: the Numenta Anomaly
Benchmark. ICMLA. With a window of a minute after each change point, as SKAB scores. It pays for
firing often, so it stands only beside a clock that fires as often and knows nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detection.recordings import Run

__all__ = ["NabParts", "clock_parts", "nab_parts", "nab_score"]

WINDOW_S = 60.0
FALSE_WEIGHT = 0.11
CLOCK_PHASES = 16


class NabParts(NamedTuple):
    """Raw score of one recording, its best and its worst."""

    raw: float
    windows: int
    alarms: int


def _sigmoid(position: float) -> float:
    return 2.0 / (1.0 + float(np.exp(min(5.0 * position, 50.0)))) - 1.0


def nab_parts(run: Run, rows: Sequence[int]) -> NabParts:
    """Score the rows on which alarms rise; change points are both ends of every fault."""
    length = max(int(WINDOW_S / run.interval_s), 1)
    raw = 0.0
    for point in run.changes:
        inside = [row for row in rows if point <= row <= point + length]
        raw += _sigmoid((inside[0] - point) / length - 1.0) if inside else -1.0
    for row in rows:
        if any(point <= row <= point + length for point in run.changes):
            continue
        ends = [point + length for point in run.changes if point + length < row]
        raw += FALSE_WEIGHT * (_sigmoid((row - ends[-1]) / length) if ends else -1.0)
    return NabParts(raw, len(run.changes), len(rows))


def clock_parts(run: Run, alarms: int, *, after: int = 0) -> NabParts:
    """Mean over phases of a clock that fires `alarms` times from row `after` on."""
    if not alarms:
        return nab_parts(run, [])
    period = (len(run.x) - after) / alarms
    raws = [
        nab_parts(
            run, [after + int((k + phase / CLOCK_PHASES) * period) for k in range(alarms)]
        ).raw
        for phase in range(CLOCK_PHASES)
    ]
    return NabParts(float(np.mean(raws)), len(run.changes), alarms)


def nab_score(parts: Sequence[NabParts]) -> float:
    """0 for a detector that says nothing, 100 for one that fires on every change point at once."""
    windows = sum(part.windows for part in parts)
    best = windows * _sigmoid(-1.0)
    return round(100.0 * (sum(part.raw for part in parts) + windows) / (best + windows), 2)
