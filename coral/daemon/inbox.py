"""What comes in on a topic beside the metrics, for the engines of this member and later ones."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import structlog

from coral.engine import Engine
from coral.errors import EventError
from streams.clock import Clock
from streams.errors import BrokerError

__all__ = ["Addressed", "Inbox", "Refuse", "decoded"]

log = structlog.stdlib.get_logger()

_REPORT_S: Final = 60.0
_RETRY_S: Final = 60.0

Refuse: TypeAlias = Callable[[str], None]
"""Counts what cannot be used, by reason."""


class Addressed(Protocol):
    """What is for one system.

    Attributes
    ----------
    system : str
    key : str
        What it is about; the last word on it holds.
    since : str or float
        When that was: beyond the most that are held of a system, the earliest goes.
    """

    @property
    def system(self) -> str: ...  # noqa: D102 - said above
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def since(self) -> Any: ...  # noqa: D102


T = TypeVar("T", bound=Addressed)


class Inbox(Generic[T]):
    """Hands what comes in on one topic to the engine of its system.

    Every member reads all of it, whose it may be: it is little, and a system whose partition moves
    here later is told what its last owner may not have stored. What it holds is bounded; what
    cannot be used is counted and told in sum, and never ends the daemon.

    Parameters
    ----------
    what : str
        Name in the log: ``<what>_refused``, ``<what>_not_read``.
    collect : callable
        Returns what came since it was called last, and says what it refuses.
    hand : callable
        Tells an engine one of them; saying it twice must change nothing.
    tell : callable
        Gets all that was taken at a time, for the log.
    clock : Clock
        For the pace of what is logged of refusals, and of attempts.
    max_systems : int
        What is for further systems is refused.
    max_held : int
        Of one system.

    Attributes
    ----------
    what : str
        As given.
    refused : int
        So far.
    """

    def __init__(
        self,
        what: str,
        collect: Callable[[Refuse], Sequence[T]],
        hand: Callable[[Engine, T], None],
        tell: Callable[[Sequence[T]], None],
        clock: Clock,
        *,
        max_systems: int,
        max_held: int,
    ) -> None:
        self._told_as = (f"{what}_refused", f"{what}_not_read")
        self._collect, self._hand, self._tell = collect, hand, tell
        self._clock, self._max_systems, self._max_held = clock, max_systems, max_held
        self._held: dict[str, dict[str, T]] = {}
        self._refused = Counter[str]()  # since it was told last
        self.what, self.refused = what, 0
        self._reported = -_REPORT_S
        self._failed: float | None = None  # when reading failed, if it did the last time

    def deliver(self, engines: Mapping[str, Engine]) -> bool:
        """Take what came, and tell the engines that it concerns; return whether any was taken."""
        taken = [item for item in self._came() if self._keep(item)]
        for item in taken:
            if item.system in engines:
                self._hand(engines[item.system], item)
        if taken:
            self._tell(taken)
        self._report()
        return bool(taken)

    def remind(self, system: str, engine: Engine) -> None:
        """Tell a new or restored engine what came before it."""
        for item in self._held.get(system, {}).values():
            self._hand(engine, item)

    def elsewhere(self, engines: Container[str]) -> int:
        """Count what is held for systems of which there is no engine here."""
        return sum(len(held) for name, held in self._held.items() if name not in engines)

    def refuse(self, reason: str) -> None:
        """Count what cannot be used."""
        self.refused += 1
        self._refused[reason] += 1

    def _came(self) -> Sequence[T]:
        """Return what came; a topic that cannot be read is told once and tried again later."""
        now = self._clock.monotonic()
        if self._failed is not None and now - self._failed < _RETRY_S:
            return ()
        try:
            came = self._collect(self.refuse)
        except BrokerError as error:
            if self._failed is None:
                log.error(self._told_as[1], reason=str(error))
            self._failed = now
            return ()
        self._failed = None
        return came

    def _keep(self, item: T) -> bool:
        """Hold it for engines that come later, if there is room for its system."""
        if item.system not in self._held and len(self._held) >= self._max_systems:
            self.refuse(f"at most {self._max_systems} systems expected")
            return False
        held = self._held.setdefault(item.system, {})
        held.pop(item.key, None)
        held[item.key] = item
        if len(held) > self._max_held:
            del held[min(held, key=lambda key: held[key].since)]
        return True

    def _report(self) -> None:
        """Log what was refused, in sum and at most once a minute."""
        now = self._clock.monotonic()
        if not self._refused or now - self._reported < _REPORT_S:
            return
        self._reported = now
        ((reason, _),) = self._refused.most_common(1)
        log.warning(self._told_as[0], count=self._refused.total(), reason=reason)
        self._refused.clear()


def decoded(
    read: Callable[[], Iterable[bytes]], decode: Callable[[bytes], Iterable[T]]
) -> Callable[[Refuse], Sequence[T]]:
    """Return what collects all that the messages of a topic say.

    Parameters
    ----------
    read : callable
        Returns the messages that came since it was called last.
    decode : callable
        Makes of one message what it says; raises `EventError` and nothing else.
    """

    def collect(refuse: Refuse) -> list[T]:
        found: list[T] = []
        for message in read():
            try:
                found += decode(message)
            except EventError as error:
                refuse(str(error))
        return found

    return collect
