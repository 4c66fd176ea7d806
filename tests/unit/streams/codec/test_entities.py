"""Entities that can be blamed, without configuration: by labels, and by what the data show."""

import json
from typing import Any

import msgspec
import pytest

from streams.codec import make_codec, template_problem
from streams.codec.labelled.jobs import MAX_INSTANCES, MAX_JOBS, MAX_SYSTEMS, WINDOW_S, Jobs
from streams.codec.labelled.readable import host, status_class, workload
from streams.grid import Grid
from streams.records import Record


def new(name: str) -> Any:
    make: Any = make_codec  # names of formats are parameters of tests
    return make(name, grid=lambda _: Grid(10.0))


def names(codec: Any, *messages: dict[str, Any], written: float = 0.0) -> list[str]:
    """Series that the messages give, in their order."""
    return [
        name
        for message in messages
        for samples in codec.decode(
            Record("topic", 0, 0, None, json.dumps(message).encode(), int(1000 * written))
        ).samples
        for name in samples.names
    ]


def sample(name: str = "up", **labels: str) -> dict[str, Any]:
    at = "1970-01-01T00:01:00Z"
    return {"timestamp": at, "value": "1", "name": name, "labels": labels}


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ("cart-7d9f5c6b8-x2lqv", "cart"),
        ("cart-api-7d9f5c6b8f-x2lqv", "cart-api"),
        ("backup-28391040-zx9kp", "backup"),
        ("node-exporter-x2lqv", "node-exporter"),
        ("db-0", "db"),
        ("shop_cart_1", "shop_cart"),
        ("web.1.abcdefghijklmnopqrstuvwxy", "web"),
        ("gateway", "gateway"),
        ("cart-service", "cart-service"),
        ("my-proxy", "my-proxy"),
        ("-0", "-0"),
        ("", ""),
    ],
)
def test_workload(pod: str, expected: str) -> None:
    """Generated ends go, words stay."""
    assert expected == workload(pod)


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        ("10.0.0.5:9100", "10.0.0.5"),
        ("web1.example:9100", "web1.example"),
        ("web1", "web1"),
        ("[fe80::1]:9100", "fe80::1"),
        ("localhost:9104", "localhost-9104"),
        ("127.0.0.1:9104", "localhost-9104"),
        ("[::1]:9104", "localhost-9104"),
        ("https://shop.example/health/", "shop.example/health"),
        ("a:b", "a:b"),
    ],
)
def test_host(instance: str, expected: str) -> None:
    """Without its port, unless only that tells services apart."""
    assert expected == host(instance)


def test_status_class() -> None:
    """Three digits from 1xx to 5xx."""
    assert ["5xx", "2xx", "OK", "999", "2xx"] == [
        status_class(code) for code in ("503", "200", "OK", "999", "2xx")
    ]


@pytest.mark.parametrize(
    ("template", "fits"),
    [("{pod|workload}", True), ("{@job}", True), ("{pod|x}", False), ("{|host}", False)],
)
def test_functions_in_templates(template: str, fits: bool) -> None:
    """Only those that there are."""
    assert fits == (template_problem(template) is None)


class TestPrometheus:
    @pytest.mark.parametrize(
        ("labels", "entity"),
        [
            ({"namespace": "shop", "pod": "cart-7d9f5c6b8-x2lqv", "service": "x"}, "shop/cart"),
            ({"namespace": "shop", "daemonset": "agent", "pod": "y"}, "shop/agent"),
            ({"pod": "db-0"}, "db"),
            ({"service": "cart", "app": "shop"}, "cart"),
            ({"app": "cart"}, "cart"),
            ({"app_kubernetes_io_name": "cart"}, "cart"),
            ({"container": "cart"}, "cart"),
            ({"container_label_com_docker_compose_service": "cart"}, "cart"),
            ({}, "scraped"),
        ],
    )
    def test_labels(self, labels: dict[str, str], entity: str) -> None:
        """The stated order, all before the job."""
        message = sample(job="scraped", instance="10.0.0.1:80", **labels)

        assert [f"{entity}:up"] == names(new("prometheus_json"), message)

    def test_machines_in_kubernetes(self) -> None:
        """Exporters of nodes are pods of one workload; what they measure is the node."""
        codec = new("prometheus_json")
        pod = {"namespace": "monitoring", "pod": "node-exporter-x2lqv", "job": "node"}
        found = names(
            codec,
            sample("node_load1", instance="10.0.0.1:9100", **pod),
            sample("node_load1", instance="10.0.0.2:9100", **pod),
            sample("node_load1", instance="10.0.0.1:9100", **pod),
            sample("kube_node_info", node="worker-1", **pod),
            sample("process_open_fds", instance="10.0.0.1:9100", **pod),
        )
        assert ["node:node_load1", "node/10.0.0.2:node_load1", "node/10.0.0.1:node_load1"] == (
            found[:3]
        )
        assert ["worker-1:kube_node_info", "monitoring/node-exporter:process_open_fds"] == found[3:]

    def test_a_job_of_several_instances_is_split(self) -> None:
        """Four services, or a hundred hosts, are as many entities."""
        codec = new("prometheus_json")
        hosts = [sample(job="node", instance=f"web{i}:9100") for i in range(100)]
        ports = [sample(job="toy", instance=f"127.0.0.1:{9100 + i}") for i in range(4)]
        shared = [sample(job="app", instance=f"web1:{9100 + i}") for i in range(2)]
        everything = [*hosts, *ports, *shared]
        names(codec, *everything)
        found = names(codec, *everything)

        assert [f"node/web{i}:up" for i in range(100)] == found[:100]
        assert [f"toy/localhost-{9100 + i}:up" for i in range(4)] == found[100:104]
        assert ["app/web1-9100:up", "app/web1-9101:up"] == found[104:]

    def test_an_instance_that_comes_later_is_a_replacement(self) -> None:
        """The job stays one entity, also in a process that goes on from a checkpoint."""
        codec, later = new("prometheus_json"), WINDOW_S + 1.0
        names(codec, sample(job="cart", instance="10.0.0.1:80"))
        other = new("prometheus_json")
        other.load_state_dict(msgspec.msgpack.decode(msgspec.msgpack.encode(codec.state_dict())))
        second = sample(job="cart", instance="10.0.0.2:80")

        assert ["cart:up"] * 2 == [
            name for one in (codec, other) for name in names(one, second, written=later)
        ]

    def test_names_stay_few(self) -> None:
        """Processors and devices are combined; of status codes the class stays; mounts stay."""
        codec = new("prometheus_json")
        found = names(
            codec,
            *[sample("node_cpu_use", job="n", cpu=str(i), mode="user") for i in range(4)],
            *[sample("node_net", job="n", device=f"eth{i}") for i in range(3)],
            *[sample("requests", job="n", code=str(500 + i)) for i in range(5)],
            sample("node_free", job="n", mountpoint="/var"),
        )
        assert {
            "n:node_cpu_use{mode=user}",
            "n:node_net",
            "n:requests{code=5xx}",
            "n:node_free{mountpoint=/var}",
        } == set(found)


class TestJobs:
    def test_bounds(self) -> None:
        """Jobs and instances beyond the limits are not remembered."""
        jobs = Jobs()
        for i in range(3 * MAX_JOBS):
            jobs.entity("shop", f"job{i}", "a", 0.0)
            jobs.entity("shop", "kept", "a", 0.0)
        for i in range(3 * MAX_INSTANCES):
            jobs.entity("shop", "wide", f"host{i}", 0.0)
        state = {entry[0]: entry for entry in jobs.state("shop")}

        for i in range(3 * MAX_SYSTEMS):
            jobs.entity(f"s{i}", "job", "a", 0.0)

        assert MAX_SYSTEMS == sum(bool(jobs.state(f"s{i}")) for i in range(3 * MAX_SYSTEMS))
        assert MAX_JOBS == len(state)
        assert {"kept", f"job{3 * MAX_JOBS - 1}"} < state.keys()
        assert MAX_INSTANCES == len(state["wide"][4])

    def test_forget(self) -> None:
        """A system that moved away is decided anew when it comes back."""
        jobs = Jobs()
        for instance in ("a", "b"):
            jobs.entity("shop", "job", instance, 0.0)
        jobs.forget(frozenset({"shop", "other"}))

        assert "job" == jobs.entity("shop", "job", "a", 0.0)


@pytest.mark.parametrize(
    ("tags", "entity"),
    [
        ({"service": "cart", "container_name": "x"}, "cart"),
        ({"container_name": "shop-cart-1"}, "shop-cart"),
        ({"systemd_unit": "nginx.service", "process_name": "nginx"}, "nginx.service"),
        ({"process_name": "nginx", "pid": "77"}, "nginx"),
        ({}, "web1"),
    ],
)
def test_telegraf(tags: dict[str, str], entity: str) -> None:
    """What a metric is about comes before the host that it was measured on."""
    fields = {"x": 1.0}
    metric = {"name": "m", "tags": {"host": "web1"} | tags, "fields": fields, "timestamp": 60}

    assert [f"{entity}:m.x"] == names(new("telegraf_json"), metric)
