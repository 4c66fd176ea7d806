"""`/metrics`: the newest snapshot in the words of Prometheus.

No label holds a name that comes from outside but topics and sinks, which the configuration names:
the number of series does not depend on what systems, series and entities are called, or on how many
there are.
"""

from collections.abc import Iterable, Iterator
from typing import Final, get_args

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from coral.contract.events import Budget
from coral.http.board import Board
from coral.http.histogram import BOUNDS
from coral.http.state import Durations, Reloads, SinkState, Snapshot, SystemState, Totals
from coral.incident.alerts import Outcome
from streams.records import ProblemKind

__all__ = ["Exposition"]

PHASES: Final = ("warming", "blind", "watching", "diagnosing", "settled")
PRODUCTS: Final = ("incident", "change")
RESULTS: Final = ("taken", "refused", "lost")
KINDS: Final[tuple[str, ...]] = get_args(ProblemKind)
OUTCOMES: Final[tuple[str, ...]] = get_args(Outcome)
TAKEN: Final = {
    "decode": "Decoding of one record",
    "tick": "One row through the engine",
    "publish": "Waiting for the brokers to store what was sent",
}


class Exposition(Collector):
    """Writes the snapshot of a board.

    Parameters
    ----------
    board : Board
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._registry.register(self)

    def written(self, accept: str) -> tuple[str, bytes]:
        """Return content type and text, in the form that a reader accepts best."""
        encoder, kind = choose_encoder(accept)
        return kind, encoder(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names are known when they are collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield everything there is to say."""
        board = self._board
        yield InfoMetricFamily("coral_build", "What is running", value=board.facts)
        yield _gauge("coral_alive", "Whether the loop is getting on", board.alive().well)
        yield _gauge("coral_ready", "Whether the process does its part", board.ready().well)
        yield from _reloads(board.reloads)
        snapshot = board.snapshot
        if snapshot is None:
            return
        yield from _read(snapshot, board.now())
        yield from _dropped(snapshot.counted)
        yield from _systems(snapshot.systems)
        yield _gauge("coral_series_limit", "Most series of one system", snapshot.series_limit)
        yield _gauge("coral_systems_limit", "Most systems", snapshot.systems_limit)
        yield from _incidents(snapshot)
        yield from _told(snapshot)
        yield from _checkpoints(snapshot)
        yield from _sinks(snapshot.sinks)
        for name, taken in snapshot.durations.items():
            yield _histogram(f"coral_{name}_duration_seconds", TAKEN[name], taken)


def _reloads(held: Reloads) -> Iterator[Metric]:
    told = "Requests to read the configuration again"
    results = CounterMetricFamily("coral_config_reloads", told, labels=["result"])
    results.add_metric(["accepted"], held.accepted)
    results.add_metric(["refused"], held.refused)
    yield results
    told = "Whether the newest of them, or the start, was accepted"
    yield _gauge("coral_config_last_reload_successful", told, held.well)
    told = "When the configuration that holds was read"
    yield _gauge("coral_config_last_reload_success_timestamp_seconds", told, held.at)


def _read(snapshot: Snapshot, now: float) -> Iterator[Metric]:
    counted = snapshot.counted
    yield _counter("coral_records_consumed", "Records read", counted.records)
    yield _counter("coral_rows", "Rows of systems that were judged", counted.rows)
    yield _counter("coral_events_published", "Events and dead letters sent", counted.events)
    lag = GaugeMetricFamily(
        "coral_consumer_lag", "Records not read yet", labels=["topic", "partition"]
    )
    for part in snapshot.partitions:
        if part.lag is not None:
            lag.add_metric([part.topic, str(part.partition)], part.lag)
    yield lag
    at = "coral_snapshot_timestamp_seconds"
    yield _gauge(at, "When the loop published what is said here", snapshot.at)
    if snapshot.newest is not None:
        newest = "coral_last_sample_timestamp_seconds"
        yield _gauge(newest, "Largest event time of a row", snapshot.newest)
        skew = "coral_event_time_skew_seconds"
        yield _gauge(skew, "Wall clock less the largest event time", now - snapshot.newest)
    if snapshot.refitted is not None:
        told = "Event time at which a base was last given a new scale, where that is longest ago"
        yield _gauge("coral_base_last_refit_timestamp_seconds", told, snapshot.refitted)


def _dropped(counted: Totals) -> Iterator[Metric]:
    samples = CounterMetricFamily(
        "coral_samples_rejected", "Samples dropped, by reason", labels=["reason"]
    )
    for reason in ("late", "duplicate", "future"):
        samples.add_metric([reason], getattr(counted, reason))
    yield samples
    yield _counter("coral_values_refused", "Values of series beyond the limit", counted.refused)
    told = "Series forgotten: silent for as long as they lived, or to make room for new ones"
    series = CounterMetricFamily("coral_series_evicted", told, labels=["reason"])
    for reason in ("expired", "displaced"):
        series.add_metric([reason], getattr(counted, reason))
    yield series
    told = "Systems forgotten to make room for new ones"
    systems = CounterMetricFamily("coral_systems_evicted", told, labels=["reason"])
    systems.add_metric(["displaced"], counted.systems_displaced)
    yield systems
    letters = CounterMetricFamily(
        "coral_dlq_messages", "Records that could not be used, by what was wrong", labels=["reason"]
    )
    for kind in KINDS:
        letters.add_metric([kind], counted.dead_letters.get(kind, 0))
    yield letters
    suppressed = "Of these, not written because there were too many a minute"
    yield _counter("coral_dlq_suppressed", suppressed, counted.suppressed)


def _systems(systems: tuple[SystemState, ...]) -> Iterator[Metric]:
    phases = GaugeMetricFamily("coral_systems", "Systems by phase", labels=["phase"])
    for phase in PHASES:
        phases.add_metric([phase], sum(system.phase == phase for system in systems))
    yield phases
    silent = sum(system.no_data for system in systems)
    yield _gauge("coral_systems_no_data", "Systems from which no row comes", silent)
    yield _gauge("coral_series_active", "Series of all systems", sum(s.series for s in systems))
    largest = max((system.series for system in systems), default=0)
    yield _gauge("coral_series_largest", "Series of the system that has most", largest)
    age = max((system.base.age_s for system in systems), default=0.0)
    told = "Event time since a row was taken for normal, of the system where that is longest"
    yield _gauge("coral_base_age_seconds", told, age)
    smallest = min((system.base.rows for system in systems), default=0)
    yield _gauge("coral_base_rows", "Normal rows of the system that has fewest", smallest)
    used = GaugeMetricFamily(
        "coral_alarm_budget_used_ratio",
        "Raised of what the budget allows so far, of the system that used most",
        labels=["kind"],
    )
    for kind in PRODUCTS:
        spent = [_used(s.pages if kind == "incident" else s.changes) for s in systems]
        used.add_metric([kind], max(spent, default=0.0))
    yield used
    latest = max((most for system in systems for most in system.latest.values()), default=0.0)
    told = "How late the latest sample that was dropped for it came, in event time"
    yield _gauge("coral_lateness_seconds", told, latest)


def _used(budget: Budget | None) -> float:
    """Return the share of the budget that was used; one alarm is within it from the first day."""
    if budget is None:
        return 0.0
    return budget.alarms / max(budget.per_week * budget.watched_weeks, 1.0)


def _incidents(snapshot: Snapshot) -> Iterator[Metric]:
    counted = snapshot.counted
    opened = CounterMetricFamily(
        "coral_incidents_opened", "Incidents and changes opened", labels=["kind"]
    )
    felt = CounterMetricFamily(
        "coral_incidents_felt", "Of these, felt by a health signal", labels=["kind"]
    )
    active = GaugeMetricFamily("coral_incidents_active", "Open ones", labels=["kind"])
    for kind in PRODUCTS:
        opened.add_metric([kind], counted.opened.get(kind, 0))
        felt.add_metric([kind], counted.felt.get(kind, 0))
        active.add_metric([kind], snapshot.active.get(kind, 0))
    yield opened
    yield felt
    yield active


def _told(snapshot: Snapshot) -> Iterator[Metric]:
    alerts = CounterMetricFamily(
        "coral_alerts", "Alerts of others, by what came of them", labels=["outcome"]
    )
    for outcome in OUTCOMES:
        alerts.add_metric([outcome], snapshot.counted.alerts.get(outcome, 0))
    yield alerts
    refused = CounterMetricFamily(
        "coral_messages_refused", "Of the topics beside the metrics, not usable", labels=["kind"]
    )
    for kind, count in snapshot.counted.messages_refused.items():
        refused.add_metric([kind], count)
    yield refused
    held = GaugeMetricFamily(
        "coral_messages_held", "Of the same, for systems that are not here", labels=["kind"]
    )
    for kind, count in snapshot.elsewhere.items():
        held.add_metric([kind], count)
    yield held


def _checkpoints(snapshot: Snapshot) -> Iterator[Metric]:
    held = snapshot.checkpointing
    if held.at is not None:
        at = "coral_checkpoint_last_success_timestamp_seconds"
        yield _gauge(at, "When the newest one was stored and committed", held.at)
    yield _gauge("coral_checkpoint_size_bytes", "Bytes of the newest one", held.size)
    told = "From the copy of the state to the commit, the newest one"
    yield _gauge("coral_checkpoint_duration_seconds", told, held.seconds)
    yield _counter("coral_checkpoint_failures", "That could not be stored", held.failed)


def _sinks(sinks: tuple[SinkState, ...]) -> Iterator[Metric]:
    """Yield how the receivers over HTTP do; nothing where there are none."""
    if not sinks:
        return
    told = "Alerts and messages, by what became of them"
    results = CounterMetricFamily("coral_notifications", told, labels=["sink", "result"])
    told = "Attempts that were made again, or are"
    failed = CounterMetricFamily("coral_notification_failed_attempts", told, labels=["sink"])
    told = "Alerts and messages that wait"
    waiting = GaugeMetricFamily("coral_notifications_waiting", told, labels=["sink"])
    at = "coral_notification_last_success_timestamp_seconds"
    last = GaugeMetricFamily(at, "When the newest one was taken", labels=["sink"])
    for one in sinks:
        for result in RESULTS:
            results.add_metric([one.sink, result], getattr(one, result))
        failed.add_metric([one.sink], one.failed_attempts)
        waiting.add_metric([one.sink], one.waiting)
        if one.last is not None:
            last.add_metric([one.sink], one.last)
    yield from (results, failed, waiting, last)


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, value=value)


def _counter(name: str, told: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, told, value=value)


def _histogram(name: str, told: str, taken: Durations) -> HistogramMetricFamily:
    buckets, below = list[tuple[str, float]](), 0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), taken.counts, strict=True):
        below += count
        buckets.append((bound, below))
    return HistogramMetricFamily(name, told, buckets=buckets, sum_value=taken.total)
