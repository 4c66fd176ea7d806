"""A thread that delivers what a mailbox holds, until it is taken; whoever fills it never waits."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from streams.clock import Clock
from streams.errors import StreamsError
from streams.http.client import Answer

__all__ = ["Courier", "Delivered", "Letter", "Mailbox"]

FIRST_S: Final = 1.0
"""Wait after the first failure; it doubles with each further one, ..."""
LONGEST_S: Final = 60.0
"""... up to this."""
PATIENCE_S: Final = 300.0
"""Longest time that an answer may ask us to wait for."""
_IDLE_S: Final = 60.0
# Answers that another attempt may change; all others that are no success will be the same again.
_PASSING: Final = frozenset({408, 425, 429, *range(500, 600)})


class Letter(NamedTuple):
    """What is sent at a time.

    Attributes
    ----------
    body : bytes
    headers : dict of str to str
    what : object
        What the mailbox knows it by.
    size : int
        How many things it says, for the counters.
    """

    body: bytes
    headers: dict[str, str]
    what: Any = None
    size: int = 1


class Mailbox(Protocol):
    """What waits to be sent: bounded, and used by one thread at a time."""

    lost: int
    """What was given up so far, because there was too much or because it had waited too long."""

    def next(self) -> Letter | None:
        """Return what is due, None if nothing is."""
        ...

    def done(self, letter: Letter) -> None:
        """Forget what was taken, or will never be."""
        ...

    def idle_s(self) -> float:
        """Return after how many seconds something will be due, if nothing is put in."""
        ...

    def __len__(self) -> int:
        """Return how much waits."""
        ...


M = TypeVar("M", bound=Mailbox)


class Delivered(NamedTuple):
    """What became of it so far.

    Attributes
    ----------
    taken, refused, lost : int
        Answered with success; with an answer that no further attempt would change; given up.
    failed_attempts : int
        Attempts that were, or are, made again.
    waiting : int
    failing : bool
        Whether the newest attempt failed.
    last : float or None
        Unix seconds of the newest success.
    """

    taken: int = 0
    refused: int = 0
    lost: int = 0
    failed_attempts: int = 0
    waiting: int = 0
    failing: bool = False
    last: float | None = None


class Courier(Generic[M]):
    """Delivers a mailbox to one address, in a thread of its own.

    Parameters
    ----------
    mailbox : Mailbox
    send : callable
        Makes one attempt with a letter.
    clock : Clock
    said : callable
        Gets, in the courier's thread, what has changed and why: `failing`, `restored`, `refused`
        or `crashed`.

    Examples
    --------
    >>> courier = Courier(mailbox, send, clock, print)  # doctest: +SKIP
    >>> courier.start()  # doctest: +SKIP
    >>> courier.change(lambda mailbox: mailbox.put(letter))  # doctest: +SKIP
    """

    def __init__(
        self,
        mailbox: M,
        send: Callable[[Letter], Answer],
        clock: Clock,
        said: Callable[[str, str], None],
    ) -> None:
        self._mailbox, self._send, self._clock, self._said = mailbox, send, clock, said
        self._changed = threading.Condition()
        self._failures = self._taken = self._refused = self._attempts = 0
        self._last: float | None = None
        self._not_before = clock.monotonic()
        self._ending = self._news = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def change(self, how: Callable[[M], None]) -> None:
        """Put something in, or take it out; returns at once."""
        with self._changed:
            how(self._mailbox)
            self._news = True
            self._changed.notify()

    def end(self) -> None:
        """Deliver what is due, unless that fails, and end."""
        with self._changed:
            self._ending = True
            self._changed.notify()

    def join(self, timeout_s: float) -> None:
        """Wait for the end, at most some seconds."""
        self._thread.join(timeout_s)

    def delivered(self) -> Delivered:
        """Return what became of everything so far."""
        with self._changed:
            return Delivered(
                self._taken,
                self._refused,
                self._mailbox.lost,
                self._attempts,
                len(self._mailbox),
                self._failures > 0,
                self._last,
            )

    def step(self) -> float:
        """Make an attempt if one is due; return after how many seconds the next one may be."""
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            return wait
        try:
            with self._changed:
                letter = self._mailbox.next()
                if letter is None:
                    return self._mailbox.idle_s()
            return self._judge(letter, self._send(letter))
        except StreamsError as error:
            return self._failed(str(error))

    def _judge(self, letter: Letter, answer: Answer) -> float:
        if answer.status in _PASSING:
            return self._failed(_told(answer), min(answer.retry_after_s, PATIENCE_S))
        with self._changed:
            self._mailbox.done(letter)
            failures, self._failures = self._failures, 0  # there is somebody who answers
            if 200 <= answer.status < 300:
                self._taken += letter.size
                self._last = self._clock.time()
            else:
                self._refused += letter.size
        if not 200 <= answer.status < 300:
            self._said("refused", _told(answer))
        elif failures:
            self._said("restored", "")
        return 0.0

    def _failed(self, reason: str, at_least_s: float = 0.0) -> float:
        """Wait twice as long as the last time, and so that many do not come back at once."""
        with self._changed:
            self._attempts += 1
            self._failures += 1
            wait = min(LONGEST_S, FIRST_S * 2.0 ** min(self._failures - 1, 16))
            wait = max(wait * random.uniform(0.5, 1.0), at_least_s)
            self._not_before = self._clock.monotonic() + wait
        if self._failures == 1:
            self._said("failing", reason)
        return wait

    def _run(self) -> None:
        while True:
            with self._changed:
                self._news = False
            try:
                wait = self.step()
            except Exception as error:  # noqa: BLE001 - a defect must end neither thread nor daemon
                wait = self._crashed(error)
            with self._changed:
                if self._news or wait <= 0:
                    continue  # what was put in since that step goes out before the end
                if self._ending:
                    return
                self._changed.wait(min(wait, _IDLE_S))

    def _crashed(self, error: Exception) -> float:
        """Leave out what we cannot make a letter of; the rest goes on."""
        with suppress(Exception):
            self._said("crashed", f"{type(error).__name__}: {error}")
        return self._failed("crashed")


def _told(answer: Answer) -> str:
    redirected = ": redirects are not followed" if 300 <= answer.status < 400 else ""
    return f"HTTP {answer.status}{redirected}" + (f": {answer.text}" if answer.text else "")
