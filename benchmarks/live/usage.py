"""How much CPU each part of a live run takes, and what others take beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import psutil


class Usage:
    """CPU seconds of named groups of processes, with their children."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[int, float]] = {}
        self._first: dict[str, float] = {}
        self._busy = self._time = 0.0
        self._last_ours = 0.0

    def start(self, groups: Mapping[str, list[int]]) -> None:
        """Count from now on."""
        self._read(groups)
        self._first = self._totals()
        self._start = time.monotonic()
        self._busy, self._time = _busy_s(), self._start
        self._last_ours = sum(self._first.values())

    def read(self, groups: Mapping[str, list[int]]) -> tuple[float, float]:
        """Return the cores that this run and all others took since the last reading."""
        self._read(groups)
        ours, busy, now = sum(self._totals().values()), _busy_s(), time.monotonic()
        passed = now - self._time
        mine = (ours - self._last_ours) / passed
        others = max(0.0, (busy - self._busy) / passed - mine)
        self._last_ours, self._busy, self._time = ours, busy, now
        return mine, others

    def cores(self) -> dict[str, float]:
        """Return the mean number of cores that each group has taken since `start`."""
        passed = self._time - self._start
        return {
            name: round((total - self._first.get(name, 0.0)) / passed, 4)
            for name, total in self._totals().items()
        }

    def _totals(self) -> dict[str, float]:
        return {name: sum(seen.values()) for name, seen in self._seen.items()}

    def _read(self, groups: Mapping[str, list[int]]) -> None:
        for name, pids in groups.items():
            seen = self._seen.setdefault(name, {})
            for pid in pids:
                try:
                    parent = psutil.Process(pid)
                    # Those of this process are the other groups.
                    below = [] if pid == os.getpid() else parent.children(recursive=True)
                except psutil.NoSuchProcess:
                    continue
                for member in (parent, *below):
                    # A process that has ended keeps what it had taken when it was last read.
                    try:
                        times = member.cpu_times()
                    except psutil.NoSuchProcess:
                        continue
                    seen[member.pid] = times.user + times.system


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)
