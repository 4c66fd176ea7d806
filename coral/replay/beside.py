"""What is known of a recorded system beside its metrics: what was done to it, and its alerts."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from coral.contract.alerts import Alert
from coral.contract.changes import ChangeEvent
from coral.engine import Engine
from coral.replay.alerts import recorded_alerts
from coral.replay.changes import recorded_changes
from streams.recorded import Recording, RecordingError, RecordingProblem

__all__ = ["NOTHING", "Beside", "problems_beside", "tell"]


class Beside(NamedTuple):
    """What is known beside the metrics of one system.

    Attributes
    ----------
    changes : sequence of ChangeEvent
    alerts : sequence of Alert
        Each once, with its end.
    """

    changes: Sequence[ChangeEvent] = ()
    alerts: Sequence[Alert] = ()

    def told(self) -> Iterator[tuple[float, ChangeEvent | Alert]]:
        """Yield what is told when, unix s, the earliest first: an alert again when it ends."""
        words: list[ChangeEvent | Alert] = [*self.changes, *self._words()]
        yield from sorted(((_when(one), one) for one in words), key=lambda told: told[0])

    def _words(self) -> Iterator[Alert]:
        for alert in self.alerts:
            yield msgspec.structs.replace(alert, ends=None)
            if alert.ends is not None:
                yield alert


NOTHING: Final = Beside()


def tell(engine: Engine, word: ChangeEvent | Alert) -> None:
    """Tell an engine one of them."""
    if isinstance(word, Alert):
        engine.alert(word)
    else:
        engine.note(word)


def problems_beside(path: Path) -> list[RecordingProblem]:
    """Return what is wrong with the files beside a recording that can be opened."""
    recording, found = Recording.open(path), list[RecordingProblem]()
    for read in (recorded_changes, recorded_alerts):
        try:
            found += read(recording)[1]
        except RecordingError as error:
            found += error.problems
    return found


def _when(word: ChangeEvent | Alert) -> float:
    if isinstance(word, ChangeEvent):
        return word.time
    return word.starts if word.ends is None else word.ends
