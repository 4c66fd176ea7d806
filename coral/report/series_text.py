"""One series in words and as a drawing: how it changed, by how much, and its course."""

from coral.contract.events import Course, MetricFinding
from coral.report.onset_text import clock
from coral.text import MOSTLY_MISSING, change, measured, quoted

__all__ = ["drawn", "size", "sparkline", "what_changed"]

BARS = "▁▂▃▄▅▆▇█"


def what_changed(metric: MetricFinding, day: str = "") -> str:
    """Return how a series changed, and when, with the date where that is not `day`."""
    moment = "" if metric.changed_at is None else clock(metric.changed_at, day)
    growth = metric.kind == "counter"
    changed = change(
        metric.name, metric.before, metric.after, metric.missing, moment, growth=growth
    )
    return f"{quoted(metric.name)} {changed}"


def size(metric: MetricFinding) -> list[str]:
    """Say how far the level moved, unless there is none any more."""
    if metric.missing >= MOSTLY_MISSING:
        return []
    # The unit of deviations is a third of the range that normal rows have.
    where, times = "above" if metric.deviation > 0 else "below", abs(metric.deviation) / 3.0
    if times < 1.0:
        return [
            "the mean since the onset is in the normal range; single values or the pattern leave it"
        ]
    return [
        f"the mean since the onset is {times:.3g} times as far {where} normal as normal rows go"
    ]


def drawn(metric: MetricFinding) -> list[str]:
    """Return a series as a drawing with its range and newest value, if the event has it."""
    course = metric.course
    if course is None:
        return []
    values = [v for v in (*course.before, *course.after) if v is not None]
    if not values:
        return []
    low, high = (measured(metric.name, value) for value in (min(values), max(values)))
    newest = course.after[-1] if course.after else None
    now = "no value" if newest is None else measured(metric.name, newest)
    span = low if low == high else f"{low} to {high}"
    if course.rows == 1:
        return [f"`{sparkline(course)}` {span}, now {now} (a row a bar)"]
    return [f"`{sparkline(course)}` {span}, last bar {now} ({course.rows} rows a bar)"]


def sparkline(course: Course) -> str:
    """Return bars between the least and the greatest value; the line is the onset."""
    values = [v for v in (*course.before, *course.after) if v is not None]
    low, high = min(values, default=0.0), max(values, default=0.0)

    def bar(value: float | None) -> str:
        if value is None:
            return "·"
        # Halves, so that the range of two extreme values does not overflow.
        share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.0
        return BARS[min(int(share * len(BARS)), len(BARS) - 1)]

    return "".join(map(bar, course.before)) + "│" + "".join(map(bar, course.after))
