"""Labels and facts of a recorded incident: `incident.json`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from streams.recorded.problem import ProblemLog
from streams.series import entity_of
from streams.topology import EdgeSemantics, Topology, cycles, meant


class Fault(msgspec.Struct, frozen=True):
    """One of several faults in a long recording; times in unix seconds."""

    start: float
    end: float | None = None
    fault_type: str | None = None
    root_cause_entities: tuple[str, ...] = ()
    root_cause_metrics: tuple[str, ...] = ()


class RecordingMeta(Topology, frozen=True, kw_only=True):
    """Contents of `incident.json`, those of a `Topology` included; unknown keys are ignored.

    Parameters
    ----------
    dataset, case, system : str
        Where the recording belongs; `system` becomes the key of its records.
    interval_s : float
        Grid, seconds; 0 = not given.
    n_rows, n_metrics : int
        Size; 0 = not given.
    fault_start, fault_end : float or None
        Unix seconds.
    kpi : tuple of str
        Series that show the health of the system, ``<entity>:<metric>``.
    edge_semantics : str
        As of a `Topology`, or "none": which way its edges run nobody knows.
    root_cause_entities, root_cause_metrics : tuple of str
        The labelled answer; empty = none.
    root_cause_semantics : str
        "all-of", or "any-of": one of the listed is enough.
    modes : tuple of str
        What the case is good for: oracle, online, online-multi, window, false-alarms.
    history_rows : int or None
        Rows before the fault.
    join_at : float or None
        Unix seconds of the first row after a join of two recordings.
    counters : {"rates", "keep"}
        Whether series that are counted up are read as rates a second, or stay as they are.
    faults : tuple of Fault
        In streams with several faults.
    fault_type, label_quality, visibility, source, license, notes : str or None
        Remarks.
    """

    dataset: str = ""
    case: str = ""
    system: str = ""
    interval_s: float = 0.0
    n_rows: int = 0
    n_metrics: int = 0
    fault_start: float | None = None
    fault_end: float | None = None
    kpi: tuple[str, ...] = ()
    root_cause_entities: tuple[str, ...] = ()
    root_cause_metrics: tuple[str, ...] = ()
    root_cause_semantics: str = "all-of"
    edge_semantics: EdgeSemantics = "none"
    modes: tuple[str, ...] = ()
    history_rows: int | None = None
    join_at: float | None = None
    counters: Literal["rates", "keep"] = "rates"
    faults: tuple[Fault, ...] = ()
    fault_type: str | None = None
    label_quality: str | None = None
    visibility: str | None = None
    source: str | None = None
    license: str | None = None
    notes: str | None = None


def read_meta(path: Path, log: ProblemLog) -> RecordingMeta:
    """Return the contents of the file at `path`; an empty one (and a problem) if there is none."""
    if not path.exists():
        action = "The recording has no labels; give the KPI and the interval yourself"
        log.add("warning", "no-labels", "there is no such file", action)
        return RecordingMeta()
    try:
        meta = msgspec.json.decode(path.read_bytes(), type=RecordingMeta)
    except (msgspec.MsgspecError, ValueError, RecursionError, OSError) as e:
        log.add("error", "labels", f"the file cannot be read: {e}", "Repair or remove it")
        return RecordingMeta()
    if not meta.interval_s >= 0:
        message = f"interval_s > 0 expected, got {meta.interval_s!r}"
        log.add("error", "interval", message, "Write the seconds between two rows")
    # Call graphs that tools export hold services that call themselves: it says nothing.
    loops = {pair for pair in meta.edges if pair[0] == pair[1]}
    for key, number, rule in meta.problems():
        item = getattr(meta, key)[number]
        if key != "edges" or item not in loops:
            message = f"{key}[{number}]: {rule}, got {item!r}"
            log.add("error", "prior", message, "Correct or remove one of the two")
    return msgspec.structs.replace(meta, edges=tuple(p for p in meta.edges if p not in loops))


def check_labels(meta: RecordingMeta, names: Iterable[str], log: ProblemLog) -> None:
    """Note the labels that name no column."""
    series = set(names)
    entities = {entity_of(name) for name in series}
    causes = {*meta.root_cause_entities, *(e for f in meta.faults for e in f.root_cause_entities)}
    metrics = {*meta.root_cause_metrics, *(m for f in meta.faults for m in f.root_cause_metrics)}
    for name in sorted(causes - entities):
        action = "It cannot be found by ranking; correct the label"
        log.add("warning", "root-cause", f"root cause entity `{name}` has no column", action)
    for name in sorted(metrics - series):
        action = "It cannot be found by ranking; correct the label"
        log.add("warning", "root-cause", f"root cause metric `{name}` is no column", action)
    for group in cycles(meta.edges):
        message = f"edges lead from {', '.join(f'`{name}`' for name in group)} back to each other"
        log.add("info", "edges", message, "If one of them is written the wrong way round, turn it")


def check_topology(meta: RecordingMeta, names: Iterable[str], log: ProblemLog) -> None:
    """Note entities of the topology that have no column, and which one may be meant instead."""
    entities = {entity_of(name) for name in names}
    edges = (*meta.edges, *meta.required_edges, *meta.forbidden_edges)
    known = {*meta.order, *(node for edge in edges for node in edge)}
    absent = sorted(known - entities)
    for name, other in meant(absent, sorted(entities - known)).items():
        message = f"edges name `{name}`, which has no column"
        log.add("warning", "edge-name", message, f"Perhaps `{other}` is meant")
    if absent:
        message = f"edges name {len(absent)} entities without a column, e.g. `{absent[0]}`"
        log.add("info", "edges", message, "Edges of these entities carry no data")
