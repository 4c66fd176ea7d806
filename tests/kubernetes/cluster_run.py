"""Runs CORAL's image by its chart in a real Kubernetes, breaks things, and counts what is wrong.

`make cluster-test` runs it: etcd, API server, controller manager, scheduler, two nodes with
kubelet and containerd, and a Kafka, all in namespaces of their own. It never passes by leaving
anything out.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import artifacts
import kube_programs
from cases import CASES, SMALL
from cluster import Cluster
from control_plane import ControlPlane
from daemons import as_toml
from debian_programs import MissingProgramError, cache, unpacked
from kafkas import Broker
from lab import Lab
from make_image import ARCHIVE, CONTENTS, version
from namespaces import ADDRESS, Processes, arrange, run_inside
from node import Containers, start_kubelet, write_pause
from release import NAMESPACE, Release
from service_network import start_services
from waves import PARTITIONS, TOPICS, Load, systems

from coral.cli.main import main as coral

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from common import ROOT, commit, machine, versions

PACKAGES = ("containerd", "runc", "etcd-server", "containernetworking-plugins", "nftables")
NODES = ("node-a", "node-b")
CHART = ROOT / "deploy" / "helm" / "coral"
RESULTS = ROOT / "deploy" / "results"


class Journal:
    """What is done and seen, on standard error and in a file.

    Parameters
    ----------
    file : Path
    names : mapping
        What stands in the file in place of a folder of this machine.
    """

    def __init__(self, file: Path, names: Mapping[Path, str]) -> None:
        self._file, self._begun, self._names = file.open("w"), time.monotonic(), names

    def __call__(self, text: str) -> None:
        """Note some lines."""
        at = time.monotonic() - self._begun
        for folder, name in self._names.items():
            text = text.replace(str(folder), name)
        for line in text.splitlines():
            self._file.write(f"{at:7.1f} {line}\n")
        self._file.flush()


@contextmanager
def cluster(home: Path, note: Journal) -> Iterator[tuple[Processes, Cluster]]:
    """Yield a cluster with two ready nodes, and a Kafka that they reach."""
    arrange(home)
    programs, clients = kube_programs.servers(), kube_programs.clients()
    processes = Processes(home / "logs", [clients, programs])
    kafka = Cluster.create(home / "kafka", host=ADDRESS)
    for node in kafka.nodes:
        kafka.launch(node)
    plane = ControlPlane(home / "plane", processes, NODES)
    plane.start()
    note("the API server is ready")
    pause = home / "pause.tar"
    write_pause(programs / "pause", pause)
    for number, name in enumerate(NODES):
        containers = Containers(home / name, processes, name)
        containers.start()
        containers.take([pause, ARCHIVE])
        start_kubelet(containers, processes, plane.access(name), number)
    for name in NODES:
        processes.wait(f"{name}-kubelet", lambda name=name: _is_ready(processes, name))  # type: ignore[misc]
    start_services(home / "services", processes, plane.kubeconfig, NODES[0])
    for node in kafka.nodes:
        kafka.wait(node)
    note(processes.output("kubectl", "get", "nodes", "-o", "wide"))
    yield processes, kafka


def _is_ready(processes: Processes, name: str) -> bool:
    try:
        shown = processes.output("kubectl", "get", "node", name, "--no-headers")
    except RuntimeError:  # it has not joined yet
        return False
    return " Ready" in shown


def lab_of(home: Path, processes: Processes, kafka: Cluster, note: Journal) -> Lab:
    """Make topics and a namespace of the restricted standard; return what the cases work on."""
    broker = Broker(kafka.bootstrap)
    processes.output("kubectl", "create", "namespace", NAMESPACE)
    standard = "pod-security.kubernetes.io/enforce=restricted"
    processes.output("kubectl", "label", "namespace", NAMESPACE, standard)
    processes.output("kubectl", "config", "set-context", "--current", "--namespace", NAMESPACE)
    values = {
        "image": {"repository": "localhost/coral", "tag": version(), "pullPolicy": "Never"},
        "resources": SMALL,
    }
    config = {
        "kafka": {"bootstrap_servers": kafka.bootstrap.split(",")},
        "input": {"topics": {TOPICS["metrics"]: {"format": "native"}}},
        "state": {"store": "kafka", "publish": "exactly-once", "interval_s": 1},
        "systems": systems(),
    }

    def release(name: str, more: Mapping[str, Any]) -> Release:
        sections = config | {key: config.get(key, {}) | value for key, value in more.items()}
        if "input" in more:
            sections["input"] = more["input"]
        return Release(processes, CHART, home, name, values, sections, note, kafka.ca)

    def other(name: str, more: Mapping[str, Any]) -> Release:
        kafka_of = config["kafka"] | more.get("kafka", {}) | {"group_id": name}
        return release(name, dict(more) | {"kafka": kafka_of})

    file = home / "coral.toml"
    file.write_text("".join(as_toml(config)))
    words = ["topics", "create", "--config", str(file), "--partitions", str(PARTITIONS)]
    if coral(words):
        raise RuntimeError("coral topics create failed")
    return Lab(release("coral", {}), Load(broker, home), kafka, broker, other)


def prove(home: Path, chosen: Sequence[str], note: Journal) -> dict[str, Any]:
    """Run the cases one after the other on one release; return what was seen and the verdict."""
    begun = time.monotonic()
    with cluster(home, note) as (processes, kafka):
        up = round(time.monotonic() - begun, 1)
        lab = lab_of(home, processes, kafka, note)
        seen = [_case(name, lab, note) for name in CASES if name in chosen]
        for pod in lab.release.pods():
            lab.release.kubectl("logs", pod["metadata"]["name"], "--tail=20")
        lab.load.settle()
        verdict = lab.load.verdict()
        lab.load.close()
        lab.broker.close()
        told = json.loads(processes.output("kubectl", "version", "-o", "json"))
        kafka.stop()
    return {
        "cluster_up_s": up,
        "cases": seen,
        "verdict": verdict,
        "kubernetes": told["serverVersion"]["gitVersion"],
        "helm": processes.output("helm", "version", "--short").strip(),
        "containerd": processes.output("containerd", "--version").split()[2],
    }


def _case(name: str, lab: Lab, note: Journal) -> dict[str, Any]:
    note(f"=== {name}")
    begun, facts, failed = time.monotonic(), {}, ""
    try:
        facts = CASES[name](lab)
    except Exception as error:  # noqa: BLE001  # the other cases are run all the same
        failed = f"{type(error).__name__}: {error}"
        note(traceback.format_exc())
        with suppress(RuntimeError):  # as the next case expects it
            lab.release.apply(replicas=2)
    seconds = round(time.monotonic() - begun, 1)
    result = {"case": name, "ok": not failed, "seconds": seconds, **facts}
    if failed:
        result["failed"] = failed[:2000]
    note(json.dumps(result))
    told = {key: fact for key, fact in facts.items() if key != "typed"} or failed
    sys.stdout.write(f"{'FAILED' if failed else 'ok':7} {seconds:6.1f} s  {name}  {told}\n")
    sys.stdout.flush()
    return result


def inside(options: argparse.Namespace) -> int:
    """The first process of the namespaces: run all, write the results, and end with everything."""
    home = Path(options.home)
    note = Journal(options.results / "cluster.log", {home: "HOME", ROOT: "."})
    try:
        found = prove(home, options.cases, note)
    except Exception:
        note(traceback.format_exc())
        for log in sorted((home / "logs").glob("*.log")):
            tail = log.read_text(errors="replace").splitlines()[-30:]
            note("\n".join([f"--- {log.name}", *tail]))
        raise
    facts = {"machine": machine(), "versions": versions(), "commit": options.commit}
    image = json.loads(CONTENTS.read_text())
    file = options.results / "cluster.json"
    file.write_text(json.dumps(found | facts | {"image_bytes": image["bytes"]}, indent=1) + "\n")
    for name, value in found["verdict"].items():
        sys.stdout.write(f"{name:14} {value}\n")
    wrong = sum(found["verdict"][name] for name in ("lost", "twice", "two_contents", "unexpected"))
    failed = sum(not case["ok"] for case in found["cases"])
    sys.stdout.write(f"{len(found['cases']) - failed} passed, {failed} failed\n")
    return int(bool(wrong or failed))


def main() -> int:
    """Fetch and build what is missing, run it all in namespaces; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=[*CASES], default=[*CASES], metavar="NAME")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--keep", action="store_true", help="the folder of the cluster, to look at")
    parser.add_argument("--home", help=argparse.SUPPRESS)
    parser.add_argument("--commit", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.home:
        return inside(options)
    options.results.mkdir(parents=True, exist_ok=True)
    if not ARCHIVE.exists():
        sys.stderr.write("cluster: there is no image: make image\n")
        return 1
    try:
        artifacts.java()
        artifacts.jars()
        kube_programs.clients()
        kube_programs.servers()
        programs = unpacked(PACKAGES)
        home = Path(tempfile.mkdtemp(prefix="cluster-", dir=cache()))
        try:
            again = [sys.executable, *sys.argv, "--home", str(home), "--commit", commit()]
            return run_inside(programs, home, again)
        finally:
            if options.keep:
                sys.stderr.write(f"kept: {home}\n")
            else:
                shutil.rmtree(home, ignore_errors=True)
    except (MissingProgramError, artifacts.MissingToolError) as error:
        sys.stderr.write(f"cluster: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
