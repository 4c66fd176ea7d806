"""What a plot needs from a replay, taken frame by frame."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.contract.alerts import Alert
from coral.contract.changes import ChangeEvent
from coral.contract.events import Event, Incident, Product, Revision, unix
from coral.incident.alarm import strongest
from coral.localise.policy import RANKING
from detectors.trigger import Trigger

__all__ = ["Episode", "Trace"]

Floats = NDArray[np.float64]

MOST_STATISTICS: Final = 3
MOST_SERIES: Final = 4


class Episode(NamedTuple):
    """One incident on the time axis, unix s; `end` is None while it is open."""

    onset: float
    interval: tuple[float, float]
    alarm: float
    end: float | None
    channel: str | None
    series: tuple[str, ...]
    kind: Product
    noticed: bool  # not given


class Trace:
    """What a plot needs from a replay, taken frame by frame.

    Parameters
    ----------
    changes : sequence of ChangeEvent
        What was done to the system, by time.
    alerts : sequence of Alert
        Of somebody else, by their beginning.
    """

    def __init__(self, changes: Sequence[ChangeEvent] = (), alerts: Sequence[Alert] = ()) -> None:
        self.changes = changes
        self.alerts = alerts
        self.times: list[float] = []
        self.warm_at: float | None = None
        self.incidents: dict[str, Incident] = {}
        self.rank_histories: dict[str, dict[int, Revision]] = {}  # of each incident, by rows
        self._names: tuple[str, ...] = ()  # of the statistics
        self._statistics: list[Floats] = []
        self._thresholds: list[Floats] = []
        self._closest = 0.0
        self.closest_channel: str | None = None
        self.closest_series: list[str] = []

    def observe(
        self, time: float, events: Sequence[Event], detector: Trigger | None, names: Sequence[str]
    ) -> None:
        """Note one frame.

        Parameters
        ----------
        time : float
            Event time, unix s.
        events : sequence of Event
            What the frame caused.
        detector : Trigger or None
            After the frame; None when the onset is given.
        names : sequence of str
            Series of the frame.
        """
        for event in events:
            data = event.data
            self.incidents[data.incident] = data
            top = [cause.entity for cause in data.causes[: RANKING.convergence.depth]]
            history = self.rank_histories.setdefault(data.incident, {})
            history[data.rows] = Revision(rows=data.rows, top=top)
        self.times.append(time)
        if detector is None:
            return
        self._names = detector.names
        self._statistics.append(detector.statistics)
        self._thresholds.append(detector.thresholds)
        if not detector.warm:
            return
        if self.warm_at is None:
            self.warm_at = time
        threshold = detector.threshold
        ratio = detector.statistic / threshold if threshold > 0 else 0.0
        if ratio > self._closest:
            self._closest = ratio
            self.closest_channel = detector.statistic_name
            order = strongest(names, detector.scores)
            self.closest_series = [names[i] for i in order[:MOST_SERIES]]

    @property
    def episodes(self) -> list[Episode]:
        """Incidents in the order of their onsets."""
        found = [
            Episode(
                unix(data.trigger.onset),
                (unix(data.trigger.onset_interval[0]), unix(data.trigger.onset_interval[1])),
                unix(data.trigger.time),
                unix(data.now) if data.state == "resolved" else None,
                data.trigger.channel,
                tuple(data.trigger.series),
                data.kind,
                data.trigger.source != "told",
            )
            for data in self.incidents.values()
        ]
        return sorted(found, key=lambda episode: episode.onset)

    @property
    def channels(self) -> list[str]:
        """Statistics that raised an alarm, first ones first; else the one that came closest."""
        raised = [e.channel for e in self.episodes if e.channel is not None]
        if not raised and self._statistics:
            raised = [self.closest_channel or self._names[0]]
        return list(dict.fromkeys(raised))[:MOST_STATISTICS]

    @property
    def last_rank_history(self) -> list[Revision]:
        """First five entities of the last incident at each revision; empty if none had any."""
        history = list(next(reversed(self.rank_histories.values()), {}).values())
        return history if any(revision.top for revision in history) else []

    def series(self) -> list[str]:
        """Series that raised the alarms, best first; else those of the causes."""
        listed: list[str] = []
        for data in self.incidents.values():
            by_detector = data.trigger.source == "detector" and data.trigger.series
            listed += by_detector or [s.name for s in data.metrics]
        return list(dict.fromkeys(listed or self.closest_series))[:MOST_SERIES]

    def statistic(self, channel: str) -> tuple[Floats, Floats]:
        """Values and limits of one statistic, one per frame; no limit during the warm-up."""
        column = self._names.index(channel)
        values = np.array([row[column] for row in self._statistics])
        limits = np.array([row[column] for row in self._thresholds])
        if self.warm_at is None:
            limits[:] = np.nan
        else:
            limits[np.array(self.times) < self.warm_at] = np.nan
        return values, limits
