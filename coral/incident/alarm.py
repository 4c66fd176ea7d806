"""What an alarm says: when, by which statistic, on which series, and why it is no artefact."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.contract.events import AlarmTrigger, Artefacts, significant, timestamp
from coral.incident.budgets import Budgets
from coral.incident.health_signals import Onset
from detectors.names import STATISTICS, Statistic
from detectors.trigger import Trigger

__all__ = ["Alarm", "detected", "felt", "given", "missing", "strongest"]

Floats = NDArray[np.float64]

NAMED = 5  # series listed of each kind


class Alarm(NamedTuple):
    """Why an incident is opened, and since when.

    Attributes
    ----------
    trigger : AlarmTrigger
        As it is published.
    n_rows : int
        Newest rows that belong to the new state.
    earliest, onset : float
        Earliest likely onset, and the onset as it is published, unix s to the millisecond.
    ambiguous : int
        Rows directly before those of the new state that may belong to either.
    lead : int
        As many of these, the newest, may show the cause already.
    """

    trigger: AlarmTrigger
    n_rows: int
    earliest: float
    onset: float
    ambiguous: int = 0
    lead: int = 0


def given(source: Literal["alert", "told"], times: Sequence[float], at: int, late: int) -> Alarm:
    """Return the alarm of an incident whose onset is given, by an alert, a label or a person.

    Parameters
    ----------
    source : str
    times : sequence of float
        Event times of the rows that are not learned yet, unix s, the newest last.
    at : int
        The row of the onset.
    late : int
        Rows directly before it that look like it already.
    """
    now, onset, earliest = times[-1], times[at], times[at - late]
    published = AlarmTrigger(
        source=source,
        time=timestamp(now),
        onset=timestamp(onset),
        delay_s=round(now - onset, 3),
        channel=None,
        statistic=None,
        threshold=None,
        p_value=None,
        series=[],
        onset_interval=[timestamp(earliest), timestamp(onset)],
        artefacts=None,
        budget=None,
    )
    return Alarm(published, len(times) - at + late, round(earliest, 3), round(onset, 3))


def felt(page: Onset, times: Sequence[float], lead: int, budgets: Budgets) -> Alarm:
    """Return the alarm of a health signal that no other statistic has seen yet.

    A symptom comes after its cause: some rows before it are not taken for normal. What counts
    is what all series do from the symptom on, so that nothing gains or loses by having moved first.

    Parameters
    ----------
    page : Onset
        What has begun to be felt.
    times : sequence of float
        Event times of the rows that are not learned yet, unix s, the newest last.
    lead : int
        Rows by which a cause may come before its symptom.
    budgets : Budgets
    """
    by_rule = page.source == "objective"  # nobody allows or counts its breaches
    n_rows = min(page.rows + 1, len(times))
    lead = min(lead, len(times) - n_rows)
    now, onset, earliest = times[-1], times[-n_rows], times[-n_rows - lead]
    published = AlarmTrigger(
        source=page.source,
        time=timestamp(now),
        onset=timestamp(onset),
        delay_s=round(now - onset, 3),
        channel=None,
        statistic=significant(page.value),
        threshold=significant(page.limit),
        p_value=None,
        series=[page.signal],
        onset_interval=[timestamp(earliest), timestamp(onset)],
        artefacts=None,
        budget=None if by_rule else budgets.pages,
        other_budget=None if by_rule else budgets.changes,
    )
    at = round(earliest, 3), round(onset, 3)
    return Alarm(published, n_rows, *at, ambiguous=lead, lead=lead)


def missing(series: Sequence[str], rows: int, times: Sequence[float]) -> Alarm:
    """Return the alarm of an entity that no longer reports.

    Parameters
    ----------
    series : sequence of str
        What it used to send.
    rows : int
        Rows for which it has been missing.
    times : sequence of float
        Event times of the rows that are not learned yet, unix s, the newest last.
    """
    n_rows = min(max(rows, 1), len(times))
    now, onset = times[-1], times[-n_rows]
    published = AlarmTrigger(
        source="detector",
        time=timestamp(now),
        onset=timestamp(onset),
        delay_s=round(now - onset, 3),
        channel=STATISTICS[Statistic.MISSINGNESS],
        statistic=float(rows),
        threshold=None,
        p_value=None,
        series=list(series[:NAMED]),
        onset_interval=[timestamp(onset), timestamp(onset)],
        artefacts=None,
        budget=None,
    )
    return Alarm(published, n_rows, round(onset, 3), round(onset, 3))


def detected(
    trigger: Trigger,
    names: Sequence[str],
    times: Sequence[float],
    rows: Sequence[Floats],
    budgets: Budgets,
    near_zero: float,
) -> Alarm:
    """Return the alarm that the trigger has just raised.

    Parameters
    ----------
    trigger : Trigger
    names : sequence of str
        Series.
    times : sequence of float
        Event times of the rows that are not learned yet, unix s, the newest last.
    rows : sequence of ndarray of shape (n_series,)
        Their values, NaN = missing.
    budgets : Budgets
    near_zero : float
        A level that falls to this share may be a counter that started anew.
    """

    def back(n: int) -> float:
        return times[-min(n + 1, len(times))]

    now, onset = times[-1], back(trigger.onset_rows)
    earliest, latest = (back(int(n)) for n in trigger.onset_interval)
    series = strongest(names, trigger.scores)
    published = AlarmTrigger(
        source="detector",
        time=timestamp(now),
        onset=timestamp(onset),
        delay_s=round(now - onset, 3),
        channel=trigger.statistic_name,
        statistic=significant(trigger.statistic),
        threshold=significant(trigger.threshold),
        p_value=significant(trigger.p_value, 3),
        series=[names[i] for i in series],
        onset_interval=[timestamp(earliest), timestamp(latest)],
        artefacts=_artefacts(trigger, names, rows, series, near_zero),
        budget=budgets.changes or budgets.pages,
        other_budget=budgets.pages if budgets.changes else None,
    )
    n_rows = min(trigger.onset_rows + 1, len(times))
    return Alarm(published, n_rows, round(earliest, 3), round(onset, 3))


def _artefacts(
    trigger: Trigger,
    names: Sequence[str],
    rows: Sequence[Floats],
    series: Sequence[int],
    near_zero: float,
) -> Artefacts:
    newest = rows[-1]
    before = rows[max(len(rows) - 2 - trigger.onset_rows, 0)]
    fell = [i for i in series if abs(newest[i]) <= near_zero * abs(before[i]) and before[i] != 0.0]
    return Artefacts(
        rows=min(trigger.onset_rows + 1, len(rows)),
        missing=significant(_share(np.isnan(newest[~trigger.waiting])), 3),
        usual_missing=significant(trigger.missing_share, 3),
        silent=[names[i] for i in np.flatnonzero(trigger.missing)[:NAMED]],
        near_zero=[names[i] for i in fell],
    )


def _share(missing: NDArray[np.bool_]) -> float:
    return float(missing.mean()) if missing.size else 0.0


def strongest(names: Sequence[str], scores: Floats) -> list[int]:
    """Return the series with the largest finite positive scores, strongest first."""
    usable = [i for i in range(len(names)) if np.isfinite(scores[i]) and scores[i] > 0]
    usable.sort(key=lambda i: (-significant(float(scores[i])), names[i]))
    return usable[:NAMED]
