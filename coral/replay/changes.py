"""Change events beside a recording: `changes.json` of its folder."""

from collections.abc import Collection, Sequence
from typing import Final

from coral.contract.changes import ChangeEvent, Naming, changes_in
from coral.incident.change_log import part_of
from coral.replay.file_beside import read_beside
from coral.text import quoted
from streams.recorded import Recording, RecordingProblem
from streams.recorded.problem import ProblemLog
from streams.series import entity_of
from streams.topology import meant

__all__ = ["CHANGES", "recorded_changes"]

CHANGES: Final = "changes.json"
_TOLD: Final = "It is told all the same"


def recorded_changes(recording: Recording) -> tuple[list[ChangeEvent], list[RecordingProblem]]:
    """Return the change events of a recording by their time, and what is wrong with them.

    The file holds an array of them, or one a line, in any form that the topic takes. Those of
    other systems are left out; without the file there are none.

    Parameters
    ----------
    recording : Recording

    Raises
    ------
    RecordingError
        If there is a file, and nothing of it can be used.
    """
    log, meta = ProblemLog(CHANGES), recording.meta
    naming = Naming(systems=(meta.system,))
    found = read_beside(recording, CHANGES, log, lambda record: changes_in(record, naming))
    kept = sorted((one for one in found if one.system == meta.system), key=_time)
    _check_parts(kept, {entity_of(name) for name in recording.names}, log)
    return kept, log.problems()


def _check_parts(
    changes: Sequence[ChangeEvent], entities: Collection[str], log: ProblemLog
) -> None:
    """Note the changes of what has no column, and which entity may be meant instead."""
    absent = {
        one.entities[-1] for one in changes if one.entities and part_of(one, entities) is None
    }
    near = meant(sorted(absent), sorted(entities))
    for name in sorted(absent):
        meant_is = f"Perhaps {quoted(near[name])} is meant" if name in near else _TOLD
        message = f"a change of {quoted(name)}, which has no column"
        log.add("warning", "change-entity", message, meant_is)


def _time(change: ChangeEvent) -> float:
    return change.time
