"""`coral replay`: recorded incidents through the engine, or into a topic."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
from cyclopts import Parameter

from coral.cli.options import (
    EARLIEST_S,
    Address,
    Config,
    File,
    HealthSignals,
    Overrides,
    Port,
    Seconds,
    Speed,
    UsageError,
    load_settings,
    written,
)
from coral.cli.produce import produce
from coral.cli.recordings import Opener, known_beside, recordings_among
from coral.errors import EventError, Exit

if TYPE_CHECKING:
    from rich.console import Console

    from coral.config import EngineConfig, SystemConfig
    from coral.contract.events import Incident
    from coral.contract.feedback import Feedback
    from coral.replay.beside import Beside
    from coral.settings import Settings
    from streams.base import Sink
    from streams.recorded import Recording

__all__ = ["replay"]

Shadow = Annotated[
    File | None,
    Parameter(
        help="With --serve: TOML laid over the configuration; what it would have said stands "
        "beside the rest."
    ),
]
Plot = Annotated[
    File,
    Parameter(
        help="Draw health signals, the trigger's statistic, top series and the rank history "
        "(.png, .svg, .pdf; needs the extra `plots`; one recording)."
    ),
]


def replay(
    *paths: Annotated[Path, Parameter(name="PATH", required=True)],
    speed: Speed = None,
    oracle: bool = False,
    feedback: File | None = None,
    out: File | None = None,
    plot: Plot | None = None,
    kafka: Address = None,
    topic: Annotated[str, Parameter(metavar="NAME")] = "coral.metrics.v1",
    config: Config = None,
    overrides: Overrides = (),
    kpi: HealthSignals = (),
    interval: Seconds | None = None,
    keep_counters: bool = False,
    serve: bool = False,
    port: Port = 8080,
    shadow: Shadow = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Run recorded incidents through the engine, row by row.

    For example:
      coral replay incidents/checkout
      coral replay metrics.csv.gz --kpi web:latency --interval 10 --speed 60
      coral replay incidents/* --out events.ndjson
      coral replay incidents/checkout --plot checkout.png
      coral replay incidents/checkout --config coral.toml
      coral replay incidents/checkout --kafka localhost:9092 --speed 60
      coral replay incidents/checkout --serve --config coral.toml --shadow stricter.toml

    Parameters
    ----------
    paths
        Folder of a recorded incident (incident.json, metrics.csv.gz, changes.json, alerts.json),
        or a bare CSV, CSV.gz or Parquet file.
    speed
        N x real time, or max (default).
    oracle
        Tell the engine the labelled start of the fault.
    feedback
        Confirmed causes, from `coral feedback`.
    out
        Write the events as NDJSON.
    kafka
        Write the rows into its --topic instead of running them here, and change events and alerts
        into theirs.
    topic
        Of --kafka.
    interval
        Seconds between rows (median step).
    config
        Of the daemon: its health signals, with their objectives, and its section `engine` hold
        here too, and its known edges where it names some for the system.
    keep_counters
        Leave series that are counted up as they are, instead of their rates.
    serve
        Play them on the page, until Ctrl-C: stop, go back, compare.
    port
        Of --serve; 0 is a free one.
    as_json
        Print the events to stdout as NDJSON instead of tables.
    """
    if plot is not None and len(paths) > 1:
        raise UsageError(f"--plot draws one recording, got {len(paths)}")
    others = {"--speed": speed, "--out": out, "--plot": plot, "--kafka": kafka}
    _check_page(serve=serve, shadow=shadow, others=others | {"--json": as_json or None})
    opener = Opener(kpi, interval, keep_counters)
    recordings = recordings_among(paths)
    if kafka:
        return produce(load_settings(config, overrides, kafka), topic, recordings, opener, speed)
    from rich.console import Console

    from coral.report.plot import check_plot
    from coral.report.terminal import console_for

    console = Console(file=io.StringIO()) if as_json else console_for()
    remarks = console_for(sys.stderr) if as_json else console
    if plot is not None:
        check_plot(plot)
    confirmed = [] if feedback is None else _confirmed(feedback)
    watched = _Monitoring.read(config, overrides, kpi)
    wanted = _Wanted(speed, oracle, plot, confirmed, watched)
    if serve:
        second = None if shadow is None else _Monitoring.beside(shadow, config, overrides, kpi)
        opened = [_opened(opener, path, console) for path in recordings]
        return _serve(opened, wanted, second, port, console)
    with _sink(out, as_json=as_json) as sink:
        return _replay_all(recordings, opener, wanted, sink, console, remarks)


def _check_page(*, serve: bool, shadow: Path | None, others: Mapping[str, object]) -> None:
    """Refuse what has no meaning with the page, or without it."""
    if shadow is not None and not serve:
        raise UsageError("--shadow is shown beside the other on the page: --serve expected")
    given = [name for name, value in others.items() if value is not None]
    if serve and given:
        raise UsageError(f"--serve plays on the page, without {', '.join(given)}")


def _replay_all(
    paths: Sequence[Path],
    opener: Opener,
    wanted: _Wanted,
    sink: Sink,
    console: Console,
    remarks: Console,
) -> Exit:
    """Replay one recording after the other; one that cannot be used is told, the others go on."""
    from coral.report.console import describe_problems
    from coral.report.terminal import console_for
    from streams.recorded import RecordingError

    found, unusable, systems = 0, 0, set[str]()
    for number, path in enumerate(paths):
        if number:
            console.print()
        try:
            recording = opener.open(path, console, remarks)
            again = recording.meta.system in systems
            systems.add(recording.meta.system)
            beside = known_beside(recording, console, remarks)
            last = _replay_one(recording, beside, wanted, sink, console, again=again)
            found += last is not None
        except RecordingError as error:
            unusable += 1
            describe_problems(console_for(sys.stderr), str(path), error.problems)
    if unusable:
        return Exit.INVALID
    return Exit.OK if found else Exit.NOTHING_FOUND


class _Wanted(NamedTuple):
    """What is wanted of every recording."""

    speed: float | None
    oracle: bool
    plot: Path | None
    confirmed: Sequence[Feedback]
    watched: _Monitoring


class _Monitoring(NamedTuple):
    """What is watched by the configuration of the daemon: health signals, objectives, engine."""

    name: str
    settings: Settings | None
    named: bool  # whether health signals are named beside it: those stay

    @classmethod
    def read(cls, config: Path | None, overrides: Sequence[str], kpi: Sequence[str]) -> _Monitoring:
        """Return what a configuration says, nothing where there is none."""
        given = config is not None or overrides
        name = "as recorded" if config is None else config.name
        return cls(name, load_settings(config, overrides) if given else None, bool(kpi))

    @classmethod
    def beside(
        cls, shadow: Path, config: Path | None, overrides: Sequence[str], kpi: Sequence[str]
    ) -> _Monitoring:
        """Return what a file says that is laid over a configuration, as of `coral run --shadow`."""
        from coral.settings.shadow import load_shadow

        return cls(shadow.name, load_shadow(shadow, config, os.environ, overrides), bool(kpi))

    def of(
        self, recording: Recording, *, again: bool = False
    ) -> tuple[SystemConfig, EngineConfig | None]:
        """Return what the engine knows of a recording; what the configuration leaves out stays.

        A system has one incident at a time, as in the daemon, whose identifiers are the same. Of
        recordings whose clocks begin at zero, and of several of one system in one replay, faults
        may begin at the same time: what they hold tells them apart.
        """
        from coral.replay.driver import system_of
        from streams.topology import Topology

        survey = recording.survey
        apart = again or survey.times[0] < EARLIEST_S
        system = system_of(recording.meta, digest=survey.digest if apart else "")
        if self.settings is None:
            return system, None
        said = self.settings.system(system.name)
        known = {key: getattr(said, key) for key in Topology.__struct_fields__}
        facts = known if Topology(**known) != Topology() else {}
        kpi = () if self.named else said.kpi
        changed = msgspec.structs.replace(system, kpi=kpi or system.kpi, **facts)
        return changed, self.settings.engine


def _opened(opener: Opener, path: Path, console: Console) -> tuple[Recording, Beside]:
    """Return a recording and what is known beside it."""
    recording = opener.open(path, console, console)
    return recording, known_beside(recording, console, console)


def _serve(
    opened: Sequence[tuple[Recording, Beside]],
    wanted: _Wanted,
    second: _Monitoring | None,
    port: int,
    console: Console,
) -> Exit:
    """Show recordings on the page until Ctrl-C."""
    from functools import partial

    from coral.cli.replay_page import Played, Under, show_recordings
    from coral.daemon.signals import Stop

    configurations = [wanted.watched, *([] if second is None else [second])]
    played = [
        Played(
            recording,
            beside,
            wanted.confirmed,
            _onset(recording) if wanted.oracle else None,
            [Under(each.name, *each.of(recording)) for each in configurations],
        )
        for recording, beside in opened
    ]
    with Stop() as stop:
        stop.begun = True  # there is nothing to lose
        found = show_recordings(played, port, stop, partial(console.print, highlight=False))
    return Exit.OK if found else Exit.NOTHING_FOUND


def _replay_one(
    recording: Recording,
    beside: Beside,
    wanted: _Wanted,
    sink: Sink,
    console: Console,
    *,
    again: bool,
) -> Incident | None:
    """Replay one recording; return the last revision of its last incident."""
    from coral.cli.progress import watched_replay
    from coral.report.plot import draw
    from coral.report.trace import Trace
    from streams.clock import SystemClock
    from streams.recorded import RecordedSource

    trace = None if wanted.plot is None else Trace(*beside)
    last = watched_replay(
        RecordedSource(recording, SystemClock(), wanted.speed),
        sink,
        recording,
        console,
        *wanted.watched.of(recording, again=again),
        onset=_onset(recording) if wanted.oracle else None,
        feedback=wanted.confirmed,
        beside=beside,
        trace=trace,
    )
    if wanted.plot is not None and trace is not None:
        draw(recording, trace, wanted.plot)
        console.print(f"Plot written to {wanted.plot}.")
    return last


def _onset(recording: Recording) -> float:
    """Return the labelled start of the fault, unix s.

    Raises
    ------
    RecordingError
        If there is none.
    """
    from streams.recorded import RecordingError, RecordingProblem

    if recording.meta.fault_start is not None:
        return recording.meta.fault_start
    problem = RecordingProblem(
        severity="error",
        file=recording.path.name,
        line=None,
        column=None,
        rule="no-onset",
        message="--oracle needs `fault_start` in incident.json, and there is none",
        action="Write it there, or leave --oracle out",
    )
    raise RecordingError([problem])


def _confirmed(file: Path) -> list[Feedback]:
    """Return the feedback of a file; one that is not is an error with its line."""
    from coral.contract.feedback import decode

    found = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            found += [decode(line)] if line.strip() else []
        except EventError as error:
            raise EventError(f"{file}, line {number}: {error}") from error
    return found


@contextmanager
def _sink(out: Path | None, *, as_json: bool) -> Iterator[Sink]:
    """Yield where the events go: a file, standard output, nowhere."""
    from coral.replay.driver import NullSink
    from streams.recorded.ndjson import NdjsonSink

    if out is not None:
        with written(out) as file:
            yield NdjsonSink(file)
    elif as_json:
        yield NdjsonSink(sys.stdout.buffer)
        sys.stdout.flush()
    else:
        yield NullSink()
