"""Work for `coral run` that goes on while somebody breaks things, and what must come out of it."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from daemons import Member, World, logged
from failing import KILL
from kafkas import Broker
from makers import EDGES, NAMES, shop_rows

from coral.config import SystemConfig
from coral.contract.events import decode, encode
from coral.engine import Engine
from streams.align.aligner import Aligner
from streams.codec import NativeCodec, encode_row
from streams.kafka import KafkaSink
from streams.records import Record

FAILING = Path(__file__).with_name("failing.py")
SETTINGS: dict[str, Any] = {"interval_s": 1.0, "kpi": ["web:latency_p95"], "edges": EDGES}
QUICK = ("--set", "kafka.session_timeout_s=3")
PATIENT = {"linger_ms": 0, "max_block_ms": 240_000, "delivery_timeout_ms": 240_000}
ROWS = 280
PATIENCE_S = 120.0

# Moments at which a process with this store, publishing like this, comes by.
_ALWAYS = ["before-poll:9", "before-send:2", "after-send:3", "before-flush:2", "after-flush:4"]
_ALWAYS += ["before-save:2", "after-save:2", "before-load:1", "after-load:2"]
_ALWAYS += ["before-commit:2", "after-commit:3"]
_FILE = ["after-write:1", "before-rename:2", "after-rename:1", "before-sync:5", "after-sync:7"]
MOMENTS = {
    ("file", "at-least-once"): _ALWAYS + _FILE,
    ("kafka", "at-least-once"): _ALWAYS,
    ("kafka", "exactly-once"): [*_ALWAYS, "before-offsets:2", "after-offsets:2"],
}


def rows_of(system: str, seed: int) -> list[bytes]:
    """Native rows of a little shop that fails, and one that closes the last tick."""
    x = shop_rows(seed=seed, rows=ROWS)
    times = [*range(ROWS), ROWS + 60]
    return [encode_row(system, float(t), NAMES, x[min(t, ROWS - 1)]) for t in times]


def expected_of(system: str, rows: Iterable[bytes]) -> list[bytes]:
    """Every event of an uninterrupted run: the engine fed by hand."""
    codec, aligner = NativeCodec(), Aligner(SETTINGS["interval_s"])
    engine = Engine(SystemConfig(name=system, **SETTINGS | {"kpi": ("web:latency_p95",)}))
    events = []
    for offset, row in enumerate(rows):
        for samples in codec.decode(Record("t", 0, offset, None, row)).samples:
            for frame in aligner.push(samples):
                events += [encode(event) for event in engine.step(frame)]
    return events


class Chaos:
    """A world with systems that all fail, fed at a pace by a thread of its own."""

    def __init__(
        self,
        broker: Broker,
        home: Path,
        way: tuple[str, str],
        systems: int = 4,
        partitions: int = 2,
        rows_per_s: float = 8.0,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.way = way
        self.world = World(broker, home, *way, partitions=partitions, systems={"*": SETTINGS})
        self.rows = {f"shop{i}": rows_of(f"shop{i}", i) for i in range(systems)}
        self.expected = [e for name, rows in self.rows.items() for e in expected_of(name, rows)]
        self.history: list[dict[str, Any]] = []
        self._partitions = partitions
        self._pace = 1.0 / rows_per_s
        self._begun = time.monotonic()
        self._sink = KafkaSink(broker.connection, overrides=PATIENT)
        self._feeder = threading.Thread(target=self._feed)
        self._feeder.start()

    def _feed(self) -> None:
        for t in range(len(next(iter(self.rows.values())))):
            for i, (system, rows) in enumerate(self.rows.items()):
                partition = i % self._partitions
                self._sink.send(self.world.metrics, system.encode(), rows[t], partition=partition)
            self._sink.flush(300)
            time.sleep(self._pace)

    @property
    def feeding(self) -> bool:
        """Whether rows still arrive."""
        return self._feeder.is_alive()

    def note(self, operation: str, **more: object) -> None:
        """Write down what was done."""
        self.history.append({"t": round(time.monotonic() - self._begun, 2), "op": operation} | more)

    def start(self, *arguments: str, kill: str = "", **environment: str) -> Member:
        """A member; `kill` names the moment at which it dies."""
        self.note("start", **({"kill_at": kill} if kill else {}))
        return self.world.start(*arguments, program=(str(FAILING),), **{KILL: kill}, **environment)

    def kill(self, process: Member) -> bool:
        """End a member as by `kill -9`, unless it has ended; return whether it died of that."""
        process.kill()
        code = process.wait()
        self.note("killed" if code == -signal.SIGKILL else "ended", code=code)
        return code == -signal.SIGKILL

    def finish(self) -> int | None:
        """Let a member work until the group has committed every record; end it in good order.

        A supervisor starts it again when it ends by itself. Returns its exit code, None when the
        group did not get to the end in time.
        """
        self._feeder.join()
        self.log = []
        if not self.world.behind():
            return 0
        process, deadline = self.start(), time.monotonic() + PATIENCE_S
        while self.world.behind() and time.monotonic() < deadline:
            if process.poll() is not None:
                self.note("ended", code=process.returncode)
                process = self.start()
            time.sleep(0.3)
        behind = self.world.behind()
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        self.note("stopped", code=code, records_behind=behind)
        self.log = logged(process)
        return None if behind else code

    def verdict(self) -> dict[str, int]:
        """What is wrong with what was published."""
        self.world.kafka.decided(self.world.events)
        wanted = {decode(value).id: value for value in self.expected}
        found = [(decode(value).id, value) for value in self.world.published()]
        ids = Counter(name for name, _ in found)
        contents = Counter(name for name, _ in {*found, *wanted.items()})
        once = self.way[1] == "exactly-once"
        repeated = sum(ids.values()) - len(ids)
        return {
            "events": len(ids),
            "lost": len(wanted.keys() - ids.keys()),
            "duplicates": repeated if once else 0,
            "two_contents": sum(count > 1 for count in contents.values()),
            "unexpected": len(ids.keys() - wanted.keys()),
            "repeated_at_least_once": 0 if once else repeated,
        }

    def close(self) -> None:
        """End what still runs."""
        self.world.close()
        self._feeder.join()
        self._sink.close()
