"""Runs the image as a node of Kubernetes would, against a real Kafka, within 512 MB.

`make image-check` runs it: containerd and runc in namespaces of their own, a user without rights,
no capability, seccomp's default profile, a read-only root, and the work of a hundred systems.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import artifacts
import numpy as np
import older_cpu
from chaos import PATIENT
from cluster import Cluster
from daemons import as_toml
from debian_programs import MissingProgramError, cache, unpacked
from kafkas import Broker
from make_image import ARCHIVE, CONTENTS, name
from namespaces import ADDRESS, Processes, arrange, run_inside
from node import Containers
from waves import TOPICS, Load, systems

from coral.contract.events import decode
from streams.codec import encode_row
from streams.kafka import KafkaSink

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from common import ROOT, commit, machine, versions

PACKAGES = ("containerd", "runc")
RESULTS = ROOT / "deploy" / "results"
LIMIT = 512 * 2**20
SYSTEMS, ROWS, ONSET = 100, 360, 300
NAMES = tuple(f"e{entity}:m{metric}" for entity in range(10) for metric in range(5))
CHAIN = [[f"e{i + 1}", f"e{i}"] for i in range(9)]

# What containerd gives where nobody takes it away.
_CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID"),
    *("SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"),
)
# Nothing of these may be in the image.
_UNWANTED = ("sh", "bash", "pip", "pip3", "gcc", "cc", "apt", "dpkg", "perl", "ldconfig")
_ID = "coral"
_PATIENCE_S = 240.0


def send_hundred(broker: Broker, partitions: int) -> None:
    """Send rows of a hundred systems of fifty series, all of which fail at the same time."""
    sink = KafkaSink(broker.connection, overrides=PATIENT)
    rng = np.random.default_rng(0)
    for t in range(ROWS):
        x = 10.0 + rng.normal(size=(SYSTEMS, len(NAMES)))
        if t >= ONSET:
            x[:, :20] += 40.0  # e0, which the users feel, to e3
        for i in range(SYSTEMS):
            system = f"hundred-{i}"
            row = encode_row(system, float(t), NAMES, x[i])
            sink.send(TOPICS["metrics"], system.encode(), row, partition=i % partitions)
    sink.flush(120)
    sink.close()


def opened(broker: Broker) -> set[str]:
    """Return which of the hundred systems have an incident."""
    events = (decode(r.value) for r in broker.records(TOPICS["events"]) if r.value)
    return {event.data.system for event in events if event.data.system.startswith("hundred-")}


def answer(path: str) -> int:
    """Return the status of an answer of the daemon; 0 if there is none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:8080{path}", timeout=10) as got:
            return int(got.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def until(what: str, reached: Callable[[], Any]) -> float:
    """Return how long it took until something was true, s.

    Raises
    ------
    RuntimeError
        If it does not become true in time.
    """
    begun = time.monotonic()
    while not reached():
        if time.monotonic() - begun > _PATIENCE_S:
            raise RuntimeError(f"{what}: not within {_PATIENCE_S:.0f} s")
        time.sleep(0.1)
    return round(time.monotonic() - begun, 1)


def start(containers: Containers, home: Path, brokers: Iterable[str]) -> Path:
    """Start the container; return the file of its log."""
    settings = {"kpi": ["e0:m0"], "edges": CHAIN, "interval_s": 1.0}
    config = {
        "kafka": {"bootstrap_servers": list(brokers), "session_timeout_s": 6},
        "input": {"topics": {TOPICS["metrics"]: {"format": "native"}}},
        "state": {"store": "kafka", "publish": "exactly-once", "interval_s": 1},
        "systems": systems() | {"*": settings},
    }
    (home / "config").mkdir()
    (home / "config" / "coral.toml").write_text("".join(as_toml(config)))
    log = home / "container.log"
    drop = [word for one in _CAPABILITIES for word in ("--cap-drop", f"CAP_{one}")]
    mount = f"type=bind,src={home / 'config'},dst=/etc/coral,options=rbind:ro"
    containers.ctr(
        *("run", "--detach", "--net-host", "--read-only", "--seccomp"),
        *("--memory-limit", str(LIMIT), *drop, "--mount", mount, "--log-uri", f"file://{log}"),
        *(name(), _ID),
    )
    return log


def process(containers: Containers) -> int:
    """Return the process id of the daemon."""
    lines = containers.ctr("tasks", "list").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(_ID))


def confined(pid: int) -> dict[str, str]:
    """Return what the kernel says of the rights of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    said = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    asked = ("Uid", "Gid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
    return {key: " ".join(said[key].split()) for key in asked}


def unwanted(pid: int) -> list[str]:
    """Return what is in the image and should not be."""
    root = Path(f"/proc/{pid}/root")
    files = [p.relative_to(root) for name in ("usr", "opt") for p in (root / name).rglob("*")]
    programs = [p for p in files if p.parent.name in {"bin", "sbin"} and p.name in _UNWANTED]
    return sorted(map(str, programs + [p for p in files if "tests" in p.parts]))


def check(home: Path) -> dict[str, Any]:
    """Run it all; return what was seen."""
    arrange(home)
    processes = Processes(home / "logs", [])
    kafka = Cluster.create(home / "kafka", host=ADDRESS)
    kafka.start()
    containers = Containers(home / "node", processes, "image")
    containers.start()
    containers.take([ARCHIVE])
    broker = Broker(kafka.bootstrap)
    for topic in TOPICS.values():
        broker.make(topic, 2)
    for topic in ("coral.state.v1", "coral.metrics.dlq.v1"):
        broker.make(topic, 2, cleanup_policy="compact" if "state" in topic else "delete")
    begun = time.monotonic()
    log = start(containers, home, kafka.bootstrap.split(","))
    until("ready", lambda: answer("/readyz") == 200)
    seen: dict[str, Any] = {"ready_s": round(time.monotonic() - begun, 1)}
    pid = process(containers)
    seen |= {"rights": confined(pid), "unwanted": unwanted(pid)}
    try:
        write = "open('/written', 'w')"
        containers.ctr("tasks", "exec", "--exec-id", "write", _ID, "python", "-c", write)
    except RuntimeError as error:
        seen["write_refused"] = "Read-only file system" in str(error)
    group = Path("/sys/fs/cgroup/memory/k8s.io") / _ID
    load = Load(broker, home)
    load.wait(load.recorded())
    send_hundred(broker, 2)
    seen["hundred_s"] = until("a hundred incidents", lambda: len(opened(broker)) == SYSTEMS)
    published = dict(load.published())
    seen["recorded_same_bytes"] = all(published[i] == event for i, event in load.wanted.items())
    seen["recorded_events"] = len(load.wanted)
    seen["peak_mb"] = round(int((group / "memory.max_usage_in_bytes").read_text()) / 2**20)
    resident = int((group / "memory.usage_in_bytes").read_text())
    seen["memory_mb"] = round(resident / 2**20)
    script = (ROOT / "tests" / "loaded.py").read_text()
    python = ("tasks", "exec", "--exec-id", "loaded", _ID, "python", "-P", "-c", script)
    seen["kernels"] = json.loads(containers.ctr(*python))
    seen["probes"] = {path: answer(path) for path in ("/healthz", "/readyz", "/metrics")}
    containers.ctr("tasks", "kill", "--signal", "SIGTERM", _ID)
    until("the end", lambda: '"stopped"' in log.read_text())
    lines = []
    for line in log.read_text().splitlines():
        with suppress(ValueError):
            lines.append(json.loads(line))
    seen["kernels_s"] = next(x["seconds"] for x in lines if x["event"] == "kernels_compiled")
    seen["log"] = [x["event"] for x in lines if x["event"] in ("starting", "drained", "stopped")]
    load.close()
    broker.close()
    kafka.stop()
    variables = older_cpu.environment_of(ARCHIVE)
    seen["older_cpu"] = older_cpu.seen(ARCHIVE, variables, script, home / "old")
    return seen


def wrong(seen: dict[str, Any]) -> list[str]:
    """Return what is not as it must be, in words."""
    rights = seen["rights"]
    rules = {
        "uid 10001 expected": rights["Uid"].split()[0] == "10001",
        "no capability expected": not int(rights["CapEff"], 16) and not int(rights["CapBnd"], 16),
        "no new privileges expected": rights["NoNewPrivs"] == "1",
        "seccomp's filter expected": rights["Seccomp"] == "2",
        "a read-only root expected": seen.get("write_refused", False),
        "no shell, pip, compiler, tests expected": not seen["unwanted"],
        "the events of `coral replay` expected": seen["recorded_same_bytes"],
        "no kernel to be compiled expected": not seen["kernels"]["compiled"],
        "nor on an older CPU": not seen["older_cpu"]["kernels"]["compiled"],
        "200 of all probes expected": set(seen["probes"].values()) == {200},
        "an end in good order expected": seen["log"] == ["starting", "drained", "stopped"],
        "less memory than the limit expected": seen["peak_mb"] < LIMIT / 2**20,
    }
    return [rule for rule, holds in rules.items() if not holds]


def main() -> int:
    """Run it in namespaces; the exit code says whether all is as it must be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=RESULTS / "image.json")
    parser.add_argument("--home", help=argparse.SUPPRESS)
    parser.add_argument("--commit", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.home:
        seen = check(Path(options.home))
        facts = {"machine": machine(), "versions": versions(), "commit": options.commit}
        contents = json.loads(CONTENTS.read_text())
        found = {"contents": contents, "check": seen} | facts
        options.json.write_text(json.dumps(found, indent=1) + "\n")
        for key, value in seen.items():
            sys.stdout.write(f"{key:20} {value}\n")
        problems = wrong(seen)
        sys.stdout.writelines(f"WRONG: {problem}\n" for problem in problems)
        return int(bool(problems))
    if not ARCHIVE.exists():
        sys.stderr.write("image-check: there is no image: make image\n")
        return 1
    options.json.parent.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="image-", dir=cache()))
    try:
        artifacts.jars()
        unpacked(("qemu-user-static",))
        programs = unpacked(PACKAGES)
        again = [sys.executable, *sys.argv, "--home", str(home), "--commit", commit()]
        return run_inside(programs, home, again)
    except (MissingProgramError, artifacts.MissingToolError) as error:
        sys.stderr.write(f"image-check: {error}\n")
        return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
