"""What the operating system knows about the processes of one part of the shop."""

from __future__ import annotations

import time

import psutil


class Rate:
    """Turns a growing counter into a rate per second."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def per_s(self, total: float) -> float | None:
        """Return the rate since the last call; None at first and after a reset."""
        now = time.monotonic()
        last, self._last = self._last, (now, total)
        if last is None or total < last[1] or now <= last[0]:
            return None
        return (total - last[1]) / (now - last[0])


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, all its threads included, in seconds.

    The clock of the process (see ``clock_getcpuclockid(3)``) counts nanoseconds, whereas /proc
    counts ticks of 10 ms, which is too coarse for a service that needs 10 ms a second.
    """
    return time.clock_gettime((~pid << 3) | 2)


_RATES = ("cpu", "context_switches_per_s", "disk_write_bytes_per_s")
_Counters = tuple[float, float, float]


def _counters(process: psutil.Process) -> _Counters:
    """Return the totals of a process behind the metrics in `_RATES`."""
    switches = process.num_ctx_switches()
    return (
        cpu_seconds(process.pid),
        float(switches.voluntary + switches.involuntary),
        float(process.io_counters().write_bytes),
    )


class ProcessGroup:
    """A process and, if wanted, its children, read once a second.

    Parameters
    ----------
    children
        Whether child processes count too.
    """

    def __init__(self, children: bool = False) -> None:
        self._children = children
        self._last: dict[psutil.Process, _Counters] = {}
        self._last_time = 0.0

    def _members(self, pid: int | None) -> list[psutil.Process]:
        if pid is None:
            return []
        try:
            root = psutil.Process(pid)
            return [root, *root.children()] if self._children else [root]
        except psutil.NoSuchProcess:
            return []

    def read(self, pid: int | None) -> dict[str, float]:
        """Read the group once.

        Parameters
        ----------
        pid
            Its (parent) process, or None when it is dead.

        Returns
        -------
        dict
            ``cpu`` in cores, ``memory`` in bytes (sum of resident sizes), ``open_fds``,
            ``context_switches_per_s`` and ``disk_write_bytes_per_s``; empty when dead, without
            the rates at the first reading.
        """
        last, elapsed_s = self._last, time.monotonic() - self._last_time
        self._last, self._last_time = {}, time.monotonic()
        memory, fds, growth = 0.0, 0.0, [0.0, 0.0, 0.0]
        for process in self._members(pid):
            try:
                with process.oneshot():
                    counters = _counters(process)
                    memory += process.memory_info().rss
                    fds += process.num_fds()
            except (psutil.NoSuchProcess, OSError):
                continue  # It ended between two calls.
            # Counting per process: a child that ended must not make the sum fall.
            before = last.get(process, (0.0, 0.0, 0.0))
            growth = [
                total + new - old for total, new, old in zip(growth, counters, before, strict=True)
            ]
            self._last[process] = counters
        if not self._last:
            return {}
        values = {"memory": memory, "open_fds": fds}
        if last:
            values |= {name: total / elapsed_s for name, total in zip(_RATES, growth, strict=True)}
        return values
