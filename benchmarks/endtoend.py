"""Figures of `coral run` as it runs: rows a second from topic to events, latency, CPU, memory.

Two faults in each system mark where the clock starts and stops: the broker stamps the events that
open them. Rows before the first one, start and compilation are not counted.
"""

import json
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from members import PATIENCE_S, Group, Told, standing_still
from speed import names_of, rows_of

from streams.codec import encode_row

FIRST = 300  # row of the first fault: the trigger knows what is normal by then
FAULT_ROWS = 10
IDLE_S = 5.0
EPOCH = 1_700_000_000
QUIET_S = 10.0  # without an event: the last one was missed


class Run(NamedTuple):
    """What members did between the openings of the two incidents of each system."""

    rows_per_s: float
    cpu_s_per_row: float


def system_rows(seed: int, series: int, rows: int, faults: tuple[int, ...]) -> np.ndarray:
    """Return a system's rows; in a fault its health signal and another entity leave normal."""
    x = rows_of(series, rows, seed)
    for row in faults:
        x[row : row + FAULT_ROWS, [0, *range(10, 14)]] += 60.0
    return x


def throughput(
    address: str, home: Path, cores: list[int], series: int, systems: int, rows: int
) -> Run:
    """Return how fast members, one a core, drain a topic of four partitions into events.

    Parameters
    ----------
    address : str
        Broker.
    home : Path
    cores : list of int
        One member for each.
    series, systems, rows : int
        Each system has `rows` rows between its two faults.
    """
    faults = (FIRST, FIRST + rows)
    names = names_of(series)
    made = [system_rows(i, series, faults[1] + 2 * FAULT_ROWS, faults) for i in range(systems)]
    with Group(address, home, names[0], cores, partitions=4) as group:
        group.joined()
        with standing_still(group):
            group.write(
                (i % 4, f"s{i}".encode(), encode_row(f"s{i}", float(EPOCH + t), names, x[t]))
                for t in range(len(made[0]))
                for i, x in enumerate(made)
            )
        found = group.told(lambda told: len(_opened(told, faults[1])) == systems, PATIENCE_S)
    starts, ends = _opened(found, faults[0]), _opened(found, faults[1])
    if not starts or len(ends) < systems // 2:
        raise RuntimeError(f"{len(starts)} and {len(ends)} of {systems} faults were told")
    begin, end = min(told.stored for told in starts), max(told.stored for told in ends)
    clock, cpu = zip(*group.cpu, strict=True)
    spent = float(np.interp(end, clock, cpu) - np.interp(begin, clock, cpu))
    return Run(systems * rows / (end - begin), spent / (systems * rows))


def _opened(found: list[Told], row: int) -> list[Told]:
    """Return the events that open an incident at the fault at `row`."""
    return [told for told in found if 0 <= told.time - EPOCH - row < FAULT_ROWS]


class Steady(NamedTuple):
    """What one member did at its ordinary pace."""

    latency_s: list[float]  # from the append of the row that raised the alarm to the event
    idle_cores: float  # CPU seconds a second without any input
    idle_rss_mb: float
    quiet_cores: float  # CPU seconds a second while nothing happened
    faulty_cores: float  # while one system after the other had a fault
    starved: float  # seconds a second that it could have run but got no core
    rss_mb: float


def steady(
    address: str, home: Path, core: int, systems: int, series: int, calm_s: int, live_s: int
) -> Steady:
    """Return latency and cost of systems that send one row a second each, in turn.

    For the first `calm_s` of `live_s` seconds nothing happens; then every system has a fault.
    """
    names = names_of(series)
    spread = live_s - calm_s - 2 * FAULT_ROWS
    faults = [FIRST + calm_s + i * spread // systems for i in range(systems)]
    made = [system_rows(i, series, FIRST + live_s, (row,)) for i, row in enumerate(faults)]

    def encoded(i: int, t: int) -> tuple[int, bytes, bytes]:
        row = encode_row(f"s{i}", float(EPOCH + t), names, made[i][t])
        return i % 4, f"s{i}".encode(), row

    with Group(address, home, names[0], [core], partitions=4) as group:
        group.joined()
        idle = (group.load(IDLE_S), group.members[0].rss_mb())
        group.write(encoded(i, t) for t in range(FIRST) for i in range(systems))
        group.catch_up()
        begin, starved = time.time(), group.members[0].starved_s()
        used = []
        for k in range(live_s * systems):
            if k % systems == 0:
                used.append(group.cpu_s())
            time.sleep(max(begin + k / systems - time.time(), 0.0))
            group.write_one(*encoded(k % systems, FIRST + k // systems))
        rss = group.members[0].rss_mb()
        starved = (group.members[0].starved_s() - starved) / live_s
        found = group.told(lambda told: sum(map(_live, told)) >= systems, QUIET_S)
        appended = {
            (row["system"], row["timestamp"]): record.timestamp_ms / 1e3
            for record in group.appended(begin)
            for row in [json.loads(record.value)]
        }
    return Steady(
        [
            told.stored - appended[told.event.data.system, told.time]
            for told in found
            if _live(told)
        ],
        *idle,
        (used[calm_s] - used[0]) / calm_s,
        (used[-1] - used[calm_s]) / (len(used) - 1 - calm_s),
        starved,
        rss,
    )


def _live(told: Told) -> bool:
    """Whether it was opened by a row written at the ordinary pace."""
    return told.time >= EPOCH + FIRST
