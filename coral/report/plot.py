"""A replayed recording as one picture: health signals, statistics, top series, ranks.

Readable in black and white: meaning is in line styles, markers and hatching, never in colour.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.errors import CoralError
from coral.localise.aggregates import Aggregates
from coral.report.drawing import check_drawing, label
from coral.report.onset_text import STATISTICS
from coral.report.rank_chart import draw_ranks
from coral.report.trace import Trace
from detectors.places import places
from streams.recorded import Recording
from streams.records import Frame

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

__all__ = ["check_plot", "downsample", "draw"]

Floats = NDArray[np.float64]

FORMATS: Final = (".png", ".svg", ".pdf")
MOST_POINTS: Final = 4000
MOST_SIGNALS: Final = 2
LONGEST_TITLE: Final = 100
# From this ratio of the largest to the median on, a linear axis would show a spike and a line.
LOG_RATIO: Final = 30.0
# An incident that takes less of the width is shown a second time, on its own.
ZOOM_SHARE: Final = 0.25
ZOOM_ROWS: Final = 30
WIDTHS: Final = (3.0, 1.0)
RANKS_HEIGHT: Final = 2.4
# With more incidents only their alarms are marked.
MOST_MARKED: Final = 12
# With more change events, or alerts, in a window nothing else could be seen: the first ones are
# named.
MOST_OUTSIDE: Final = 12
LONGEST_OUTSIDE: Final = 28
# What matplotlib counts time in.
DAY_S: Final = 86_400.0
_WARMUP: Final[dict[str, Any]] = {
    "facecolor": "none",
    "edgecolor": "0.75",
    "hatch": "...",
    "linewidth": 0.0,
}
_INCIDENT: Final[dict[str, Any]] = {"facecolor": "0.92", "edgecolor": "none", "zorder": 0}
_CHANGE: Final[dict[str, Any]] = {
    "facecolor": "none",
    "edgecolor": "0.85",
    "hatch": "\\\\",
    "linewidth": 0.0,
    "zorder": 0,
}
_INTERVAL: Final[dict[str, Any]] = {
    "facecolor": "none",
    "edgecolor": "0.5",
    "hatch": "////",
    "linewidth": 0.0,
    "zorder": 1,
}
_ONSET: Final[dict[str, Any]] = {"color": "0.3", "linestyle": ":", "linewidth": 1.4, "zorder": 1}
_ALARM: Final[dict[str, Any]] = {"color": "0.5", "linestyle": "-", "linewidth": 1.4, "zorder": 1}
_THIN_ALARM: Final[dict[str, Any]] = {**_ALARM, "linewidth": 0.6}
_DONE: Final[dict[str, Any]] = {
    "color": "black",
    "linestyle": (0, (1, 3)),
    "linewidth": 1.0,
    "zorder": 1,
}
_ALERTED: Final[dict[str, Any]] = {**_DONE, "linestyle": (0, (5, 2))}
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
    check_drawing("--plot")


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

    if not trace.times:
        raise CoralError(f"`{recording.path.name}` has no row to draw.")
    panels, windows = _panels(recording, trace), _windows(trace, recording.meta.interval_s)
    history = trace.last_rank_history
    heights = [1.2 + 1.55 * len(panels), *([RANKS_HEIGHT] if history else [])]
    figure = Figure(figsize=(12, sum(heights)), layout="constrained")
    above, *below = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    _draw_panels(above, panels, windows, trace)
    figure.suptitle(_headline(recording, trace), x=0.01, ha="left", fontsize=10)
    for part in below:
        axis = part.subplots()
        draw_ranks(axis, history)
        axis.set_title("ranks of the causes, last incident", loc="left", fontsize=9)
    figure.savefig(file, dpi=110)


def _draw_panels(
    figure: "SubFigure",
    panels: Sequence["_Panel"],
    windows: Sequence[tuple[float, float]],
    trace: Trace,
) -> None:
    """Draw one row a panel, one column a window."""
    grid = figure.subplots(
        len(panels),
        len(windows),
        sharex="col",
        sharey="row",
        squeeze=False,
        width_ratios=WIDTHS[: len(windows)],
    )
    for panel, row in zip(panels, grid, strict=True):
        for axis, window in zip(row, windows, strict=True):
            _draw(axis, panel, window)
            _mark(axis, trace)
            _mark_outside(axis, trace, window, named=panel is panels[0])
        row[0].set_title(panel.title, loc="left", fontsize=9)
    if len(windows) > 1:
        grid[0, 1].set_title("the first incident", loc="left", fontsize=9)
    if handles := _legend(trace):
        figure.legend(handles=handles, loc="outside lower left", ncols=6, fontsize=8, frameon=False)


class _Panel(NamedTuple):
    """One line on the time axis, and perhaps a limit; or a sentence instead."""

    title: str
    times: Floats
    values: Floats
    limits: Floats | None = None
    note: str = ""


def _panels(recording: Recording, trace: Trace) -> list[_Panel]:
    """Health signals, statistics, series; each at most once."""
    signals = list(recording.meta.kpi[:MOST_SIGNALS])
    series = [name for name in trace.series() if name not in signals]
    times, values = _values(recording, [*signals, *series])
    panels = [
        _Panel(f"health signal: {label(name, LONGEST_TITLE)}", times, values[name])
        for name in signals
    ]
    for channel in trace.channels:
        meaning = f"; above it, {STATISTICS[channel]}" if channel in STATISTICS else ""
        title = f"statistic `{channel}` (solid), limit (dashed){meaning}"
        panels.append(_Panel(title, np.array(trace.times), *trace.statistic(channel)))
    if not trace.channels:
        note = "The onset was given: no statistic was computed."
        panels.append(_Panel("statistic", np.empty(0), np.empty(0), note=note))
    panels += [_Panel(label(name, LONGEST_TITLE), times, values[name]) for name in series]
    return [
        panel._replace(note="no value at all")
        if panel.values.size and np.isnan(panel.values).all()
        else panel
        for panel in panels
    ]


def _windows(trace: Trace, interval_s: float) -> list[tuple[float, float]]:
    """Return the whole recording, and the first incident where it would be too thin to see."""
    first, last = trace.times[0], trace.times[-1]
    windows = [(first, max(last, first + interval_s))]
    if trace.episodes:
        episode = trace.episodes[0]
        end = last if episode.end is None else episode.end
        around = ZOOM_ROWS * interval_s + 0.2 * (end - episode.onset)
        low, high = max(episode.onset - around, first), min(end + around, last)
        if high - low < ZOOM_SHARE * (last - first):
            windows.append((low, high))
    return windows


def _values(recording: Recording, names: Sequence[str]) -> tuple[Floats, dict[str, Floats]]:
    series, aggregates = recording.names, Aggregates(names)
    rows = (Frame("", time, series, values) for time, values in recording.rows())
    frames = [aggregates.of(row) for row in rows]
    at = places(names, (*series, *aggregates.parts))
    table = np.array([frame.values[at] for frame in frames]).reshape(len(frames), len(at))
    table[~np.isfinite(table)] = np.nan
    return np.array([frame.time for frame in frames]), {n: table[:, i] for i, n in enumerate(names)}


def _draw(axis: "Axes", panel: _Panel, window: tuple[float, float]) -> None:
    """Draw one panel; a value between two missing ones is a dot, since no line reaches it."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415

    inside = (panel.times >= window[0]) & (panel.times <= window[1])
    t, y = downsample(panel.times[inside], panel.values[inside])
    axis.plot(t / DAY_S, y, color="black", linewidth=0.9)
    missing = np.isnan(np.concatenate([[np.nan], y, [np.nan]]))
    alone = ~missing[1:-1] & missing[:-2] & missing[2:]
    if alone.any():
        axis.plot(t[alone] / DAY_S, y[alone], linestyle="", marker=".", color="black", markersize=3)
    if panel.limits is not None:
        t, y = downsample(panel.times[inside], panel.limits[inside])
        axis.plot(t / DAY_S, y, linestyle="--", color="black", linewidth=1.4)
        _scale(axis, panel.values, panel.limits)
    if panel.note:
        axis.text(0.5, 0.5, panel.note, transform=axis.transAxes, ha="center", fontsize=9)
        axis.set_yticks([])
    axis.tick_params(labelsize=8)
    margin = 0.01 * (window[1] - window[0])
    axis.set_xlim((window[0] - margin) / DAY_S, (window[1] + margin) / DAY_S)
    locator = AutoDateLocator(tz=dt.UTC, minticks=2, maxticks=6)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=dt.UTC))


def _scale(axis: "Axes", values: Floats, limits: Floats) -> None:
    """Choose an axis on which both the usual statistic and the alarm can be seen."""
    statistic, limit = values[values > 0], limits[limits > 0]
    shown = np.concatenate([statistic, limit])
    if not statistic.size:
        return
    if shown.max() > LOG_RATIO * np.median(shown):
        axis.set_yscale("log")
        axis.set_ylim(bottom=0.5 * float(np.quantile(shown, 0.02)))
    # A young limit can be astronomical: what matters is the statistic, and the limit near it.
    usual = 10.0 * float(np.median(limit)) if limit.size else 0.0
    axis.set_ylim(top=1.5 * max(float(statistic.max()), min(usual, float(shown.max()))))


def _headline(recording: Recording, trace: Trace) -> str:
    counted = Counter(episode.kind for episode in trace.episodes)
    incidents, changes = counted["incident"], counted["change"]
    count = f"{incidents or 'no'} incident{'s' if incidents > 1 else ''}"
    if changes:
        count += f", {changes} change{'s' if changes > 1 else ''} that no health signal felt"
    return f"{label(recording.path.name, LONGEST_TITLE)}: {count}, times in UTC"


def _mark(axis: "Axes", trace: Trace) -> None:
    """Mark warm-up, onsets, alarms and ends; of many incidents, the alarms alone."""
    if trace.warm_at is not None:
        axis.axvspan(trace.times[0] / DAY_S, trace.warm_at / DAY_S, **_WARMUP)
    few = len(trace.episodes) <= MOST_MARKED
    for episode in trace.episodes:
        end = trace.times[-1] if episode.end is None else episode.end
        look = _INCIDENT if episode.kind == "incident" else _CHANGE
        axis.axvspan(episode.onset / DAY_S, end / DAY_S, **look)
        if few:
            axis.axvline(episode.onset / DAY_S, **_ONSET)
            axis.axvspan(*(edge / DAY_S for edge in episode.interval), **_INTERVAL)
        if episode.noticed:
            axis.axvline(episode.alarm / DAY_S, **(_ALARM if few else _THIN_ALARM))
        if few and episode.end is not None:
            axis.axvline(end / DAY_S, **_END)


def _mark_outside(axis: "Axes", trace: Trace, window: tuple[float, float], *, named: bool) -> None:
    """Mark what was done to the system, and who raised alerts; the topmost panel says what."""
    done = [
        (one.time, f"{one.entities[-1] if one.entities else 'the system'} {one.kind}")
        for one in trace.changes
    ]
    alerted = [(one.starts, f"alert {one.name}") for one in trace.alerts]
    place: dict[str, Any] = {"rotation": 90, "va": "top", "ha": "right", "fontsize": 7}
    for marks, style in ((done, _DONE), (alerted, _ALERTED)):
        shown = [mark for mark in marks if window[0] <= mark[0] <= window[1]][:MOST_OUTSIDE]
        for time, text in shown:
            axis.axvline(time / DAY_S, **style)
            if named:
                told, across = label(text, LONGEST_OUTSIDE), axis.get_xaxis_transform()
                axis.text(time / DAY_S, 0.97, told, transform=across, **place)


def _legend(trace: Trace) -> list["Artist"]:
    """Explain the marks that are there."""
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    handles: list[Artist] = []
    episodes = trace.episodes
    if trace.warm_at is not None:
        handles.append(Patch(label="warm-up", **_WARMUP))
    few = len(episodes) <= MOST_MARKED
    if episodes and few:
        handles.append(Line2D([], [], label="onset", **_ONSET))
        handles.append(Patch(label="onset interval", **_INTERVAL))
    if any(episode.noticed for episode in episodes):
        handles.append(Line2D([], [], label="alarm", **(_ALARM if few else _THIN_ALARM)))
    kinds = {episode.kind for episode in episodes}
    if "incident" in kinds:
        handles.append(Patch(label="incident", **_INCIDENT))
    if "change" in kinds:
        handles.append(Patch(label="change", **_CHANGE))
    if trace.changes:
        handles.append(Line2D([], [], label="change event", **_DONE))
    if trace.alerts:
        handles.append(Line2D([], [], label="alert of others", **_ALERTED))
    if few and any(episode.end is not None for episode in episodes):
        handles.append(Line2D([], [], label="resolved", **_END))
    return handles
