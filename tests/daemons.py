"""`coral run` as a process of its own, recordings as its input, and what it must publish."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import kafka as client
import numpy as np
from kafkas import Broker

from coral.cli.main import main
from coral.contract.events import decode
from streams.clock import SystemClock
from streams.codec import encode_row
from streams.recorded import RecordedSource, Recording

BUNDLED = Path(str(files("coral") / "recordings"))
PATIENCE_S = 240


def renamed(folder: Path, name: str, home: Path) -> Path:
    """A copy of a recording with another system."""
    copy = home / name
    shutil.copytree(folder, copy)
    labels = json.loads((copy / "incident.json").read_text())
    (copy / "incident.json").write_text(json.dumps(labels | {"system": name}))
    return copy


def rows_of(folder: Path) -> list[bytes]:
    """Its native rows, and one of a minute later that closes the last tick."""
    recording = Recording.open(folder)
    source, rows = RecordedSource(recording, SystemClock(), None), []
    while not source.exhausted:
        rows += [record.value for record in source.poll(500, 0.0)]
    last = json.loads(rows[-1])["timestamp"]
    nothing = np.full(len(recording.names), np.nan)
    return [*rows, encode_row(recording.meta.system, last + 60.0, recording.names, nothing)]


def replayed(folder: Path, home: Path) -> list[bytes]:
    """The events of `coral replay`, byte by byte."""
    out = home / f"{folder.name}.ndjson"
    assert main(["replay", str(folder), "--out", str(out)]) == 0
    return out.read_bytes().splitlines()


def as_toml(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield a line for each value of nested tables."""
    for key, value in table.items():
        at = (*path, json.dumps(key))
        if isinstance(value, dict):
            yield from as_toml(value, at)
        else:
            yield f"{'.'.join(at)} = {json.dumps(value)}\n"


class Member(subprocess.Popen[bytes]):
    """A process whose log goes to a file."""

    log: Path


class World:
    """Topics and a configuration, around any number of processes."""

    def __init__(
        self,
        kafka: Broker,
        home: Path,
        store: str = "file",
        publish: str = "at-least-once",
        partitions: int = 1,
        systems: Mapping[str, Any] | None = None,
    ) -> None:
        self.kafka, self.home = kafka, home
        self.metrics = kafka.topic(partitions)
        self.events, self.letters = kafka.topic(), kafka.topic()
        self.states = kafka.topic(2, cleanup_policy="compact")
        self.group = f"group-{uuid4()}"
        if systems is None:
            meta = Recording.open(BUNDLED / "pool-leak__orders").meta
            systems = {"*": {"interval_s": meta.interval_s, "kpi": meta.kpi, "edges": meta.edges}}
        config = {
            "kafka": {
                "bootstrap_servers": kafka.connection.bootstrap.split(","),
                "group_id": self.group,
                "session_timeout_s": 6,
            },
            "input": {"topics": {self.metrics: {"format": "native"}}},
            "output": {"incidents": self.events, "dead_letters": self.letters},
            "state": {
                "store": store,
                "publish": publish,
                "directory": str(home / "state"),
                "topic": self.states,
                "interval_s": 0.3,
                "instance": f"instance-{uuid4()}",
            },
            "systems": systems,
            "http": {"port": 0},
        }
        self.config = home / "coral.toml"
        self.config.write_text("".join(as_toml(config)))
        self.sink = kafka.sink()
        self._processes: list[Member] = []

    def put(self, rows: Iterable[bytes], key: bytes = b"shop", partition: int = 0) -> None:
        """Write rows into one partition."""
        for row in rows:
            self.sink.send(self.metrics, key, row, partition=partition)
        self.sink.flush(60)

    def start(
        self,
        *arguments: str,
        command: str = "run",
        program: Sequence[str] = ("-m", "coral.cli.main"),
        **environment: str,
    ) -> Member:
        """A new process; its log goes to a file."""
        log = self.home / f"log-{uuid4()}"
        words = [sys.executable, *program, command, "--config", str(self.config), *arguments]
        with log.open("w") as file:
            process = Member(words, stderr=file, env=os.environ | environment)
        process.log = log
        self._processes.append(process)
        return process

    def close(self) -> None:
        """End what still runs."""
        for process in self._processes:
            process.kill()
            process.wait()

    def behind(self, group: str | None = None) -> int:
        """Records of the metrics that the group has not committed yet."""
        options = self.kafka.connection.options()
        consumer = client.KafkaConsumer(**options, group_id=group or self.group)
        numbers = consumer.partitions_for_topic(self.metrics)
        ends = consumer.end_offsets([client.TopicPartition(self.metrics, n) for n in numbers])
        behind: int = sum(end - (consumer.committed(tp) or 0) for tp, end in ends.items())
        consumer.close()
        return behind

    def caught_up(self, process: Member, unseen: int = 0) -> None:
        """Wait until the group has committed, and so stored a checkpoint of, every record.

        `unseen` control records at the end of the partitions are never committed.
        """
        deadline = time.monotonic() + PATIENCE_S
        while self.behind() > unseen:
            assert process.poll() is None, logged(process)
            assert time.monotonic() < deadline, logged(process)
            time.sleep(0.2)

    def published(self) -> list[bytes]:
        """Events that a reader of committed messages sees."""
        return [record.value for record in self.kafka.records(self.events) if record.value]

    def wait_for(self, process: Member, reached: Callable[[list[bytes]], object]) -> list[bytes]:
        """Return what is published as soon as `reached` says yes to it."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = self.published()
            if reached(found):
                return found
            assert process.poll() is None, logged(process)
            time.sleep(0.2)
        raise AssertionError(f"{len(found)} events; {logged(process)}")


def stopped(process: Member) -> tuple[int, list[dict[str, Any]]]:
    """Send SIGTERM; return the exit code and the log."""
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    return code, logged(process)


def logged(process: Member) -> list[dict[str, Any]]:
    """The lines of the log."""
    lines = []
    for line in process.log.read_text().splitlines():
        with suppress(ValueError):
            lines.append(json.loads(line))
    return lines


def logged_event(process: Member, event: str) -> list[dict[str, Any]]:
    """Wait for an event of the log, and return all lines with it so far."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = [line for line in logged(process) if line["event"] == event]
        if found:
            return found
        assert process.poll() is None, logged(process)
        assert time.monotonic() < deadline, (event, logged(process))
        time.sleep(0.2)


def contents(values: Iterable[bytes]) -> set[tuple[str, bytes]]:
    """Ids and what they say; an id with two contents shows as two entries."""
    return {(decode(value).id, value) for value in values}
