"""The rows of a window: rates and quantiles by the server, sources combined as they are live."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.codec.labelled.mapping import QUANTILES, Kind, Rule, Series
from streams.codec.values import drop_extreme
from streams.prometheus.catalogue import ScrapedMetric
from streams.prometheus.naming import WindowNamer
from streams.prometheus.ranges import SeriesValues, Window, answers
from streams.prometheus.server import PrometheusServer
from streams.records import Frame

Floats = NDArray[np.float64]

SLACK: Final = 1.1
"""Time in which a scrape is sure to have come, in intervals: their clocks are not exact."""


class Rows(NamedTuple):
    """What a server had in a window.

    Attributes
    ----------
    names : tuple of str, length n_series
        ``<entity>:<metric>``, sorted; each has a value.
    times : ndarray of shape (n_rows,), float64, unix seconds
        Of the rows that hold a value.
    values : ndarray of shape (n_rows, n_series), float64, NaN = missing
    """

    names: tuple[str, ...]
    times: Floats
    values: Floats

    def frames(self, system: str) -> Iterator[Frame]:
        """Yield the rows as frames of a system."""
        for time, values in zip(self.times.tolist(), self.values, strict=True):
            yield Frame(system, time, self.names, values)


def read_rows(
    server: PrometheusServer,
    metrics: Sequence[ScrapedMetric],
    namer: WindowNamer,
    window: Window,
    intervals: Mapping[str, float],
    observe: Callable[[int, str], None] = lambda _, __: None,
) -> Rows:
    """Read a window, metric by metric.

    A counter is its rate over a step and the scrape before, a classic or native histogram its
    rate and quantiles over the same time; a gauge is its value, which counts for as long.

    Parameters
    ----------
    server : PrometheusServer
    metrics : sequence of ScrapedMetric
    namer : WindowNamer
    window : Window
    intervals : mapping of str to float
        Job to seconds between its scrapes; of a job that is not told, the step.
    observe : callable
        Gets the number of metrics that have been read, and the name of the next.

    Raises
    ------
    PrometheusError
        As `answers`.
    """
    found: dict[str, Floats] = {}
    native = set[str]()
    for done, metric in enumerate(metrics):
        observe(done, metric.name)
        base, _, part = metric.name.rpartition("_")
        if base in native and part in ("bucket", "count", "sum"):
            continue  # scraped in both forms: it would count twice
        scrape_s = max(intervals.get(job, window.step_s) for job in metric.jobs)
        reader = _MetricReader(server, metric, namer, window, scrape_s)
        found |= reader.read()
        if reader.kind == "histogram":
            native.add(metric.name)
    names = tuple(sorted(name for name, values in found.items() if not np.isnan(values).all()))
    values = np.array([found[name] for name in names]).reshape(len(names), window.n).T
    held = ~np.isnan(values).all(axis=1)
    return Rows(names, window.times[held], values[held])


class _MetricReader:
    """Reads one metric.

    Attributes
    ----------
    kind : str
        What it is; a gauge may turn out to be a native histogram.
    """

    def __init__(
        self,
        server: PrometheusServer,
        metric: ScrapedMetric,
        namer: WindowNamer,
        window: Window,
        scrape_s: float,
    ) -> None:
        self._server, self._metric, self._namer, self._window = server, metric, namer, window
        # Two scrapes lie in it wherever it ends.
        self._over_s = max(window.step_s, scrape_s) + SLACK * scrape_s
        self.kind = namer.kind_of(metric)

    def read(self) -> dict[str, Floats]:
        """Return the values of each of its series by name, shape (n,), NaN = missing."""
        found: defaultdict[str, dict[str, Floats]] = defaultdict(dict)
        rules: dict[str, Rule] = {}
        for series, course in self._courses():
            values = found[series.name].get(series.source)
            if values is None:
                rules[series.name] = series.rule
                values = found[series.name][series.source] = np.full(self._window.n, np.nan)
            at = [self._window.number_of(time) for time, _ in course.values]
            new = np.array([float(value) for _, value in course.values])
            drop_extreme(new)
            # Of the copies of a source the first that has a value counts.
            values[at] = np.where(np.isnan(values[at]), new, values[at])
        return {
            name: _combined([of[source] for source in sorted(of)], rules[name])
            for name, of in found.items()
        }

    def _courses(self) -> Iterator[tuple[Series, SeriesValues]]:
        """Yield the answers of all queries, each with the series that it belongs to."""
        told: Kind | None = "histogram" if self.kind == "histogram" else None
        bound = "le" if self.kind == "bucket" else ""
        width = len(
            {frozenset(one.items() - {(bound, one.get(bound))}) for one in self._metric.series}
        )
        for expression, part in self._queries():
            for answer in answers(self._server, expression, self._window, width):
                if self.kind == "gauge" and any(course.histograms for course in answer):
                    self.kind = "histogram"
                    yield from self._courses()
                    return
                for course in answer:
                    # Quantiles of buckets come without the bound of one.
                    labels = course.metric | ({"le": "+Inf"} if self.kind == "bucket" else {})
                    series = self._namer.series(self._metric.name, labels, told)
                    if series is not None:
                        yield (series if part is None else series.parts[part]), course

    def _queries(self) -> Iterator[tuple[str, int | None]]:
        """Yield what to ask for, and which part of a series comes out; None: itself."""
        for selector in self._metric.selectors:
            rate = f"rate({selector}[{round(1e3 * self._over_s)}ms])"
            if self.kind == "gauge":
                # A server shows the last value of what is silent for five minutes.
                yield f"{selector} and timestamp({selector}) > time() - {self._over_s:.3f}", None
            elif self.kind == "counter":
                yield rate, None
            else:
                totals = ("count", "sum") if self.kind == "histogram" else ()
                for part, function in enumerate(totals):
                    yield f"histogram_{function}({rate})", part
                for part, q in enumerate(QUANTILES, start=len(totals)):
                    yield f"histogram_quantile({q}, {rate})", part


def _combined(sources: Sequence[Floats], rule: Rule) -> Floats:
    """Return the values of all sources as one, moment by moment; those without one do not count."""
    values = np.array(sources)
    there = ~np.isnan(values)
    count = there.sum(axis=0)
    if rule in ("max", "min"):
        beyond = -np.inf if rule == "max" else np.inf
        combined: Floats = getattr(np.where(there, values, beyond), rule)(axis=0)
    else:
        combined = np.where(there, values, 0.0).sum(axis=0)
        if rule == "mean":
            combined = combined / np.maximum(count, 1)
    combined[count == 0] = np.nan
    return combined
