"""What was said of a recording row by row, so that it can be played, stopped and gone back to."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import zstandard

from coral.config import SystemConfig
from coral.contract.events import Event, decode, encode, timestamp
from coral.http.row_notes import RowNotes
from coral.http.shadow import ShadowSystem, compared, recent
from coral.http.state import Brief, SystemPhase, brief
from coral.http.timelines import Timeline
from coral.report.event_log import IncidentHistory
from coral.report.incident_view import IncidentView, incident_view
from coral.report.incident_window import IncidentWindow, part_of_window
from coral.report.marks import Mark
from coral.text import printable
from detectors.trigger import Trigger
from streams.records import Frame

__all__ = ["PhaseFrom", "Recorded", "RecordedBrief", "RecordedList", "RunBrief", "Tape", "TapeView"]

MOST_SAID: Final = 2000
"""Revisions, and turns of the phase, that a tape holds; later ones are counted."""
MOST_MARKS: Final = 200


class PhaseFrom(msgspec.Struct, frozen=True):
    """What the engine is doing from a row on."""

    time: float  # unix s
    phase: SystemPhase


class TapeView(msgspec.Struct, frozen=True):
    """One recording under one configuration, as far as it has been run."""

    window: IncidentWindow  # of all rows
    phases: list[PhaseFrom]
    said: list[Brief]  # every revision, in the order of its row
    more: int  # revisions that are not kept
    marks: list[Mark]  # change events and alerts beside the recording


class RunBrief(msgspec.Struct, frozen=True):
    """How far one configuration has come."""

    name: str  # of the configuration, printable
    config: str  # its digest
    rows: int
    until: float | None  # event time of the newest row, unix s
    incidents: int
    changes: int
    done: bool
    failed: str  # why it ended too early; empty: it did not


class RecordedBrief(msgspec.Struct, frozen=True):
    """One recording with all configurations that it is run under."""

    recording: int  # its number
    name: str
    system: str
    interval_s: float
    first: float | None  # event time of its first row, unix s; None: it has not begun
    rows: int  # that it has; 0: not known before its end
    runs: list[RunBrief]
    compared: ShadowSystem | None  # None: there is one configuration alone


class RecordedList(msgspec.Struct, frozen=True):
    """All recordings that this process was told to show."""

    recordings: list[RecordedBrief]


class Tape:
    """What one configuration says of a recording; one thread writes, any may read.

    Parameters
    ----------
    name : str
        Of the configuration.
    config : str
        Its digest.
    system : SystemConfig
    marks : sequence of Mark
        Change events and alerts beside the recording, the earliest first.
    """

    def __init__(
        self, name: str, config: str, system: SystemConfig, marks: Sequence[Mark] = ()
    ) -> None:
        self.name, self.config, self._marks = name, config, [*marks[:MOST_MARKS]]
        self._notes = RowNotes(system)
        self._timeline = Timeline(self._notes.watched, ())
        self._phases: list[PhaseFrom] = []
        self._said: list[Brief] = []
        self._events: dict[tuple[str, int], bytes] = {}
        self._newest: dict[str, Brief] = {}
        self._more = self._rows = 0
        self.first: float | None = None
        self._until: float | None = None
        self.done, self.failed = False, ""

    def note(
        self, frame: Frame, phase: SystemPhase, events: Iterable[Event], trigger: Trigger | None
    ) -> None:
        """Take one row, and what was said with it."""
        self._timeline.add(self._notes.of(frame, trigger))
        if self.first is None:
            self.first = frame.time
        if (not self._phases or self._phases[-1].phase != phase) and len(self._phases) < MOST_SAID:
            self._phases.append(PhaseFrom(frame.time, phase))
        for event in events:
            said = brief(event)
            self._newest = {**self._newest, said.incident: said}
            if len(self._said) < MOST_SAID:
                key = said.incident, said.revision
                self._events[key] = zstandard.compress(encode(event))
                self._said.append(said)
            else:
                self._more += 1
        self._rows, self._until = self._rows + 1, frame.time

    def view(self) -> TapeView:
        """Return all that is drawn of it."""
        said, phases = self._said[:], self._phases[:]
        return TapeView(self._timeline.whole(), phases, said, self._more, self._marks)

    def brief(self) -> RunBrief:
        """Return how far it has come."""
        kinds = [each.kind for each in self._newest.values()]
        return RunBrief(
            name=printable(self.name),
            config=self.config,
            rows=self._rows,
            until=self._until,
            incidents=kinds.count("incident"),
            changes=kinds.count("change"),
            done=self.done,
            failed=printable(self.failed),
        )

    def episodes(self) -> list[Brief]:
        """Return the newest state of each incident and change of the last week of its rows."""
        return recent(self._newest.values(), self._until or 0.0)

    def incident(self, incident: str, revision: int) -> IncidentView | None:
        """Return an incident as it stood at a revision; None if that is not kept."""
        kept = [
            self._events[one.incident, one.revision]
            for one in self._said[:]
            if one.incident == incident and one.revision <= revision
        ]
        if not kept:
            return None
        first, *others = (decode(zstandard.decompress(each)) for each in kept)
        history = IncidentHistory(first)
        for event in others:
            history.add(event)
        return incident_view(history, part_of_window(self._timeline.whole(), history.data))


class Recorded:
    """One recording, and what each configuration says of it.

    Parameters
    ----------
    number : int
    name : str
    system : SystemConfig
    rows : int
        That it has; 0 = not known.
    tapes : sequence of Tape
    """

    def __init__(
        self, number: int, name: str, system: SystemConfig, rows: int, tapes: Sequence[Tape]
    ) -> None:
        self.number, self._name, self._system, self._rows = number, name, system, rows
        self.tapes = tuple(tapes)

    def brief(self) -> RecordedBrief:
        """Return how far it has come under each configuration."""
        first = self.tapes[0].first
        both = None
        if len(self.tapes) > 1 and first is not None:
            main, second = self.tapes[:2]
            episodes = main.episodes(), second.episodes()
            both = compared(self._system.name, second.config, timestamp(first), *episodes)
        return RecordedBrief(
            recording=self.number,
            name=printable(self._name),
            system=printable(self._system.name),
            interval_s=self._system.interval_s,
            first=first,
            rows=self._rows,
            runs=[tape.brief() for tape in self.tapes],
            compared=both,
        )
