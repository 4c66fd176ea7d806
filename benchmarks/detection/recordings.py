"""Recordings as arrays, with what the scorer may know of them and the detectors may not."""

import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.engine import ADJACENT_INTERVALS
from streams.recorded import Recording

__all__ = [
    "CASES",
    "CASE_GROUP",
    "INFORMATION",
    "NEW",
    "STREAMS",
    "Run",
    "find_runs",
    "open_run",
    "rate_of",
]

STREAMS = ("asd_stream", "smd_stream", "batadal_stream")
"""Long streams with many faults: false alarms per day."""
CASES = ("rcd_sockshop", "petshop", "skab", "nezha_ob", "tep")
"""Short recordings with one fault or none: their numbers are pooled."""
CASE_GROUP = "cases"
NEW = ("dbsherlock", "causrca", "live_prometheus")
"""Short recordings that the trigger was not built on: shown beside the others."""
INFORMATION = ("nezha_days", "nezha_ts", "dycause", "coral_shop", *NEW)
"""Shown, and never pooled: too short for a rate, nothing to see, or labelled by ourselves."""
# An alarm so soon after the place where two recordings were put together is an artefact.
JOIN_ROWS = 3
# No detector is judged on the first rows of a recording when detectors are compared.
WARMUP_SHARE = 0.25
LEAST_WARMUP = 48


class Run(NamedTuple):
    """One recording."""

    dataset: str
    case: str
    interval_s: float
    x: NDArray[np.float64]  # (rows, series), NaN = missing
    adjacent: NDArray[np.bool_]  # (rows,): whether the row follows the one before it
    label: NDArray[np.bool_]  # (rows,): rows where an alarm is no false alarm
    faults: tuple[tuple[int, int], ...]  # (first row, row after the last)
    routine: tuple[bool, ...]  # per fault: a daily job that its source labels as one
    changes: tuple[int, ...]  # rows at which a labelled fault begins or ends
    join: int | None  # first row after a join that is not the fault
    stream: bool
    names: tuple[str, ...] = ()
    kpi: tuple[str, ...] = ()  # health signals among them

    @property
    def warmup(self) -> int:
        """Rows that every detector may learn from before it is compared."""
        return max(LEAST_WARMUP, int(WARMUP_SHARE * len(self.x)))

    def is_artefact(self, row: int) -> bool:
        """Whether an alarm on that row is the join's."""
        return self.join is not None and self.join <= row <= self.join + JOIN_ROWS


def find_runs(root: Path, datasets: tuple[str, ...]) -> list[Path]:
    """Return the folders of the recordings of some data sets that are fed as streams, sorted."""
    found = []
    for file in sorted(root.rglob("incident.json")):
        meta = json.loads(file.read_text())
        fed = {"online", "online-multi", "false-alarms"} & set(meta.get("modes", ()))
        if meta.get("dataset") in datasets and fed:
            found.append(file.parent)
    return found


def rate_of(group: str) -> str:
    """Return the false-alarm rate that a group is judged by: short recordings have no days."""
    return "alarmed_share" if group == CASE_GROUP else "false_alarms_per_day"


@lru_cache(maxsize=1)
def open_run(path: Path) -> Run:
    """Read a recording."""
    recording = Recording.open(path)
    rows = list(recording.rows())
    times = np.array([time for time, _ in rows])
    x = np.array([values for _, values in rows])
    meta = json.loads((path / "incident.json").read_text())
    stream = bool(meta.get("faults"))
    listed = meta.get("faults") or []
    if not stream and meta.get("fault_start") is not None:
        # What follows a single fault belongs to it: systems take long to recover.
        listed = [{"start": meta["fault_start"], "end": None}]
    label = np.zeros(len(x), dtype=bool)
    faults, routine, changes = [], [], []
    for fault in listed:
        end = fault["end"]
        start = int(np.searchsorted(times, fault["start"]))
        stop = len(x) if end is None else int(np.searchsorted(times, end, side="right"))
        label[start:stop] = True
        over = meta.get("fault_end") if end is None else end
        changes.append(start)
        if over is not None:
            changes.append(int(np.searchsorted(times, over, side="right")))
        if stop > start:
            faults.append((start, stop))
            # A remark of one data set that the daemon has no use for.
            routine.append(bool(fault.get("daily_job")))
    gaps = np.diff(times, prepend=-np.inf)
    join = meta.get("join_at")
    harmless = join is None or join == meta.get("fault_start")
    return Run(
        dataset=meta["dataset"],
        case=meta["case"],
        interval_s=float(recording.meta.interval_s),
        x=x,
        adjacent=gaps <= ADJACENT_INTERVALS * recording.meta.interval_s,
        label=label,
        faults=tuple(faults),
        routine=tuple(routine),
        changes=tuple(row for row in changes if row < len(x)),
        join=None if harmless else int(np.searchsorted(times, join)),
        stream=stream,
        names=recording.names,
        kpi=tuple(name for name in meta.get("kpi", ()) if name in recording.names),
    )
