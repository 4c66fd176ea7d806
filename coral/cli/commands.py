"""What the commands do; parsing is in `cli`, words are in `report`."""

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from coral.cli import casework
from coral.cli import graph as graphs
from coral.contract.events import INCIDENTS, Incident
from coral.contract.feedback import Feedback, decode
from coral.errors import CoralError, EventError, Exit
from coral.evaluation.backtest import backtest, find_cases, scorecard
from coral.replay.driver import METRICS, BrokerFed, NullSink, replay, system_of
from coral.replay.driver import Progress as Step
from coral.report import console as report
from coral.report.plot import check_plot, draw
from coral.report.trace import Trace
from coral.settings import as_toml, load
from coral.settings.schema import json_schema
from streams.base import Sink, Source
from streams.clock import SystemClock
from streams.memory.broker import MemoryBroker
from streams.recorded import Problem, RecordedSource, Recording, RecordingError, validate
from streams.recorded.ndjson import NdjsonSink

__all__ = ["run"]

# Frames between two moves of a progress bar.
BAR_FRAMES = 32
DEMO_CASE = "pool-leak__orders"


def run(options: argparse.Namespace) -> int:
    """Run the chosen command; return its exit code."""
    commands = {
        "replay": run_replay,
        "evaluate": run_evaluate,
        "validate": run_validate,
        "demo": run_demo,
        "explain": casework.run_explain,
        "feedback": casework.run_feedback,
        "config": run_config,
        "graph": graphs.run,
    }
    to_kafka = options.command == "replay" and options.kafka
    if options.command in commands and not to_kafka:
        return commands[options.command](options)
    # The client of Kafka takes most of a second to import.
    from coral.cli import live  # noqa: PLC0415

    live_commands = {
        "run": live.run_daemon,
        "replay": live.produce,
        "record": live.run_record,
        "rekey": live.run_rekey,
        "topics": live.run_topics,
    }
    return live_commands[options.command](options)


def run_replay(options: argparse.Namespace) -> int:
    """Replay recordings one after another."""
    console = _console(quiet=options.json)
    found, unusable = 0, 0
    if options.plot is not None:
        check_plot(options.plot)
    feedback = _feedback(options.feedback)
    with _sink(options) as sink:
        for path in options.paths:
            try:
                recording = Recording.open(path, options.kpi, options.interval)
                _check_onset(options, recording)
                found += _replay_one(options, recording, feedback, sink, console) is not None
            except RecordingError as error:
                unusable += 1
                report.describe_problems(Console(stderr=True), str(path), error.problems)
    if unusable:
        return Exit.INVALID
    return Exit.OK if found else Exit.NOTHING_FOUND


def _check_onset(options: argparse.Namespace, recording: Recording) -> None:
    if not options.oracle or recording.meta.fault_start is not None:
        return
    problem = Problem(
        severity="error",
        file=recording.path.name,
        line=None,
        column=None,
        rule="no-onset",
        message="--oracle needs `fault_start` in incident.json, and there is none",
        action="Write it there, or leave --oracle out",
    )
    raise RecordingError([problem])


def _replay_one(
    options: argparse.Namespace,
    recording: Recording,
    feedback: Sequence[Feedback],
    sink: Sink,
    console: Console,
) -> Incident | None:
    """Replay one recording; return the last revision of its last incident."""
    console.print(f"[bold]{recording.path}[/]: {len(recording.names)} series")
    clock = SystemClock()
    source = RecordedSource(recording, clock, options.speed)
    onset = recording.meta.fault_start if options.oracle else None
    trace = None if options.plot is None else Trace()
    last = _drive(source, sink, recording, console, onset=onset, feedback=feedback, trace=trace)
    if trace is not None:
        draw(recording, trace, options.plot)
        console.print(f"Plot written to {options.plot}.")
    return last


def _drive(
    source: Source,
    sink: Sink,
    recording: Recording,
    console: Console,
    *,
    onset: float | None,
    until_settled: bool = False,
    feedback: Sequence[Feedback] = (),
    trace: Trace | None = None,
) -> Incident | None:
    newest: dict[str, Incident] = {}
    settled = False
    detector = None
    tell = report.RevisionPrinter(console)

    with _bar(console, recording.meta.system, recording.meta.n_rows or None) as advance:

        def observe(step: Step) -> None:
            nonlocal settled, detector
            detector = step.engine.trigger
            for event in step.events:
                newest[event.data.incident] = event.data
                tell(event)
            settled = step.engine.phase == "settled"
            if trace is not None:
                trace.observe(step.time, step.events, detector, recording.names)
            advance(step.frames, step.engine.phase)

        replay(
            source,
            sink,
            system_of(recording.meta),
            SystemClock(),
            onset=onset,
            feedback=feedback,
            observe=observe,
            stop=lambda: until_settled and settled,
        )
    for incident in newest.values():
        report.print_incident(console, incident)
    if not newest:
        console.print(report.describe_quiet(detector))
    return next(reversed(newest.values()), None)


def run_evaluate(options: argparse.Namespace) -> int:
    """Score all recordings below the folders."""
    cases = find_cases(options.dirs)
    with _bar(Console(stderr=True), f"{len(cases)} recordings", len(cases)) as advance:
        outcomes = backtest(
            cases,
            options.mode,
            jobs=options.jobs,
            topology=not options.no_topology,
            progress=lambda done: advance(done, options.mode, 1),
        )
    card = scorecard(outcomes, options.mode)
    report.print_scorecard(card)
    if options.json is not None:
        options.json.write_text(json.dumps(card, indent=1) + "\n")
    if any(row.get("error") for row in card["cases"]):
        return Exit.FAILURE
    return Exit.INVALID if card["failed"] else Exit.OK


def run_validate(options: argparse.Namespace) -> int:
    """Say what is wrong with recordings."""
    console, failed = Console(), False
    for path in options.paths:
        problems = validate(path, options.kpi, options.interval)
        failed |= any(problem.severity == "error" for problem in problems)
        if options.json:
            for problem in problems:
                found = {"path": str(path), **msgspec.to_builtins(problem)}
                sys.stdout.write(json.dumps(found) + "\n")
        else:
            report.describe_problems(console, str(path), problems)
    return Exit.INVALID if failed else Exit.OK


def run_demo(options: argparse.Namespace) -> int:
    """Replay a bundled incident through the in-memory broker until its ranking has settled."""
    console = Console()
    bundled = {path.name: path for path in _bundled()}
    if options.list:
        for name in sorted(bundled):
            meta = Recording.open(bundled[name]).meta
            console.print(f"{name}: {meta.fault_type or 'no fault'}", highlight=False)
        return Exit.OK
    name = options.case or DEMO_CASE
    if name not in bundled:
        known = ", ".join(sorted(bundled))
        raise CoralError(f"there is no bundled incident `{name}`; there are: {known}.")
    recording = Recording.open(bundled[name])
    meta = recording.meta
    console.print(
        f"Replaying [bold]{name}[/], recorded from a real system: {len(recording.names)} series, "
        f"a row every {meta.interval_s:g} s, through the in-memory broker ({METRICS} -> "
        f"{INCIDENTS}). CORAL knows the health signals ({', '.join(meta.kpi)}) and the call graph; "
        "it is not told that or when anything happens.",
        highlight=False,
    )
    broker, clock = MemoryBroker(), SystemClock()
    broker.create_topic(METRICS)
    with options.out.open("wb") as file:
        source = BrokerFed(recording, broker, clock, options.speed)
        sink = NdjsonSink(file)
        last = _drive(source, sink, recording, console, onset=None, until_settled=True)
    truth = ", ".join(meta.root_cause_entities)
    done = f"{meta.fault_type} in {truth}" if truth else "no fault at all"
    console.print(f"What was really done: {done}.")
    console.print(f"Events written to {options.out}; `coral explain {options.out}` tells the case.")
    return Exit.OK if last is not None else Exit.NOTHING_FOUND


def _feedback(file: Path | None) -> list[Feedback]:
    """Return the feedback of a file; one that is not is an error with its line."""
    if file is None:
        return []
    found = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            found += [decode(line)] if line.strip() else []
        except EventError as error:
            raise EventError(f"{file}, line {number}: {error}") from error
    return found


def run_config(options: argparse.Namespace) -> int:
    """Check or show the configuration; what is wrong with it is raised."""
    if options.action == "schema":
        schema = msgspec.json.encode(json_schema())
        sys.stdout.write(msgspec.json.format(schema, indent=2).decode() + "\n")
        return Exit.OK
    loaded = load(options.file, os.environ, options.set)
    if options.action == "print":
        sys.stdout.write(as_toml(loaded, effective=options.effective))
    else:
        sys.stdout.write("The configuration is sound.\n")
    return Exit.OK


def _bundled() -> list[Path]:
    root = Path(str(files("coral") / "recordings"))
    return sorted(path.parent for path in root.glob("*/incident.json"))


def _console(*, quiet: bool) -> Console:
    return Console(file=io.StringIO()) if quiet else Console()


@contextlib.contextmanager
def _sink(options: argparse.Namespace) -> Iterator[Sink]:
    """Where the events of `coral replay` go: a file, standard output, nowhere."""
    if options.out is not None:
        with options.out.open("wb") as file:
            yield NdjsonSink(file)
    elif options.json:
        yield NdjsonSink(sys.stdout.buffer)
        sys.stdout.flush()
    else:
        yield NullSink()


class _Advance:
    """Moves a progress bar, now and then."""

    def __init__(self, progress: Progress, total: int | None, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=total, phase="")

    def __call__(self, done: int, phase: str, every: int = BAR_FRAMES) -> None:
        if done % every == 0:
            self._progress.update(self._task, completed=done, phase=phase)


@contextlib.contextmanager
def _bar(console: Console, title: str, total: int | None) -> Iterator[_Advance]:
    """Progress bar; on anything but a terminal it stays silent."""
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
