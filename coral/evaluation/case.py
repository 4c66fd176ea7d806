"""One recorded incident through the engine, scored against its labels."""

import math
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from coral.config import EngineConfig
from coral.contract.events import Incident, Scored
from coral.evaluation.metrics import RankScores, break_ties, match_alarms, rank_scores
from coral.replay.beside import Beside
from coral.replay.changes import recorded_changes
from coral.replay.driver import NullSink, Progress, replay, system_of
from streams.clock import SystemClock
from streams.recorded import RecordedSource, Recording, RecordingMeta

__all__ = ["Mode", "Row", "Skipped", "crashed_case", "score_case"]

Mode = Literal["oracle", "online"]
Row = dict[str, Any]
DAY_S = 86_400.0
# Where two recordings were put together, what changes within so many rows is the join.
JOIN_ROWS = 3


class Skipped(NamedTuple):
    """A case that a mode is not meant for."""

    dataset: str
    case: str
    reason: str


class _Label(NamedTuple):
    case: str
    start: float
    end: float
    entities: tuple[str, ...]
    metrics: tuple[str, ...]


class _Revision(NamedTuple):
    time: float
    data: Incident


def _paged_at(revisions: list[_Revision]) -> float:
    """Return when an event was first an incident; infinite if it stayed a change."""
    return next((time for time, data in revisions if data.kind == "incident"), math.inf)


class _ReplayLog:
    """What a replay said: incidents with their revisions, and time spent watching.

    An incident that opens right after a join of two recordings, unless the join is the fault, is
    an artefact of the recording: it is dismissed, counted, and neither found nor false.
    """

    def __init__(self, labels: list[_Label], join: tuple[float, float] | None = None) -> None:
        self.artefacts = 0
        self._join = join
        self.incidents: dict[str, list[_Revision]] = {}
        self.frames = 0
        self.clean_frames = 0
        self._labels = labels
        self._last_end = max((label.end for label in labels), default=-math.inf)

    def observe(self, progress: Progress) -> None:
        self.frames = progress.frames
        now = progress.time
        if progress.engine.phase != "warming" and not any(
            label.start <= now <= label.end for label in self._labels
        ):
            self.clean_frames += 1
        if progress.events and self._at_join(progress):
            progress.engine.dismiss()
            self.artefacts += 1
            return
        for event in progress.events:
            revisions = self.incidents.setdefault(event.data.incident, [])
            revisions.append(_Revision(now, event.data))

    def _at_join(self, progress: Progress) -> bool:
        opened = progress.events[0].data.revision == 1
        return bool(opened and self._join and self._join[0] <= progress.time <= self._join[1])

    @property
    def alarms(self) -> list[float]:
        """Event times at which changes and incidents opened."""
        return [revisions[0].time for revisions in self.incidents.values()]


def score_case(
    path: Path, mode: Mode, *, topology: bool = True, config: EngineConfig | None = None
) -> list[Row] | Skipped:
    """Replay a recorded incident and score it, fault by fault.

    Parameters
    ----------
    path : Path
        Folder of the recording.
    mode : str
        "oracle": the engine is told `fault_start`; "online": it must find it.
    topology : bool
        Whether the engine gets the known edges.
    config : EngineConfig, optional

    Returns
    -------
    list of dict, or Skipped
        One row a fault with the fields of the scorecard (README, `coral evaluate`). Rows of
        recordings without a fault have no ranking scores.

    Raises
    ------
    RecordingError
        If the recording cannot be used.
    """
    recording = Recording.open(path)
    meta = recording.meta
    labels = _labels(meta)
    reason = _not_meant_for(meta, mode, labels)
    if reason:
        return Skipped(meta.dataset, meta.case, reason)
    log = _ReplayLog(labels, _join(meta) if mode == "online" else None)
    clock = SystemClock()
    started = time.perf_counter()
    replay(
        RecordedSource(recording, clock),
        NullSink(),
        system_of(meta, topology=topology),
        clock,
        config=config,
        onset=meta.fault_start if mode == "oracle" else None,
        # Not its alerts: what CORAL notices by itself is scored.
        beside=Beside(recorded_changes(recording)[0]),
        observe=log.observe,
    )
    seconds = time.perf_counter() - started
    rows = list(_rows(meta, mode, labels, log))
    warnings = {p.rule: str(p) for p in reversed(recording.problems) if p.severity == "warning"}
    for row in rows:
        if warnings:
            row["warnings"] = warnings
        row["seconds"] = round(seconds / len(rows), 4)
        row["peak_rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    return rows


def crashed_case(path: Path, mode: Mode, error: str) -> list[Row] | Skipped:
    """Return the rows of a case whose replay crashed: everything 0, with the error.

    Raises
    ------
    RecordingError
        If the recording cannot be used.
    """
    meta = Recording.open(path).meta
    labels = _labels(meta)
    reason = _not_meant_for(meta, mode, labels)
    if reason:
        return Skipped(meta.dataset, meta.case, reason)
    rows = list(_rows(meta, mode, labels, _ReplayLog(labels)))
    for row in rows:
        row |= {"error": error, "seconds": 0.0, "peak_rss_mb": 0.0}
    return rows


def _labels(meta: RecordingMeta) -> list[_Label]:
    if meta.faults:
        return [
            _Label(
                f"{meta.case}#{i:02d}",
                fault.start,
                math.inf if fault.end is None else fault.end,
                fault.root_cause_entities,
                fault.root_cause_metrics,
            )
            for i, fault in enumerate(meta.faults, start=1)
        ]
    if meta.fault_start is None:
        return []
    end = math.inf if meta.fault_end is None else meta.fault_end
    roots = (meta.root_cause_entities, meta.root_cause_metrics)
    return [_Label(meta.case, meta.fault_start, end, *roots)]


def _join(meta: RecordingMeta) -> tuple[float, float] | None:
    """Return the event times from and to which an alarm before the fault is the join's."""
    if meta.join_at is None or meta.fault_start is None or meta.join_at == meta.fault_start:
        return None
    last = meta.join_at + JOIN_ROWS * meta.interval_s
    return meta.join_at, min(last, math.nextafter(meta.fault_start, -math.inf))


def _not_meant_for(meta: RecordingMeta, mode: Mode, labels: list[_Label]) -> str:
    """Return why the case is not scored in this mode; empty if it is."""
    wanted = {"oracle"} if mode == "oracle" else {"online", "online-multi", "false-alarms"}
    if not wanted & set(meta.modes):
        return f"not meant for {mode} mode"
    fault_free = "false-alarms" in meta.modes
    if not fault_free and not any(label.entities for label in labels):
        return "no known root cause"
    return ""


def _rows(meta: RecordingMeta, mode: Mode, labels: list[_Label], log: _ReplayLog) -> Iterator[Row]:
    common = {
        "dataset": meta.dataset,
        "mode": mode,
        "clean_days": round(log.clean_frames * meta.interval_s / DAY_S / max(len(labels), 1), 6),
        "rows": log.frames,
    }
    incidents = list(log.incidents.values())
    if not labels:
        nothing = {"detected": None, "paged": None}
        yield {**common, "case": meta.case, **_unranked(), **nothing, **_false(incidents, None)}
        return
    spans = [(label.start, label.end) for label in labels]
    matched = match_alarms(log.alarms, spans, trailing=bool(meta.faults))
    for label, alarms in zip(labels, matched, strict=True):
        revisions = [] if alarms.hit is None else incidents[alarms.hit]
        row = {**common, "case": label.case, **_unranked()}
        row |= {"detected": bool(revisions), "paged": _paged_at(revisions) <= label.end}
        row |= _false([incidents[k] for k in alarms.false], label)
        row["artefacts"] = log.artefacts
        if label.entities:
            row |= _ranked(meta, label, revisions)
            row["strict_ac@1"] = 0.0 if row["false_alarms"] else row["ac@1"]
            row["strict_pages_ac@1"] = 0.0 if row["false_pages"] else row["ac@1"]
        if revisions:
            row["delay_s"] = round(revisions[0].time - label.start, 3)
            row["delay_rows"] = round(row["delay_s"] / meta.interval_s)
        yield row


def _false(found: list[list[_Revision]], label: _Label | None) -> Row:
    """Count false events, and those of them that paged: within the label a page is none."""
    paged = [time for time in map(_paged_at, found) if time < math.inf]
    if label is not None:
        paged = [time for time in paged if not label.start <= time <= label.end]
    return {
        "false_alarms": len(found),
        "false_pages": len(paged),
        "false_changes": len(found) - len(paged),
    }


def _unranked() -> Row:
    strict = ("strict_ac@1", "strict_pages_ac@1")
    names = ("ac@1", "ac@3", "ac@5", "avg@5", "mrr", *strict, "converged_rows")
    empty: Row = {"entities": [], "metrics": [], "delay_rows": None, "delay_s": None}
    return empty | dict.fromkeys(names)


def _ranked(meta: RecordingMeta, label: _Label, revisions: list[_Revision]) -> Row:
    """Score what stood at the end of the fault: the last revision of its incident until then."""
    any_of = meta.root_cause_semantics == "any-of"
    until = [revision for revision in revisions if revision.time <= label.end]
    last = until[-1].data if until else None
    entities = _names(last.entities if last else [], label.entities)
    metrics = _names(last.metrics if last else [], label.metrics)
    scores = rank_scores(entities, label.entities, any_of=any_of)
    return {
        "entities": entities,
        "metrics": metrics,
        "tier": last.tier if last else None,
        **_score_fields(scores),
        "converged_rows": last.convergence.rows if last else None,
    }


def _names(scored: list[Scored], truth: tuple[str, ...]) -> list[str]:
    return break_ties([s.name for s in scored], [s.score for s in scored], truth)


def _score_fields(scores: RankScores) -> Row:
    values = {
        "ac@1": scores.ac1,
        "ac@3": scores.ac3,
        "ac@5": scores.ac5,
        "avg@5": scores.avg5,
        "mrr": scores.mrr,
    }
    return {name: round(value, 6) for name, value in values.items()}
