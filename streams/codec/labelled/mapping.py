"""From the labels of a foreign series to a system, an entity and a metric name."""

import fnmatch
import hashlib
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from streams.codec.faults import fail, printable, show
from streams.codec.labelled.jobs import Jobs
from streams.codec.labelled.readable import FUNCTIONS, status_class
from streams.errors import DecodeError
from streams.records import ProblemKind, Record
from streams.series import MAX_NAME, name_problem
from streams.topology import edge_of

T = TypeVar("T")

Rule: TypeAlias = Literal["sum", "mean", "max", "min"]
Kind: TypeAlias = Literal["gauge", "counter", "histogram", "bucket"]
Labels: TypeAlias = Mapping[str, str]

Raw: TypeAlias = tuple[str | bytes, ...]
"""Labels and names as they stand in a message, to know a series again without reading them."""

QUANTILES: Final = (0.5, 0.95, 0.99)
"""Quantiles published for a histogram."""

_MAX_SHOWN_LABEL = 64
_KNOWN_SERIES = 100_000
_KNOWN_BYTES = 64 << 20
_MACHINE = ("{node}", "{@job}", "{instance|host}")
_FIELD = re.compile(r"\{([^{}]+)\}")


class SeriesMapping(msgspec.Struct, frozen=True, kw_only=True):
    """How the series of one topic are named.

    Parameters
    ----------
    system, entity : tuple of str
        Templates such as ``{namespace}/{deployment}``; the first whose labels are all there, and
        not empty, is used. ``{@key}`` is the record's key, ``{@topic}`` its topic, ``{@job}`` a
        job of Prometheus, with its instance if it has several; ``{pod|workload}`` and
        ``{instance|host}`` leave out what was generated.
    machine : tuple of str
        Patterns of metrics about the machine that their exporter runs on, whatever the exporter
        itself is part of; ``{node}`` or ``{@job}`` is their entity.
    calls : tuple of (pattern, caller, callee)
        Metrics of what lies between two components, and templates over both: the first that
        matches, and whose templates can be filled with two names, makes ``<caller>-><callee>``
        the entity.
    split : tuple of str
        Labels that stay in the metric name, ``cpu{state=idle}``. Series that differ in other
        labels only (pods, cores) are sources of one series and combined.
    status : tuple of str
        Those among `split` of which only the class stays, ``{code=5xx}``.
    counters, gauges : tuple of str
        Patterns (``*``, ``?``) of metrics that are, and are not, cumulative counters, for formats
        that do not say; `gauges` wins.
    copies : tuple of str
        Labels that tell copies of one series apart, as the two scrapers of an HA pair add them;
        copies are one source.
    combine : dict of pattern to rule
        How sources are combined within a tick; the first pattern that matches the metric counts.
        Otherwise rates and counts are summed, quantiles give their maximum, gauges their mean.
    time_unit : {"s", "ms", "us", "ns"}, optional
        Unit of numeric time stamps, for formats that do not say.
    """

    system: tuple[str, ...] = ("{@topic}",)
    entity: tuple[str, ...] = ("{service.name}",)
    machine: tuple[str, ...] = ()
    calls: tuple[tuple[str, str, str], ...] = ()
    split: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    gauges: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    combine: dict[str, Rule] = {}
    time_unit: Literal["s", "ms", "us", "ns"] | None = None


class Series(msgspec.Struct, frozen=True, eq=False):
    """What one foreign series becomes; the same object while its labels stay the same.

    Parameters
    ----------
    system : str
    name : str
        ``<entity>:<metric>``; several sources may share it.
    source : str
        Identity of the foreign series within its system, 24 hexadecimal digits.
    kind : {"gauge", "counter", "histogram", "bucket"}
        A gauge counts as it is; of the others the rate, or the quantiles, between two points.
    rule : str
        How its sources are combined.
    le : float
        Upper bound, of a bucket.
    parts : tuple of Series
        Of histograms and buckets: the gauges made of it, the quantiles last.
    copy : str
        Identity of one copy of the source, where it has copies; else "".
    """

    system: str
    name: str
    source: str
    kind: Kind
    rule: Rule
    le: float = 0.0
    parts: tuple["Series", ...] = ()
    copy: str = ""


def template_problem(template: str) -> str | None:
    """Return the rule that a template breaks, None if it is well formed."""
    rest = _FIELD.sub("", template)
    if not template or "{" in rest or "}" in rest:
        return "text with {label} fields expected"
    for field in _FIELD.findall(template):
        label, bar, function = field.partition("|")
        if bar and (not label or function not in FUNCTIONS):
            known = " or ".join(f"{{label|{name}}}" for name in FUNCTIONS)
            return f"{{label}}, {known} expected"
    return None


def filled(templates: Iterable[str], value: Callable[[str], str]) -> str | None:
    """Return the first template whose fields all have a value; None if there is none.

    Parameters
    ----------
    templates : iterable of str
    value : callable
        Label, or what begins with ``@``, to its value; "" where it has none.

    Examples
    --------
    >>> held = {"pod": "cart-0"}
    >>> filled(("{namespace}/{app}", "{pod|workload}"), lambda label: held.get(label, ""))
    'cart'
    """
    for template in templates:
        values = [_applied(field, value) for field in _FIELD.findall(template)]
        if all(values):
            return _FIELD.sub("{}", template).format(*values)
    return None


def _applied(field: str, value: Callable[[str], str]) -> str:
    """Return the value of a field, made readable where the field says how."""
    label, _, function = field.partition("|")
    found = value(label)
    return FUNCTIONS[function](found) if function and found else found


class Namer:
    """Names the series of one topic, each once.

    Parameters
    ----------
    mapping : SeriesMapping
    max_labels : int
        Most labels of one series.
    """

    def __init__(self, mapping: SeriesMapping, max_labels: int) -> None:
        self._mapping = mapping
        self._max_labels = max_labels
        self._counters = _matcher(mapping.counters)
        self._gauges = _matcher(mapping.gauges)
        self._is_of_machine = _matcher(mapping.machine)
        self._combine = [(_matcher([p]), rule) for p, rule in mapping.combine.items()]
        self._calls = [(_matcher([pattern]), ends) for pattern, *ends in mapping.calls]
        called = (template for _, ends in self._calls for template in ends)
        templates = (*mapping.system, *mapping.entity, *called)
        fields = (field for template in templates for field in _FIELD.findall(template))
        used = {*mapping.split, *(field.partition("|")[0] for field in fields)}
        self._copies = frozenset(mapping.copies) - used
        self._by_record_key = any("{@key}" in template for template in templates)
        self._known: dict[Hashable, Series] = {}
        self._refused: dict[Hashable, tuple[str, ProblemKind]] = {}
        self._known_bytes = 0
        self.jobs = Jobs()

    def get(self, record: Record, raw: Raw) -> Series | None:
        """Return the series that `learn` made of the same raw labels.

        Raises
        ------
        DecodeError
            As `learn` did, at no place: that is the caller's to know.
        """
        key = (record.key, raw) if self._by_record_key else raw
        known = self._known.get(key)
        if known is None:
            refused = self._refused.get(key)
            if refused is not None:
                reason, kind = refused
                raise DecodeError.of(record, reason, "", kind)
        return known

    def is_counter(self, metric: str) -> bool:
        """Whether a metric is a cumulative counter by its name."""
        return self._counters(metric) and not self._gauges(metric)

    def is_gauge(self, metric: str) -> bool:
        """Whether a metric is declared a gauge, whatever its name says."""
        return self._gauges(metric)

    def learn(
        self,
        record: Record,
        raw: Raw,
        where: str,
        labels: Labels,
        metric: str,
        kind: Kind,
        rule: Rule,
        le: float = 0.0,
    ) -> Series:
        """Name the series with these labels and remember it under `raw`.

        Raises
        ------
        DecodeError
            If it has too many labels, no template fits, or its name would break a rule.
        """
        key = (record.key, raw) if self._by_record_key else raw
        changes = self.jobs.changes
        try:
            made = self._named(record, where, labels, (metric, kind, rule, le))
        except DecodeError as error:
            self._remember(self._refused, key, (error.reason, error.kind), raw)
            raise
        if self.jobs.changes != changes:
            self._known.clear()
        self._remember(self._known, key, made, raw)
        return made

    def _named(
        self,
        record: Record,
        where: str,
        labels: Labels,
        facts: tuple[str, Kind, Rule, float],
    ) -> Series:
        metric, kind, rule, le = facts
        if len(labels) > self._max_labels:
            reason = f"at most {self._max_labels} labels expected, got {len(labels)}"
            fail(record, reason, where, "limit")
        mapping = self._mapping
        system = self._filled(record, where, ("system", ""), mapping.system, labels)
        if len(system) > MAX_NAME:
            reason = f"system of at most {MAX_NAME} characters expected, got {len(system)}"
            fail(record, reason, where, "name")
        entity = self._edge(record, where, system, metric, labels)
        if entity is None:
            templates = _MACHINE if self._is_of_machine(metric) else mapping.entity
            entity = self._filled(record, where, ("entity", system), templates, labels)
        split = [
            (k, (status_class(v) if k in mapping.status else v)[:_MAX_SHOWN_LABEL])
            for k in mapping.split
            if (v := labels.get(k))
        ]
        suffix = "{" + ",".join(f"{k}={v}" for k, v in split) + "}" if split else ""
        copy = ""
        if self._copies & labels.keys():
            copy = _digest(metric, labels)
            labels = {key: labels[key] for key in labels.keys() - self._copies}
        source = _digest(metric, labels)

        def series(name: str, kind: Kind, rule: Rule, parts: tuple[Series, ...] = ()) -> Series:
            full = f"{entity.replace(':', '_')}:{name}{suffix}"
            problem = name_problem(full)
            if problem is not None:
                fail(record, f"{problem}, got {show(full)}", where, "name")
            return Series(system, full, source, kind, self._rule(name, rule), le, parts, copy)

        parts: tuple[Series, ...] = ()
        if kind in ("histogram", "bucket"):
            parts = tuple(series(f"{metric}.p{100 * q:g}", "gauge", "max") for q in QUANTILES)
            if kind == "histogram":
                totals = (series(f"{metric}.{part}", "gauge", "sum") for part in ("count", "sum"))
                parts = (*totals, *parts)
        return series(metric, kind, rule, parts)

    def _edge(
        self, record: Record, where: str, system: str, metric: str, labels: Labels
    ) -> str | None:
        """Return the edge that a series is about, None if it is about one component."""
        for matches, ends in self._calls:
            if not matches(metric):
                continue
            named = [
                filled((end,), lambda f: self._value(record, where, f, system, labels))
                for end in ends
            ]
            if all(named) and named[0] != named[1]:
                return edge_of(*map(str, named))
        return None

    def _remember(self, held: dict[Hashable, T], key: Hashable, made: T, raw: Raw) -> None:
        size = sum(map(len, raw))
        self._known_bytes += size
        known = len(self._known) + len(self._refused)
        if known >= _KNOWN_SERIES or self._known_bytes > _KNOWN_BYTES:
            # Bounded memory under churn; the next messages name them again.
            self._known.clear()
            self._refused.clear()
            self._known_bytes = size
        held[key] = made

    def _rule(self, metric: str, default: Rule) -> Rule:
        return next((rule for matches, rule in self._combine if matches(metric)), default)

    def _filled(
        self,
        record: Record,
        where: str,
        what: tuple[str, str],
        templates: tuple[str, ...],
        labels: Labels,
    ) -> str:
        """Return the first template that can be filled, for the system or an entity of one."""
        made = filled(templates, lambda f: self._value(record, where, f, what[1], labels))
        if made is None:
            known = ", ".join(sorted(labels)) or "none"
            wanted = " or ".join(templates)
            reason = f"labels for the {what[0]} {wanted} expected, got {printable(known)}"
            fail(record, reason, where, "labels")
        return made

    def _value(self, record: Record, where: str, field: str, system: str, labels: Labels) -> str:
        if field == "@topic":
            return record.topic
        if field == "@job":
            time = max(record.timestamp_ms, 0) / 1e3
            job, instance = labels.get("job", ""), labels.get("instance", "")
            return self.jobs.entity(system, job, instance, time)
        if field == "@key":
            try:
                return (record.key or b"").decode()
            except UnicodeDecodeError:
                fail(record, "record key in UTF-8 expected, for {@key}", where, "labels")
        return labels.get(field, "")


def _digest(metric: str, labels: Labels) -> str:
    text = "\0".join((metric, *(f"{k}\1{labels[k]}" for k in sorted(labels))))
    raw = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(raw, digest_size=12).hexdigest()


def _matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a test for names; `fnmatch` patterns cannot backtrack without end."""
    whole = "|".join(fnmatch.translate(p) for p in patterns)
    if not whole:
        return lambda _: False
    match = re.compile(whole).match
    return lambda name: match(name) is not None
