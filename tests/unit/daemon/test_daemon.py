"""The daemon between the in-memory broker and a directory: what is kept with a partition."""

import threading
from collections.abc import MutableMapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from typed import there

from coral import checkpoint
from coral.checkpoint import FileStore
from coral.checkpoint.envelope import encode
from coral.daemon.daemon import Daemon
from coral.daemon.log import configure
from coral.settings import Settings, load
from streams.clock import ManualClock
from streams.memory.broker import MemoryBroker, MemorySink, MemorySource
from streams.records import TopicPartition

TOPIC = "telegraf"
ROWS = 120


@pytest.fixture
def broker() -> MemoryBroker:
    """Counters and gauges of two hosts as Telegraf writes them; each host is a system."""
    made = MemoryBroker(ManualClock())
    made.create_topic(TOPIC, 2)
    for topic in ("coral.incidents.v1", "coral.metrics.dlq.v1"):
        made.create_topic(topic)
    rng = np.random.default_rng(0)
    received = np.cumsum(rng.integers(0, 1000, (ROWS, 2)), axis=0)
    for t in range(ROWS):
        for i in range(2):
            counted, idle = received[t, i], 90 + rng.normal()
            stamp = (1_700_000_000 + t) * 10**9
            lines = (
                f"net,host=h{i} bytes_recv={counted}i {stamp}\ncpu,host=h{i} idle={idle} {stamp}"
            )
            made.produce(TOPIC, b"k", lines.encode(), partition=i)
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "coral.toml"
    file.write_text(
        f"""
        [input.topics.{TOPIC}]
        format = "influx"
        system = ["{{host}}"]
        [systems."*"]
        interval_s = 1
        """
    )
    return load(file).settings


def read_all(daemon: Daemon, count: int) -> bool:
    return daemon.loop.records >= count


def run(settings: Settings, broker: MemoryBroker, directory: Path, counts: list[int]) -> None:
    """Run a process for each count, up to so many records in all, each from the last's state."""
    done = 0
    for count in counts:
        source = MemorySource(broker, [TOPIC], "coral", ManualClock())
        store = FileStore(directory)
        daemon = Daemon(settings, source, MemorySink(broker), store, ManualClock(), lambda: None)
        daemon.run(partial(read_all, daemon, count - done))
        source.close()
        done = count


def refused(name: str, error: Exception) -> None:
    pytest.fail(f"{name} was refused: {error}")


def stored(directory: Path) -> list[bytes]:
    """The newest checkpoint of both partitions, as bytes."""
    found = [
        there(checkpoint.load(FileStore(directory), TopicPartition(TOPIC, p), refused))
        for p in (0, 1)
    ]
    return [encode("k", snapshot) for snapshot in found]


def test_a_decoder_goes_on_where_it_was(
    settings: Settings, broker: MemoryBroker, tmp_path: Path
) -> None:
    """Rates after a restart are those of a process that never ended, to the last byte."""
    run(settings, broker, tmp_path / "whole", [2 * ROWS])
    again = MemoryBroker(ManualClock())
    for topic, partitions in ((TOPIC, 2), ("coral.incidents.v1", 1), ("coral.metrics.dlq.v1", 1)):
        again.create_topic(topic, partitions)
    for record in broker.records(TOPIC):
        again.produce(TOPIC, record.key, record.value, partition=record.partition)
    run(settings, again, tmp_path / "cut", [77, 78, 2 * ROWS - 40, 2 * ROWS])

    assert stored(tmp_path / "whole") == stored(tmp_path / "cut")


def test_a_decoder_of_another_mapping_starts_anew(
    settings: Settings, broker: MemoryBroker, tmp_path: Path, logged: list[MutableMapping[str, Any]]
) -> None:
    """What it remembered is refused by name; the systems go on."""
    run(settings, broker, tmp_path, [100])
    flag = f"input.topics.{TOPIC}.format=native"
    native = load(None, {}, [flag, 'systems."*".interval_s=1']).settings
    run(native, broker, tmp_path, [100])

    assert {"restored_from_checkpoint", "dropped_so_far"} <= {line["event"] for line in logged}


class HeldUp(FileStore):
    """A disk that takes its time."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.free = threading.Event()

    def save(self, key: str, data: bytes) -> None:
        self.free.wait()
        super().save(key, data)


def test_the_group_never_moves_beyond_what_is_stored(
    settings: Settings, broker: MemoryBroker, tmp_path: Path
) -> None:
    """A process killed while its first checkpoint is on the way to the disk is not overtaken."""
    source, store = MemorySource(broker, [TOPIC], "coral", ManualClock()), HeldUp(tmp_path)
    daemon = Daemon(settings, source, MemorySink(broker), store, ManualClock(), lambda: None)
    daemon.loop.run_once()
    daemon.loop.commit()
    daemon.loop.run_once()
    owned = sorted(source.assignment())
    during = [source.committed(partition) for partition in owned]
    store.free.set()
    daemon.run(lambda: True)
    kept = [there(checkpoint.load(store, partition, refused))["offset"] for partition in owned]

    assert [None, None] == during
    assert [source.committed(partition) for partition in owned] == kept == [ROWS, ROWS]


def test_a_checkpoint_is_one_line(
    settings: Settings, broker: MemoryBroker, tmp_path: Path, logged: list[MutableMapping[str, Any]]
) -> None:
    """Where its partitions are, and what it took; for whoever looks closely."""
    run(settings, broker, tmp_path, [2 * ROWS])
    (line,) = [line for line in logged if line["event"] == "checkpoint_committed"]

    assert "debug" == line["log_level"]
    assert {f"{TOPIC}[0]": ROWS, f"{TOPIC}[1]": ROWS} == line["partitions"]
    assert sum(map(len, stored(tmp_path))) == pytest.approx(line["bytes"], rel=0.1)
    assert line["seconds"] >= 0


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("coral.engine.Engine.step", ["system=h", "at=2023-11-14T22:13:20Z"]),
        ("streams.codec.LabelledCodec.decode", [f"partition={TOPIC}[", "offset=0"]),
    ],
)
@pytest.mark.usefixtures("log_put_back")
def test_a_crash_says_where_it_was(
    settings: Settings,
    broker: MemoryBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    broken: str,
    expected: list[str],
) -> None:
    """Whoever reads the one line of a crash knows whose data to look at."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, fail)
    configure("info", "text")
    with pytest.raises(ZeroDivisionError):
        run(settings, broker, tmp_path, [2 * ROWS])

    structlog.stdlib.get_logger("coral.daemon.service").critical("crashed")
    line = capsys.readouterr().err.splitlines()[-1]

    assert [] == [words for words in expected if words not in line]
