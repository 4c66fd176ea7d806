"""The chart as Helm renders it, with every switch at least once."""

import functools
import json
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from clients import helm

from coral.settings import Settings, load

ROOT = Path(__file__).parents[1]
CHART = ROOT / "deploy" / "helm" / "coral"

BROKERS = '[kafka]\nbootstrap_servers = ["kafka-0.kafka:9092", "kafka-1.kafka:9093"]\n'
SECURE = """[kafka]
bootstrap_servers = ["kafka:9093"]
security_protocol = "SASL_SSL"
sasl_mechanism = "SCRAM-SHA-512"
sasl_username = "watcher"
"""
PASSWORD = {"kafka.sasl_password": {"name": "coral-kafka", "key": "password"}}
AUTHORITY = {"kafka.tls_ca_file": {"name": "kafka-ca", "key": "ca.crt"}}
TOKEN = {"http.token": {"name": "coral-http", "key": "token"}}
OPERATORS = ("monitoring.coreos.com/v1", "keda.sh/v1alpha1")

Object = dict[str, Any]


class Case(NamedTuple):
    """Configuration and values, and the further APIs of the cluster."""

    config: str = BROKERS
    values: Mapping[str, Any] = {}
    apis: tuple[str, ...] = ()
    release: str = "coral"


CASES = {
    "least": Case(),
    "another release": Case(release="a-long-name-of-a-release-that-is-not-ours-at-all-53ch"),
    "tls, log-in, ingress": Case(
        SECURE + '[state]\npublish = "exactly-once"\n',
        {
            "replicas": 3,
            "secrets": PASSWORD | AUTHORITY | TOKEN,
            "ingress": {
                "host": "coral.example.com",
                "className": "nginx",
                "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
                "tlsSecret": "coral-tls",
            },
        },
        OPERATORS,
    ),
    "mutual tls": Case(
        '[kafka]\nbootstrap_servers = ["kafka:9093"]\nsecurity_protocol = "SSL"\n',
        {
            "secrets": AUTHORITY
            | {
                "kafka.tls_cert_file": {"name": "coral-user", "key": "user.crt"},
                "kafka.tls_key_file": {"name": "coral-user", "key": "user.key"},
            },
            "strimzi": {"cluster": "main"},
            "autoscaling": {"enabled": True},
        },
    ),
    "oauth": Case(
        '[kafka]\nbootstrap_servers = ["kafka:9093"]\nsecurity_protocol = "SASL_SSL"\n'
        'sasl_mechanism = "OAUTHBEARER"\noauth_client_id = "coral"\n'
        'oauth_token_url = "https://login.example.com:8443/token"\n',
        {"secrets": {"kafka.oauth_client_secret": {"name": "coral-oauth", "key": "secret"}}},
    ),
    "state in a volume": Case(
        BROKERS + '[state]\nstore = "file"\n',
        {"replicas": 1, "persistence": {"size": "5Gi", "storageClass": "fast"}},
    ),
    "behind a prefix": Case(
        BROKERS + '[http]\nport = 9000\npath_prefix = "/coral"\n',
        {"ingress": {"host": "example.com"}, "secrets": TOKEN},
        OPERATORS,
    ),
    "network": Case(
        values={
            "networkPolicy": {
                "from": [{"namespaceSelector": {"matchLabels": {"team": "watchers"}}}],
                "egress": [
                    {"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}], "ports": [{"port": 443}]}
                ],
            }
        }
    ),
    "told over http": Case(
        BROKERS + '[output.alertmanager]\nurls = ["http://alertmanager.monitoring:9094/am"]\n'
        '[output.webhooks.desk]\nurl = "http://tickets.example.com/coral"\n'
        '[output.webhooks.team]\ntemplate = "slack"\n',
        {"secrets": {"output.webhooks.team.url": {"name": "coral-slack", "key": "url"}}},
    ),
    "no network policy": Case(values={"networkPolicy": {"enabled": False}, "secrets": TOKEN}),
    "monitoring": Case(
        values={"monitoring": {"labels": {"release": "kube-prometheus-stack"}}}, apis=OPERATORS
    ),
    "no monitoring": Case(values={"monitoring": {"enabled": False}}, apis=OPERATORS),
    "scaled": Case(
        BROKERS + '[input.topics.otlp]\nformat = "otlp_proto"\n[input.topics."a.b"]\n',
        {
            "autoscaling": {
                "enabled": True,
                "minReplicas": 2,
                "maxReplicas": 12,
                "lagThreshold": 1_000_000,
            }
        },
    ),
    "scaled with a log-in": Case(
        SECURE, {"autoscaling": {"enabled": True}, "secrets": PASSWORD | AUTHORITY}
    ),
    "topics and user": Case(
        SECURE + "[input.topics.OTLP_metrics]\n",
        {
            "secrets": PASSWORD,
            "strimzi": {"cluster": "main", "namespace": "kafka", "partitions": 12, "replicas": 2},
        },
    ),
    "topics and user of Strimzi 1": Case(
        SECURE,
        {"secrets": PASSWORD, "strimzi": {"cluster": "main"}},
        ("kafka.strimzi.io/v1",),
    ),
    "where pods run": Case(
        values={
            "image": {"pullPolicy": "Always", "pullSecrets": ["one", "two"], "tag": "next"},
            "resources": {"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"memory": "4Gi"}},
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "watchers", "operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}
                        ]
                    }
                }
            },
        }
    ),
}


class RefusedError(Exception):
    """What helm says of values that it does not take."""


def rendered(case: Case) -> list[Object]:
    """Every object that the chart makes.

    Raises
    ------
    RefusedError
        With what helm says.
    """
    values = {"image": {"repository": "registry.example.com/coral"}, "config": case.config}
    return _rendered(json.dumps(_merged(values, case.values)), case.apis, case.release)


@functools.cache
def _rendered(values: str, apis: Sequence[str], release: str) -> list[Object]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(values)
        file.flush()
        told = [word for api in apis for word in ("--api-versions", api)]
        done = helm("template", release, str(CHART), "--namespace", "rca", "-f", file.name, *told)
    if done.returncode:
        raise RefusedError(done.stderr)
    return list(filter(None, yaml.safe_load_all(done.stdout)))


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two trees as one, the way Helm does it."""
    made = dict(under)
    for key, value in over.items():
        held = made.get(key)
        both = isinstance(held, dict) and isinstance(value, dict)
        made[key] = _merged(held, value) if both else value  # type: ignore[arg-type]
    return made


def of_kind(objects: Sequence[Object], kind: str) -> list[Object]:
    """Those of a kind."""
    return [made for made in objects if made["kind"] == kind]


def only(objects: Sequence[Object], kind: str) -> Object:
    """The one of a kind."""
    (found,) = of_kind(objects, kind)
    return found


def pods(objects: Sequence[Object]) -> Iterator[tuple[str, Object]]:
    """Name and specification of every pod, those of controllers too."""
    for made in objects:
        name = f"{made['kind']} {made['metadata']['name']}"
        if made["kind"] == "Pod":
            yield name, made["spec"]
        elif "template" in made.get("spec", {}):
            yield name, made["spec"]["template"]["spec"]


def variables(pod: Object) -> dict[str, str]:
    """The environment of its one container; what a pod says of itself as `<path of the field>`."""
    (container,) = pod["containers"]
    return {
        each["name"]: each["value"]
        if "value" in each
        else f"<{each['valueFrom']['fieldRef']['fieldPath']}>"
        for each in container.get("env", [])
    }


def configuration(objects: Sequence[Object]) -> dict[str, str]:
    """The files of the ConfigMap that pods mount."""
    held = [made["data"] for made in of_kind(objects, "ConfigMap")]
    (found,) = [data for data in held if "coral.toml" in data]
    return dict(found)


def loaded(objects: Sequence[Object], home: Path) -> Settings:
    """What CORAL reads in a pod: its file, its variables, in `home` a file for each secret."""
    pod = only(objects, "StatefulSet")["spec"]["template"]["spec"]
    for name, text in configuration(objects).items():
        (home / name).write_text(text)
    (sources,) = [v["projected"]["sources"] for v in pod["volumes"] if "projected" in v]
    for secret in [source["secret"] for source in sources if "secret" in source]:
        (item,) = secret["items"]
        scheme = "https://" if item["path"].endswith(".url") else ""
        (home / item["path"]).write_text(f"{scheme}sixteen-letters-or-more\n")
    environment = {
        name: value.replace("/etc/coral", str(home)) for name, value in variables(pod).items()
    }
    args = shlex.join(pod["containers"][0]["args"]).replace("/etc/coral", str(home))
    assert f"run --config {home}/coral.toml" == args
    return load(home / "coral.toml", environment).settings
