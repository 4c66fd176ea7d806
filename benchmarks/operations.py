"""What running `coral run` costs: start, idle, load, checkpoints, drain and restore.

Real processes on a real Kafka; a system has 50 series and sends a row a second, and once a minute
one of the systems has a fault. The figures, each for both ways to store state where that matters
(`file`: at least once; `kafka`: exactly once):

start_cold_s, start_warm_s, and _cpu_s
    From the start of the process to `/readyz`, without compiled kernels and with them.
idle_cores, idle_rss_mb; cores, rss_mb
    CPU seconds a second, and resident memory: without any input, and with 100 systems.
checkpoint_mb_per_minute, checkpoint_full_mb, events_per_minute
    Bytes that were stored, those of all systems once, and events published meanwhile.
drain_s
    From SIGTERM, rows still coming, to the end of the process.
restored_s, restored_cpu_s, restored_systems
    From a start with compiled kernels to `/readyz`, and how many systems it went on with.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import checkpoint
import numpy as np
from common import finish, options
from endtoend import EPOCH, system_rows
from kafka_throughput import broker
from members import Group, Member
from speed import names_of

from streams.codec import encode_batch, encode_row

SYSTEMS = 100
SERIES = 50
PARTITIONS = 4
CORE = 0
LEARNED = 1_000  # rows of each system before the clock starts
IDLE_S = 10.0
STORES = {
    "file": "",
    "kafka": 'state.store = "kafka"\nstate.topic = "{states}"\nstate.publish = "exactly-once"\n'
    'state.instance = "one"\n',
}
# Each checkpoint is a line of the log then.
LOUD = 'log.level = "debug"\n'


class Fed(NamedTuple):
    """A group, and the rows that its systems send."""

    group: Group
    rows: list[np.ndarray]
    names: tuple[str, ...]

    @property
    def member(self) -> Member:
        """The one process of the group."""
        return self.group.members[0]

    def learn(self) -> None:
        """Send what is learned before anything is measured, and wait for it."""
        times = [float(EPOCH + t) for t in range(LEARNED)]
        for start in range(0, LEARNED, 100):
            part = slice(start, start + 100)
            self.group.write(
                (
                    i % PARTITIONS,
                    b"s%d" % i,
                    encode_batch(f"s{i}", times[part], self.names, x[part]),
                )
                for i, x in enumerate(self.rows)
            )
        self.member.judged(SYSTEMS * LEARNED)

    def send(self, seconds: int) -> None:
        """Send a row a second of every system, spread over the second."""
        begin = time.time()
        for k in range(seconds * SYSTEMS):
            time.sleep(max(begin + k / SYSTEMS - time.time(), 0.0))
            i, t = k % SYSTEMS, LEARNED + k // SYSTEMS
            row = encode_row(f"s{i}", float(EPOCH + t), self.names, self.rows[i][t])
            self.group.write_one(i % PARTITIONS, b"s%d" % i, row)


def starts(address: str, home: Path) -> dict[str, float]:
    """Return how long a start takes without compiled kernels, and with them."""
    figures = {}
    kept = {"NUMBA_CACHE_DIR": str(home / "compiled")}
    with Group(address, home, "web:x", [], PARTITIONS) as group:
        for name in ("cold", "warm"):
            member = Member(group.config, home / f"{name}.log", CORE, kept)
            figures[f"start_{name}_s"] = member.ready()
            figures[f"start_{name}_cpu_s"] = member.cpu_s()
            figures[f"compile_{name}_s"] = member.told("kernels_compiled")[0]["seconds"]
            member.close()
    return figures


@contextmanager
def fed(address: str, home: Path, store: str, seconds: int) -> Iterator[Fed]:
    """Yield a group whose systems have learned; in each minute to come one of them has a fault."""
    names = names_of(SERIES)
    faults = {i: LEARNED + 30 + 60 * i for i in range(seconds // 60)}
    rows = [
        system_rows(i, SERIES, LEARNED + seconds + 60, (faults[i],) if i in faults else ())
        for i in range(SYSTEMS)
    ]
    with Group(address, home, names[0], [CORE], PARTITIONS, LOUD + STORES[store]) as group:
        group.joined()
        yield Fed(group, rows, names)


def stored_mb(of: Fed, store: str, since: float) -> Callable[[], float]:
    """Return what tells the bytes that were stored since then."""
    if store == "kafka":
        return lambda: (
            sum(len(each.value or b"") for each in of.group.appended(since, of.group.states)) / 1e6
        )
    before = len(of.member.told("checkpoint_committed"))
    return lambda: (
        sum(line["bytes"] for line in of.member.told("checkpoint_committed")[before:]) / 1e6
    )


def ended_and_begun(of: Fed) -> dict[str, float]:
    """Return how long a process takes to end, and the next one to go on from its state."""
    begin = time.time()
    of.member.close()
    drained = time.time() - begin
    of.group.members[:] = [Member(of.group.config, of.member.log, CORE)]
    ready, spent = of.member.ready(), of.member.cpu_s()
    restored = of.member.told("restored_from_checkpoint")
    systems = sum(len(line["systems"]) for line in restored)
    figures = {"drain_s": drained, "restored_s": ready, "restored_cpu_s": spent}
    return figures | {"restored_systems": systems}


def running(address: str, home: Path, store: str, minutes: int) -> dict[str, float]:
    """Return what a member does that follows all systems, and how it ends and begins again."""
    seconds = 60 * minutes
    with fed(address, home, store, seconds) as of:
        figures = {"idle_cores": of.group.load(IDLE_S), "idle_rss_mb": of.member.rss_mb()}
        of.learn()
        begin, used = time.time(), of.member.cpu_s()
        starved, told = of.member.starved_s(), stored_mb(of, store, begin)
        of.send(seconds)
        took = time.time() - begin
        events = sum(1 for _ in of.group.appended(begin, of.group.events))
        figures |= {
            "cores": (of.member.cpu_s() - used) / took,
            "starved": (of.member.starved_s() - starved) / took,
            "rss_mb": of.member.rss_mb(),
            "checkpoint_mb_per_minute": 60 * told() / took,
            "events_per_minute": 60 * events / took,
        }
        of.send(5)
        figures |= ended_and_begun(of)
    return {f"{store}_{name}": value for name, value in figures.items()}


def full_mb() -> float:
    """Return the bytes of a checkpoint of all systems that have learned as many rows."""
    return SYSTEMS * checkpoint.size_mb(SERIES, LEARNED)


def main() -> None:
    """Measure, print, write."""
    parser = options((__doc__ or "").splitlines()[0])
    parser.add_argument("--kafka", metavar="HOST:PORT", help="a broker; without it one is started")
    chosen = parser.parse_args()
    minutes = 1 if chosen.quick else 2
    figures: dict[str, Any] = {"checkpoint_full_mb": full_mb()}
    with tempfile.TemporaryDirectory() as folder, broker(chosen.kafka) as (address, _):
        home = Path(folder)
        figures |= starts(address, home)
        for store in STORES:
            figures |= running(address, home, store, minutes)
    finish(chosen, figures, systems=SYSTEMS, series=SERIES, learned=LEARNED, minutes=minutes)


if __name__ == "__main__":
    main()
