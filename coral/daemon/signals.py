"""SIGTERM and SIGINT: the first ends the daemon in good order, the second at once. And others."""

import os
import signal
import threading
from types import FrameType
from typing import Final, Self

from coral.errors import Exit

__all__ = ["GRACE_S", "Asked", "Stop"]

GRACE_S: Final = 25.0
"""Longest time in good order, s; Kubernetes kills after 30."""


class Asked:
    """Whether a signal has come; the handler only takes a note.

    Parameters
    ----------
    number : int
        Of the signal.

    Examples
    --------
    >>> with Asked(signal.SIGUSR1) as asked:
    ...     os.kill(os.getpid(), signal.SIGUSR1)
    ...     asked.take(), asked.take()
    (True, False)
    """

    def __init__(self, number: signal.Signals) -> None:
        self._number = number
        self._asked = False

    def __enter__(self) -> Self:
        self._before = signal.signal(self._number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(self._number, self._before)

    def take(self) -> bool:
        """Return whether it came since this was last asked."""
        asked, self._asked = self._asked, False
        return asked

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True


class Stop:
    """Whether somebody asked the process to stop; to be called by whoever can.

    What is processed is made durable within `grace_s`; then, or at a second signal, the process
    exits as if killed, and goes on from its last checkpoint the next time.

    Parameters
    ----------
    grace_s : float

    Attributes
    ----------
    begun : bool
        Set it when there is something to bring to an end; before that a signal interrupts.

    Examples
    --------
    >>> with Stop() as stop:  # doctest: +SKIP
    ...     stop.begun = True
    ...     loop.run(stop)
    """

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace = grace_s
        self._asked = self.begun = False
        self._timer = threading.Timer(grace_s, self._force)
        self._timer.daemon = True

    def __call__(self) -> bool:
        """Return whether to stop."""
        return self._asked

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            self._force()
        self._asked = True
        self._timer.start()
        if not self.begun:
            raise KeyboardInterrupt

    def _force(self) -> None:
        os.write(2, b"stopped before everything was stored; the last checkpoint holds\n")
        os._exit(Exit.INTERRUPTED)
