"""Series names from labels: legends of Prometheus and Grafana, tags of InfluxDB, long tables."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

Labels: TypeAlias = Mapping[str, str]

METRIC: Final = "__name__"
"""The label that holds the metric's own name."""

# What causes are told of, the most telling label first.
_ENTITIES: Final = (
    *("entity", "service", "service_name", "service.name", "app", "deployment", "job"),
    *("container", "container_name", "pod", "instance", "host", "hostname", "node"),
)
_LEGEND: Final = re.compile(r"\s*(?P<name>[A-Za-z_:][\w:.]*)?\s*\{(?P<labels>.*)\}\s*")
_LABEL: Final = re.compile(r'\s*([\w.]+)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')


def parsed(header: str) -> dict[str, str] | None:
    """Return the labels of a legend ``name{label="value",...}``, None if it is none.

    Examples
    --------
    >>> parsed('latency{job="web"}')
    {'__name__': 'latency', 'job': 'web'}
    >>> parsed("web:cpu{state=idle}")
    """
    found = _LEGEND.fullmatch(header)
    if found is None or not found["labels"].strip() or _LABEL.sub("", found["labels"]):
        return None
    name = {METRIC: found["name"]} if found["name"] else {}
    return name | dict(_LABEL.findall(found["labels"]))


def series_names(series: Sequence[Labels]) -> list[str]:
    """Return ``<entity>:<metric>`` of each series.

    The entity is the first label there is of those that name services, then containers, then
    hosts. Of the other labels those stay in the name in which series of one entity and metric
    differ.

    Examples
    --------
    >>> series_names([{"__name__": "up", "job": "web"}, {"__name__": "up", "host": "db:1"}])
    ['web:up', 'db_1:up']
    >>> cpus = [{"__name__": "cpu", "job": "web", "core": c, "zone": "a"} for c in "01"]
    >>> series_names(cpus)
    ['web:cpu{core=0}', 'web:cpu{core=1}']
    """
    entities = [next((key for key in _ENTITIES if labels.get(key)), None) for labels in series]
    plain = [_plain(labels, entity) for labels, entity in zip(series, entities, strict=True)]
    groups = defaultdict[str, list[int]](list)
    for i, name in enumerate(plain):
        groups[name].append(i)
    for members in groups.values():
        keys = {key for i in members for key in series[i]} - {METRIC}
        apart = sorted(k for k in keys if len({series[i].get(k, "") for i in members}) > 1)
        for i in members if len(members) > 1 else ():
            shown = ",".join(f"{key}={series[i].get(key, '')}" for key in apart)
            plain[i] += f"{{{shown}}}" if shown else ""
    return plain


def _plain(labels: Labels, entity: str | None) -> str:
    metric = labels.get(METRIC, "")
    if entity is None:
        return metric if ":" in metric else f"{metric or 'series'}:value"
    return f"{labels[entity].replace(':', '_')}:{metric or 'value'}"
