"""What is done to CORAL in a cluster, one case a function; each returns what was seen.

A case that does not see what it must raises `NotSeenError`, or what the tools it uses raise.
"""

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from everything import accepted
from lab import Facts, Lab
from refusals import denied_right, missing_topic, wrong_password
from release import NAMESPACE, NotSeenError, is_ready, process_of
from user import install, look
from volume import in_a_volume
from waves import Wave

SMALL = {"requests": {"cpu": "100m", "memory": "300Mi"}, "limits": {"memory": "512Mi"}}
# Rows are sent twelve a second, and the systems of a wave fail from row 200 on.
IN_THE_INCIDENTS_S = 19.0
TOO_SMALL = {"requests": {"cpu": "100m", "memory": "100Mi"}, "limits": {"memory": "128Mi"}}


def recorded_incident(lab: Lab) -> Facts:
    """A recorded incident goes in; the bytes that `coral replay` prints come out."""
    ids = lab.load.recorded()
    seconds = lab.load.wait(ids)
    found = dict(lab.load.published())
    different = sum(found[name] != lab.load.wanted[name] for name in ids)
    if different:
        raise NotSeenError(f"{different} of {len(ids)} events differ from those of `coral replay`")
    return {"events": len(ids), "same_bytes": True, "published_s": seconds}


def kill_9(lab: Lab) -> Facts:
    """The process of the owner is killed under load; it is started again and goes on."""
    wave = lab.load.wave()
    time.sleep(IN_THE_INCIDENTS_S)
    (pod,) = lab.release.pods()
    name = pod["metadata"]["name"]
    os.kill(process_of(pod), signal.SIGKILL)
    begun = time.monotonic()
    lab.release.until("a restart", lambda: lab.release.restarts()[name] == 1)
    lab.release.until("its checkpoint", lambda: lab.release.said(name, "restored_from_checkpoint"))
    lab.release.all_ready(1)
    seconds = round(time.monotonic() - begun, 1)
    _finish(lab, wave)
    return {"ready_again_s": seconds, "restarts": 1}


def scale(lab: Lab) -> Facts:
    """From one replica to three and to two under load: partitions move with their state."""
    wave = lab.load.wave()
    time.sleep(5)
    lab.release.kubectl("scale", "statefulset", lab.release.name, "--replicas=3")
    lab.release.all_ready(3)
    shared = lab.release.until("each to own one", lambda: _owned(lab, 3) == [1, 1, 1])
    time.sleep(5)
    lab.release.kubectl("scale", "statefulset", lab.release.name, "--replicas=2")
    lab.release.all_ready(2)
    _finish(lab, wave)
    lab.release.apply(replicas=2)  # for helm to know, and to come back to
    return {"one_partition_each": bool(shared), "owned_at_the_end": _owned(lab, 2)}


def rolling_upgrade(lab: Lab) -> Facts:
    """Another configuration under load: pods are replaced one by one, one is always there."""
    wave = lab.load.wave()
    time.sleep(8)
    before = _uids(lab)
    lab.release.config["log"] = {"level": "debug"}
    with _fewest_ready(lab) as fewest:
        seconds = lab.release.apply(replicas=2)
    lab.release.all_ready(2)
    _finish(lab, wave)
    _replaced(lab, before, fewest[0])
    return {"upgrade_s": seconds, "fewest_ready": fewest[0]}


def rollback(lab: Lab) -> Facts:
    """The revision before it is put back under load."""
    wave = lab.load.wave()
    time.sleep(8)
    before, begun = _uids(lab), time.monotonic()
    with _fewest_ready(lab) as fewest:
        lab.release.helm("rollback", lab.release.name, "--wait", "--timeout", "120s")
        lab.release.until("the pods to be replaced", lambda: _up_to_date(lab))
    lab.release.all_ready(2)
    lab.release.config.pop("log", None)
    seconds = round(time.monotonic() - begun, 1)
    _finish(lab, wave)
    _replaced(lab, before, fewest[0])
    return {"rollback_s": seconds, "fewest_ready": fewest[0]}


def evict(lab: Lab) -> Facts:
    """A pod is deleted without grace under load, as when its node is lost."""
    wave = lab.load.wave()
    time.sleep(IN_THE_INCIDENTS_S)
    meta = lab.release.pods()[0]["metadata"]
    begun = time.monotonic()
    lab.release.kubectl("delete", "pod", meta["name"], "--grace-period=0", "--force")

    def gone() -> bool:
        return meta["uid"] not in [pod["metadata"]["uid"] for pod in lab.release.pods()]

    lab.release.until("another pod", gone)
    lab.release.all_ready(2)
    seconds = round(time.monotonic() - begun, 1)
    _finish(lab, wave)
    return {"ready_again_s": seconds}


def drain(lab: Lab) -> Facts:
    """A node is drained under load: the budget lets its pods go one by one."""
    wave = lab.load.wave()
    time.sleep(5)
    node = lab.release.pods()[0]["spec"]["nodeName"]
    on_it = sum(pod["spec"]["nodeName"] == node for pod in lab.release.pods())
    begun = time.monotonic()
    with _fewest_ready(lab) as fewest:
        lab.release.kubectl(
            *("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s")
        )
        lab.release.all_ready(2)
    seconds = round(time.monotonic() - begun, 1)
    left = [pod["spec"]["nodeName"] for pod in lab.release.pods()]
    lab.release.kubectl("get", "pods", "-o", "wide")
    lab.release.kubectl("uncordon", node)
    _finish(lab, wave)
    if node in left or fewest[0] < 1:
        raise NotSeenError(f"after the drain of {node}: pods on {left}, fewest ready {fewest[0]}")
    return {"pods_on_it": on_it, "drain_s": seconds, "fewest_ready": fewest[0]}


def budget_refuses(lab: Lab) -> Facts:
    """While one pod is away, the eviction of the other is refused."""
    nodes = lab.release.kubectl("get", "nodes", "-o", "name", quiet=True).split()
    for node in nodes:
        lab.release.kubectl("cordon", node.removeprefix("node/"))
    first, second = (pod["metadata"]["name"] for pod in lab.release.pods())
    try:
        _evict(lab, first)
        lab.release.until("one pod to be away", lambda: len(lab.release.ready()) == 1)
        try:
            _evict(lab, second)
        except RuntimeError as error:
            refusal = str(error).strip().rpartition("`: ")[2]
        else:
            raise NotSeenError("the second eviction was not refused")
    finally:
        for node in nodes:
            lab.release.kubectl("uncordon", node.removeprefix("node/"))
    lab.release.all_ready(2)
    return {"refused_with": refusal}


def broker_away(lab: Lab) -> Facts:
    """The broker stands still for half a minute: no probe ends a pod, and then all goes on.

    A member whose transaction was open for longer than its session ends itself: it was put out.
    """
    wave = lab.load.wave()
    time.sleep(5)
    before = lab.release.restarts()
    (broker,) = (int(file.read_text()) for file in lab.kafka.home.glob("node-*.pid"))
    os.kill(broker, signal.SIGSTOP)
    try:
        time.sleep(30)
        answers = [_asked(pod, "/healthz") for pod in lab.release.pods()]
        during = lab.release.restarts()
    finally:
        os.kill(broker, signal.SIGCONT)
    _finish(lab, wave)
    lab.release.all_ready(2)
    ended = [name for name, count in lab.release.restarts().items() if count > before[name]]
    last_lines = [lab.release.log(name, "--previous")[-1] for name in ended]
    reasons = [str(line.get("reason", line)) for line in last_lines]
    strange = [reason for reason in reasons if not reason.startswith("transaction not committed")]
    if during != before or answers != [200, 200] or strange:
        raise NotSeenError(f"restarts {before}, {during}; /healthz {answers}; ended: {reasons}")
    return {"away_s": 30, "healthz": answers, "put_out": len(reasons)}


def out_of_memory(lab: Lab) -> Facts:
    """A limit that is too small kills one pod; others go on, and with the old limit so does it."""
    wave = lab.load.wave()
    lab.release.apply(wait=False, replicas=2, resources=TOO_SMALL)

    def killed() -> str:
        ends = [
            state["terminated"]["reason"]
            for pod in lab.release.pods()
            for status in pod["status"].get("containerStatuses", ())
            for state in (status["state"], status["lastState"])
            if "terminated" in state
        ]
        return "OOMKilled" if "OOMKilled" in ends else ""

    reason = lab.release.until("OOMKilled", killed)
    others = len(lab.release.ready())
    lab.release.kubectl("get", "pods")
    lab.release.apply(wait=False, replicas=2, resources=SMALL)
    with suppress(NotSeenError):
        lab.release.until("pods of the old limit", lambda: _up_to_date(lab), 45)
    if not _up_to_date(lab):  # a pod that never got ready holds the update up until it is deleted
        for pod in lab.release.pods():
            if not is_ready(pod):
                lab.release.kubectl("delete", "pod", pod["metadata"]["name"])
    lab.release.all_ready(2)
    _finish(lab, wave)
    return {"reason": reason, "others_ready": others}


CASES: Mapping[str, Callable[[Lab], Facts]] = {
    "install by helm": install,
    "a recorded incident": recorded_incident,
    "a look at it": look,
    "kill -9": kill_9,
    "scale 1, 3, 2": scale,
    "rolling upgrade": rolling_upgrade,
    "rollback": rollback,
    "pod deleted at once": evict,
    "node drained": drain,
    "eviction refused": budget_refuses,
    "broker away": broker_away,
    "all it can make": accepted,
    "state in a volume": in_a_volume,
    "wrong password": wrong_password,
    "missing topic": missing_topic,
    "denied right": denied_right,
    "out of memory": out_of_memory,
}


def _finish(lab: Lab, wave: Wave) -> None:
    wave.sent()
    lab.load.wait(wave.ids)


def _owned(lab: Lab, replicas: int) -> list[int]:
    """How many partitions each replica owns, by its own log."""
    counts = []
    for pod in lab.release.pods()[:replicas]:
        assigned = lab.release.said(pod["metadata"]["name"], "assigned")
        counts.append(len(assigned[-1]["partitions"]) if assigned else 0)
    return sorted(counts)


def _up_to_date(lab: Lab) -> bool:
    """Whether all pods are of the newest revision and ready."""
    form = "{.status.updateRevision} {.status.currentRevision} {.status.readyReplicas}"
    form += " {.status.updatedReplicas} {.spec.replicas}"
    shown = lab.release.kubectl(
        *("get", "statefulset", lab.release.name, "-o", f"jsonpath={form}"), quiet=True
    ).split()
    return len(shown) == 5 and shown[0] == shown[1] and shown[2] == shown[4]


def _uids(lab: Lab) -> set[str]:
    """Identities of the pods: one that was replaced has another."""
    return {pod["metadata"]["uid"] for pod in lab.release.pods()}


def _replaced(lab: Lab, before: set[str], fewest: int) -> None:
    """Raise unless every pod was replaced while another was ready."""
    left = before & _uids(lab)
    if left or fewest < 1:
        raise NotSeenError(f"{len(left)} pods were not replaced; fewest ready: {fewest}")


@contextmanager
def _fewest_ready(lab: Lab) -> Iterator[list[int]]:
    """Count the pods that are ready, twice a second; the fewest stands in what is yielded."""
    fewest, over = [len(lab.release.ready())], threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            with suppress(RuntimeError):
                fewest[0] = min(fewest[0], len(lab.release.ready()))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield fewest
    finally:
        over.set()
        thread.join()


def _asked(pod: Mapping[str, Any], path: str) -> int:
    """The status that a pod answers with."""
    try:
        with urllib.request.urlopen(
            f"http://{pod['status']['podIP']}:8080{path}", timeout=10
        ) as got:
            return int(got.status)
    except urllib.error.HTTPError as error:
        return error.code


def _evict(lab: Lab, pod: str) -> None:
    """Ask the API server to evict a pod, as a drain does, once."""
    asked = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": NAMESPACE},
    }
    file = lab.kafka.home / "eviction.json"
    file.write_text(json.dumps(asked))
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction"
    lab.release.kubectl("create", "--raw", path, "-f", str(file))
