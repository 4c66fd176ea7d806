"""Whether a row is all that its tick will bring, so that nobody has to wait for the next one."""

from typing import Any

__all__ = ["WholeRows"]

FIRST_TICKS = 8


class WholeRows:
    """Watches how rows fill the ticks of one system.

    A row is taken for all of its tick when `needed` ticks before it were one row each, of the same
    series in the same order. Once that proves wrong (more comes for a tick already closed) it takes
    twice as many ticks from then on. So a source that adds to a tick in any pattern loses
    a number of rows that grows with the logarithm of its period, and none after that.

    It counts what came, no clock: the same samples give the same answers, after a restart too.

    Attributes
    ----------
    needed : int
        Ticks of one row each before a row is taken for whole.
    """

    __slots__ = ("_names", "_ticks", "needed")

    def __init__(self) -> None:
        self.needed = FIRST_TICKS
        self._ticks = 0
        self._names: tuple[str, ...] = ()

    def begins(self, names: tuple[str, ...]) -> bool:
        """Take the first row of a tick; return whether it is taken for all of it."""
        if names is not self._names and names != self._names:
            self._ticks = 0
        self._names = names
        self._ticks += 1
        return self._ticks > self.needed

    def adds(self) -> None:
        """Take note that more came for an open tick, or that time made a jump."""
        self._ticks = 0

    def missed(self) -> None:
        """Take note that more came for a tick that was taken for whole."""
        self._ticks = 0
        self.needed *= 2

    def state(self) -> dict[str, Any]:
        """Return all state as plain values, to go into a checkpoint."""
        return {"names": list(self._names), "ticks": self._ticks, "needed": self.needed}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self._names = tuple(state["names"])
        self._ticks, self.needed = state["ticks"], state["needed"]
