"""`coral run` on the live topic, and what arrives in its output topic."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from journal import Journal
from kafka import KafkaConsumer
from outcome import Arrival
from pipeline import SCRAPE_S, TOPIC
from stack import raise_priority
from topology import EDGES, ENTITIES

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "shop"
KPI = ("gateway:http_request_duration_seconds.p95", "gateway:http_requests_total{status=5xx}")
EVENTS = "coral.incidents.v1"


def configuration(brokers: str, state: Path) -> str:
    """Return the configuration as the documentation tells a user to write it."""
    edges = [list(edge) for edge in EDGES if edge[0] in ENTITIES]
    return f"""\
[kafka]
bootstrap_servers = ["{brokers}"]

[input.topics.{TOPIC}]
format = "prometheus_json"
system = ["{SYSTEM}"]
entity = ["{{job}}"]      # a job has two instances here: the service, and the probe of it

[systems.{SYSTEM}]
interval_s = {2 * SCRAPE_S}      # at least twice the period of the sources
lateness_s = {SCRAPE_S}      # Prometheus sends at most so long after it has scraped
kpi = {json.dumps(KPI)}
edge_semantics = "a calls b"
edges = {json.dumps(edges)}

[state]
directory = "{state}"

[http]
port = 0      # the shop may have any port
"""


class Watcher:
    """One `coral run` and a reader of its output topic.

    Parameters
    ----------
    brokers
        The Kafka.
    workdir
        For its configuration and state.
    journal
        Gets its log and the arrivals.
    """

    def __init__(self, brokers: str, workdir: Path, journal: Journal) -> None:
        self._brokers = brokers
        self._journal = journal
        self._config = workdir / "coral.toml"
        self._config.write_text(configuration(brokers, workdir / "state"))
        self._tasks: list[asyncio.Task[None]] = []
        self._process: subprocess.Popen[bytes] | None = None
        self.arrivals: list[Arrival] = []
        self.seen: dict[str, float] = {}
        """When each event of its log came first, unix s."""

    async def create_topics(self) -> None:
        """Create the topics, as `coral topics create` does."""
        command = [*_coral("topics", "create"), "--config", str(self._config)]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, env=_environment(), check=False
        )
        if done.returncode:
            raise RuntimeError(f"coral topics create: {done.stdout}{done.stderr}")

    async def start(self) -> None:
        """Start it and return when it has its partition."""
        self._process = self._spawn()
        raise_priority(self.pid)
        self._tasks.append(asyncio.create_task(self._follow_log(self._process)))
        self._tasks.append(asyncio.create_task(self._follow_events()))
        while "assigned" not in self.seen:
            self.check()
            await asyncio.sleep(0.2)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*_coral("run"), "--config", str(self._config)],
            cwd=self._config.parent,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def check(self) -> None:
        """Raise when it has ended, or a reader failed.

        Raises
        ------
        RuntimeError
            With its exit code.
        """
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                raise RuntimeError("a reader of the live run failed") from task.exception()
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"coral run ended with exit code {self._process.returncode}")

    async def _follow_log(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        while raw := await asyncio.to_thread(process.stderr.readline):
            line = raw.decode(errors="replace").rstrip()
            try:
                name = json.loads(line)["event"]
            except (ValueError, KeyError, TypeError):
                name = ""
            self.seen.setdefault(name, time.time())
            self._journal.write("coral", line, tell=name in ("warming", "watching"))

    async def _follow_events(self) -> None:
        consumer = KafkaConsumer(
            EVENTS, bootstrap_servers=self._brokers, group_id=None, auto_offset_reset="earliest"
        )
        try:
            while True:
                polled = await asyncio.to_thread(consumer.poll, 200)
                wall = time.time()
                for records in polled.values():
                    self._take(records, wall)
        finally:
            consumer.close()

    def _take(self, records: Sequence[Any], wall: float) -> None:
        for record in records:
            arrival = Arrival.of(json.loads(record.value), wall)
            first = arrival.type in ("incident.opened", "incident.resolved")
            self._journal.write("arrived", arrival.line(), tell=first)
            self.arrivals.append(arrival)

    async def stop(self) -> None:
        """End it as a supervisor does and read the rest of its log."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, 30.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _coral(*words: str) -> list[str]:
    return [sys.executable, "-m", "coral.cli.main", *words]


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200"}
