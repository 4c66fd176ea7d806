"""A replay as a person sees it: a progress bar, and the news of the incident above it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from coral.config import EngineConfig, SystemConfig
from coral.contract.events import Incident
from coral.contract.feedback import Feedback
from coral.replay.beside import NOTHING, Beside
from coral.replay.driver import Progress as Step
from coral.replay.driver import replay
from coral.report.console import RevisionPrinter, describe_quiet, print_incident
from coral.report.trace import Trace
from streams.base import Sink, Source
from streams.clock import SystemClock
from streams.recorded import Recording

__all__ = ["bar", "watched_replay"]

# Frames between two moves of a progress bar.
BAR_FRAMES = 32


class _Advance:
    """Moves a progress bar, now and then."""

    def __init__(self, progress: Progress, total: int | None, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=total, phase="")

    def __call__(self, done: int, phase: str, every: int = BAR_FRAMES) -> None:
        if done % every == 0:
            self._progress.update(self._task, completed=done, phase=phase)


@contextmanager
def bar(console: Console, title: str, total: int | None) -> Iterator[_Advance]:
    """Yield what moves a progress bar; on anything but a terminal it stays silent."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[phase]}"),
        TimeRemainingColumn(),
    )
    silent = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as progress:
        yield _Advance(progress, total, title)


def _settled(newest: Mapping[str, Incident], felt_rows: Mapping[str, int]) -> bool:
    """Whether an incident has settled, and its rows have doubled since it was felt.

    What a change has settled on need not be the cause of what is felt later.
    """
    return any(
        newest[name].state == "settled" and newest[name].rows >= 2 * rows
        for name, rows in felt_rows.items()
    )


def watched_replay(
    source: Source,
    sink: Sink,
    recording: Recording,
    console: Console,
    system: SystemConfig,
    config: EngineConfig | None = None,
    *,
    onset: float | None = None,
    until_settled: bool = False,
    feedback: Sequence[Feedback] = (),
    beside: Beside = NOTHING,
    trace: Trace | None = None,
) -> Incident | None:
    """Replay a recording before the eyes of a person.

    Parameters
    ----------
    source, sink : Source, Sink
    recording : Recording
        What the source reads.
    console : Console
    system : SystemConfig
    config : EngineConfig, optional
    onset : float, optional
        Told event time of the first faulty row, unix s (oracle mode).
    until_settled : bool
        End as soon as the ranking of an incident has settled, and the rows have doubled since it
        was felt; a change goes on.
    feedback : sequence of Feedback
    beside : Beside
    trace : Trace, optional
        Keeps what is plotted afterwards.

    Returns
    -------
    Incident or None
        Last revision of the last incident; None = there was none.
    """
    newest: dict[str, Incident] = {}
    settled, felt_rows = False, dict[str, int]()
    engine = None
    tell = RevisionPrinter(console)

    with bar(console, recording.meta.system, recording.meta.n_rows or None) as advance:

        def observe(step: Step) -> None:
            nonlocal settled, engine
            engine = step.engine
            for event in step.events:
                data = newest[event.data.incident] = event.data
                if data.kind == "incident":
                    felt_rows.setdefault(data.incident, data.rows)
                tell(event)
            phase = engine.phase
            settled = phase == "settled" and _settled(newest, felt_rows)
            if trace is not None:
                trace.observe(step.time, step.events, engine.trigger, engine.graph.all_names)
            advance(step.frames, phase)

        replay(
            source,
            sink,
            system,
            SystemClock(),
            config=config,
            onset=onset,
            feedback=feedback,
            beside=beside,
            observe=observe,
            stop=lambda: until_settled and settled,
        )
    for incident in newest.values():
        print_incident(console, incident)
    if not newest:
        console.print(describe_quiet(None if engine is None else engine.sight()))
    return next(reversed(newest.values()), None)
