"""What to draw over time around an incident: health signals, statistic of the trigger, gaps.

A window has few enough points to be sent and drawn at once, however long it lasts: a point stands
for one or more rows, and keeps the least and the greatest value of them.
"""

from typing import Final, Literal

import msgspec

from coral.contract.events import Course, Incident, MetricFinding, unix
from coral.text import named, unit_of

__all__ = [
    "MOST_POINTS",
    "IncidentWindow",
    "WindowSeries",
    "first_row",
    "part_of_window",
    "spacing",
    "window_of_courses",
]

MOST_POINTS: Final = 1000
"""Points of a window; each has two values."""

ROWS_BEFORE: Final = 180
LEAST_POINTS: Final = 20


class WindowSeries(msgspec.Struct, frozen=True):
    """One line of a window, or a band where a point stands for several rows."""

    label: str  # printable
    role: Literal["health", "statistic"]
    unit: str  # of the values below, as `unit_of` names it
    low: list[float | None]  # the least value of each point; None: it is missing
    high: list[float | None]
    # A level that it is compared with at each point, or the same one at all; None: there is none.
    limit: list[float | None] | None = None
    objective: str | None = None  # in words


class IncidentWindow(msgspec.Struct, frozen=True):
    """Series over one time axis."""

    times: list[float]  # of the first row of each point, unix s
    rows: int  # of a point, at most
    series: list[WindowSeries]
    missing: list[float]  # share of the cells missing at each point; empty: not known


def window_of_courses(data: Incident) -> IncidentWindow | None:
    """Return what the event alone has to draw: means of the health signals around the onset.

    Parameters
    ----------
    data : Incident

    Returns
    -------
    IncidentWindow or None
        None where the event has no course of a health signal.
    """
    drawn = [(metric, metric.course) for metric in data.health if metric.course is not None]
    if not drawn:
        return None
    _, course = drawn[0]
    first, step = first_row(data), spacing(data) * course.rows
    times = [first + step * i for i in range(-len(course.before), len(course.after))]
    series = [_line(metric, other) for metric, other in drawn if _alike(course, other)]
    return IncidentWindow(times=times, rows=course.rows, series=series, missing=[])


def part_of_window(window: IncidentWindow, data: Incident) -> IncidentWindow | None:
    """Return the part of a window that is about an incident, up to its newest row.

    Parameters
    ----------
    window : IncidentWindow
    data : Incident

    Returns
    -------
    IncidentWindow or None
        As much before the onset as since, and 180 rows; None where that is no longer a course.
    """
    onset, now = first_row(data), unix(data.now)
    begin = onset - max(now - onset, ROWS_BEFORE * spacing(data))
    at = [i for i, time in enumerate(window.times) if begin <= time <= now]
    if len(at) < LEAST_POINTS:
        return None
    part = slice(at[0], at[-1] + 1)
    series = [
        msgspec.structs.replace(
            one,
            low=one.low[part],
            high=one.high[part],
            limit=None if one.limit is None else one.limit[part],
        )
        for one in window.series
    ]
    return IncidentWindow(window.times[part], window.rows, series, window.missing[part])


def spacing(data: Incident) -> float:
    """Return the seconds between two rows of an incident, as its times say."""
    lasted = unix(data.now) - first_row(data)
    return max(lasted / max(data.rows - 1, 1), 0.001)


def first_row(data: Incident) -> float:
    """Return the time of the first row of an incident, unix s."""
    return unix((*data.trigger.onset_interval, data.trigger.onset)[0])


def _alike(first: Course, other: Course) -> bool:
    lengths = len(first.before), len(first.after), first.rows
    return lengths == (len(other.before), len(other.after), other.rows)


def _line(metric: MetricFinding, course: Course) -> WindowSeries:
    unit, factor = unit_of(metric.name)
    values = [None if v is None else v * factor for v in (*course.before, *course.after)]
    return WindowSeries(named(metric.name), "health", unit, values, values)
