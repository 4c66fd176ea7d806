"""Recordings on the page: run under one configuration or two, and played from what was noted."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from coral import __version__
from coral.config import EngineConfig, SystemConfig, digest
from coral.contract.feedback import Feedback
from coral.daemon.log import configure
from coral.daemon.outside import shown
from coral.http.board import Board
from coral.http.state import Totals, nothing_watched
from coral.http.tape import Recorded, Tape
from coral.replay.beside import Beside
from coral.replay.driver import NullSink, Progress, replay
from coral.report.marks import mark_of
from coral.settings.sections import Http
from streams.clock import SystemClock
from streams.recorded import RecordedSource, Recording, RecordingError

__all__ = ["Played", "Under", "show_recordings"]

LOOKS_EVERY_S = 0.2


class Under(NamedTuple):
    """A configuration that a recording is run under.

    Attributes
    ----------
    name : str
    system : SystemConfig
    engine : EngineConfig or None
    """

    name: str
    system: SystemConfig
    engine: EngineConfig | None


class Played(NamedTuple):
    """A recording, and all that is told to the engine of it.

    Attributes
    ----------
    recording : Recording
    beside : Beside
    feedback : sequence of Feedback
    onset : float or None
        As of `coral.replay.driver.replay`.
    under : sequence of Under
    """

    recording: Recording
    beside: Beside
    feedback: Sequence[Feedback]
    onset: float | None
    under: Sequence[Under]


def show_recordings(
    played: Sequence[Played], port: int, stop: Callable[[], bool], told: Callable[[str], None]
) -> int:
    """Run recordings and show them until `stop` says so; return how many incidents were found.

    Parameters
    ----------
    played : sequence of Played
    port : int
        Of the page; 0 = a free one.
    stop : callable
    told : callable
        Takes what a person at the terminal is to know.

    Raises
    ------
    ListenError
        If the port cannot be had.
    """
    configure("error")
    clock = SystemClock()
    board = Board(clock, 0)
    board.recorded = tuple(_recorded(number, each) for number, each in enumerate(played))
    board.snapshot = nothing_watched(clock.time(), Totals())
    board.beat()
    ended = threading.Event()
    with shown(Http(port=port), board) as address:
        told(f"The page: {address}#/replay/0 (Ctrl-C ends it)")
        for each, recorded in zip(played, board.recorded, strict=True):
            for under, tape in zip(each.under, recorded.tapes, strict=True):
                _run(each, under, tape, stop, board.beat)
                told(_outcome(each, tape))
        while not stop():
            board.beat()
            ended.wait(LOOKS_EVERY_S)
    return sum(_found(recorded.tapes) for recorded in board.recorded)


def _recorded(number: int, played: Played) -> Recorded:
    tapes = []
    marks = [mark_of(each) for each in played.beside.changes]
    marks += [mark_of(each) for each in played.beside.alerts]
    marks.sort(key=lambda mark: mark.time)
    for under in played.under:
        config = digest(under.engine or EngineConfig(), __version__, under.system)
        tapes.append(Tape(under.name, config, under.system, marks))
    meta, path = played.recording.meta, played.recording.path
    return Recorded(number, path.name or str(path), played.under[0].system, meta.n_rows or 0, tapes)


def _run(
    played: Played, under: Under, tape: Tape, stop: Callable[[], bool], beat: Callable[[], None]
) -> None:
    """Run a recording as fast as possible; what ends it early is told on the page."""

    def observe(step: Progress) -> None:
        beat()
        tape.note(step.frame, step.engine.phase, step.events, step.engine.trigger)

    clock = SystemClock()
    try:
        replay(
            RecordedSource(played.recording, clock, None),
            NullSink(),
            under.system,
            clock,
            config=under.engine,
            onset=played.onset,
            feedback=played.feedback,
            beside=played.beside,
            observe=observe,
            stop=stop,
        )
    except RecordingError as error:
        tape.failed = "; ".join(str(problem) for problem in error.problems)
    tape.done = not tape.failed and not stop()


def _outcome(played: Played, tape: Tape) -> str:
    run = tape.brief()
    said = run.failed or f"{run.rows} rows, incidents: {run.incidents}, changes: {run.changes}"
    return f"{played.recording.path}, {run.name}: {said}"


def _found(tapes: Iterable[Tape]) -> int:
    return sum(run.incidents + run.changes for run in (tape.brief() for tape in tapes))
