"""Series about what lies between two components are of the edge between them."""

import json
from typing import Any

import pytest

from streams.codec import DEFAULT_MAPPINGS, Format, SeriesMapping, make_codec
from streams.codec.labelled.mapping import template_problem
from streams.codec.labelled.readable import service
from streams.grid import Grid
from streams.records import Record


def prometheus(metric: str, labels: dict[str, str], mapping: SeriesMapping | None = None) -> str:
    """Return the entity of a series of Prometheus."""
    codec = make_codec("prometheus_json", mapping, grid=lambda _: Grid(10.0))
    held = {"name": metric, "labels": {"__name__": metric, **labels}, "value": "1.0"}
    held["timestamp"] = "2026-11-22T12:40:00Z"
    (samples,), problems = codec.decode(Record("t", 0, 0, None, json.dumps(held).encode()))
    assert list(problems) == []
    (name,) = samples.names
    return name.partition(":")[0]


def otlp(metric: str, labels: dict[str, str], **resource: str) -> str:
    """Return the entity of a gauge of OpenTelemetry."""

    def attributes(held: dict[str, str]) -> list[dict[str, Any]]:
        return [{"key": k, "value": {"stringValue": v}} for k, v in held.items()]

    named = {key.replace("_", "."): value for key, value in resource.items()}
    at = {"timeUnixNano": "1795351200000000000", "asDouble": 1.0, "attributes": attributes(labels)}
    metrics = [{"name": metric, "gauge": {"dataPoints": [at]}}]
    held = {
        "resourceMetrics": [
            {"resource": {"attributes": attributes(named)}, "scopeMetrics": [{"metrics": metrics}]}
        ]
    }
    codec = make_codec("otlp_json", grid=lambda _: Grid(10.0))
    (samples,), _ = codec.decode(Record("t", 0, 0, None, json.dumps(held).encode()))
    (name,) = samples.names
    return name.partition(":")[0]


MESH = {"source_workload": "orders", "destination_workload": "postgres"}
SPACES = {"source_workload_namespace": "shop", "destination_workload_namespace": "data"}
LINKERD = {"namespace": "shop", "deployment": "orders"}


@pytest.mark.parametrize(
    ("metric", "labels", "entity"),
    [
        ("traces_service_graph_pending", {"client": "orders", "server": "pg"}, "orders->pg"),
        ("istio_tcp_opened", MESH, "orders->postgres"),
        ("istio_tcp_opened", MESH | SPACES, "shop/orders->data/postgres"),
        (
            "latency",
            LINKERD | {"dst_namespace": "shop", "dst_deployment": "pg"},
            "shop/orders->shop/pg",
        ),
        ("latency", LINKERD, "shop/orders"),
        ("hubble_flows", MESH, "orders->postgres"),
        ("hubble_flows", {"source": "s/a-7d9f5c6b8-x2lqv", "destination": "s/b-0"}, "s/a->s/b"),
        ("spans", {"service_name": "orders", "peer_service": "pg"}, "orders->pg"),
        ("spans", {"service": "orders", "peer_service": "pg"}, "orders->pg"),
        (
            "http_client_duration",
            {"service_name": "orders", "server_address": "pay.shop.svc:80"},
            "orders->pay",
        ),
        (
            "http_client_request_duration_seconds_max",
            {"job": "orders", "instance": "10.1.2.3:80", "server_address": "cart"},
            "orders->cart",
        ),
        ("spans", {"app": "orders", "job": "pods", "peer_service": "pg"}, "orders->pg"),
    ],
)
def test_who_calls_whom_by_the_labels(metric: str, labels: dict[str, str], entity: str) -> None:
    """Of each convention, without any configuration."""
    assert entity == prometheus(metric, labels)


def test_a_series_without_both_ends_is_of_one_component() -> None:
    """A workload that the mesh does not know, one that calls itself, other metrics."""
    unknown = MESH | {"source_workload": "unknown", "app": "mesh"}
    assert prometheus("istio_x", unknown) == "mesh"
    graph = "traces_service_graph_pending"
    assert prometheus(graph, {"client": "orders", "server": "orders", "job": "tempo"}) == "tempo"
    assert prometheus("other_x", {"client": "orders", "server": "pg", "job": "x"}) == "x"
    assert prometheus("http_server_duration", {"service": "a", "server_address": "b.c.svc"}) == "a"


def test_the_same_of_opentelemetry() -> None:
    """`peer.service`, and the address of a client's peer where it is a name."""
    service_name = {"service_name": "orders"}
    graph = {"client": "orders", "server": "pg"}
    assert otlp("traces_service_graph_request", graph, **service_name) == "orders->pg"
    assert otlp("span.duration", {"peer.service": "pg"}, **service_name) == "orders->pg"
    http = "http.client.active_requests"
    assert otlp(http, {"server.address": "pay.shop.svc"}, **service_name) == "orders->pay"
    assert otlp(http, {"server.address": "10.1.2.3"}, **service_name) == "orders"
    server = "http.server.active_requests"
    assert otlp(server, {"server.address": "orders.shop.svc"}, **service_name) == "orders"


def test_pairs_of_ones_own() -> None:
    """In place of the usual ones; an empty list is none; a name stays in its place."""
    own = SeriesMapping(entity=("{app}",), calls=(("rpc_*", "{from}", "{to|workload}"),))
    labels = {"app": "x", "from": "a:1->b", "to": "db-0"}
    assert prometheus("rpc_seconds", labels, own) == "a_1-b->db"
    assert prometheus("other", labels, own) == "x"
    none = SeriesMapping(entity=("{app}",))
    assert (
        prometheus("traces_service_graph_x", {"client": "a", "server": "b", "app": "x"}, none)
        == "x"
    )


@pytest.mark.parametrize("form", ["otlp_json", "otlp_proto", "prometheus_json"])
def test_the_usual_pairs_are_well_formed(form: Format) -> None:
    """As the configuration would check them."""
    pairs = DEFAULT_MAPPINGS[form].calls
    assert pairs
    assert [None] * 2 * len(pairs) == [template_problem(t) for _, *ends in pairs for t in ends]


def test_a_service_of_an_address() -> None:
    """In a cluster its name, elsewhere its host; of no name none."""
    named = {
        "cart.shop.svc.cluster.local:8080": "cart",
        "cart.shop.svc": "cart",
        "https://api.example.com": "api.example.com",
        "postgres": "postgres",
        "postgres:5432": "postgres",
        "10.0.0.5:9100": "",
        "[fe80::1]:80": "",
        "localhost:80": "",
        "127.0.0.1:80": "",
    }
    assert named == {address: service(address) for address in named}
