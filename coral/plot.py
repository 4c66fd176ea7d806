"""A replayed recording as one picture: health signals, the trigger's statistics, top series.

Readable in black and white: meaning is in line styles, markers and hatching, never in colour.
"""

import datetime as dt
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.diagnosis import strongest_series
from coral.errors import CoralError
from coral.incident import Incident
from coral.replay import Progress
from detectors.trigger import CHANNELS
from streams.recorded import Recording

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Trace", "check_plot", "downsample", "draw"]

Floats = NDArray[np.float64]

FORMATS: Final = (".png", ".svg", ".pdf")
MOST_POINTS: Final = 4000
MOST_KPIS: Final = 2
MOST_CHANNELS: Final = 3
MOST_SERIES: Final = 4
# From this ratio of the largest to the median on, a linear axis would show a spike and a line.
LOG_RATIO: Final = 30.0
# What matplotlib counts time in.
DAY_S: Final = 86_400.0
_WARMUP: Final[dict[str, Any]] = {
    "facecolor": "none",
    "edgecolor": "0.75",
    "hatch": "...",
    "linewidth": 0.0,
}
_INCIDENT: Final[dict[str, Any]] = {"facecolor": "0.92", "edgecolor": "none", "zorder": 0}
_ONSET: Final[dict[str, Any]] = {"color": "0.3", "linestyle": ":", "linewidth": 1.4, "zorder": 1}
_ALARM: Final[dict[str, Any]] = {"color": "0.5", "linestyle": "-", "linewidth": 1.4, "zorder": 1}
_END: Final[dict[str, Any]] = {"color": "0.4", "linestyle": "-.", "linewidth": 1.2, "zorder": 1}


def check_plot(file: Path) -> None:
    """Raise before a long replay what would fail after it.

    Raises
    ------
    CoralError
        If matplotlib is not installed, or the file's name says no format that can be written.
    """
    if file.suffix.lower() not in FORMATS:
        raise CoralError(f"`--plot` writes {', '.join(FORMATS)} files, got `{file.name}`.")
    if importlib.util.find_spec("matplotlib") is None:
        raise CoralError(
            "`--plot` needs matplotlib, which is not installed: pip install 'coral-rca[plots]'."
        )


class _Episode(NamedTuple):
    """One incident on the time axis, unix s; `end` is None while it is open."""

    onset: float
    alarm: float
    end: float | None
    channel: str | None
    series: tuple[str, ...]


class Trace:
    """What a plot needs from a replay, taken frame by frame: give it to `replay` as observer."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.warm_at: float | None = None
        self.incidents: dict[str, Incident] = {}
        self._statistics: list[Floats] = []
        self._thresholds: list[Floats] = []
        self._closest = 0.0
        self.closest_channel: str | None = None
        self.closest_series: list[str] = []

    def observe(self, progress: Progress, names: Sequence[str]) -> None:
        """Note one frame."""
        for event in progress.events:
            self.incidents[event.data.incident] = event.data
        self.times.append(progress.time)
        detector = progress.engine.detector
        if detector is None:
            return
        self._statistics.append(detector.statistics)
        self._thresholds.append(detector.thresholds)
        if not detector.warm:
            return
        if self.warm_at is None:
            self.warm_at = progress.time
        threshold = detector.threshold
        ratio = detector.statistic / threshold if threshold > 0 else 0.0
        if ratio > self._closest:
            self._closest = ratio
            self.closest_channel = detector.channel
            self.closest_series = strongest_series(names, detector.scores, MOST_SERIES)

    @property
    def episodes(self) -> list[_Episode]:
        """Incidents in the order of their onsets."""
        found = [
            _Episode(
                _unix(data.trigger.onset),
                _unix(data.trigger.time),
                _unix(data.now) if data.state == "resolved" else None,
                data.trigger.channel,
                tuple(data.trigger.series),
            )
            for data in self.incidents.values()
        ]
        return sorted(found)

    @property
    def channels(self) -> list[str]:
        """Statistics that raised an alarm, first ones first; else the one that came closest."""
        raised = [e.channel for e in self.episodes if e.channel is not None]
        if not raised and self._statistics:
            raised = [self.closest_channel or CHANNELS[0]]
        return list(dict.fromkeys(raised))[:MOST_CHANNELS]

    def series(self) -> list[str]:
        """Series that carried the alarms, best first; told ones have the causes' metrics."""
        listed: list[str] = []
        for data in self.incidents.values():
            listed += data.trigger.series or [s.name for s in data.metrics]
        return list(dict.fromkeys(listed or self.closest_series))[:MOST_SERIES]

    def statistic(self, channel: str) -> tuple[Floats, Floats]:
        """Values and limits of one statistic, one per frame; no limit during the warm-up."""
        column = CHANNELS.index(channel)
        values = np.array([row[column] for row in self._statistics])
        limits = np.array([row[column] for row in self._thresholds])
        if self.warm_at is None:
            limits[:] = np.nan
        else:
            limits[np.array(self.times) < self.warm_at] = np.nan
        return values, limits


def downsample(times: Floats, values: Floats, limit: int = MOST_POINTS) -> tuple[Floats, Floats]:
    """Thin a series out so that every extreme stays visible.

    Parameters
    ----------
    times, values : ndarray of shape (n,), float64
        NaN = missing.
    limit : int
        Most points returned; a longer series is cut into limit / 2 pieces, and the smallest and
        the largest value of each piece are kept in their order. A piece without a value is a gap.

    Returns
    -------
    times, values : ndarray of shape (m,), m <= max(n, limit)
    """
    if len(values) <= limit:
        return times, values
    kept: list[int] = []
    for piece in np.array_split(np.arange(len(values)), limit // 2):
        present = piece[np.isfinite(values[piece])]
        if not present.size:
            kept.append(int(piece[0]))
            continue
        ends = {int(present[np.argmin(values[present])]), int(present[np.argmax(values[present])])}
        kept += sorted(ends)
    return times[kept], values[kept]


def draw(recording: Recording, trace: Trace, file: Path) -> None:
    """Write the picture of a replay.

    Parameters
    ----------
    recording : Recording
        Read once more for the values of the few series that are shown.
    trace : Trace
        Has observed the replay.
    file : Path

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, slow to import

    kpis = list(recording.meta.kpi[:MOST_KPIS])
    series = [name for name in trace.series() if name not in kpis]
    times, values = _values(recording, [*kpis, *series])
    episodes, channels = trace.episodes, trace.channels
    panels = len(kpis) + max(len(channels), 1) + len(series)
    figure = Figure(figsize=(11, 1.2 + 1.55 * panels), layout="constrained")
    axes = iter(figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0])
    for name in kpis:
        _draw_series(next(axes), times, values[name], f"health: {name}")
    for channel in channels:
        _draw_statistic(next(axes), trace, channel)
    if not channels:
        _say(next(axes), "The onset was told: the trigger did not run.")
    for name in series:
        _draw_series(next(axes), times, values[name], name)
    _decorate(figure, recording, trace, episodes)
    figure.savefig(file, dpi=110)


def _unix(timestamp: str) -> float:
    return dt.datetime.fromisoformat(timestamp).timestamp()


def _values(recording: Recording, names: Sequence[str]) -> tuple[Floats, dict[str, Floats]]:
    columns = [recording.names.index(name) for name in names]
    rows = [(time, values[columns]) for time, values in recording.rows()]
    table = np.array([values for _, values in rows]).reshape(len(rows), len(columns))
    table[~np.isfinite(table)] = np.nan
    return np.array([time for time, _ in rows]), {n: table[:, i] for i, n in enumerate(names)}


def _draw_series(axis: "Axes", times: Floats, values: Floats, title: str) -> None:
    """Draw a series; a value between two missing ones is a dot, since no line reaches it."""
    t, y = downsample(times, values)
    axis.plot(t / DAY_S, y, color="black", linewidth=0.9)
    missing = np.isnan(np.concatenate([[np.nan], y, [np.nan]]))
    alone = ~missing[1:-1] & missing[:-2] & missing[2:]
    if alone.any():
        axis.plot(t[alone] / DAY_S, y[alone], linestyle="", marker=".", color="black", markersize=3)
    if np.isnan(values).all():
        _say(axis, "no value at all")
    axis.set_title(title, loc="left", fontsize=9)


def _draw_statistic(axis: "Axes", trace: Trace, channel: str) -> None:
    values, limits = trace.statistic(channel)
    times = np.array(trace.times)
    title = f"statistic `{channel}` (solid) against its threshold (dashed)"
    _draw_series(axis, times, values, title)
    t, y = downsample(times, limits)
    axis.plot(t / DAY_S, y, linestyle="--", color="black", linewidth=1.4)
    shown = np.concatenate([values[values > 0], limits[limits > 0]])
    if not shown.size:
        return
    if shown.max() > LOG_RATIO * np.median(shown):
        axis.set_yscale("log")
        axis.set_ylim(bottom=0.5 * float(np.quantile(shown, 0.02)))
    # A young limit can be astronomical: what matters is the statistic, and the limit near it.
    known = limits[limits > 0]
    usual = float(np.median(known)) if known.size else 0.0
    axis.set_ylim(top=1.5 * max(float(np.nanmax(values)), min(10 * usual, float(shown.max()))))


def _say(axis: "Axes", text: str) -> None:
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", fontsize=9)


def _decorate(
    figure: "Figure", recording: Recording, trace: Trace, episodes: Sequence[_Episode]
) -> None:
    """Mark warm-up, onsets, alarms and ends on every panel, and say what the marks mean."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415

    first, last = trace.times[0], trace.times[-1]
    for axis in figure.axes:
        axis.tick_params(labelsize=8)
        axis.set_xlim(first / DAY_S, max(last, first + recording.meta.interval_s) / DAY_S)
        locator = AutoDateLocator(tz=dt.UTC)
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=dt.UTC))
        _mark(axis, trace, episodes)
    figure.suptitle(_headline(recording, episodes), x=0.01, ha="left", fontsize=10)
    handles = _legend(trace, episodes)
    if handles:
        figure.legend(handles=handles, loc="outside lower left", ncols=5, fontsize=8, frameon=False)


def _headline(recording: Recording, episodes: Sequence[_Episode]) -> str:
    count = f"{len(episodes)} incident{'' if len(episodes) == 1 else 's'}"
    return f"{recording.path.name}: {count if episodes else 'no incident'}, times in UTC"


def _mark(axis: "Axes", trace: Trace, episodes: Sequence[_Episode]) -> None:
    last = trace.times[-1]
    if trace.warm_at is not None:
        axis.axvspan(trace.times[0] / DAY_S, trace.warm_at / DAY_S, **_WARMUP)
    for episode in episodes:
        end = last if episode.end is None else episode.end
        axis.axvspan(episode.onset / DAY_S, end / DAY_S, **_INCIDENT)
        axis.axvline(episode.onset / DAY_S, **_ONSET)
        axis.axvline(episode.alarm / DAY_S, **_ALARM)
        if episode.end is not None:
            axis.axvline(end / DAY_S, **_END)


def _legend(trace: Trace, episodes: Sequence[_Episode]) -> list["Artist"]:
    """Explain the marks that are there."""
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    handles: list[Artist] = []
    if trace.warm_at is not None:
        handles.append(Patch(label="warm-up", **_WARMUP))
    if episodes:
        handles.append(Line2D([], [], label="onset", **_ONSET))
        handles.append(Line2D([], [], label="alarm", **_ALARM))
        handles.append(Patch(label="incident", **_INCIDENT))
    if any(episode.end is not None for episode in episodes):
        handles.append(Line2D([], [], label="resolved", **_END))
    return handles
