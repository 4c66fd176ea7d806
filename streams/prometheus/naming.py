"""Series of a server by the names that the same series have when they come through Kafka."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from streams.codec.labelled.jobs import WINDOW_S
from streams.codec.labelled.mapping import Kind, Labels, Namer, Raw, Series, SeriesMapping
from streams.codec.prometheus import learn
from streams.errors import DecodeError
from streams.prometheus.catalogue import ScrapedMetric
from streams.records import Record


class WindowNamer:
    """Names the series of one window, all of which are of one system.

    Parameters
    ----------
    mapping : SeriesMapping
        That of the format ``prometheus_json``; its system is not used.
    system : str
    max_labels : int
        Most labels of one series.

    """

    def __init__(self, mapping: SeriesMapping, system: str, max_labels: int) -> None:
        mapping = msgspec.structs.replace(mapping, system=("{@topic}",))
        self._namer = Namer(mapping, max_labels)
        self._system = system
        self._time = 0.0
        self._refused: dict[Raw, str] = {}

    @property
    def left_out(self) -> Counter[str]:
        """Number of series that cannot be named, by the reason."""
        return Counter(self._refused.values())

    def look(self, early: Iterable[Labels], metrics: Sequence[ScrapedMetric]) -> None:
        """See all series before any is named: a job with several instances is split.

        Parameters
        ----------
        early : iterable of mapping
            Labels, `__name__` among them, of the series that were there within the first
            `jobs.WINDOW_S` seconds: of the jobs that are older than that only these count.
        metrics : sequence of ScrapedMetric
            All of them.
        """
        for labels in early:
            self.series(labels.get("__name__", ""), labels)
        self._time = 2.0 * WINDOW_S
        for metric in metrics:
            for labels in metric.series:
                self.series(metric.name, labels)

    def series(self, metric: str, labels: Labels, kind: Kind | None = None) -> Series | None:
        """Return what the series with these labels becomes, None if it cannot be named.

        Parameters
        ----------
        metric : str
        labels : mapping of str to str
        kind : str, optional
            What it is, whatever its name says.
        """
        held = {name: value for name, value in labels.items() if name != "__name__"}
        raw: Raw = (metric, repr(sorted(held.items())).encode(), kind or "")
        record = Record(self._system, 0, 0, None, b"", round(1e3 * self._time))
        try:
            known = self._namer.get(record, raw)
            if known is not None:
                return known
            if kind is None:
                return learn(record, self._namer, raw, metric, held)
            return self._namer.learn(record, raw, "labels", held, metric, kind, "sum")
        except DecodeError as error:
            self._refused[raw[:2]] = error.reason
            return None

    def kind_of(self, metric: ScrapedMetric) -> Kind:
        """Return what a metric is by its name and what the server told of it."""
        named = (self.series(metric.name, labels) for labels in metric.series)
        return next((series.kind for series in named if series is not None), "gauge")

    def possible(self, metrics: Iterable[ScrapedMetric], types: Mapping[str, str]) -> set[str]:
        """Return the names of all series that may come out of these metrics.

        What is no histogram by its name may be a native one, if nobody told.
        """
        names = set[str]()
        for metric in metrics:
            told = types.get(metric.name, "unknown")
            kinds: tuple[Kind | None, ...] = ("histogram",) if told == "histogram" else (None,)
            if told in ("unknown", "untyped") and self.kind_of(metric) == "gauge":
                kinds = (None, "histogram")
            for labels in metric.series:
                for kind in kinds:
                    one = self.series(metric.name, labels, kind)
                    if one is not None:
                        names |= {part.name for part in one.parts} or {one.name}
        return names
