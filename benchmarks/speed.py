"""Speed and memory of the daemon's path on one core: replay, detection, ranking."""

import one_thread  # noqa: F401 - before numpy

# isort: split
import subprocess
import sys
import time

import numpy as np
from common import fastest, finish, options, peak_rss_mb

from coral.baseline.one_step_predictor import OneStepPredictor
from coral.baseline.scaling import center_and_scale
from coral.config import EngineConfig, SystemConfig
from coral.contract.events import INCIDENTS
from coral.engine import Engine
from coral.localise.convergence import revision_due
from coral.localise.innovation import InnovationScorer
from coral.localise.layout import Layout
from coral.localise.ranking import Localiser
from coral.replay.driver import METRICS, replay
from detectors.trigger import Trigger
from streams.clock import SystemClock
from streams.codec.native import encode_row
from streams.memory.broker import MemoryBroker, MemorySink, MemorySource
from streams.records import Frame

METRICS_PER_ENTITY = 10
NORMAL_ROWS = EngineConfig().base_rows * 5 // 4  # more than are kept, all of them learned
OPENINGS = 3


def names_of(n: int) -> tuple[str, ...]:
    """Return n series of services with ten metrics each."""
    metrics = (
        "latency_p95",
        "errors",
        "requests",
        "cpu",
        "memory",
        "disk",
        "net",
        "fds",
        "gc",
        "io",
    )
    return tuple(
        f"service{i // METRICS_PER_ENTITY}:{metrics[i % METRICS_PER_ENTITY]}" for i in range(n)
    )


def system_of(name: str, n: int) -> SystemConfig:
    """Return a system of n series in n / 10 entities with known topology."""
    entities = n // METRICS_PER_ENTITY
    edges = [(f"service{i}", f"service{2 * i + k}") for i in range(entities) for k in (1, 2)]
    return SystemConfig(name=name, interval_s=1.0, kpi=names_of(n)[:1], edges=tuple(edges))


def rows_of(n: int, rows: int, seed: int = 0) -> np.ndarray:
    """Return autocorrelated series with a few common factors."""
    rng = np.random.default_rng(seed)
    factors = np.zeros(3)
    mixing = rng.normal(size=(3, n)) * 0.5
    x = np.zeros(n)
    result = np.empty((rows, n))
    for t in range(rows):
        factors = 0.9 * factors + rng.normal(size=3)
        x = 0.6 * x + 0.4 * factors @ mixing + rng.normal(size=n)
        result[t] = 100 + x
    return result


class Drained(MemorySource):
    """Consumer that is done when the topic is."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker, [METRICS], "speed")
        self._topic = broker

    @property
    def exhausted(self) -> bool:
        """Whether everything was polled."""
        owned = self.assignment()
        return bool(owned) and all(self.position(p) == self._topic.end_offset(p) for p in owned)


def replay_rows_per_s(n: int, rows: int) -> float:
    """Rows per second from encoded messages in a broker to events in a broker."""
    x, names = rows_of(n, rows), names_of(n)
    broker = MemoryBroker()
    for topic in (METRICS, INCIDENTS):
        broker.create_topic(topic)
    for t in range(rows):
        broker.produce(METRICS, b"s", encode_row("s", float(t), names, x[t]))
    system = SystemConfig(name="s", interval_s=1.0, kpi=(names[0],))
    start = time.perf_counter()
    loop = replay(Drained(broker), MemorySink(broker), system, SystemClock())
    assert loop.frames == rows, (loop.frames, rows)  # noqa: S101 - a benchmark must do the work
    return rows / (time.perf_counter() - start)


def detect_ms_per_row(n: int, rows: int) -> float:
    """Milliseconds of one row in the trigger, periodic refits included."""
    x = rows_of(n, rows)
    trigger = Trigger(n, 1.0)
    half = rows // 2
    for row in x[:half]:
        trigger.update(row)
    start = time.perf_counter()
    for row in x[half:]:
        trigger.update(row)
    return 1e3 * (time.perf_counter() - start) / (rows - half)


def rank_ms(n: int, repeats: int) -> tuple[float, float]:
    """Milliseconds of one ranking of n series in n / 10 entities with known topology.

    The fastest of some, and the 99th percentile of all of them.
    """
    names, base = names_of(n), rows_of(n, 600)
    entities = n // METRICS_PER_ENTITY
    edges = [(f"service{2 * i + k}", f"service{i}") for i in range(entities) for k in (1, 2)]
    layout = Layout(names, (names[0],), edges)
    mechanism = OneStepPredictor(*center_and_scale(base), np.zeros((n, n)))
    everything = np.ones(len(base), dtype=bool)
    localiser = Localiser(layout, InnovationScorer(base, everything, mechanism, layout))
    for row in rows_of(n, 32, seed=1) + np.linspace(0, 20, n):
        localiser.update(row, adjacent=True)
    seconds = sorted(fastest(localiser.rank, 1) for _ in range(repeats))
    return 1e3 * seconds[0], 1e3 * float(np.percentile(seconds, 99))


def incident_ms(n: int, rows: int) -> dict[str, float]:
    """Milliseconds of the rows of one incident, all of it: evidence, ranking, graph, words, event.

    n series in n / 10 entities, known topology, after as many normal rows as are kept. `opening` is
    the row that opens the incident, `second` the one after it, to which the graph of many series is
    left, the fastest of some; `revision` the rows with a revision after it, `graph_update` one warm
    update of the graph alone.
    """
    names, normal, faulty = names_of(n), rows_of(n, NORMAL_ROWS), rows_of(n, rows, seed=1)
    system = system_of("s", n)
    engine = Engine(system, onset=float(NORMAL_ROWS))
    for t, x in enumerate(normal):
        engine.step(Frame("s", float(t), names, x))
    first, *others = (
        Frame("s", float(NORMAL_ROWS + t), names, x)
        for t, x in enumerate(faulty + np.linspace(0, 20, n))
    )
    opening, second = [], []
    for _ in range(OPENINGS):
        twin = Engine(system, onset=float(NORMAL_ROWS))
        twin.load_state_dict(engine.state_dict())
        opening.append(seconds_of(twin, first))
        second.append(seconds_of(twin, others[0]))
    engine.step(first)
    times = [seconds_of(engine, frame) for frame in others]
    revised = [seconds for row, seconds in enumerate(times, start=2) if revision_due(row)]
    return {
        f"opening_ms_{n}": 1e3 * min(opening),
        f"second_row_ms_{n}": 1e3 * min(second),
        f"graph_update_ms_{n}": 1e3 * fastest(engine.graph.causal.solve, OPENINGS),
        f"revision_p50_ms_{n}": 1e3 * float(np.percentile(revised, 50)),
        f"revision_p99_ms_{n}": 1e3 * float(np.percentile(revised, 99)),
    }


def seconds_of(engine: Engine, frame: Frame) -> float:
    """Seconds of one row in the engine."""
    start = time.perf_counter()
    engine.step(frame)
    return time.perf_counter() - start


def replay_rss_mb(n: int, rows: int) -> float:
    """Peak resident memory of a fresh process that replays `rows` rows of n series."""
    command = [sys.executable, __file__, "--rss", str(n), str(rows)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure, print, write."""
    if len(sys.argv) == 4 and sys.argv[1] == "--rss":
        replay_rows_per_s(int(sys.argv[2]), int(sys.argv[3]))
        print(peak_rss_mb())
        return
    chosen = options(__doc__ or "").parse_args()
    rows, repeats = (2_000, 100) if chosen.quick else (20_000, 300)
    figures = {}
    replay_rows_per_s(50, 300)  # compiles or loads the kernels
    figures["replay_rows_per_s_50"] = replay_rows_per_s(50, rows)
    for n in (30, 100, 300, 1000):
        figures[f"detect_ms_per_row_{n}"] = detect_ms_per_row(n, max(rows // 10, 60_000 // n))
    for n in (100, 300, 1000):
        figures[f"rank_ms_{n}"], figures[f"rank_p99_ms_{n}"] = rank_ms(n, repeats)
    for n in (50, 300, 1000):
        figures |= incident_ms(n, 256 if chosen.quick else 1024)
    figures["peak_rss_mb_300"] = replay_rss_mb(300, rows // 4)
    finish(chosen, figures)


if __name__ == "__main__":
    main()
