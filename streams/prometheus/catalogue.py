"""Which series a server has in a window: metrics, types, and how often they are scraped."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple, TypeAlias

import msgspec

from streams.codec.labelled.jobs import WINDOW_S
from streams.codec.labelled.mapping import Labels, SeriesMapping
from streams.errors import PrometheusError
from streams.prometheus.near import nothing_matches
from streams.prometheus.server import PrometheusServer

LOOKS_S: Final = (600.0, 6 * 3600.0)
"""How far back from the end of a window scrapes are looked at, seconds, one after another."""

_SELECTOR = re.compile(r"\s*([^{\s]*)\s*(?:\{(.*)\}\s*)?", re.DOTALL)
_PARTS: Final = ("total", "count", "sum", "bucket")

Span: TypeAlias = tuple[float, float]
"""First and last moment of a window, unix seconds."""


class ScrapedMetric(NamedTuple):
    """One metric of those that were asked for.

    Attributes
    ----------
    name : str
    series : list of mapping of str to str
        Labels of each of its series, without the name.
    selectors : list of str
        Selectors that together give all of them, and nothing of another metric.
    """

    name: str
    series: list[Labels]
    selectors: list[str]

    @property
    def jobs(self) -> set[str]:
        """Jobs that its series come from; "" where they name none."""
        return {labels.get("job", "") for labels in self.series}


def catalogue(
    server: PrometheusServer, selectors: Sequence[str], span: Span, most: int
) -> list[ScrapedMetric]:
    """Return the metrics that any of the selectors matches, by name.

    Parameters
    ----------
    server : PrometheusServer
    selectors : sequence of str
        As of PromQL: ``{job="shop"}``, ``http_requests_total``.
    span : (float, float)
    most : int
        Most series.

    Raises
    ------
    PrometheusError
        If one of them matches nothing, which names what is near, or together they match too much.
    """
    found: dict[str, ScrapedMetric] = {}
    for selector in selectors:
        series = series_of(server, selector, span)
        if not series:
            raise PrometheusError(server.url, nothing_matches(server, selector, span))
        for labels in series:
            name = labels.pop("__name__", "")
            if not name:
                continue
            metric = found.setdefault(name, ScrapedMetric(name, [], []))
            metric.series.append(labels)
            narrowed = of_metric(selector, name)
            if narrowed not in metric.selectors:
                metric.selectors.append(narrowed)
    count = sum(len(metric.series) for metric in found.values())
    if count > most:
        raise PrometheusError(server.url, _too_many(found.values(), count, most))
    return [found[name] for name in sorted(found)]


def series_of(server: PrometheusServer, selector: str, span: Span) -> list[dict[str, str]]:
    """Return the labels of the series that a selector matches, `__name__` among them."""
    asked = {"match[]": selector, "start": span[0], "end": span[1]}
    return server.get("series", list[dict[str, str]], asked)


def first_series(
    server: PrometheusServer, selectors: Sequence[str], span: Span
) -> list[dict[str, str]]:
    """Return the series that decide which jobs are split: those of the first minutes."""
    early = (span[0], min(span[0] + WINDOW_S, span[1]))
    return [labels for each in selectors for labels in series_of(server, each, early)]


def of_metric(selector: str, metric: str) -> str:
    """Return a selector narrowed to one metric.

    Examples
    --------
    >>> of_metric('{job="shop"}', "up"), of_metric("up", "up")
    ('{__name__="up",job="shop"}', '{__name__="up"}')
    """
    whole = _SELECTOR.fullmatch(selector)
    inside = (whole[2] or "").strip(", \t\n") if whole else ""
    return "{" + ",".join(filter(None, (f"__name__={quoted_text(metric)}", inside))) + "}"


def quoted_text(text: str) -> str:
    """Return text as PromQL writes it, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


class _Metadata(msgspec.Struct):
    type: str = ""


def types_of(server: PrometheusServer) -> dict[str, str]:
    """Return what the targets say their metrics are; empty where the server does not keep it.

    Only those of live targets are known. A metric with two types has none.
    """
    try:
        found = server.get("metadata", dict[str, list[_Metadata]])
    except PrometheusError:
        return {}
    types = {name: {each.type for each in entries} for name, entries in found.items()}
    return {name: each.pop() for name, each in types.items() if len(each) == 1}


def with_types(
    mapping: SeriesMapping, types: Mapping[str, str], metrics: Iterable[ScrapedMetric]
) -> SeriesMapping:
    """Return a mapping that knows the counters and gauges whose names say otherwise."""
    counters, gauges = [], []
    for name in (metric.name for metric in metrics):
        kind = types.get(name)
        by_name = name.rpartition("_")[2] in _PARTS
        if kind == "counter" and not by_name:
            counters.append(_literal(name))
        elif kind == "gauge" and by_name:
            gauges.append(_literal(name))
    return msgspec.structs.replace(
        mapping,
        counters=(*mapping.counters, *counters),
        gauges=(*mapping.gauges, *gauges),
    )


def _literal(name: str) -> str:
    """Return the pattern that matches this name alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def scrape_intervals(
    server: PrometheusServer, metrics: Sequence[ScrapedMetric], span: Span
) -> dict[str, float]:
    """Return the seconds between two values of each job's series, the median; "" is no job.

    Of each job one metric is looked at, one of those with the fewest series. A job of which no
    series has two values has no entry.
    """
    smallest: dict[str, tuple[int, ScrapedMetric]] = {}
    for metric in metrics:
        for job, count in Counter(labels.get("job", "") for labels in metric.series).items():
            if job not in smallest or count < smallest[job][0]:
                smallest[job] = count, metric
    found = {}
    for job, (_, metric) in smallest.items():
        (selector, *_) = metric.selectors
        of_job = f"{selector[:-1]},job={quoted_text(job)}}}"
        for look_s in LOOKS_S:
            seconds = max(round(min(look_s, span[1] - span[0])), 1)
            asked = {"query": f"{of_job}[{seconds}s]", "time": span[1]}
            raw = server.get("query", _Raw, asked).result
            gaps = [gap for series in raw for gap in series.gaps()]
            if gaps:
                found[job] = _rounded(median(gaps))
                break
    return found


class _Samples(msgspec.Struct):
    values: list[tuple[float, msgspec.Raw]] = []
    histograms: list[tuple[float, msgspec.Raw]] = []

    def gaps(self) -> Iterator[float]:
        times = [time for time, _ in self.values or self.histograms]
        yield from (later - time for time, later in pairwise(times))


class _Raw(msgspec.Struct):
    result: list[_Samples]


def _rounded(seconds: float) -> float:
    """Return an interval as it was configured: clocks that measure it are not that exact."""
    whole = float(round(seconds))
    return whole if whole and abs(seconds - whole) <= 0.05 * whole else round(seconds, 3)


def usual_interval(
    metrics: Iterable[ScrapedMetric], intervals: Mapping[str, float]
) -> float | None:
    """Return the interval that most series have, None if none is known."""
    weights: defaultdict[float, int] = defaultdict(int)
    for metric in metrics:
        for labels in metric.series:
            interval = intervals.get(labels.get("job", ""))
            if interval is not None:
                weights[interval] += 1
    return max(weights, key=lambda interval: (weights[interval], interval), default=None)


def _too_many(metrics: Collection[ScrapedMetric], count: int, most: int) -> str:
    largest = sorted(metrics, key=lambda metric: -len(metric.series))[:5]
    shown = ", ".join(f"{metric.name} ({len(metric.series)})" for metric in largest)
    return (
        f"at most {most} series expected, {count} match; most of them are of {shown}. Narrow "
        '--match, such as {job="shop",__name__!~".*_bucket"}, or raise `limits.max_sources`'
    )
