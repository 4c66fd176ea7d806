"""What the system does with its customers: queues, callees, pools, retries, heaps, disks.

Each row is the steady state of its instant: a station is an M/M/c queue (the approximation of
Sakasegawa, 1977), its service time grows with the load of its node, its collector and its disk;
what it cannot serve queues up to a limit, and the rest is refused. A caller's latency holds its
callees'; failures are retried, which is load at the callee one row later. Kernels do the work.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from life import _physics_kernels as kernels
from life.controls import Controls
from life.topology import EDGES, NODES, STATIONS, plant

__all__ = ["Life", "simulate"]

Singles = NDArray[np.float32]


class Life(NamedTuple):
    """What could be measured, without noise; one row an instant, float32.

    Parameters
    ----------
    rate, cpu, mean, p95, errors : ndarray of shape (rows, stations)
        Requests a second, cores used, mean and 95 % quantile of the latency in s, share failed.
    busy, memory, gc, replicas, pool, restarts, up : ndarray of shape (rows, stations)
        Requests inside, MB, share of the CPU spent collecting, replicas, connections in use,
        restarts so far, share of the replicas that answer.
    disk, io : ndarray of shape (rows, stations)
        Share of the disk that is full, share of the time that it is busy.
    client, failed : ndarray of shape (rows, edges)
        Latency that the caller sees in s, share of the calls that fail for good.
    node : ndarray of shape (rows, nodes), share of the cores that are busy
    hits, queue, bank : ndarray of shape (rows,)
        Hit ratio of the cache, messages that wait, seconds of the external dependency.
    """

    rate: Singles
    cpu: Singles
    mean: Singles
    p95: Singles
    errors: Singles
    busy: Singles
    memory: Singles
    gc: Singles
    replicas: Singles
    pool: Singles
    restarts: Singles
    up: Singles
    disk: Singles
    io: Singles
    client: Singles
    failed: Singles
    node: Singles
    hits: Singles
    queue: Singles
    bank: Singles


def simulate(controls: Controls, interval_s: float) -> Life:
    """Return what a system does under these controls; equal controls give equal bytes."""
    rows = len(controls.arrivals)

    def of(width: int) -> Singles:
        return np.zeros((rows, width), dtype=np.float32)

    widths = [len(STATIONS)] * 14 + [len(EDGES)] * 2 + [len(NODES)]
    system = [np.zeros(rows, dtype=np.float32) for _ in range(3)]
    life = Life._make([*map(of, widths), *system])
    built = plant()
    state = kernels.State(
        replicas=built.replicas.copy(),
        backlog=np.zeros(len(STATIONS)),
        live=built.heap.copy(),
        heap=built.heap.copy(),
        restarts=np.zeros(len(STATIONS)),
        out=np.zeros(len(STATIONS)),
        cpu=np.zeros(len(STATIONS)),
        warm=np.ones(1),
        written=0.55 * built.disk,
        attempts=np.ones(len(EDGES)),
        queue=np.zeros(1),
        calm=np.zeros(len(STATIONS)),
        load=np.zeros(len(STATIONS)),
        served=np.ones(len(STATIONS)),
    )
    kernels.run(built, controls, state, life, interval_s)
    return life
