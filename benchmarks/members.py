"""`coral run` as real processes on a real broker, for benchmarks: start, feed, watch, stop."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.request import urlopen
from uuid import uuid4

from common import ROOT
from kafka import KafkaConsumer
from kafka import TopicPartition as TopicPart

from coral.contract.events import Event, decode
from streams.codec.values import parse_rfc3339
from streams.kafka import KafkaConnection, KafkaSink, KafkaSource, topics
from streams.records import Record, TopicPartition

PATIENCE_S = 60.0
OPENED = "io.coral.incident.opened.v1"
IDLE_CORES = 0.2
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# The broker's clock stamps what is written and what is published: one clock, no clients in it.
READY_S = 600.0  # with all kernels to compile, on a busy machine
APPENDED = {"message.timestamp.type": "LogAppendTime"}


class Told(NamedTuple):
    """An event that opens an incident, and when the broker stored it."""

    event: Event
    stored: float  # unix s

    @property
    def time(self) -> float:
        """Event time of the row that led to it, unix s."""
        found = parse_rfc3339(self.event.data.now)
        assert found is not None  # noqa: S101 - CORAL has written it
        return found


def pin(pid: int, cores: Iterable[int]) -> None:
    """Keep a process with all its threads on some cores."""
    chosen = set(cores)
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), chosen)


class Member:
    """One `coral run`.

    Parameters
    ----------
    config, log : Path
    core : int
        It is pinned to.
    environment : mapping, optional
        Beside that of this process.

    Attributes
    ----------
    log : Path
        A process with the same one goes on from the state of this one.
    started : float
        Unix seconds.
    """

    def __init__(
        self, config: Path, log: Path, core: int, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log, self.started = log, time.time()
        own = f"state.directory={log.with_suffix('')}"  # one process each
        command = [
            sys.executable,
            "-m",
            "coral.cli.main",
            "run",
            "--config",
            str(config),
            "--set",
            own,
            "--set",
            "http.port=0",
        ]
        with log.open("w") as file:
            held = os.environ | dict(environment or {})
            self._process = subprocess.Popen(command, stderr=file, cwd=ROOT, env=held)
        pin(self._process.pid, {core})

    def cpu_s(self) -> float:
        """CPU seconds so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def starved_s(self) -> float:
        """Seconds so far, over all threads, of being able to run without getting a core."""
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[1]) for task in tasks) / 1e9

    def rss_mb(self) -> float:
        """Resident memory."""
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) / 1024

    def peak_mb(self) -> float:
        """Most resident memory since this was last asked, at first since the start."""
        home = Path(f"/proc/{self._process.pid}")
        text = (home / "status").read_text()
        (home / "clear_refs").write_text("5")
        return int(text.partition("VmHWM:")[2].split()[0]) / 1024

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of its log that tell this event."""
        self.check()
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["event"] == event]

    def answer(self, path: str) -> bytes | None:
        """Return what it answers at an address; None while it does not, or says no."""
        for line in self.told("listening"):
            with suppress(OSError), urlopen(line["address"] + path, timeout=10) as answer:  # noqa: S310
                return bytes(answer.read())
        return None

    def ready(self) -> float:
        """Return the seconds from its start to its being ready, when it is."""
        while self.answer("/readyz") is None:
            if time.time() > self.started + READY_S:
                raise TimeoutError(f"not ready within {READY_S:g} s")
            time.sleep(0.05)
        return time.time() - self.started

    def judged(self, rows: int) -> None:
        """Return when it has judged so many rows."""
        while (told := self.answer("/api/v1/status")) is None or json.loads(told)["rows"] < rows:
            time.sleep(0.5)

    def partitions(self) -> int:
        """Return the number of partitions it was given last, as its log tells."""
        assigned = [line["partitions"] for line in self.told("assigned")]
        return len(assigned[-1]) if assigned else 0

    def check(self) -> None:
        """Raise if it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"`coral run` ended:\n{self.log.read_text()[-3000:]}")

    def stop_clock(self) -> None:
        """Stand still until `go_on`."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Go on after `stop_clock`."""
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """End it in good order."""
        self.go_on()
        self._process.terminate()
        self._process.wait(60)


class Group:
    """A consumer group of `coral run` with topics of its own.

    Parameters
    ----------
    address : str
        Broker.
    home : Path
        For configuration, logs and checkpoints.
    kpi : str
        Health signal of every system.
    cores : list of int
        One member for each, pinned to it.
    partitions : int
        Of the input topic.
    more : str
        Further lines of the configuration; `{states}` is a topic for state.
    """

    def __init__(
        self, address: str, home: Path, kpi: str, cores: list[int], partitions: int, more: str = ""
    ) -> None:
        self.name = name = f"bench-{uuid4().hex[:12]}"
        self.connection = KafkaConnection(address)
        self.rows, self.events, self.states = (f"{name}-{of}" for of in ("rows", "events", "state"))
        topics.create(
            self.connection,
            [
                topics.TopicSpec(self.rows, partitions, APPENDED),
                topics.TopicSpec(self.events, 1, APPENDED),
                topics.TopicSpec(f"{name}-letters"),
                topics.state_topic(self.states, partitions),
            ],
        )
        self.config = home / f"{name}.toml"
        self.config.write_text(
            f'kafka.bootstrap_servers = ["{address}"]\nkafka.group_id = "{name}"\n'
            # Members stand still while their input is written.
            "kafka.session_timeout_s = 120\n"
            f"{more.format(states=self.states)}"
            f'input.topics."{self.rows}".format = "native"\n'
            f'output.incidents = "{self.events}"\noutput.dead_letters = "{name}-letters"\n'
            f'systems."*" = {{ interval_s = 1, kpi = ["{kpi}"] }}\n'
        )
        self.sink = KafkaSink(self.connection)
        self._seen = KafkaSource(self.connection, [self.events], f"{name}-seen")
        self.members = [Member(self.config, home / f"{name}-{core}.log", core) for core in cores]
        self.partitions = partitions
        self.cpu: list[tuple[float, float]] = []  # clock, CPU seconds of all members

    def joined(self) -> None:
        """Return when the partitions are shared out evenly."""
        even = self.partitions // len(self.members)
        deadline = time.monotonic() + PATIENCE_S
        while not all(member.partitions() == even for member in self.members):
            if time.monotonic() > deadline:
                raise TimeoutError(f"members have not joined within {PATIENCE_S:g} s")
            time.sleep(0.1)

    def write_one(self, partition: int, key: bytes, row: bytes) -> None:
        """Write a row; it goes out by itself."""
        self.sink.send(self.rows, key, row, partition=partition)

    def write(self, rows: Iterable[tuple[int, bytes, bytes]]) -> None:
        """Write partition, key and row of each."""
        for row in rows:
            self.write_one(*row)
        self.sink.flush(60)

    def told(self, enough: Callable[[list[Told]], bool], patience_s: float) -> list[Told]:
        """Return the events told, when they are enough or nothing has come for a while."""
        found: list[Told] = []
        deadline = time.monotonic() + PATIENCE_S
        while not enough(found) and time.monotonic() < deadline:
            for record in self._seen.poll(500, 0.1):
                deadline = time.monotonic() + patience_s
                event = decode(record.value)
                if event.type == OPENED:
                    found.append(Told(event, record.timestamp_ms / 1e3))
            for member in self.members:
                member.check()
            self.cpu.append((time.time(), self.cpu_s()))
        return found

    def cpu_s(self) -> float:
        """CPU seconds of all members so far."""
        return sum(member.cpu_s() for member in self.members)

    def load(self, seconds: float) -> float:
        """Return the CPU seconds a second of all members, for the next while."""
        before, clock = self.cpu_s(), time.monotonic()
        time.sleep(seconds)
        return (self.cpu_s() - before) / (time.monotonic() - clock)

    def catch_up(self) -> None:
        """Return when the members have nothing left to do."""
        while self.load(1.0) > IDLE_CORES * len(self.members):
            for member in self.members:
                member.check()

    def caught_up(self, patience_s: float) -> None:
        """Return when the members have committed all rows, and so stored what follows of them."""
        asked = KafkaConsumer(**self.connection.options(), group_id=self.name)
        ends = asked.end_offsets([TopicPart(self.rows, i) for i in range(self.partitions)])
        deadline = time.monotonic() + patience_s
        while any((asked.committed(part) or 0) < end for part, end in ends.items()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"rows are left after {patience_s:g} s")
            for member in self.members:
                member.check()
            time.sleep(1.0)
        asked.close()

    def appended(self, since: float, topic: str | None = None) -> Iterator[Record]:
        """Yield what was appended since then, rows if no other topic is named."""
        topic = topic or self.rows
        source = KafkaSource(self.connection, [topic], f"{topic}-read")
        try:
            while not source.assignment():
                source.poll(1, 0.5)
            ends: dict[TopicPartition, int] = {}
            for partition in source.assignment():
                ends[partition] = source.end_offset(partition)
                source.seek(partition, source.offset_at(partition, since) or ends[partition])
            while any(source.position(p) < end for p, end in ends.items()):
                yield from source.poll(2000, 0.5)
        finally:
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.close()
        self._seen.close()
        self.sink.close()


@contextmanager
def standing_still(group: Group) -> Iterator[None]:
    """Hold the members, all of whose input is written meanwhile."""
    for member in group.members:
        member.stop_clock()
    try:
        yield
    finally:
        for member in group.members:
            member.go_on()
