"""A file beside a recording: read whole, and what of it cannot be used told."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from streams.recorded import Recording, RecordingError
from streams.recorded.problem import ProblemLog, Severity
from streams.records import Record

__all__ = ["read_beside"]

_T = TypeVar("_T")


def read_beside(
    recording: Recording,
    name: str,
    log: ProblemLog,
    read: Callable[[Record], tuple[list[_T], Sequence[str]]],
) -> list[_T]:
    """Return what a file of the folder of a recording holds; nothing where there is no file.

    Parameters
    ----------
    recording : Recording
    name : str
        Of the file; without its ending that of its problems.
    log : ProblemLog
        Gets what cannot be used.
    read : callable
        Returns what a record holds, and what of it cannot be used.

    Raises
    ------
    RecordingError
        If the file cannot be read, or nothing of it can be used; the log says why.
    """
    record = _record(recording, name, log)
    if record is None:
        return []
    found, problems = read(record)
    severe: Severity = "warning" if found else "error"
    for problem in problems:
        log.add(severe, name.removesuffix(".json"), problem, "It is left out; repair or remove it")
    log.raise_if_failed()
    return found


def _record(recording: Recording, name: str, log: ProblemLog) -> Record | None:
    file = recording.path / name
    if not recording.path.is_dir() or not file.exists():
        return None
    try:
        return Record(name, 0, 0, None, file.read_bytes())
    except OSError as error:
        log.add("error", "file", f"the file cannot be read: {error}", "Repair or remove it")
        raise RecordingError(log.problems()) from error
