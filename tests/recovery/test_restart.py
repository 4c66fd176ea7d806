"""Killed anywhere, and rebuilt from its store: what is published is what would have been.

A small daemon over the in-memory broker, as `coral run` puts it together over Kafka: restore when
a partition comes, seek to the checkpoint's offset, forget when it goes.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from makers import shop_config, shop_rows

from coral.checkpoint import FileStore, Saver, capture, load, restore, save
from coral.config import SystemConfig
from coral.contract.events import INCIDENTS, decode, encode
from coral.engine import Engine
from coral.errors import ForeignCheckpointError
from coral.replay.driver import METRICS, system_of
from streams.align.aligner import Aligner
from streams.clock import ManualClock, SystemClock
from streams.codec.native import NativeCodec, encode_row
from streams.memory.broker import MemoryBroker, MemorySink, MemorySource
from streams.processing.loop import Loop, LoopPolicy
from streams.recorded import RecordedSource, Recording
from streams.records import Frame, Message, TopicPartition

ROOT = Path(__file__).parents[2]
RECORDINGS = [
    ROOT / "coral" / "recordings" / name
    for name in ("cache-outage__redis", "network-delay__payment", "pool-leak__orders")
]
NAMES = ("web:latency_p95", "db:cpu", "db:disk_io")


class Killed(BaseException):
    """The process ends here; nothing may catch it."""


class Fuse:
    """Kills at the n-th step from now."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def burn(self) -> None:
        self.steps -= 1
        if self.steps == 0:
            raise Killed


class Source(MemorySource):
    """Dies before or after a commit; ends with the log."""

    def __init__(self, broker: MemoryBroker, fuse: Fuse) -> None:
        super().__init__(broker, [METRICS], "coral", ManualClock())
        self._all, self._fuse = broker, fuse

    @property
    def exhausted(self) -> bool:
        owned = self.assignment()
        return bool(owned) and all(self.position(p) == self._all.end_offset(p) for p in owned)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._fuse.burn()
        super().commit(offsets)
        self._fuse.burn()


class Sink(MemorySink):
    """Dies before, between and after what it does."""

    def __init__(self, broker: MemoryBroker, fuse: Fuse) -> None:
        super().__init__(broker)
        self._fuse = fuse

    def send(self, *message: Any, **more: Any) -> None:
        self._fuse.burn()
        super().send(*message, **more)

    def flush(self, timeout_s: float) -> None:
        self._fuse.burn()
        super().flush(timeout_s)
        self._fuse.burn()


class Daemon:
    """One member: everything in it dies with it, but for the broker and the store."""

    def __init__(self, world: "World", fuse: Fuse) -> None:
        self.world, self.fuse = world, fuse
        self.engines: dict[str, Engine] = {}
        self.refused: list[tuple[Any, ...]] = []
        self.source = Source(world.broker, fuse)
        self.saver = Saver(world.store) if world.beside else None
        self.loop = Loop(
            self.source,
            Sink(world.broker, fuse),
            NativeCodec().decode,
            self.handle,
            lambda name: Aligner(world.systems[name].interval_s),
            ManualClock(),
            policy=LoopPolicy(max_poll_records=50, commit_records=world.every),
            checkpoint=self.checkpoint,
            restore=self.restore,
            lost=self.lost,
        )

    def engine(self, name: str) -> Engine:
        return Engine(self.world.systems[name])

    def restore(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in sorted(partitions):
            found = load(self.world.store, partition, self.refuse)
            if found is not None:
                systems = self.loop.systems
                self.engines |= restore(partition, found, systems, self.engine, self.refuse)
                self.source.seek(partition, found["offset"])

    def refuse(self, *why: Any) -> None:
        self.refused.append(why)

    def lost(self, names: Iterable[str]) -> None:
        for name in names:
            self.engines.pop(name, None)

    def handle(self, frame: Frame) -> list[Message]:
        self.fuse.burn()
        engine = self.engines.get(frame.system) or self.engine(frame.system)
        self.engines[frame.system] = engine
        key = frame.system.encode()
        return [Message(INCIDENTS, key, encode(e)) for e in engine.step(frame)]

    def checkpoint(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.fuse.burn()
        snapshots = capture(offsets, self.loop.systems, self.engines)
        self.fuse.burn()
        if self.saver is None:
            save(self.world.store, snapshots)
        elif not self.saver.busy:
            self.saver.submit(snapshots)
        self.fuse.burn()

    def end(self) -> None:
        """End as a killed process does; its thread may get its file done, or not."""
        if self.saver is not None:
            self.saver.close()
            assert self.saver.failed == 0
        self.source.close()


class World:
    """What outlives every process: broker, store, configuration."""

    def __init__(
        self, directory: Path, every: int, *, partitions: int = 1, beside: bool = False
    ) -> None:
        self.every, self.beside = every, beside
        self.systems: dict[str, SystemConfig] = {}
        self.store = FileStore(directory, keep=2)
        self.broker = MemoryBroker(ManualClock())
        self.broker.create_topic(METRICS, partitions)
        self.broker.create_topic(INCIDENTS)

    def add_recording(self, folder: Path) -> None:
        recording = Recording.open(folder)
        self.systems[recording.meta.system] = system_of(recording.meta)
        source = RecordedSource(recording, SystemClock(), None)
        while not source.exhausted:
            for record in source.poll(500, 0.0):
                self.broker.produce(METRICS, record.key, record.value)

    def add_shops(self, count: int) -> None:
        """Produce little shops of which every other one fails, dealt over the partitions."""
        rows = {f"shop{i}": shop_rows(seed=i, rows=260)[:, [0, 6, 7]] for i in range(count)}
        for name in rows:
            config = shop_config(name=name, edges=(("web", "db"),))
            self.systems[name] = config
        for t in range(260):
            for i, (name, x) in enumerate(rows.items()):
                value = encode_row(name, float(t), NAMES, x[t] if i % 2 else x[t % 200])
                partition = i % len(self.broker.partitions(METRICS))
                self.broker.produce(METRICS, name.encode(), value, partition=partition)

    def run(self, fuse: Fuse) -> bool:
        """Run one process to its end; return whether it was killed."""
        daemon = Daemon(self, fuse)
        try:
            daemon.loop.run()
        except Killed:
            return True
        finally:
            daemon.end()
            assert [] == daemon.refused
        return False

    def published(self) -> list[bytes]:
        return [record.value for record in self.broker.records(INCIDENTS)]


def check_same(expected: Sequence[bytes], found: Sequence[bytes]) -> None:
    """Nothing lost, nothing else, no id with two contents; repetitions are allowed."""
    assert expected
    assert len(expected) == len(set(expected))
    assert set(expected) == set(found)
    contents = {(decode(value).id, value) for value in found}
    assert len({name for name, _ in contents}) == len(contents)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda path: path.name)
def test_a_recorded_incident_killed_again_and_again(
    tmp_path: Path, folder: Path, beside: bool
) -> None:
    """Killed at some step, started again, killed again, till the end of the recording."""
    whole = World(tmp_path / "whole", every=25)
    whole.add_recording(folder)
    assert not whole.run(Fuse(0))
    chaos, world = random.Random(folder.name), World(tmp_path / "cut", every=25, beside=beside)
    world.add_recording(folder)
    kills = 0
    while world.run(Fuse(chaos.randint(60, 400))):
        kills += 1
    assert kills >= 3
    check_same(whole.published(), world.published())


@pytest.mark.parametrize("step", range(1, 10))
def test_killed_at_each_step_of_a_commit(tmp_path: Path, step: int) -> None:
    """After the last frame before a commit: each of the steps from there on."""
    whole, world = World(tmp_path / "whole", every=10), World(tmp_path / "cut", every=10)
    for each in (whole, world):
        each.add_shops(2)
    assert not whole.run(Fuse(0))
    fuse = 180 + step
    while world.run(Fuse(fuse)):
        fuse += 17
    check_same(whole.published(), world.published())


def test_partitions_move_between_members(tmp_path: Path) -> None:
    """Members join, die and leave; each takes over where the last checkpoint of another ends."""
    whole = World(tmp_path / "whole", every=20, partitions=4)
    world = World(tmp_path / "moved", every=20, partitions=4)
    for each in (whole, world):
        each.add_shops(6)
    assert not whole.run(Fuse(0))
    chaos = random.Random(3)
    members: list[Daemon] = []
    for _ in range(120):
        if len(members) < 3 and chaos.random() < 0.3:
            members.append(Daemon(world, Fuse(chaos.randint(200, 2000))))
        for member in [*members]:
            try:
                member.loop.run_once()
            except Killed:
                members.remove(member)
                member.end()
        if len(members) > 1 and chaos.random() < 0.1:
            member = members.pop()
            member.loop.commit()
            member.end()
    for member in members:
        member.end()
        assert [] == member.refused
    assert not world.run(Fuse(0))
    check_same(whole.published(), world.published())


def test_a_changed_grid_costs_one_system_its_state(tmp_path: Path) -> None:
    """The state of a system whose grid was changed is refused by name; the others go on."""
    world = World(tmp_path, every=20)
    world.add_shops(3)
    daemon = Daemon(world, Fuse(500))
    with pytest.raises(Killed):
        daemon.loop.run()
    daemon.end()
    world.systems["shop1"] = SystemConfig(name="shop1", interval_s=5.0)
    other = Daemon(world, Fuse(0))
    other.loop.run_once()
    assert {"shop0", "shop1", "shop2"} == other.loop.systems.aligners.keys()
    ((name, error),) = other.refused
    assert ("shop1", ForeignCheckpointError) == (name, type(error))
    assert "requires interval_s=5.0, got interval_s=1.0" in str(error)
    other.end()
