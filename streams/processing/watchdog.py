"""Ends the process when it stands still: the last resort against calls that never return."""

import faulthandler
from typing import Final, Self

from streams.clock import Clock, SystemClock

# Arming ends a thread and starts another, some 50 us; beats come with every frame.
_REARM_S: Final = 1.0
# The process's own, whatever stands in place of `sys.stderr`: the timer writes to a descriptor.
_STDERR: Final = 2


class Watchdog:
    """Ends the process when nobody called `beat` for too long.

    Some calls of a Kafka client wait for its brokers without limit (the commit of a transaction),
    and a thread that waits cannot be woken. The timer is `faulthandler`'s own: it runs outside of
    the interpreter, so it fires even when C code holds the interpreter's lock. The stacks of all
    threads go to standard error, then the process exits with code 1 without any cleaning up, as if
    killed; whoever restarts it goes on from the last checkpoint.

    A process has one such timer, and so one watchdog at a time.

    Parameters
    ----------
    limit_s : float
        Longest time between two beats, s, > 0. More than the longest honest step takes; the
        process ends at most a second later.
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
        self._armed = 0.0

    def __enter__(self) -> Self:
        self._arm()
        return self

    def __exit__(self, *_: object) -> None:
        faulthandler.cancel_dump_traceback_later()

    def beat(self) -> None:
        """Say that the process is getting on."""
        if self._clock.monotonic() - self._armed >= _REARM_S:
            self._arm()

    def _arm(self) -> None:
        self._armed = self._clock.monotonic()
        # A beat that did not arm anew must not cost the step after it a part of its time.
        faulthandler.dump_traceback_later(self._limit + _REARM_S, exit=True, file=_STDERR)
