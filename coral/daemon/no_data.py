"""Systems that have stopped sending: *no data*, by the clock."""

from collections.abc import Callable, Iterable
from typing import Final

import structlog

__all__ = ["NoData"]

log = structlog.stdlib.get_logger()

# More names than this in one line are only counted.
NAMED: Final = 10


class NoData:
    """Knows which systems have sent no row for longer than they may.

    It is no event: events follow from the data alone and are the same after every restart, and
    that nothing comes is known only by looking at a clock.

    Parameters
    ----------
    patience : callable
        System id to how long no row may come, seconds.
    """

    def __init__(self, patience: Callable[[str], float]) -> None:
        self._patience_of = patience
        self._patience: dict[str, float] = {}
        self._seen: dict[str, float] = {}
        self._missing: set[str] = set()

    def __contains__(self, system: str) -> bool:
        return system in self._missing

    def seen(self, system: str, now: float) -> None:
        """Note that a row came, or that the system came to this member.

        Parameters
        ----------
        system : str
        now : float
            Reading of a monotonic clock, s.
        """
        self._seen[system] = now

    def forget(self, systems: Iterable[str]) -> None:
        """Expect nothing more of systems that went away."""
        for system in systems:
            self._seen.pop(system, None)
            self._patience.pop(system, None)
            self._missing.discard(system)

    def check(self, now: float) -> None:
        """Log which systems have stopped sending, and which send again, since the last check."""
        missing = {system for system, at in self._seen.items() if now - at > self._of(system)}
        begun, over = sorted(missing - self._missing), sorted(self._missing - missing)
        self._missing = missing
        if begun:
            longest = max(self._of(system) for system in begun)
            log.warning("no_data", **_named(begun), for_s=longest)
        if over:
            log.info("data_again", **_named(over))

    def _of(self, system: str) -> float:
        if system not in self._patience:
            self._patience[system] = self._patience_of(system)
        return self._patience[system]


def _named(systems: list[str]) -> dict[str, object]:
    if len(systems) == 1:
        return {"system": systems[0]}
    return {"systems": systems[:NAMED], "count": len(systems)}
