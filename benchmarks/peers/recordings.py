"""Recorded incidents as cases with their truth: the ones that benchmarks/accuracy.py scores."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from coral.replay.driver import system_of
from peers.case import Case, fill
from streams.recorded import Recording, RecordingMeta

__all__ = ["SETS", "Labelled", "case_list", "is_oracle_case", "open_case"]

SETS = ("petshop", "rcd_sockshop", "nezha_ob", "tep", "skab", "batadal", "asd", "smd")


class Labelled(NamedTuple):
    """A case with what is true of it."""

    case: Case  # gaps filled
    gaps: Case  # gaps as they are
    truth: frozenset[str]  # entities
    any_of: bool  # one of them is enough


def is_oracle_case(meta: RecordingMeta) -> bool:
    """Whether the incident is one of the eight sets' that can be ranked by a told onset."""
    told = "oracle" in meta.modes and meta.fault_start is not None
    return told and meta.dataset in SETS and bool(meta.root_cause_entities)


def open_case(path: Path) -> Labelled:
    """Return the incident at `path`.

    Raises
    ------
    RecordingError
        If the recording cannot be used.
    """
    recording = Recording.open(path)
    meta = recording.meta
    times, rows = zip(*recording.rows(), strict=True)
    time, x = np.array(times), np.array(rows)
    filled = fill(x)
    start = meta.fault_start if meta.fault_start is not None else np.inf
    end = np.inf if meta.fault_end is None else meta.fault_end
    before, inside = time < start, (time >= start) & (time <= end)
    system = system_of(meta)
    backward = system.edge_semantics == "a calls b"
    case = Case(
        key=f"{meta.dataset}/{meta.case}",
        names=recording.names,
        base=filled[before],
        anomalous=filled[inside],
        kpi=tuple(name for name in system.kpi if name in recording.names),
        edges=tuple((b, a) if backward else (a, b) for a, b in system.edges),
        interval_s=system.interval_s,
    )
    gaps = case._replace(base=x[before], anomalous=x[inside])
    truth = frozenset(meta.root_cause_entities)
    return Labelled(case, gaps, truth, meta.root_cause_semantics == "any-of")


def case_list(keys: Iterable[str]) -> dict[str, int | str]:
    """Return the count and the checksum of cases, as the scorecard of `coral evaluate` has them."""
    names = sorted(f"{key}/oracle" for key in keys)
    return {"n": len(names), "sha256": hashlib.sha256("\n".join(names).encode()).hexdigest()}
