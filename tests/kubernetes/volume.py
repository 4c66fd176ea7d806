"""State in a volume: what the one replica has learned is there for the pod after it."""

import json
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from chaos import PATIENT
from daemons import contents, replayed, rows_of
from lab import Facts, Lab
from release import NotSeenError
from waves import RECORDED

from streams.kafka import KafkaSink

TOPICS = {"metrics": "volume.metrics.v1", "events": "volume.incidents.v1"}


def in_a_volume(lab: Lab) -> Facts:
    """Half of a recorded incident, another pod, the other half: the bytes of `coral replay`."""
    for topic in TOPICS.values():
        lab.broker.make(topic)
    sections = {
        "input": {"topics": {TOPICS["metrics"]: {"format": "native"}}},
        "output": {"incidents": TOPICS["events"]},
        "state": {"store": "file", "publish": "at-least-once"},
    }
    other = lab.other("coral-volume", sections)
    _make_volume(lab)
    other.apply(replicas=1)
    (name,) = other.ready()
    rows = rows_of(RECORDED)
    _send(lab, rows[: len(rows) // 2])
    other.until("a checkpoint", lambda: _committed(lab, other.name))
    (before,) = (pod["metadata"]["uid"] for pod in other.pods())
    other.kubectl("delete", "pod", name)
    other.until("another pod", lambda: before not in [p["metadata"]["uid"] for p in other.pods()])
    seconds = other.ready_after(1)
    restored = other.until("its state", lambda: other.said(name, "restored_from_checkpoint"))[0]
    _send(lab, rows[len(rows) // 2 :])
    with redirect_stdout(StringIO()):
        wanted = contents(replayed(RECORDED, lab.kafka.home))
    found = other.until("its events", lambda: _published(lab, len(wanted)))
    other.kubectl("get", "persistentvolumeclaims")
    other.helm("uninstall", other.name, "--wait")
    if found != wanted:
        raise NotSeenError(f"{len(found ^ wanted)} events differ from those of `coral replay`")
    return {"ready_again_s": seconds, "systems": restored["systems"], "events": len(wanted)}


def _make_volume(lab: Lab) -> None:
    """Make a folder of the first node a volume, for a claim that names no class."""
    folder = lab.kafka.home / "volume"
    folder.mkdir()
    node = lab.release.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    chosen = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "coral-volume"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [chosen]}]}},
        },
    }
    file = lab.kafka.home / "volume.json"
    file.write_text(json.dumps(made))
    lab.release.kubectl("apply", "-f", str(file))


def _send(lab: Lab, rows: list[bytes]) -> None:
    sink = KafkaSink(lab.broker.connection, overrides=PATIENT)
    for row in rows:
        sink.send(TOPICS["metrics"], b"shop", row, partition=0)
    sink.flush(60)
    sink.close()


def _committed(lab: Lab, group: str) -> bool:
    """Whether a group has committed anything, which it does with a checkpoint."""
    offsets = lab.broker.admin.list_group_offsets(group)[group]
    return any(held.offset > 0 for held in offsets.values())


def _published(lab: Lab, count: int) -> set[tuple[str, bytes]]:
    """What was published, once that are so many events; an event may be there twice."""
    records = lab.broker.records(TOPICS["events"])
    found = contents(record.value for record in records if record.value)
    return found if len(found) >= count else set()
