"""The causal graph of a recording at some time, or of a checkpoint, ready to be exported."""

from pathlib import Path
from typing import Any, TypeAlias

from coral.checkpoint import envelope
from coral.checkpoint.store import newest, read
from coral.contract.events import timestamp
from coral.engine import Engine
from coral.errors import CheckpointError, CoralError, CorruptCheckpointError
from coral.graph import CausalGraph
from coral.graph.export import as_nodes_and_edges
from coral.replay.driver import NullSink, Progress, replay, system_of
from coral.text import hint, quoted
from streams.clock import SystemClock
from streams.recorded import RecordedSource, Recording

__all__ = ["describe"]

Described: TypeAlias = dict[str, Any]


def describe(path: Path, at: float | None, system: str | None, flag: str) -> Described:
    """Describe the graph of a recording at a time, or of a checkpoint.

    Parameters
    ----------
    path : Path
        A recorded incident, a table, a checkpoint or a directory of them.
    at : float or None
        The graph after the last row until then, unix s; None = after the last row. A checkpoint
        has one time only.
    system : str or None
        Which one; None = the only one.
    flag : str
        What the user calls `at`, for messages.

    Returns
    -------
    dict
        As `coral.graph.export.as_nodes_and_edges`.

    Raises
    ------
    CoralError
        If there is no such system, or no row until `at`.
    CheckpointError
        If a checkpoint cannot be read.
    RecordingError
        If the recording cannot be read.
    """
    entries = newest(path)
    if not entries:
        return _replayed(path, at, system)
    if at is not None:
        raise CoralError(f"`{flag}` is for recordings: `{path}` is a checkpoint, of one time.")
    engines: dict[str, Described] = {}
    for entry in entries:
        engines |= _engines(entry)
    return _restored(path, _chosen(path, system, engines), engines)


def _replayed(path: Path, at: float | None, system: str | None) -> Described:
    recording = Recording.open(path)
    _chosen(path, system, {recording.meta.system: {}})
    if at is not None:
        recording = recording.until(at)
    held: dict[str, Engine] = {}
    time = 0.0

    def observe(step: Progress) -> None:
        nonlocal time
        held["engine"], time = step.engine, step.time

    clock = SystemClock()
    source = RecordedSource(recording, clock)
    replay(source, NullSink(), system_of(recording.meta), clock, observe=observe)
    if not held:
        when = "" if at is None else f" until {timestamp(at)}"
        raise CoralError(f"`{path}` has no row{when}.")
    graph = held["engine"].graph
    graph.causal.solve()
    facts = {"system": recording.meta.system, "time": timestamp(time)}
    return as_nodes_and_edges(graph.causal, graph.names, facts)


def _engines(entry: Path) -> dict[str, Described]:
    """Read what the engines of one checkpoint remember, by system."""
    try:
        snapshot = envelope.decode(None, read(entry))
        held = {name: system["engine"] for name, system in snapshot["systems"].items()}
    except (LookupError, TypeError, AttributeError) as error:
        raise CorruptCheckpointError(f"`{entry}`: a snapshot of systems expected") from error
    except CheckpointError as error:
        raise type(error)(f"`{entry}`: {error}") from error
    return {name: engine for name, engine in held.items() if engine and engine["normal"]}


def _chosen(path: Path, system: str | None, engines: dict[str, Described]) -> str:
    if system is None and len(engines) == 1:
        return next(iter(engines))
    if system in engines:
        return str(system)
    known = ", ".join(f"`{name}`" for name in sorted(engines)) or "none that has seen a row"
    if system is None:
        raise CoralError(f"`{path}` holds the systems {known}: say which with `--system`.")
    near = hint(system, engines)
    raise CoralError(f"`{path}` holds the systems {known}: not {quoted(system)}{near or '.'}")


def _restored(path: Path, system: str, engines: dict[str, Described]) -> Described:
    engine = engines[system]
    try:
        normal = engine["normal"]
        places = [int(place) for place in normal["in_graph"]]
        graph = CausalGraph(len(places))
        graph.load_state_dict(normal["graph"])
        names = [engine["names"][place] for place in places]
    except (LookupError, TypeError, ValueError) as error:
        raise CorruptCheckpointError(f"`{path}`: system {system!r}: {error}") from error
    graph.solve()
    facts = {"system": system, "time": timestamp(engine["last_time"])}
    return as_nodes_and_edges(graph, names, facts)
