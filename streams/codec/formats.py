"""The input formats by name, with the mapping each one has unless configured otherwise."""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from streams.codec.collectd import parse_collectd
from streams.codec.influx import influx_parser
from streams.codec.labelled.codec import CodecLimits, LabelledCodec, Parser
from streams.codec.labelled.mapping import SeriesMapping
from streams.codec.native import NativeCodec
from streams.codec.otlp.json import parse_otlp_json
from streams.codec.otlp.protobuf import otlp_proto_parser
from streams.codec.prometheus import parse_prometheus
from streams.codec.telegraf import telegraf_parser
from streams.codec.telegraf_plugins import COUNTERS, LEVELS
from streams.grid import Grid

Format: TypeAlias = Literal[
    "native",
    "otlp_json",
    "otlp_proto",
    "telegraf_json",
    "influx",
    "prometheus_json",
    "collectd_json",
]

_SCRAPERS = ("prometheus_replica", "receive_replica")
"""Labels that the members of an HA pair of scrapers add, and those who receive from them."""

_SERVICE_GRAPH = ("traces_service_graph_*", "{client}", "{server}")
"""What the service graph connector of OpenTelemetry, and that of Tempo, make of spans."""

_OTLP = SeriesMapping(
    entity=(
        "{k8s.namespace.name}/{k8s.deployment.name}",
        "{k8s.namespace.name}/{k8s.statefulset.name}",
        "{k8s.namespace.name}/{k8s.daemonset.name}",
        "{service.name}",
        "{host.name}",
    ),
    calls=(
        _SERVICE_GRAPH,
        ("*", "{service.name}", "{peer.service}"),
        ("*client*", "{service.name}", "{server.address|service}"),
    ),
    split=("state", "direction", "http.response.status_code", "rpc.grpc.status_code", "error.type"),
    copies=_SCRAPERS,
)
_TELEGRAF = SeriesMapping(
    entity=(
        "{service}",
        "{container_name|workload}",
        "{systemd_unit}",
        "{process_name}",
        "{host}",
    ),
    split=("path", "interface", "name"),
    counters=COUNTERS,
    gauges=LEVELS,
)
_STATUS = ("code", "status", "status_code", "response_code")
# Where a service's own name stands; the collector of OpenTelemetry makes `job` of `service.name`.
_CALLERS = (
    "{service_name}",
    "{service}",
    "{app}",
    "{app_kubernetes_io_name}",
    "{container}",
    "{job}",
)
_PROMETHEUS = SeriesMapping(
    entity=(
        "{namespace}/{deployment}",
        "{namespace}/{statefulset}",
        "{namespace}/{daemonset}",
        "{namespace}/{pod|workload}",
        "{namespace}/{container}",
        "{service}",
        "{app}",
        "{app_kubernetes_io_name}",
        "{pod|workload}",
        "{container}",
        "{container_label_com_docker_compose_service}",
        "{@job}",
        "{instance|host}",
    ),
    machine=("node_*", "windows_*", "kube_node_*"),
    calls=(
        _SERVICE_GRAPH,
        (
            "istio_*",
            "{source_workload_namespace}/{source_workload|known}",
            "{destination_workload_namespace}/{destination_workload|known}",
        ),
        ("istio_*", "{source_workload|known}", "{destination_workload|known}"),
        ("*", "{namespace}/{deployment}", "{dst_namespace}/{dst_deployment}"),  # Linkerd
        ("hubble_*", "{source_workload}", "{destination_workload}"),
        ("hubble_*", "{source|workload}", "{destination|workload}"),
        *(("*", caller, "{peer_service}") for caller in _CALLERS),
        *(("*client*", caller, "{server_address|service}") for caller in _CALLERS),
    ),
    split=("mode", "state", "mountpoint", *_STATUS),
    status=_STATUS,
    counters=("*_total",),
    copies=(*_SCRAPERS, "replica"),
)

_COLLECTD = SeriesMapping(entity=("{host}",), split=("plugin_instance", "type_instance"))

DEFAULT_MAPPINGS: Final[dict[Format, SeriesMapping]] = {
    "otlp_json": _OTLP,
    "otlp_proto": _OTLP,
    "telegraf_json": _TELEGRAF,
    "influx": _TELEGRAF,
    "prometheus_json": _PROMETHEUS,
    "collectd_json": _COLLECTD,
}
"""Mapping of each format that has labels."""


def make_codec(
    name: Format,
    mapping: SeriesMapping | None = None,
    *,
    grid: Callable[[str], Grid],
    limits: CodecLimits | None = None,
) -> NativeCodec | LabelledCodec:
    """Return a new codec for the records of one topic.

    Parameters
    ----------
    name : str
        One of `Format`.
    mapping : SeriesMapping, optional
        How series are named; by default that of `DEFAULT_MAPPINGS`. The native format needs none.
    grid : callable
        System id to its grid; replicas are combined tick by tick.
    limits : CodecLimits, optional

    Raises
    ------
    MissingExtraError
        If the format needs packages that are not installed.
    """
    limits = limits or CodecLimits()
    if name == "native":
        return NativeCodec(limits.max_bytes, limits.max_points)
    mapping = mapping or DEFAULT_MAPPINGS[name]
    return LabelledCodec(_parser(name, mapping), mapping, grid, limits)


def _parser(name: Format, mapping: SeriesMapping) -> Parser:
    if name == "otlp_json":
        return parse_otlp_json
    if name == "otlp_proto":
        return otlp_proto_parser()
    if name == "telegraf_json":
        return telegraf_parser(mapping.time_unit or "s")
    if name == "influx":
        return influx_parser(mapping.time_unit or "ns")
    return parse_collectd if name == "collectd_json" else parse_prometheus
