"""Why an incident begins, and with which of the rows that are not learned yet."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import islice
from typing import Literal

import msgspec
import numpy as np

from coral.baseline.baseline import Baseline
from coral.baseline.late_onset import rows_late, rows_since_change
from coral.baseline.quarantine import Quarantine
from coral.contract.events import timestamp
from coral.incident.alarm import Alarm, detected, felt, given, missing
from coral.incident.budgets import Budgets
from coral.incident.health_signals import HealthSignals, Onset
from coral.incident.policy import OpeningPolicy
from coral.incident.setup import Setup, layout_of
from coral.incident.watch import Watch
from detectors.trigger import Trigger

__all__ = ["given_since", "noticed", "shown"]


def noticed(
    watch: Watch, quarantine: Quarantine, baseline: Baseline, setup: Setup, names: Sequence[str]
) -> Alarm:
    """Return why an incident begins now.

    Parameters
    ----------
    watch : Watch
        Has said so of the newest row.
    quarantine : Quarantine
        May get rows back from the base.
    baseline : Baseline
    setup : Setup
    names : sequence of str
        Series of the rows.
    """
    trigger, page, policy = watch.trigger, watch.health.paged, setup.verdict.opening
    if trigger is None:
        return _oracle(quarantine, baseline, setup, names)
    if trigger.drift_detected:
        alarm = _detected(trigger, watch.health, quarantine, names, policy)
        return _led_up_to(alarm, quarantine, baseline, setup) if watch.health.alarm else alarm
    if page is not None:
        alarm = shown(page, trigger, watch.health, quarantine, baseline, policy)
        return _led_up_to(alarm, quarantine, baseline, setup)
    times = [row.time for row in quarantine.rows]
    return missing(watch.missing.series, watch.missing.rows, times)


def shown(
    page: Onset,
    trigger: Trigger,
    health: HealthSignals,
    quarantine: Quarantine,
    baseline: Baseline,
    policy: OpeningPolicy,
) -> Alarm:
    """Return the alarm of a health signal; unlearn what may show its cause already."""
    lead = policy.symptom_lead
    since = quarantine.rows[-1].time - (page.rows + 1 + lead) * trigger.interval_s
    quarantine.recall(baseline, since)
    times = [row.time for row in quarantine.rows]
    return felt(page, times, lead, Budgets.of(trigger, health))


def _led_up_to(alarm: Alarm, quarantine: Quarantine, baseline: Baseline, setup: Setup) -> Alarm:
    """Return the alarm of what is felt, since the series that are out now began to change.

    What leads up to a symptom may take longer than a lead of some rows, as a disk that fills does.
    Where no series says so, the symptom itself is the first row of the new state.
    """
    rows, interval_s = setup.verdict.opening.look_back_rows, setup.system.interval_s
    base = baseline.rows()[0]
    waiting = np.array([row.x for row in quarantine.rows])
    learned = len(base) - min(max(rows + 1 - len(waiting), 0), len(base) // 2)
    newest = np.vstack([base[learned:], waiting])[-rows - 1 :]
    since = rows_since_change(base[:learned], newest, setup.ranking.scale) or 0
    if since < alarm.n_rows:
        return alarm
    quarantine.recall(baseline, quarantine.rows[-1].time - rows * interval_s)
    times = [row.time for row in quarantine.rows]
    n_rows = min(since + 1, len(times))
    interval = [timestamp(times[-n_rows]), alarm.trigger.onset]
    return alarm._replace(
        trigger=msgspec.structs.replace(alarm.trigger, onset_interval=interval),
        n_rows=n_rows,
        earliest=round(times[-n_rows], 3),
        ambiguous=len(times) - n_rows,
        lead=0,
    )


def given_since(
    source: Literal["alert", "told"],
    since: float,
    quarantine: Quarantine,
    baseline: Baseline,
    setup: Setup,
) -> Alarm:
    """Return the alarm of an onset that an alert or a person gives, late; unlearn what was since.

    Nothing of the time that is looked back to is learned again: a base that ends too early
    costs little, one that ends too late much.

    Parameters
    ----------
    source : str
    since : float
        Event time, unix s.
    quarantine : Quarantine
        Gets rows back from the base.
    baseline : Baseline
    setup : Setup
    """
    look_back_s = setup.verdict.opening.look_back(setup.system.interval_s)
    quarantine.recall(baseline, since - look_back_s)
    rows = quarantine.rows
    times = [row.time for row in rows]
    at = min(bisect_left(times, since), len(times) - 1)
    newest = np.array([row.x for row in islice(rows, at + 1)])
    late = rows_since_change(baseline.rows()[0], newest, setup.ranking.scale)
    if late is None:
        # An alert is late for certain, its condition had to last: all looked back on counts.
        late = at if source == "alert" else 0
    alarm = given(source, times, at, late)
    return alarm._replace(ambiguous=len(times) - alarm.n_rows)


def _oracle(
    quarantine: Quarantine, baseline: Baseline, setup: Setup, names: Sequence[str]
) -> Alarm:
    """Return the alarm of the oracle onset, which may be late.

    If health signals changed before it, whoever gives it was late as an alert is.
    """
    rows = quarantine.rows
    scale, newest = setup.ranking.scale, np.array([row.x for row in rows])
    layout = layout_of(setup.system, names)
    base, health = baseline.rows()[0], layout.health_series
    # Of health signals that are only proposed nobody says that users feel them.
    named = health if setup.system.health_names else []
    if rows_since_change(base[:, named], newest[:, named], scale):
        return given_since("told", rows[-1].time, quarantine, baseline, setup)
    late = rows_late(base, newest, layout.owner, health, scale)
    return given("told", [row.time for row in rows], len(rows) - 1, late)


def _detected(
    trigger: Trigger,
    health: HealthSignals,
    quarantine: Quarantine,
    names: Sequence[str],
    policy: OpeningPolicy,
) -> Alarm:
    """Return the alarm of the trigger; rows since the earliest likely onset are not normal."""
    rows = quarantine.rows
    times = [row.time for row in rows]
    budgets = Budgets.of(trigger, health)
    values = [row.x for row in rows]
    alarm = detected(trigger, names, times, values, budgets, policy.near_zero)
    since = alarm.earliest - policy.onset_margin * trigger.interval_s
    lead = max(len(times) - alarm.n_rows - bisect_left(times, since), 0)
    return alarm._replace(ambiguous=lead, lead=lead)
