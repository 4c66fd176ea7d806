"""A file beside a recording, read whole."""

from streams.recorded import Recording, RecordingError
from streams.recorded.problem import ProblemLog
from streams.records import Record

__all__ = ["record_beside"]


def record_beside(recording: Recording, name: str, log: ProblemLog) -> Record | None:
    """Return a file of the folder of a recording as one record, None where there is none.

    Raises
    ------
    RecordingError
        If it cannot be read; the log says why.
    """
    file = recording.path / name
    if not recording.path.is_dir() or not file.exists():
        return None
    try:
        return Record(name, 0, 0, None, file.read_bytes())
    except OSError as error:
        log.add("error", "file", f"the file cannot be read: {error}", "Repair or remove it")
        raise RecordingError(log.problems()) from error
