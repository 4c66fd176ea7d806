"""An incident as one picture for a chat: the answer, what users felt, the causes, the ranks.

Drawn from the event alone. Readable in black and white, as the plot of a replay is.
"""

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from coral.contract.events import Course, Incident, MetricFinding, unix
from coral.report.drawing import label, lettered
from coral.report.event_log import IncidentHistory
from coral.report.incident_window import spacing
from coral.report.marks import marks
from coral.report.onset_text import clock
from coral.report.rank_chart import draw_ranks
from coral.text import measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["picture"]

MOST_SIGNALS: Final = 2
MOST_CAUSES: Final = 3
WIDTH_IN: Final = 9.0
RANKS_IN: Final = 2.4
LINE: Final = 112  # characters of the answer in a line
MOST_LINES: Final = 8
LONGEST_TITLE: Final = 90
_ONSET: Final[dict[str, Any]] = {"color": "0.3", "linestyle": ":", "linewidth": 1.4, "zorder": 1}
_MARK: Final[dict[str, Any]] = {"color": "0.2", "linestyle": "-.", "linewidth": 1.0, "zorder": 1}
_NAME: Final[dict[str, Any]] = {"fontsize": 7, "va": "top", "color": "0.2"}
_SIGNS: Final = {"change": "◆", "alert": "▲"}
_USUAL: Final[dict[str, Any]] = {"color": "0.5", "linestyle": "--", "linewidth": 1.0, "zorder": 1}


class _Strip(NamedTuple):
    """One series around the onset."""

    title: str
    metric: MetricFinding
    course: Course


def picture(history: IncidentHistory) -> bytes:
    """Return the picture of an incident.

    Parameters
    ----------
    history : IncidentHistory

    Returns
    -------
    bytes
        PNG, 1,080 pixels wide.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, slow to import

    data, ranks = history.data, history.rank_history
    strips, answer = _strips(data), _answer(data)
    ranked = any(revision.top for revision in ranks)
    heights = [*(1.0 for _ in strips), *([RANKS_IN] if ranked else [])]
    above = 0.2 * (len(answer) + 2)
    figure = Figure(figsize=(WIDTH_IN, above + sum(heights)), layout="constrained")
    text = "\n".join(answer)
    figure.suptitle(text, x=0.01, ha="left", fontsize=10, parse_math=False)
    parts = figure.add_gridspec(max(len(heights), 1), height_ratios=heights or None)
    grid = [figure.add_subplot(parts[row]) for row in range(len(heights))]
    _draw_strips(grid[: len(strips)], strips, clock(data.trigger.onset))
    _mark(grid[: len(strips)], data)
    if ranked:
        draw_ranks(grid[-1], ranks)
        grid[-1].set_title("ranks of the causes", loc="left", fontsize=9)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120, metadata={"Software": "CORAL"})
    return file.getvalue()


def _answer(data: Incident) -> list[str]:
    """Return the title and the summary, wrapped."""
    system = label(data.system).replace(r"\$", "$")
    title = f"{data.kind.capitalize()} {data.incident} in {system}, {data.trigger.onset[:10]} (UTC)"
    said = textwrap.wrap(lettered(data.summary), LINE, max_lines=MOST_LINES, placeholder=" …")
    return [lettered(title), *said]


def _strips(data: Incident) -> list[_Strip]:
    """Return health signals, then the first series of the first causes; each at most once."""
    signals = [("health signal: ", metric) for metric in data.health[:MOST_SIGNALS]]
    causes = [
        (f"{cause.rank}. ", metric)
        for cause in data.causes[:MOST_CAUSES]
        for metric in cause.metrics[:1]
    ]
    found: dict[str, _Strip] = {}
    for before, metric in [*signals, *causes]:
        course = metric.course
        if course is not None and any(v is not None for v in (*course.before, *course.after)):
            title = f"{before}{label(metric.name, LONGEST_TITLE)}"
            found.setdefault(metric.name, _Strip(title, metric, course))
    return list(found.values())


def _draw_strips(axes: Sequence["Axes"], strips: Sequence[_Strip], onset: str) -> None:
    """Draw one below the other, all over the same rows."""
    spans = [(strip.course.rows, strip.course) for strip in strips]
    first = min((-rows * len(course.before) for rows, course in spans), default=0)
    last = max((rows * len(course.after) for rows, course in spans), default=0)
    for axis, strip in zip(axes, strips, strict=True):
        _draw(axis, strip)
        axis.set_xlim(first - 0.5, last + 0.5)
        axis.tick_params(labelsize=8, labelbottom=axis is axes[-1])
    for axis in axes[-1:]:
        axis.set_xlabel(f"rows from the onset on, {onset} UTC; dashed: what was usual", fontsize=8)


def _mark(axes: Sequence["Axes"], data: Incident) -> None:
    """Draw changes and alerts where they lie within the rows that are drawn.

    Those of one row are one line, named by the first: the names of many would cover each other.
    """
    if not axes:
        return
    rows: dict[int, list[str]] = {}
    onset, step = unix(data.trigger.onset), spacing(data)
    first, last = axes[0].get_xlim()
    for mark in marks(data):
        row = round((mark.time - onset) / step)
        if first <= row <= last:
            rows.setdefault(row, []).append(f"{_SIGNS[mark.kind]} {label(mark.text)}")
    for row, names in rows.items():
        for axis in axes:
            axis.axvline(row, **_MARK)
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        side = "right" if row > (first + last) / 2 else "left"
        across = axes[0].get_xaxis_transform()
        axes[0].text(row, 0.95, f" {names[0]}{more} ", transform=across, ha=side, **_NAME)


def _draw(axis: "Axes", strip: _Strip) -> None:
    """Draw one series: means of spans of rows, what was usual, and the onset."""
    metric, course = strip.metric, strip.course
    for values, first in ((course.before, -len(course.before)), (course.after, 0)):
        at = [(first + i + 0.5) * course.rows for i in range(len(values))]
        axis.plot(at, _floats(values), color="black", linewidth=1.2, marker=".", markersize=4)
    axis.axvline(0.0, **_ONSET)
    if metric.kind != "counter":  # `before` is how fast it grows, the course what it has reached
        axis.axhline(metric.before, **_USUAL)
    axis.yaxis.set_major_locator(_three())
    axis.yaxis.set_major_formatter(lambda value, _: measured(metric.name, value))
    axis.set_title(strip.title, loc="left", fontsize=9)


def _floats(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _three() -> Any:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra, slow to import

    return MaxNLocator(3)
