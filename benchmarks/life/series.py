"""What agents measure of a life: names as they send them, values with noise and steps."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from life.benign import JOB_NODE, Benign
from life.topology import DATABASES, EDGES, NODES, SERVICES, STATIONS, plant
from life.world import World

__all__ = ["Collector", "Column", "columns"]

Floats = NDArray[np.float64]
Reals = NDArray[np.floating[Any]]  # of the simulation, float32
Collector = Literal["services", "nodes", "jobs"]

# Latencies are taken from a window of at least so many seconds.
WINDOW_S = 30.0
ERRORS = 0.001  # share of requests that always fail
PODS = 2
POD_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
RESTART_ROWS_S = 120.0  # for which cells of a deployed service are missing
EPOCH = 1_735_516_800.0  # a Monday's midnight


class Column(NamedTuple):
    """A series while it lives.

    Parameters
    ----------
    name : str
        ``<entity>:<metric>``, as it is sent.
    values : ndarray of shape (last - first,), float64, NaN = not sent
    first, last : int
        Rows of its life, the last one excluded.
    collector : Collector
        Who sends it.
    owner : str
        Entity whose exporter tells it; for the life of the exporter.
    """

    name: str
    values: Floats
    first: int
    last: int
    collector: Collector
    owner: str


def columns(world: World) -> list[Column]:
    """Return every series that ever lives, with its gaps."""
    rng = world.rng(10)
    found = [*_services(world, rng), *_stores(world, rng), *_nodes(world, rng)]
    found += [*_come_and_go(world, rng), *_pods(world, rng), *_jobs(world, rng)]
    return [_with_gaps(world, column, rng) for column in found]


def _whole(name: str, values: Reals, collector: Collector = "services") -> Column:
    held = np.asarray(values, dtype=np.float64)
    return Column(name, held, 0, len(held), collector, name.partition(":")[0])


class _Meter(NamedTuple):
    """Adds what measuring adds."""

    rng: np.random.Generator
    interval_s: float

    def level(self, values: Reals, noise: float, step: float) -> Floats:
        """Return values with relative noise, rounded to steps."""
        x = np.asarray(values, dtype=np.float64)
        x = x * (1.0 + noise * self.rng.normal(size=x.shape))
        rounded: Floats = np.round(x / step) * step
        return rounded

    def quantile(self, seconds: Reals, rate: Reals, spread: float) -> Floats:
        """Return a statistic of the latencies of so many requests, ms; tails are heavy."""
        counted = np.maximum(np.asarray(rate, dtype=np.float64) * max(self.interval_s, WINDOW_S), 1)
        noise = self.rng.standard_t(5, size=len(counted)) / np.sqrt(5.0 / 3.0)
        factor = np.exp(np.clip(spread * noise / np.sqrt(counted), -1.0, 1.0))
        shown: Floats = np.round(1e3 * np.asarray(seconds, dtype=np.float64) * factor, 1)
        return shown

    def ratio(self, share: Reals, rate: Reals) -> Floats:
        """Return the share that failed of the requests that came."""
        n = np.maximum(np.round(np.asarray(rate, dtype=np.float64) * self.interval_s), 1)
        failed = self.rng.binomial(n.astype(np.int64), np.clip(share, 0.0, 1.0))
        ratio: Floats = np.round(failed / n, 5)
        return ratio


def _services(world: World, rng: np.random.Generator) -> Iterator[Column]:
    life, meter = world.life, _Meter(rng, world.interval_s)
    for i, name in enumerate(SERVICES):
        rate = life.rate[:, i].astype(np.float64)
        share = life.errors[:, i] + ERRORS
        for metric, values in (
            ("cpu_cores", meter.level(life.cpu[:, i], 0.02, 0.001)),
            ("memory_mb", meter.level(life.memory[:, i], 0.003, 1.0)),
            ("requests_per_second", meter.level(rate, 0.003, 0.1)),
            ("latency_mean", meter.quantile(life.mean[:, i], rate, 0.8)),
            ("latency_p95", meter.quantile(life.p95[:, i], rate, 1.6)),
            ("error_ratio", meter.ratio(share, rate)),
            ("threads", meter.level(4.0 + life.busy[:, i], 0.05, 1.0)),
            ("gc_share", meter.level(life.gc[:, i], 0.1, 0.0001)),
            ("replicas", meter.level(life.replicas[:, i], 0.0, 1.0)),
            ("restarts_total", np.asarray(life.restarts[:, i], dtype=np.float64)),
            ("process_start_time", _start_times(world, i)),
        ):
            yield _whole(f"{name}:{metric}", values)
        if plant().pool[i]:
            yield _whole(f"{name}:db_pool_used", meter.level(life.pool[:, i], 0.05, 0.1))
    for e, (caller, callee) in enumerate(EDGES):
        rate = life.rate[:, STATIONS.index(callee)].astype(np.float64)
        took = meter.quantile(life.client[:, e], rate, 0.9)
        yield _whole(f"{caller}:{callee}_client_latency", took)
        failed = meter.ratio(life.failed[:, e] + ERRORS / 4.0, rate)
        yield _whole(f"{caller}:{callee}_client_error_ratio", failed)
    bank = meter.quantile(life.bank, life.rate[:, STATIONS.index("payment")], 1.0)
    yield _whole("payment:bank_client_latency", bank)


def _start_times(world: World, i: int) -> Floats:
    """Return when the oldest process of a service was started, unix s."""
    restarts = world.life.restarts[:, i]
    begun = np.where(np.diff(restarts, prepend=0.0) > 0.0, world.times, 0.0)
    started: Floats = EPOCH + np.maximum.accumulate(begun)
    return started


def _stores(world: World, rng: np.random.Generator) -> Iterator[Column]:
    life, meter = world.life, _Meter(rng, world.interval_s)
    for name in (*DATABASES, "cache"):
        i = STATIONS.index(name)
        rate = life.rate[:, i].astype(np.float64)
        yield _whole(f"{name}:cpu_cores", meter.level(life.cpu[:, i], 0.03, 0.001))
        yield _whole(f"{name}:latency_mean", meter.quantile(life.mean[:, i], rate, 0.8))
        yield _whole(f"{name}:operations_per_second", meter.level(rate, 0.003, 0.1))
        yield _whole(f"{name}:connections", meter.level(12.0 + life.busy[:, i], 0.04, 1.0))
    for name in DATABASES:
        i = STATIONS.index(name)
        yield _whole(f"{name}:io_utilization", meter.level(life.io[:, i], 0.04, 0.001))
        yield _whole(f"{name}:disk_used_ratio", meter.level(life.disk[:, i], 0.0, 0.001))
        buffers = meter.level(2e9 * (0.5 + 0.5 * life.disk[:, i]), 0.001, 1e6)
        changed = [b for b in world.benign if b.kind == "unit change" and b.entity == name]
        for event in changed:  # from bytes to MiB
            buffers[world.times >= event.start] /= 2.0**20
        yield _whole(f"{name}:buffers", buffers)
    yield _whole("cache:hit_ratio", meter.level(life.hits, 0.005, 0.0001))
    yield _whole("cache:memory_mb", meter.level(900.0 * life.hits + 100.0, 0.002, 1.0))
    published = life.rate[:, STATIONS.index("orders")]
    consumed = life.rate[:, STATIONS.index("shipping")]
    yield _whole("queue:depth", meter.level(life.queue + 0.05 * published, 0.2, 1.0))
    yield _whole("queue:published_per_second", meter.level(published, 0.01, 0.1))
    yield _whole("queue:consumed_per_second", meter.level(consumed, 0.01, 0.1))


def _nodes(world: World, rng: np.random.Generator) -> Iterator[Column]:
    life, meter, built = world.life, _Meter(rng, world.interval_s), plant()
    for n, name in enumerate(NODES):
        here = built.node == n
        memory = 24_000.0 - 2.0 * life.memory[:, here].sum(axis=1)
        traffic = 12_000.0 * life.rate[:, here].sum(axis=1)
        for metric, values in (
            ("cpu_utilization", meter.level(life.node[:, n], 0.02, 0.001)),
            ("load1", meter.level(6.0 * life.node[:, n], 0.08, 0.01)),
            ("memory_available_mb", meter.level(memory, 0.001, 1.0)),
            ("network_bytes_per_second", meter.level(traffic, 0.02, 1.0)),
        ):
            yield _whole(f"{name}:{metric}", values, "nodes")


def _come_and_go(world: World, rng: np.random.Generator) -> Iterator[Column]:
    """Yield a service that is new one day and one that is retired."""
    meter, rows = _Meter(rng, world.interval_s), len(world.times)
    lives = {b.entity: b for b in world.benign if b.kind in ("new service", "retired service")}
    for name, event in lives.items():
        at = min(int(np.ceil(event.start / world.interval_s)), rows)
        first, last = (at, rows) if event.kind == "new service" else (0, at)
        rate = 0.1 * world.life.rate[first:last, 0].astype(np.float64)
        for metric, values in (
            ("cpu_cores", meter.level(0.012 * rate, 0.03, 0.001)),
            ("requests_per_second", meter.level(rate, 0.01, 0.1)),
            ("latency_p95", meter.quantile(0.04 + 0.0004 * rate, rate, 1.6)),
            ("error_ratio", meter.ratio(np.full(len(rate), ERRORS), rate)),
        ):
            yield Column(f"{name}:{metric}", values, first, last, "services", name)


def _pods(world: World, rng: np.random.Generator) -> Iterator[Column]:
    """Yield what an agent without workload names sends: every deployment has new pods."""
    rows = len(world.times)
    for i, service in enumerate(SERVICES):
        deployed = [_row(world, b) for b in world.benign if _deploys(b, service)]
        starts = [0, *(row for row in deployed if row < rows)]
        for first, last in zip(starts, [*starts[1:], rows], strict=True):
            digest = _suffix(rng, 9)
            files = float(rng.uniform(60.0, 140.0))
            for _ in range(PODS):
                pod = f"{service}-{digest}-{_suffix(rng, 5)}"
                memory = world.life.memory[first:last, i] * rng.uniform(0.95, 1.05)
                fds = files + 0.5 * world.life.busy[first:last, i] + _walk(last - first, rng)
                yield Column(f"{pod}:memory_mb", np.round(memory), first, last, "services", service)
                yield Column(f"{pod}:open_fds", np.round(fds), first, last, "services", service)


def _walk(rows: int, rng: np.random.Generator) -> Floats:
    """Return a few files more or less, seldom changed."""
    steps = rng.integers(-1, 2, size=rows) * (rng.random(rows) < 0.02)
    walk: Floats = np.clip(np.cumsum(steps), -5, 5).astype(np.float64)
    return walk


def _jobs(world: World, rng: np.random.Generator) -> Iterator[Column]:
    """Yield the pods of the hourly job: each has a name of its own and lives for minutes."""
    rows = len(world.times)
    for event in world.benign:
        if event.kind != "hourly job":
            continue
        first = _row(world, event)
        last = min(max(int(np.ceil(event.end / world.interval_s)), first + 1), rows)
        pod = f"report-{int((EPOCH + event.start) // 60)}-{_suffix(rng, 5)}"
        n = max(last - first, 0)
        cpu = np.round(0.8 * (1.0 + 0.03 * rng.normal(size=n)), 3)
        memory = np.round(np.linspace(80.0, 240.0, n))
        yield Column(f"{pod}:cpu_cores", cpu, first, first + n, "jobs", NODES[JOB_NODE])
        yield Column(f"{pod}:memory_mb", memory, first, first + n, "jobs", NODES[JOB_NODE])


def _with_gaps(world: World, column: Column, rng: np.random.Generator) -> Column:
    """Leave out single cells, those of an exporter that is down, and those of a deployment."""
    values = column.values.astype(np.float64)
    share = rng.uniform(0.002, 0.01)
    values[rng.random(len(values)) < share] = np.nan
    for event in world.benign:
        down = event.kind == "exporter down" and event.entity == column.owner
        if not down and not _deploys(event, column.owner):
            continue
        end = event.end if down else event.start + RESTART_ROWS_S
        if down or rng.random() < 0.3:
            first = _row(world, event) - column.first
            last = int(np.ceil(end / world.interval_s)) - column.first
            values[max(first, 0) : max(last, 0)] = np.nan
    return column._replace(values=values)


def _deploys(event: Benign, service: str) -> bool:
    return event.kind == "deployment" and event.entity == service


def _row(world: World, event: Benign) -> int:
    return min(int(np.ceil(event.start / world.interval_s)), len(world.times))


def _suffix(rng: np.random.Generator, length: int) -> str:
    return "".join(POD_LETTERS[int(k)] for k in rng.integers(len(POD_LETTERS), size=length))
