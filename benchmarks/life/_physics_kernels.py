"""Numba kernels of the simulated system: one row after the other, in place, inputs trusted."""

from typing import Any, NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_CORES = 0.05
# A queue in steady state; what is beyond waits in the backlog.
MOST_UTILISATION = 0.97
MOST_WAIT_S = 3.0  # requests that would wait longer are refused
# The collector works the more, the less room the live data leave; it starts at so much garbage.
GC_BASE, GC_LIMIT, GARBAGE = 0.03, 4.0, 1.5
ALLOCATED_MB = 0.02  # by a request
BASE_MB = 60.0  # a process without heap
RESTART_S = 90.0
# Autoscaler: target, and seconds that the load must be beyond.
SCALE_UP, SCALE_DOWN, SCALE_UP_S, SCALE_DOWN_S, MOST_REPLICAS = 0.65, 0.28, 300.0, 1800.0, 6.0
HIT_RATIO, WARM_S = 0.9, 900.0
WRITE_GB = 2e-7  # by a request to a database
IO_S = 0.002  # by a request to a database
HOP_S, RETRANSMIT_S = 0.001, 0.2
RETRY_BUDGET = 0.2  # of the calls, as service meshes have it: else every overload would stay
BANK_S = 0.12


class State(NamedTuple):
    """What one row leaves to the next; arrays of one value a station or edge."""

    replicas: Floats
    backlog: Floats
    live: Floats
    heap: Floats
    restarts: Floats
    out: Floats  # seconds for which a killed replica stays away
    cpu: Floats
    warm: Floats  # share of the cache that is filled
    written: Floats
    attempts: Floats
    queue: Floats
    calm: Floats  # seconds for which the load has been low
    load: Floats  # seconds for which it has been high
    served: Floats  # share of the requests that were not refused


@nb.njit(cache=True, error_model="numpy")
def waiting(work: float, servers: float, utilisation: float) -> float:
    """Return the mean wait of an M/M/c queue, s."""
    rho = min(utilisation, MOST_UTILISATION)
    # equivalent for one server: rho / (1 - rho) * work
    return float(work * rho ** (np.sqrt(2.0 * (servers + 1.0)) - 1.0) / (servers * (1.0 - rho)))


@nb.njit(cache=True, error_model="numpy")
def arrive(plant: Any, controls: Any, state: Any, t: int, dt: float, rate: Floats) -> float:
    """Tell every station its arrivals, callers first; return the cache's hit ratio."""
    hits = HIT_RATIO * state.warm[0] * controls.hits[t]
    rate[:] = 0.0
    rate[0] = controls.arrivals[t]
    producer, consumer = plant.producer, plant.consumer
    for e in range(len(plant.caller)):
        caller = plant.caller[e]
        if caller == consumer and rate[consumer] == 0.0:
            capacity = 0.9 * state.replicas[consumer] / plant.work[consumer]
            capacity *= 1.0 - controls.down[t, consumer]
            capacity /= controls.work[t, consumer]
            rate[consumer] = min(state.queue[0] / dt + rate[producer], capacity)
            state.queue[0] += (rate[producer] - rate[consumer]) * dt
            state.queue[0] = max(state.queue[0], 0.0)
        calls = plant.calls[e] * (1.0 - hits if plant.cached[e] else 1.0)
        # What was refused calls nobody.
        rate[plant.callee[e]] += rate[caller] * state.served[caller] * calls * state.attempts[e]
    return float(hits)


@nb.njit(cache=True, error_model="numpy")
def contend(plant: Any, controls: Any, state: Any, t: int, life: Any) -> Floats:
    """Return how much longer everything takes on each node: its cores are shared."""
    slow = np.empty(len(plant.cores))
    for n in range(len(plant.cores)):
        demand = float(controls.load[t, n])
        for i in range(len(plant.node)):
            if plant.node[i] == n:
                demand += state.cpu[i]
        used = demand / plant.cores[n]
        life.node[t, n] = min(used, 1.0)
        slow[n] = max(used, 1.0) * (1.0 + 0.5 * min(used, 1.0) ** 8)
    return slow


@nb.njit(cache=True, error_model="numpy")
def collect(plant: Any, controls: Any, state: Any, t: int, i: int, dt: float) -> float:
    """Let a heap grow, be collected, or kill its process; return the collector's share."""
    if plant.heap[i] == 0.0:
        return 0.0
    usual = plant.heap[i] * controls.heap[t, i]
    if controls.restart[t, i] > 0.0:
        state.live[i] = state.heap[i] = usual
        state.restarts[i] += 1.0
    leaking = controls.leak[t, i]
    state.live[i] = state.live[i] + leaking * dt if leaking > 0.0 else usual
    if state.live[i] > GC_LIMIT * plant.heap[i]:
        state.live[i] = state.heap[i] = usual
        state.restarts[i] += 1.0
        state.out[i] = RESTART_S
    state.heap[i] += ALLOCATED_MB * (state.cpu[i] / plant.work[i]) * dt
    room = max(GC_LIMIT * plant.heap[i] - state.live[i], 1.0)
    garbage = min(GARBAGE * plant.heap[i], room)
    if state.heap[i] > state.live[i] + garbage:
        # The last one came somewhere in this row.
        state.heap[i] = state.live[i] + (state.heap[i] - state.live[i]) % garbage
    full = state.live[i] / (GC_LIMIT * plant.heap[i])
    return float(min(GC_BASE / (1.0 - min(full, 0.98)) ** 1.5, 1.0))


@nb.njit(cache=True, error_model="numpy")
def write(plant: Any, controls: Any, state: Any, t: int, i: int, rate: float, dt: float) -> float:
    """Fill a disk; return the share of the time that it is busy."""
    used = state.written[i] + (WRITE_GB * rate + controls.fill[t, i]) * dt
    floor = 0.55 * plant.disk[i]
    used -= controls.clean[t, i] * max(used - floor, 0.0)
    state.written[i] = min(used, plant.disk[i])
    return float(min(IO_S * rate + controls.io[t, i], 0.95))


@nb.njit(cache=True, error_model="numpy")
def scale(plant: Any, state: Any, i: int, used: float, dt: float) -> None:
    """Follow the load with the number of replicas."""
    if not plant.scaled[i]:
        return
    state.load[i] = state.load[i] + dt if used > SCALE_UP else 0.0
    state.calm[i] = state.calm[i] + dt if used < SCALE_DOWN else 0.0
    if state.load[i] >= SCALE_UP_S:
        state.replicas[i] = min(state.replicas[i] + 1.0, MOST_REPLICAS)
        state.load[i] = 0.0
    elif state.calm[i] >= SCALE_DOWN_S:
        state.replicas[i] = max(state.replicas[i] - 1.0, plant.replicas[i])
        state.calm[i] = 0.0


@nb.njit(cache=True, error_model="numpy")
def serve(
    plant: Any, controls: Any, state: Any, life: Any, t: int, dt: float, own: Floats, rate: Floats
) -> None:
    """Serve what arrives at every station; `own` gets its latency without callees."""
    slow = contend(plant, controls, state, t, life)
    for i in range(len(rate)):
        gc = collect(plant, controls, state, t, i, dt)
        need = plant.work[i] * controls.work[t, i] * (1.0 + gc)  # CPU time ...
        work = need * slow[plant.node[i]]  # ... and how long it takes
        full = 0.0
        if plant.disk[i] > 0.0:
            busy = write(plant, controls, state, t, i, rate[i], dt)
            life.io[t, i] = busy
            full = state.written[i] / plant.disk[i]
            life.disk[t, i] = full
            work *= 1.0 + busy / (1.0 - busy)
        away = max(controls.down[t, i], min(state.out[i] / dt, 1.0) / state.replicas[i])
        state.out[i] = max(state.out[i] - dt, 0.0)
        up = max(1.0 - away, 0.0)
        cores = max(state.replicas[i] * up - controls.hog[t, i], LEAST_CORES)
        most = cores / work
        used = rate[i] / most
        backlog = max(state.backlog[i] + (rate[i] - most) * dt, 0.0)
        refused = 0.0
        if backlog > most * MOST_WAIT_S:
            refused = min((backlog - most * MOST_WAIT_S) / (rate[i] * dt), 1.0)
            backlog = most * MOST_WAIT_S
        state.backlog[i] = backlog
        state.served[i] = 1.0 - refused
        own[i] = work + waiting(work, cores, used) + backlog / most + controls.lock[t, i]
        if full >= 1.0:
            refused = max(refused, 0.5)  # what would write
        failing = min(controls.failing[t, i] + 0.3 * min(state.out[i] / dt, 1.0), 1.0)
        life.errors[t, i] = 1.0 - (1.0 - refused) * (1.0 - failing)
        state.cpu[i] = min(rate[i], most) * need + controls.hog[t, i]
        scale(plant, state, i, min(used, 1.0), dt)
        life.rate[t, i], life.cpu[t, i], life.gc[t, i] = rate[i], state.cpu[i], gc
        life.memory[t, i] = BASE_MB + state.heap[i] + 0.02 * backlog
        life.replicas[t, i], life.up[t, i] = state.replicas[i], up
        life.restarts[t, i] = state.restarts[i]


@nb.njit(cache=True, error_model="numpy")
def call(plant: Any, controls: Any, state: Any, life: Any, t: int, e: int) -> float:
    """Make the calls of one edge; return their mean latency."""
    callee = plant.callee[e]
    lost = controls.loss[t, e]
    once = life.mean[t, callee] + HOP_S + controls.delay[t, e] + RETRANSMIT_S * lost / (1.0 - lost)
    late = np.exp(-((plant.timeout[e] / once) ** 1.5))  # Weibull: sums have lighter tails
    fails = 1.0 - (1.0 - late) * (1.0 - life.errors[t, callee]) * (1.0 - lost**3)
    again, attempts = fails, 1.0
    if controls.retries[t, e] > 0.0:  # without a limit
        for _ in range(int(plant.retries[e] + controls.retries[t, e])):
            attempts += again
            again *= fails
    elif plant.retries[e] > 0.0:
        retried = min(fails, RETRY_BUDGET)
        attempts += retried
        again = fails - retried * (1.0 - fails)
    state.attempts[e] = attempts
    life.failed[t, e] = again
    took = min(once, plant.timeout[e]) * attempts
    life.client[t, e] = took
    return float(took)


@nb.njit(cache=True, error_model="numpy")
def answer(
    plant: Any, controls: Any, state: Any, life: Any, t: int, own: Floats, hits: float
) -> None:
    """Add up latencies and failures, callees first."""
    for i in range(len(own) - 1, -1, -1):
        mean, variance, good, held = own[i], own[i] ** 2, 1.0 - life.errors[t, i], 0.0
        for e in range(len(plant.caller)):
            if plant.caller[e] != i:
                continue
            took = call(plant, controls, state, life, t, e)
            calls = plant.calls[e] * (1.0 - hits if plant.cached[e] else 1.0)
            spread = (life.p95[t, plant.callee[e]] - life.mean[t, plant.callee[e]]) / 1.65
            spread = min(spread, 0.5 * plant.timeout[e])  # nobody waits longer
            if calls < 1.0:  # a request of some kinds only
                variance += calls * (spread**2 + took**2) - (calls * took) ** 2
            else:
                variance += calls * spread**2
            mean += calls * took
            good *= 1.0 - plant.needed[e] * min(calls, 1.0) * life.failed[t, e]
            if plant.pooled[e]:
                held += calls * took
        if plant.pool[i] > 0.0:
            size = max(plant.pool[i] * (1.0 - controls.pool[t, i]), 0.05)
            used = life.rate[t, i] * held / size
            wait = min(waiting(held, size, used), MOST_WAIT_S)
            mean, variance = mean + wait, variance + wait**2
            good *= min(1.0, 1.0 / max(used, 1e-9))
            taken = min(life.rate[t, i] * held, size)
            life.pool[t, i] = taken + plant.pool[i] * controls.pool[t, i]
        if i == plant.outside:  # asks a bank outside
            bank = BANK_S * controls.bank[t]
            life.bank[t] = bank
            mean, variance = mean + bank, variance + bank**2 / 9.0
            good *= 1.0 - np.exp(-((2.0 / bank) ** 1.5))
        life.mean[t, i], life.errors[t, i] = mean, 1.0 - good
        life.p95[t, i] = mean + 1.65 * np.sqrt(variance)
        life.busy[t, i] = life.rate[t, i] * mean


@nb.njit(cache=True, error_model="numpy")
def run(plant: Any, controls: Any, state: Any, life: Any, dt: float) -> None:
    """Live through all rows."""
    rate, own = np.zeros(len(plant.work)), np.zeros(len(plant.work))
    cache = len(plant.work) - 1
    for t in range(len(controls.arrivals)):
        hits = arrive(plant, controls, state, t, dt, rate)
        serve(plant, controls, state, life, t, dt, own, rate)
        answer(plant, controls, state, life, t, own, hits)
        if controls.restart[t, cache] > 0.0:
            state.warm[0] = 0.0
            state.restarts[cache] += 1.0
        state.warm[0] += (1.0 - state.warm[0]) * (1.0 - np.exp(-dt / WARM_S))
        life.hits[t] = hits
        life.queue[t] = state.queue[0]
