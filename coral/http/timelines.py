"""Rows around incidents, in few enough points to be drawn, however long an incident lasts."""

import math
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from coral.contract.events import Incident
from coral.report.incident_window import MOST_POINTS, IncidentWindow, WindowSeries
from coral.text import named, unit_of

__all__ = ["NotedRow", "Timeline", "Timelines", "WatchedSeries"]

# Rows before the alarm, and incidents of which rows are kept.
ROWS_BEFORE: Final = 180
MOST_TIMELINES: Final = 100
MOST_SHOWN: Final = 4


class WatchedSeries(NamedTuple):
    """A health signal of which readings are noted.

    Attributes
    ----------
    name : str
    limit : float or None
        Of its objective, raw units.
    objective : str or None
        In words.
    """

    name: str
    limit: float | None = None
    objective: str | None = None


class NotedRow(NamedTuple):
    """What is noted of a row; of several rows, when they have become one point.

    Attributes
    ----------
    time : float
        Of the first row, unix s.
    rows : int
    missing : float
        Largest share of the cells missing in a row.
    low, high : tuple of float
        Least and greatest value of each watched series, and last of the trigger's evidence; NaN
        where it is missing.
    """

    time: float
    rows: int
    missing: float
    low: tuple[float, ...]
    high: tuple[float, ...]


class Timeline:
    """Points over rows that come one by one; when there are too many, two become one.

    One thread adds, any may read.

    Parameters
    ----------
    watched : sequence of WatchedSeries
    rows : iterable of NotedRow
        What came before.
    most : int
        Points, an even number >= 2.
    """

    def __init__(
        self, watched: Sequence[WatchedSeries], rows: Iterable[NotedRow], most: int = MOST_POINTS
    ) -> None:
        self._watched, self._most = tuple(watched), most
        self._points: list[NotedRow] = []
        self._rows = 1  # of a point
        for row in rows:
            self.add(row)

    def add(self, row: NotedRow) -> None:
        """Take the next row."""
        points = self._points
        if points and points[-1].rows < self._rows:
            points[-1] = _merged(points[-1], row)
            return
        if len(points) >= self._most:
            pairs = zip(points[::2], points[1::2], strict=True)
            points = self._points = [_merged(*pair) for pair in pairs]
            self._rows *= 2
        points.append(row)

    def window(self, data: Incident) -> IncidentWindow:
        """Return what is drawn of an incident.

        Parameters
        ----------
        data : Incident
            The health signals of which it speaks are drawn, and the evidence of the trigger.
        """
        return self._drawn({metric.name for metric in data.health})

    def whole(self) -> IncidentWindow:
        """Return what is drawn of all rows, the first health signals of the configuration."""
        return self._drawn(frozenset())

    def _drawn(self, spoken: Collection[str]) -> IncidentWindow:
        points = self._points[:]  # a copy at one instant, without a lock
        shown = [i for i, one in enumerate(self._watched) if not spoken or one.name in spoken]
        series = [self._health(i, points) for i in shown[:MOST_SHOWN]]
        return IncidentWindow(
            times=[point.time for point in points],
            rows=max((point.rows for point in points), default=1),
            series=[*series, _evidence(points)],
            missing=[round(point.missing, 4) for point in points],
        )

    def _health(self, i: int, points: Sequence[NotedRow]) -> WindowSeries:
        one = self._watched[i]
        unit, factor = unit_of(one.name)
        low, high = _values(points, i, factor)
        limit: list[float | None] | None = None
        if one.limit is not None:
            limit = [one.limit * factor] * len(points)
        return WindowSeries(named(one.name), "health", unit, low, high, limit, one.objective)


class Timelines:
    """The newest rows of each system, and those of each incident.

    One thread writes, any may ask for a window.
    """

    def __init__(self) -> None:
        self._watched: dict[str, tuple[WatchedSeries, ...]] = {}
        self._newest: dict[str, deque[NotedRow]] = {}
        self._open: dict[str, Timeline] = {}  # by system
        self._held: dict[str, Timeline] = {}  # by incident

    def watch(self, system: str, watched: Iterable[WatchedSeries]) -> None:
        """Say which series of a system are noted."""
        self._watched[system] = tuple(watched)
        self._newest[system] = deque(maxlen=ROWS_BEFORE)

    def note(self, system: str, row: NotedRow) -> None:
        """Take a row of a system that is watched."""
        self._newest[system].append(row)
        timeline = self._open.get(system)
        if timeline is not None:
            timeline.add(row)

    def follow(self, data: Incident) -> None:
        """Take a revision: the rows of an open incident are kept, from before its onset on."""
        if data.state == "resolved":
            self._open.pop(data.system, None)
        elif data.incident not in self._held and data.system in self._newest:
            rows = self._newest[data.system]
            made = Timeline(self._watched[data.system], rows)
            held = {**self._held, data.incident: made}
            for name in list(held)[: max(len(held) - MOST_TIMELINES, 0)]:
                del held[name]
            self._held, self._open[data.system] = held, made

    def forget(self, systems: Collection[str]) -> None:
        """Forget systems that another process goes on with."""
        for system in systems:
            for held in (self._watched, self._newest, self._open):
                held.pop(system, None)

    def window(self, data: Incident) -> IncidentWindow | None:
        """Return what is drawn of an incident; None if no rows of it are kept."""
        timeline = self._held.get(data.incident)
        return None if timeline is None else timeline.window(data)


def _merged(first: NotedRow, second: NotedRow) -> NotedRow:
    """Return two points as one; what is missing in one of them is that of the other."""
    return NotedRow(
        first.time,
        first.rows + second.rows,
        max(first.missing, second.missing),
        tuple(_least(a, b) for a, b in zip(first.low, second.low, strict=True)),
        tuple(_greatest(a, b) for a, b in zip(first.high, second.high, strict=True)),
    )


def _least(a: float, b: float) -> float:
    return b if math.isnan(a) or b < a else a


def _greatest(a: float, b: float) -> float:
    return b if math.isnan(a) or b > a else a


def _values(
    points: Sequence[NotedRow], i: int, factor: float
) -> tuple[list[float | None], list[float | None]]:
    low, high = ([_known(value[i] * factor) for value in side] for side in _sides(points))
    return low, high


def _sides(points: Sequence[NotedRow]) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    return [point.low for point in points], [point.high for point in points]


def _known(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _evidence(points: Sequence[NotedRow]) -> WindowSeries:
    """Return the trigger's evidence; 1 raises an alarm."""
    low, high = _values(points, -1, 1.0)
    limit: list[float | None] = [1.0] * len(points)
    told = "trigger: strongest statistic as a share of its limit"
    return WindowSeries(told, "statistic", "", low, high, limit)
