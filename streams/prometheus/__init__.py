"""A window of what a Prometheus holds, read over its HTTP API."""

from streams.prometheus.catalogue import (
    ScrapedMetric,
    Span,
    catalogue,
    first_series,
    scrape_intervals,
    types_of,
    usual_interval,
    with_types,
)
from streams.prometheus.naming import WindowNamer
from streams.prometheus.near import jobs_of
from streams.prometheus.ranges import Window
from streams.prometheus.rows import Rows, read_rows
from streams.prometheus.server import Access, PrometheusServer

__all__ = [
    "Access",
    "PrometheusServer",
    "Rows",
    "ScrapedMetric",
    "Span",
    "Window",
    "WindowNamer",
    "catalogue",
    "first_series",
    "jobs_of",
    "read_rows",
    "scrape_intervals",
    "types_of",
    "usual_interval",
    "with_types",
]
