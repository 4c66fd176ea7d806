"""What an alarm says: when, by which statistic, on which series, and why it is no artefact."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coral.contract.events import Artefacts, Budget, Trigger, significant, timestamp
from detectors.trigger import Trigger as Detector

__all__ = ["detected", "strongest", "told"]

Floats = NDArray[np.float64]

NAMED = 5  # series listed of each kind
NEAR_ZERO = 0.01  # a level this much smaller than before may be a counter that started anew


def told(onset: float, earliest: float) -> Trigger:
    """Return the trigger of an incident whose onset was given.

    Parameters
    ----------
    onset : float
        As it was given, unix s.
    earliest : float
        Time of the first row that looks like the one at the onset, unix s.
    """
    return Trigger(
        source="told",
        time=timestamp(onset),
        onset=timestamp(onset),
        delay_s=0.0,
        channel=None,
        statistic=None,
        threshold=None,
        p_value=None,
        series=[],
        onset_interval=[timestamp(earliest), timestamp(onset)],
        artefacts=None,
        budget=None,
    )


def detected(
    detector: Detector, names: Sequence[str], times: Sequence[float], rows: Sequence[Floats]
) -> Trigger:
    """Return the trigger of the alarm that the detector has just raised.

    Parameters
    ----------
    detector : Detector
    names : sequence of str
        Series.
    times : sequence of float
        Event times of the rows that are not learned yet, unix s, the newest last.
    rows : sequence of ndarray of shape (n_series,)
        Their values, NaN = missing.
    """

    def back(n: int) -> float:
        return times[-min(n + 1, len(times))]

    now, onset = times[-1], back(detector.onset_rows)
    earliest, latest = (back(int(n)) for n in detector.onset_interval)
    series = strongest(names, detector.scores)
    return Trigger(
        source="detector",
        time=timestamp(now),
        onset=timestamp(onset),
        delay_s=round(now - onset, 3),
        channel=detector.statistic_name,
        statistic=significant(detector.statistic),
        threshold=significant(detector.threshold),
        p_value=significant(detector.p_value, 3),
        series=[names[i] for i in series],
        onset_interval=[timestamp(earliest), timestamp(latest)],
        artefacts=_artefacts(detector, names, rows, series),
        budget=_budget(detector),
    )


def _budget(detector: Detector) -> Budget:
    certified = detector.certified_per_week
    return Budget(
        per_week=detector.false_alarms_per_week,
        alarms=detector.alarms,
        watched_weeks=significant(detector.watched_weeks, 3),
        certified_per_week=significant(certified, 3) if np.isfinite(certified) else None,
        calibrated=detector.watched_weeks * detector.false_alarms_per_week >= 3.0,
    )


def _artefacts(
    detector: Detector, names: Sequence[str], rows: Sequence[Floats], series: Sequence[int]
) -> Artefacts:
    newest = rows[-1]
    before = rows[max(len(rows) - 2 - detector.onset_rows, 0)]
    fell = [i for i in series if abs(newest[i]) <= NEAR_ZERO * abs(before[i]) and before[i] != 0.0]
    return Artefacts(
        rows=min(detector.onset_rows + 1, len(rows)),
        missing=significant(float(np.isnan(newest).mean()), 3),
        usual_missing=significant(detector.missing_share, 3),
        silent=[names[i] for i in np.flatnonzero(detector.missing)[:NAMED]],
        near_zero=[names[i] for i in fell],
    )


def strongest(names: Sequence[str], scores: Floats) -> list[int]:
    """Return the series with the largest finite positive scores, strongest first."""
    usable = [i for i in range(len(names)) if np.isfinite(scores[i]) and scores[i] > 0]
    usable.sort(key=lambda i: (-significant(float(scores[i])), names[i]))
    return usable[:NAMED]
