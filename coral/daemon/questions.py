"""Questions about a system, answered on a copy of its engine: the engine itself goes on."""

import queue
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

from coral.contract.events import Event
from coral.engine import Engine
from coral.errors import AskError
from coral.settings import Settings
from streams.align.aligner import Aligner

__all__ = ["Copied", "Questions"]

MOST_WAITING: Final = 4
PATIENCE_S: Final = 30.0


class Copied(NamedTuple):
    """A system at one instant, in nobody else's hands.

    Attributes
    ----------
    engine : Engine
    last : dict
        Event time of the newest value of each series that had one, unix s.
    """

    engine: Engine
    last: dict[str, float]


class Questions:
    """What is wrong with a system now, asked in any thread and answered in that one.

    The loop does no more than copy the state of the engine, as for a checkpoint.

    Parameters
    ----------
    settings : Settings
    patience_s : float
        For the loop to give the copy, s.
    """

    def __init__(self, settings: Settings, patience_s: float = PATIENCE_S) -> None:
        self._settings, self._patience_s = settings, patience_s
        self._waiting = queue.Queue[tuple[str, Future[Any]]](MOST_WAITING)
        self._one = threading.Lock()

    def serve(self, engines: Mapping[str, Engine], aligners: Mapping[str, Aligner]) -> None:
        """Give each question that waits the state of its system; in the thread of the loop."""
        while not self._waiting.empty():
            system, state = self._waiting.get_nowait()
            engine = engines.get(system)
            found = None if engine is None else (engine.state_dict(), aligners[system].last_values)
            state.set_result(found)

    def __call__(self, system: str, since: float | None) -> Event | None:
        """Return the answer (`Engine.ask`), None where there is no row to answer from.

        Raises
        ------
        AskError
            If too many questions wait, or the loop gives no copy in time.
        """
        copied = self.copied(system)
        if copied is None:
            return None
        with self._one:
            return copied.engine.ask(since)

    def copied(self, system: str) -> Copied | None:
        """Return a copy of a system, None where there is none; raises as a call does."""
        asked: Future[Any] = Future()
        try:
            self._waiting.put_nowait((system, asked))
        except queue.Full:
            raise AskError(f"at most {MOST_WAITING} questions at a time; ask again") from None
        try:
            found = asked.result(self._patience_s)
        except TimeoutError:
            raise AskError(f"the loop has not answered for {self._patience_s:g} s") from None
        if found is None:
            return None
        state, last = found
        engine = Engine(self._settings.system(system), self._settings.engine)
        engine.load_state_dict(state)
        return Copied(engine, last)
