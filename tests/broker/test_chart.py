"""What the chart's pods run, run here: the same arguments, variables and files, a real broker."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen
from uuid import uuid4

import pytest
from charts import Case, Object, configuration, of_kind, only, rendered, variables
from cluster import Cluster
from daemons import PATIENCE_S

CORAL = [sys.executable, "-m", "coral.cli.main"]


class Pod:
    """A folder in the place of `/etc/coral`, with what is mounted there."""

    def __init__(self, home: Path, objects: list[Object], secrets: dict[str, str]) -> None:
        self.home = home
        for name, text in {**configuration(objects), **secrets}.items():
            (home / name).write_text(text)

    def environment(self, pod: Object) -> dict[str, str]:
        """The variables of its container."""
        named = {"<metadata.name>": f"coral-{uuid4()}"}
        told = {name: named.get(value, value) for name, value in variables(pod).items()}
        return os.environ | {name: self._here(value) for name, value in told.items()}

    def command(self, pod: Object) -> list[str]:
        """What its container runs."""
        return [*CORAL, *map(self._here, pod["containers"][0]["args"])]

    def _here(self, text: str) -> str:
        return text.replace("/etc/coral", str(self.home))


@pytest.fixture
def objects(cluster: Cluster) -> list[Object]:
    """The chart for the broker that encrypts and asks who is there."""
    name = f"test-{uuid4()}"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = f"""
[kafka]
bootstrap_servers = ["{cluster.secure_bootstrap}"]
group_id = "{name}"
security_protocol = "SASL_SSL"
sasl_mechanism = "SCRAM-SHA-512"
sasl_username = "coral"
[input]
topics = {{ "{name}.metrics" = {{}} }}
feedback = "{name}.feedback"
[output]
incidents = "{name}.incidents"
dead_letters = "{name}.letters"
[state]
topic = "{name}.state"
publish = "exactly-once"
[http]
port = {port}
path_prefix = "/coral"
"""
    secrets = {
        key: {"name": "any", "key": "any"}
        for key in ("http.token", "kafka.sasl_password", "kafka.tls_ca_file")
    }
    return rendered(Case(config, {"secrets": secrets}))


def answers(address: str) -> bool:
    """Whether a probe would succeed."""
    try:
        with urlopen(address, timeout=10) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:  # not there, not ready, or busy compiling
        return False


def becomes(address: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether a probe succeeds while the process runs; kernels may have to be compiled first."""
    for _ in range(5 * PATIENCE_S):
        if answers(address):
            return True
        if process.poll() is not None:
            break
        time.sleep(0.2)
    return False


def test_a_replica_becomes_ready_and_ends(
    cluster: Cluster, objects: list[Object], tmp_path: Path
) -> None:
    """By its own probes; `helm test` finds the topics as they should be; SIGTERM ends it with 0."""
    secrets = {
        "http.token": "sixteen-letters-or-more\n",
        "kafka.sasl_password": "coral-test\n",
        "kafka.tls_ca_file": Path(cluster.ca).read_text(),
    }
    here = Pod(tmp_path, objects, secrets)
    daemon = only(objects, "StatefulSet")["spec"]["template"]["spec"]
    check = next(
        each["spec"] for each in of_kind(objects, "Pod") if "args" in each["spec"]["containers"][0]
    )
    create = [word if word != "check" else "create" for word in here.command(check)]
    subprocess.run(create, env=here.environment(check), check=True, cwd=tmp_path)

    (container,) = daemon["containers"]
    port = container["ports"][0]["containerPort"]
    probes = {
        kind: f"http://127.0.0.1:{port}{container[f'{kind}Probe']['httpGet']['path']}"
        for kind in ("startup", "liveness", "readiness")
    }
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            here.command(daemon), env=here.environment(daemon), stderr=log, cwd=tmp_path
        ) as process,
    ):
        try:
            found = [
                becomes(probes[kind], process) for kind in ("startup", "readiness", "liveness")
            ]
            checked = subprocess.run(
                here.command(check), env=here.environment(check), check=False, cwd=tmp_path
            )
        finally:
            process.send_signal(signal.SIGTERM)
            ended = process.wait(60)
    assert ([True] * 3, 0, 0) == (found, checked.returncode, ended), (tmp_path / "log").read_text()
