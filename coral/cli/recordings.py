"""Recordings as commands get them: which of the paths are some, and how their files are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console

    from coral.replay.beside import Beside
    from streams.recorded import Recording

__all__ = ["Opener", "known_beside", "recordings_among"]

NOTES: Final = frozenset({".md", ".rst", "README", "LICENSE", "NOTICE", "CHANGELOG"})


def recordings_among(paths: Sequence[Path]) -> list[Path]:
    """Return paths without the notes that a pattern such as `incidents/*` matches beside them."""
    if len(paths) == 1:
        return [*paths]
    return [p for p in paths if p.suffix not in NOTES and p.stem.upper() not in NOTES]


class Opener(NamedTuple):
    """Opens recordings, and says how their files are read before anything else is said of them.

    Attributes
    ----------
    kpi, interval, keep_counters
        As of `Recording.open`.
    """

    kpi: Sequence[str]
    interval: float | None
    keep_counters: bool

    def open(self, path: Path, console: Console, remarks: Console) -> Recording:
        """Open a recording; what is wrong with it goes to `remarks`.

        Raises
        ------
        RecordingError
            If it cannot be used.
        """
        from coral.report.console import print_problems
        from streams.recorded import Recording

        kpi, interval, keep = self
        recording = Recording.open(path, kpi, interval, keep_counters=keep)
        console.print(f"[bold]{path}[/]: {len(recording.names)} series")
        print_problems(remarks, recording.problems)
        return recording


def known_beside(recording: Recording, console: Console, remarks: Console) -> Beside:
    """Return what is known beside a recording; what is wrong with that goes to `remarks`.

    Raises
    ------
    RecordingError
        If there is a file, and nothing of it can be used.
    """
    from coral.replay.alerts import ALERTS, recorded_alerts
    from coral.replay.beside import Beside
    from coral.replay.changes import CHANGES, recorded_changes
    from coral.report.console import print_problems

    changes, problems = recorded_changes(recording)
    alerts, more = recorded_alerts(recording)
    for what, found, file in (("change event", changes, CHANGES), ("alert", alerts, ALERTS)):
        if found:
            console.print(f"  {len(found)} {what}{'s' if len(found) > 1 else ''} in {file}")
    print_problems(remarks, [*problems, *more])
    return Beside(changes, alerts)
