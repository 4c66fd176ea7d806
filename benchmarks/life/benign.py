"""Benign life: what happens to every system and is nobody's incident."""

from typing import Literal, NamedTuple

import numpy as np

from life.arrivals import DAY_S, WEEK_S
from life.controls import Controls, span
from life.topology import DATABASES, NODES, SERVICES, station_of

__all__ = ["Benign", "BenignKind", "benign_life", "live", "roll_out"]

BenignKind = Literal[
    "backup",
    "clean-up",
    "hourly job",
    "weekly job",
    "deployment",
    "autoscaling",
    "load spike",
    "exporter down",
    "late collector",
    "clock step",
    "unit change",
    "new service",
    "retired service",
]

MINUTE = 60.0
BACKUPS = {DATABASES[0]: 2.0 * 3600.0, DATABASES[1]: 3.5 * 3600.0}  # time of day
BACKUP_S, BACKUP_IO, BACKUP_CORES = 30 * MINUTE, 0.4, 0.4
CLEAN_AT = 4.5 * 3600.0
JOB_NODE, JOB_AT, JOB_S, JOB_CORES = 1, 5 * MINUTE, 4 * MINUTE, 0.8
REPORT_AT, REPORT_S, REPORT_CORES, REPORT_IO = 6 * DAY_S + 6 * 3600.0, 3600.0, 0.4, 0.3
DEPLOYMENT_DAYS, DEPLOYMENT_S = (1.0, 3.0), 4 * MINUTE
MOST_SHIFT, WORK_RANGE = 0.10, (0.8, 1.2)
SPIKE_DAYS, SPIKE_SIZE, SPIKE_MINUTES = (6.0, 14.0), (1.2, 1.45), (30.0, 90.0)
OUTAGE_DAYS, OUTAGE_S = (5.0, 13.0), 20 * MINUTE
LATE_DAYS, LATE_S = (9.0, 18.0), 6 * 3600.0
CLOCK_AT, CLOCK_S = 0.45, 6 * 3600.0  # share of the life
UNIT_AT, NEW_AT, RETIRED_AT = 0.6, 0.35, 0.5


class Benign(NamedTuple):
    """Something that happens to an entity; `size` is of its kind."""

    kind: BenignKind
    entity: str
    start: float
    end: float
    size: float = 0.0


def benign_life(seconds: float, rng: np.random.Generator) -> list[Benign]:
    """Return what happens in a life of so many seconds, by its start."""
    events = [*_by_the_clock(seconds), *_deployments(seconds, rng), *_seldom(seconds, rng)]
    return sorted((e for e in events if e.start < seconds), key=lambda e: (e.start, e.entity))


def _by_the_clock(seconds: float) -> list[Benign]:
    events: list[Benign] = []
    for day in _every(DAY_S, 0.0, seconds):
        for entity, at in BACKUPS.items():
            events.append(Benign("backup", entity, day + at, day + at + BACKUP_S))
            clean = day + CLEAN_AT
            events.append(Benign("clean-up", entity, clean, clean + MINUTE))
    hours = _every(3600.0, JOB_AT, seconds)
    weeks = _every(WEEK_S, REPORT_AT, seconds)
    events += [Benign("hourly job", NODES[JOB_NODE], at, at + JOB_S) for at in hours]
    events += [Benign("weekly job", DATABASES[0], at, at + REPORT_S) for at in weeks]
    return events


def _deployments(seconds: float, rng: np.random.Generator) -> list[Benign]:
    """Return deployments; `size` is the factor of the CPU time that comes with the new version."""
    events: list[Benign] = []
    work = dict.fromkeys(SERVICES, 1.0)
    for start in _now_and_then(seconds, DEPLOYMENT_DAYS, rng):
        entity = SERVICES[int(rng.integers(len(SERVICES)))]
        shift = float(rng.uniform(1.0 - MOST_SHIFT, 1.0 + MOST_SHIFT))
        after = float(np.clip(work[entity] * shift, *WORK_RANGE))
        shift, work[entity] = after / work[entity], after
        # At any hour but those of the night's maintenance.
        at = start // DAY_S * DAY_S + 6 * 3600.0 + (start % DAY_S) * 0.72
        events.append(Benign("deployment", entity, at, at + DEPLOYMENT_S, shift))
    return events


def _seldom(seconds: float, rng: np.random.Generator) -> list[Benign]:
    events: list[Benign] = []
    for start in _now_and_then(seconds, SPIKE_DAYS, rng):
        length = MINUTE * float(rng.uniform(*SPIKE_MINUTES))
        size = float(rng.uniform(*SPIKE_SIZE))
        events.append(Benign("load spike", "gateway", start, start + length, size))
    for start in _now_and_then(seconds, OUTAGE_DAYS, rng):
        entity = SERVICES[int(rng.integers(1, len(SERVICES)))]
        events.append(Benign("exporter down", entity, start, start + OUTAGE_S))
    late = _now_and_then(seconds, LATE_DAYS, rng)
    events += [Benign("late collector", "nodes", at, at + LATE_S) for at in late]
    clock, unit = CLOCK_AT * seconds, UNIT_AT * seconds
    events.append(Benign("clock step", "nodes", clock, clock + CLOCK_S))
    events.append(Benign("unit change", DATABASES[0], unit, seconds))
    events.append(Benign("new service", "reviews", NEW_AT * seconds, seconds))
    events.append(Benign("retired service", "legacy", RETIRED_AT * seconds, seconds))
    return events


def _every(period: float, first: float, seconds: float) -> list[float]:
    times: list[float] = np.arange(first, seconds, period).tolist()
    return times


def _now_and_then(
    seconds: float, days: tuple[float, float], rng: np.random.Generator
) -> list[float]:
    """Return times with uniform distances."""
    times, now = [], 0.0
    while (now := now + DAY_S * float(rng.uniform(*days))) < seconds:
        times.append(now)
    return times


def live(controls: Controls, events: list[Benign], interval_s: float) -> None:
    """Do to the system what the events do."""
    rows = len(controls.arrivals)
    for event in events:
        when = span(event.start, event.end, interval_s, rows)
        if event.kind == "backup":
            controls.io[when, station_of(event.entity)] += BACKUP_IO
            controls.hog[when, station_of(event.entity)] += BACKUP_CORES
        elif event.kind == "clean-up":
            controls.clean[when.start, station_of(event.entity)] = 0.9
        elif event.kind == "hourly job":
            controls.load[when, JOB_NODE] += JOB_CORES
        elif event.kind == "weekly job":
            controls.io[when, station_of(event.entity)] += REPORT_IO
            controls.hog[when, station_of(event.entity)] += REPORT_CORES
        elif event.kind == "load spike":
            controls.arrivals[when] *= event.size
        elif event.kind == "deployment":
            roll_out(controls, event, interval_s)


def roll_out(controls: Controls, event: Benign, interval_s: float) -> None:
    """Replace one replica after the other; the new version costs another CPU time for good."""
    rows, i = len(controls.arrivals), station_of(event.entity)
    when = span(event.start, event.end, interval_s, rows)
    controls.down[when, i] = np.maximum(controls.down[when, i], 0.2)
    if when.start < rows:
        controls.restart[when.start, i] = 1.0
        controls.work[when.start :, i] *= event.size
        # Another version holds another amount of data.
        controls.heap[when.start :, i] = 1.0 + 1.5 * (event.size - 1.0)
