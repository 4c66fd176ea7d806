"""The sections of the configuration, typed; what a single value must be stands in its type."""

from ipaddress import ip_address
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from coral.config import EngineConfig, MonitoredSystem, Name, Seconds, SystemConfig
from coral.contract.changes import Naming
from coral.settings.base import Count, Secret
from coral.settings.base import Section as _Section
from coral.settings.connections import Kafka, PrometheusHttp
from coral.settings.outbound import Alertmanager, Outbound, Webhook, WebhookName
from coral.settings.start import PATTERN
from streams.codec import (
    DEFAULT_MAPPINGS,
    CodecLimits,
    Format,
    LabelledCodec,
    NativeCodec,
    SeriesMapping,
    make_codec,
)
from streams.codec.labelled.mapping import Rule
from streams.grid import Grid

TopicName: TypeAlias = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]

# What listens at all addresses is reached at that of this machine.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - is asked, not bound


class Topic(_Section, frozen=True, kw_only=True):
    """One input topic; what is not set follows the format.

    Parameters
    ----------
    format : str
        What its messages are.
    system, entity : list of str, optional
        Templates over labels, `{@key}`, `{@topic}` and `{@job}`; the first that can be filled
        names it.
    calls : list of [pattern, caller, callee], optional
        Metrics of what lies between two components, and templates over both of them; their entity
        is `<caller>-><callee>`. Empty: none.
    split : list of str, optional
        Labels that stay in the metric name.
    counters, gauges : list of str, optional
        Patterns of metrics that are, and are not, cumulative counters.
    copies : list of str, optional
        Labels that tell copies of one series apart, such as those of an HA pair of scrapers.
    combine : table of pattern = rule, optional
        How replicas are combined: `sum`, `mean`, `max` or `min`.
    time_unit : str, optional
        Unit of numeric time stamps, for telegraf_json and influx.
    """

    format: Format = "native"
    system: Annotated[tuple[Name, ...], Meta(min_length=1)] | None = None
    entity: Annotated[tuple[Name, ...], Meta(min_length=1)] | None = None
    calls: tuple[tuple[Name, Name, Name], ...] | None = None
    split: tuple[Name, ...] | None = None
    counters: tuple[Name, ...] | None = None
    gauges: tuple[Name, ...] | None = None
    copies: tuple[Name, ...] | None = None
    combine: dict[str, Rule] | None = None
    time_unit: Literal["s", "ms", "us", "ns"] | None = None

    @property
    def mapping(self) -> SeriesMapping | None:
        """How its series are named; None for the native format, which says so itself."""
        if self.format == "native":
            return None
        default = DEFAULT_MAPPINGS[self.format]
        own = {key: getattr(self, key) for key in MAPPING_KEYS}
        own = {key: value for key, value in own.items() if value is not None}
        # What the configuration names itself, it names in full.
        if "entity" in own:
            own["machine"] = ()
        if "split" in own:
            own["status"] = ()
        if "counters" in own:
            own.setdefault("gauges", ())
        return msgspec.structs.replace(default, **own)


MAPPING_KEYS = tuple(key for key in Topic.__struct_fields__ if key != "format")


class Input(_Section, frozen=True, kw_only=True):
    """Where metrics come from.

    Parameters
    ----------
    topics : table of topic name = table
        Topics to read; naming one replaces the default.
    start : str
        Where a group that has committed nothing begins: `earliest`, `latest`, a time such as
        `2026-11-22T12:40:00Z`, or how long ago, such as `-2h` (s, m, h, d); by the time stamps of
        the records.
    feedback : str
        Topic of confirmed causes, see `coral feedback`; read if it exists.
    changes : str
        Topic of change events, see docs/howto/changes.md; read if it exists.
    """

    topics: dict[TopicName, Topic] = msgspec.field(
        default_factory=lambda: {"coral.metrics.v1": Topic()}
    )
    start: Annotated[str, Meta(pattern=PATTERN)] = "earliest"
    feedback: TopicName = "coral.feedback.v1"
    changes: TopicName = "coral.changes.v1"


class AlertInput(_Section, frozen=True, kw_only=True):
    """Alerts of others, as Alertmanager and Grafana send them.

    Parameters
    ----------
    topic : str
        Topic of their webhooks, as such or as CloudEvents; read if it exists. What is sent to
        `/api/v1/alerts` goes there.
    system : list of str
        Templates over the labels of an alert; the first that can be filled names its system. Where
        none can, it is the only one of `systems`.
    """

    topic: TopicName = "coral.alerts.v1"
    system: Annotated[tuple[Name, ...], Meta(min_length=1)] = ("{system}",)


class Output(_Section, frozen=True, kw_only=True):
    """Where events and dead letters go.

    Parameters
    ----------
    incidents : str
        Topic of the published events.
    dead_letters : str
        Topic of the records that could not be decoded.
    dead_letters_per_minute : int
        Most dead letters written in a minute; more are only counted.
    link : str, optional
        Address at which people reach `[http]`, with its prefix: alerts and messages link there.
    alertmanager : table
        Where alerts go.
    webhooks : table of name = table
        Where messages go.
    """

    incidents: TopicName = "coral.incidents.v1"
    dead_letters: TopicName = "coral.metrics.dlq.v1"
    dead_letters_per_minute: Annotated[int, Meta(ge=0)] = 600
    link: Name | None = None
    alertmanager: Alertmanager = Alertmanager()
    webhooks: dict[WebhookName, Webhook] = msgspec.field(default_factory=dict)


class State(_Section, frozen=True, kw_only=True):
    """What survives a restart.

    Parameters
    ----------
    store : str
        `file`: a directory of this replica. `kafka`: a compacted topic, so that any replica can
        go on with any partition.
    directory : str
        Of the file store.
    topic : str
        Of the kafka store.
    interval_s : float
        Seconds between two checkpoints.
    keep : int
        Checkpoints kept by the file store.
    publish : str
        `at-least-once`: after a crash an event may be sent again, with the same id and content.
        `exactly-once`: readers of committed records see each once; needs the kafka store.
    instance : str, optional
        For `exactly-once`: name of this replica, the same after a restart and no other's; without
        it the name of the host.
    """

    store: Literal["file", "kafka"] = "file"
    directory: Name = "state"
    topic: TopicName = "coral.state.v1"
    interval_s: Seconds = 30.0
    keep: Count = 3
    publish: Literal["at-least-once", "exactly-once"] = "at-least-once"
    instance: Name | None = None


class System(MonitoredSystem, frozen=True, kw_only=True):
    """One monitored system; `"*"` sets what other systems do not set themselves.

    Parameters
    ----------
    lateness_s : float
        How much older than the newest a sample may be, seconds. At 0 a row that is all of its
        tick is not kept waiting for the next one.
    no_data_after_s : float, optional
        How long no row may come before the system counts as *no data*, seconds on the clock;
        without it ten intervals, at least a minute.
    """

    interval_s: Seconds = 10.0
    lateness_s: Annotated[float, Meta(ge=0)] = 0.0
    no_data_after_s: Seconds | None = None


class Limits(_Section, frozen=True, kw_only=True):
    """What is refused, so that memory depends on the configuration and not on the input.

    Parameters
    ----------
    max_batch_bytes : int
        Longest batch of messages when it is unpacked, and longest sum over the messages that are
        taken at a time; a longer batch is left out as one dead letter.
    max_message_bytes : int
        Longest message looked at.
    max_values : int
        Most values in one message.
    max_labels : int
        Most labels of one series.
    max_series : int
        Most series of one system; one entity has more than half of them only while no other wants
        them.
    max_sources : int
        Most sources (replicas, cores) of the series of one system, and likewise.
    max_systems : int
        Most systems of one process.
    """

    max_batch_bytes: Count = 32 << 20
    max_message_bytes: Count = 8 << 20
    max_values: Count = 20_000
    max_labels: Count = 64
    max_series: Count = 5000
    max_sources: Count = 20_000
    max_systems: Count = 1000


class Http(_Section, frozen=True, kw_only=True):
    """What the process shows of itself: health, metrics, systems and incidents.

    Parameters
    ----------
    enabled : bool
        Whether it listens at all.
    host : str
        Address to listen at; the default is reached from this machine alone.
    port : int
        Port; with 0 a free one, which the log names.
    token : secret, optional
        What readers send as `Authorization: Bearer`, 16 characters or more; `/healthz` and
        `/readyz` need none. To be set where others reach `host`.
    allow_without_token : bool
        Whether others may read without a token, where `host` lets them.
    path_prefix : str
        Begins every path: `/coral` behind a proxy that keeps it.
    ready_lag : int
        Records behind beyond which `/readyz` says no.
    """

    enabled: bool = True
    host: Name = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    token: Secret | None = None
    allow_without_token: bool = False
    path_prefix: Annotated[str, Meta(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = ""
    ready_lag: Annotated[int, Meta(ge=0)] = 10_000

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def address(self, port: int | None = None) -> str:
        """Return where it is asked from this machine, at another port if there is one."""
        host = _EVERYWHERE.get(self.host, self.host)
        named = f"[{host}]" if ":" in host else host
        return f"http://{named}:{self.port if port is None else port}{self.path_prefix}"


class Log(_Section, frozen=True, kw_only=True):
    """What is logged, to standard error.

    Parameters
    ----------
    level : str
        Least important events that are written.
    format : str
        `auto`: text on a terminal, JSON lines elsewhere.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"


class Settings(_Section, frozen=True, kw_only=True):
    """All of it, checked.

    Parameters
    ----------
    kafka, input, alerts, output, state, engine, limits, http, outbound, prometheus, log
        Sections.
    systems : dict of system id to System
        `"*"` is every system that is not named.
    """

    kafka: Kafka = Kafka()
    input: Input = Input()
    alerts: AlertInput = AlertInput()
    output: Output = Output()
    state: State = State()
    engine: EngineConfig = EngineConfig()
    systems: dict[str, System] = msgspec.field(default_factory=dict)
    limits: Limits = Limits()
    http: Http = Http()
    outbound: Outbound = Outbound()
    prometheus: PrometheusHttp = PrometheusHttp()
    log: Log = Log()

    def system(self, name: str) -> SystemConfig:
        """Return what the engine knows of a system."""
        held = self._of(name)
        facts = {key: getattr(held, key) for key in MonitoredSystem.__struct_fields__}
        return SystemConfig(name=name, **facts)

    def grid(self, name: str) -> Grid:
        """Return the grid of a system."""
        held = self._of(name)
        return Grid(held.interval_s, held.lateness_s)

    def no_data_after_s(self, name: str) -> float:
        """Return how long no row of a system may come before it counts as *no data*, s."""
        held = self._of(name)
        return held.no_data_after_s or max(60.0, 10.0 * held.interval_s)

    @property
    def naming(self) -> Naming:
        """How change events are named: as the metrics of all topics are."""
        topics = ((name, topic.mapping) for name, topic in self.input.topics.items())
        labelled = tuple((name, mapping) for name, mapping in topics if mapping is not None)
        return Naming(labelled, tuple(name for name in self.systems if name != "*"))

    def codec(self, topic: str) -> NativeCodec | LabelledCodec:
        """Return a new decoder for the records of a topic; one that is not named is native."""
        held, limits = self.input.topics.get(topic, Topic()), self.limits
        bounds = CodecLimits(
            max_bytes=limits.max_message_bytes,
            max_points=limits.max_values,
            max_labels=limits.max_labels,
            max_series=limits.max_sources,
            max_systems=limits.max_systems,
        )
        return make_codec(held.format, held.mapping, grid=self.grid, limits=bounds)

    def _of(self, name: str) -> System:
        return self.systems.get(name) or self.systems.get("*") or System()
