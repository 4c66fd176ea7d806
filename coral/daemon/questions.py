"""Questions about a system, answered on a copy of its engine: the engine itself goes on."""

import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from coral.contract.events import Event
from coral.engine import Engine
from coral.errors import AskError
from coral.settings import Settings
from streams.align.aligner import Aligner

__all__ = ["Questions"]

MOST_WAITING: Final = 4
PATIENCE_S: Final = 30.0
_T = TypeVar("_T")


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
        self._waiting = queue.Queue[tuple[str, Callable[[Engine, Aligner], Any], Future[Any]]](
            MOST_WAITING
        )
        self._one = threading.Lock()

    def serve(self, engines: Mapping[str, Engine], aligners: Mapping[str, Aligner]) -> None:
        """Give each question that waits what it takes of its system; in the thread of the loop."""
        while not self._waiting.empty():
            system, copy, copied = self._waiting.get_nowait()
            engine, aligner = engines.get(system), aligners.get(system)
            if engine is None or aligner is None:
                copied.set_result(None)
            else:
                copied.set_result(copy(engine, aligner))

    def __call__(self, system: str, since: float | None) -> Event | None:
        """Return the answer (`Engine.ask`), None where there is no row to answer from.

        Raises
        ------
        AskError
            If too many questions wait, or the loop gives no copy in time.
        """
        state = self.copied(system, lambda engine, _: engine.state_dict())
        if state is None:
            return None
        with self._one:
            engine = Engine(self._settings.system(system), self._settings.engine)
            engine.load_state_dict(state)
            return engine.ask(since)

    def copied(self, system: str, copy: Callable[[Engine, Aligner], _T]) -> _T | None:
        """Return what a function copies of a system in the thread of the loop, None without one.

        It must be quick, and leave nothing that the loop goes on with in what it returns; raises
        as a call does.
        """
        copied: Future[_T | None] = Future()
        try:
            self._waiting.put_nowait((system, copy, copied))
        except queue.Full:
            raise AskError(f"at most {MOST_WAITING} questions at a time; ask again") from None
        try:
            return copied.result(self._patience_s)
        except TimeoutError:
            raise AskError(f"the loop has not answered for {self._patience_s:g} s") from None
