"""Ends the process when it stands still: the last resort against calls that never return."""

import faulthandler
import os
import sys
import threading
from typing import Final, Self

from streams.clock import Clock, SystemClock

EXIT_HUNG: Final = 70
"""Exit code of a process that its watchdog ended."""


class Watchdog:
    """Thread that ends the process when nobody called `beat` for too long.

    Some calls of a Kafka client wait for its brokers without limit (the commit of a transaction),
    and a thread that waits cannot be woken. The stacks of all threads go to standard error, then
    the process exits with `EXIT_HUNG` without any cleaning up, as if killed; whoever restarts it
    goes on from the last checkpoint.

    Parameters
    ----------
    limit_s : float
        Longest time between two beats, s, > 0. More than the longest honest step takes.
    clock : Clock, optional

    Examples
    --------
    >>> with Watchdog(limit_s=90.0) as watchdog:  # doctest: +SKIP
    ...     Loop(..., progress=lambda _: watchdog.beat()).run()
    """

    def __init__(self, limit_s: float, clock: Clock | None = None) -> None:
        if not limit_s > 0:
            raise ValueError(f"`Watchdog` requires limit_s > 0, got {limit_s!r}.")
        self._limit = limit_s
        self._clock = clock or SystemClock()
        self._last = self._clock.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self.beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def beat(self) -> None:
        """Say that the process is getting on."""
        self._last = self._clock.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the last beat; what a liveness probe should look at."""
        return self._clock.monotonic() - self._last

    def _watch(self) -> None:
        while not self._done.wait(min(1.0, self._limit / 10)):
            if self.age > self._limit:
                print(  # noqa: T201 - a log handler might be what hangs
                    f"watchdog: no progress for {self.age:.1f} s (limit {self._limit:g} s)",
                    file=sys.stderr,
                    flush=True,
                )
                faulthandler.dump_traceback(all_threads=True)
                os._exit(EXIT_HUNG)
