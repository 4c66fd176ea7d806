"""Killed anywhere, and rebuilt from its store: what is published is what would have been.

A small daemon over the in-memory broker, as `coral run` puts it together over Kafka: restore when
a partition comes, seek to the checkpoint's offset, forget when it goes.
"""

import random
from pathlib import Path

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
from streams.records import Message

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

    def __init__(self, steps):
        self.steps = steps

    def burn(self):
        self.steps -= 1
        if self.steps == 0:
            raise Killed


class Source(MemorySource):
    """Dies before or after a commit; ends with the log."""

    def __init__(self, broker, fuse):
        super().__init__(broker, [METRICS], "coral", ManualClock())
        self._all, self._fuse = broker, fuse

    @property
    def exhausted(self):
        owned = self.assignment()
        return bool(owned) and all(self.position(p) == self._all.end_offset(p) for p in owned)

    def commit(self, offsets):
        self._fuse.burn()
        super().commit(offsets)
        self._fuse.burn()


class Sink(MemorySink):
    """Dies before, between and after what it does."""

    def __init__(self, broker, fuse):
        super().__init__(broker)
        self._fuse = fuse

    def send(self, *message):
        self._fuse.burn()
        super().send(*message)

    def flush(self, timeout_s):
        self._fuse.burn()
        super().flush(timeout_s)
        self._fuse.burn()


class Daemon:
    """One member: everything in it dies with it, but for the broker and the store."""

    def __init__(self, world, fuse):
        self.world, self.fuse, self.engines, self.refused = world, fuse, {}, []
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

    def engine(self, name):
        return Engine(self.world.systems[name])

    def restore(self, partitions):
        for partition in sorted(partitions):
            found = load(self.world.store, partition, self.refuse)
            if found is not None:
                systems = self.loop.systems
                self.engines |= restore(partition, found, systems, self.engine, self.refuse)
                self.source.seek(partition, found["offset"])

    def refuse(self, *why):
        self.refused.append(why)

    def lost(self, names):
        for name in names:
            self.engines.pop(name, None)

    def handle(self, frame):
        self.fuse.burn()
        engine = self.engines.get(frame.system) or self.engine(frame.system)
        self.engines[frame.system] = engine
        key = frame.system.encode()
        return [Message(INCIDENTS, key, encode(e)) for e in engine.step(frame)]

    def checkpoint(self, offsets):
        self.fuse.burn()
        snapshots = capture(offsets, self.loop.systems, self.engines)
        self.fuse.burn()
        if self.saver is None:
            save(self.world.store, snapshots)
        elif not self.saver.busy:
            self.saver.submit(snapshots)
        self.fuse.burn()

    def end(self):
        """End as a killed process does; its thread may get its file done, or not."""
        if self.saver is not None:
            self.saver.close()
            assert self.saver.failed == 0
        self.source.close()


class World:
    """What outlives every process: broker, store, configuration."""

    def __init__(self, directory, every, *, partitions=1, beside=False):
        self.every, self.beside = every, beside
        self.systems = {}
        self.store = FileStore(directory, keep=2)
        self.broker = MemoryBroker(ManualClock())
        self.broker.create_topic(METRICS, partitions)
        self.broker.create_topic(INCIDENTS)

    def add_recording(self, folder):
        recording = Recording.open(folder)
        self.systems[recording.meta.system] = system_of(recording.meta)
        source = RecordedSource(recording, SystemClock(), None)
        while not source.exhausted:
            for record in source.poll(500, 0.0):
                self.broker.produce(METRICS, record.key, record.value)

    def add_shops(self, count):
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

    def run(self, fuse):
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

    def published(self):
        return [record.value for record in self.broker.records(INCIDENTS)]


def check_same(expected, found):
    """Nothing lost, nothing else, no id with two contents; repetitions are allowed."""
    assert expected
    assert len(expected) == len(set(expected))
    assert set(expected) == set(found)
    contents = {(decode(value).id, value) for value in found}
    assert len({name for name, _ in contents}) == len(contents)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda path: path.name)
def test_a_recorded_incident_killed_again_and_again(tmp_path, folder, beside):
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
def test_killed_at_each_step_of_a_commit(tmp_path, step):
    """After the last frame before a commit: each of the steps from there on."""
    whole, world = World(tmp_path / "whole", every=10), World(tmp_path / "cut", every=10)
    for each in (whole, world):
        each.add_shops(2)
    assert not whole.run(Fuse(0))
    fuse = 180 + step
    while world.run(Fuse(fuse)):
        fuse += 17
    check_same(whole.published(), world.published())


def test_partitions_move_between_members(tmp_path):
    """Members join, die and leave; each takes over where the last checkpoint of another ends."""
    whole = World(tmp_path / "whole", every=20, partitions=4)
    world = World(tmp_path / "moved", every=20, partitions=4)
    for each in (whole, world):
        each.add_shops(6)
    assert not whole.run(Fuse(0))
    chaos, members = random.Random(3), []
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


def test_a_changed_grid_costs_one_system_its_state(tmp_path):
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
