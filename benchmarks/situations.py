"""Incidents that are not one known cause seen once: what is said of them, and how often wrongly.

With the onset told, on recorded incidents: the health signals withheld; two recordings of one
system laid over each other, so that two causes act at once; patterns found where there is one
cause; the similarity of all pairs of incidents of one system, with the same cause and another.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import itertools
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from common import finish, options
from numpy.typing import NDArray

from coral.contract.events import Incident
from coral.engine import Engine
from coral.evaluation.backtest import find_cases
from coral.localise.policy import RANKING
from coral.localise.signature import similarity
from coral.replay.driver import system_of
from streams.clock import SystemClock
from streams.codec.native import NativeCodec
from streams.recorded import RecordedSource, Recording, RecordingMeta
from streams.records import Frame

Floats = NDArray[np.float64]

# A name that no series has: the health signals are neither known nor proposed.
NOTHING = ("nothing:known",)
OVERLAYS = 24  # of a data set
QUICK_STEP = 8
FAULT_FREE_ROWS = 128
SEED = 0


class Case(NamedTuple):
    """A recorded incident until the end of its fault."""

    meta: RecordingMeta
    onset: float
    times: list[float]
    names: tuple[str, ...]
    rows: Floats


def opened(path: Path) -> Case | None:
    """Return the rows of a recording; None without a told onset."""
    recording = Recording.open(path)
    meta = recording.meta
    onset, end = meta.fault_start, meta.fault_end
    spikes = json.loads((path / "incident.json").read_text()).get("events", [])
    if onset is None and spikes:
        onset, end = spikes[0]["start"], spikes[0]["end"]
    if onset is None or not {"oracle", "false-alarms"} & set(meta.modes):
        return None
    source, codec = RecordedSource(recording, SystemClock(), None), NativeCodec()
    samples = []
    while not source.exhausted:
        samples += [
            held for record in source.poll(500, 0.0) for held in codec.decode(record).samples
        ]
    place = {name: i for i, name in enumerate(recording.names)}
    kept = [held for held in samples if end is None or held.time <= end]
    rows = np.full((len(kept), len(place)), np.nan)
    for row, held in zip(rows, kept, strict=True):
        row[[place[name] for name in held.names]] = held.values
    return Case(meta, onset, [held.time for held in kept], recording.names, rows)


def diagnosed(case: Case, kpi: tuple[str, ...] | None = None) -> Incident:
    """Return the last revision; `kpi` takes the place of the recording's health signals."""
    system = system_of(case.meta)
    if kpi is not None:
        system = msgspec.structs.replace(system, kpi=kpi)
    engine = Engine(system, onset=case.onset)
    events = []
    for time, row in zip(case.times, case.rows, strict=True):
        events += engine.step(Frame(system.name, time, case.names, row))
    newest: Incident = events[-1].data
    return newest


def overlaid(one: Case, two: Case) -> Case:
    """Return the first recording with the deviations of the second added from the onset on."""
    at, other = (int(np.searchsorted(c.times, c.onset)) for c in (one, two))
    length = min(len(one.rows) - at, len(two.rows) - other)
    rows = one.rows[: at + length].copy()
    place = {name: i for i, name in enumerate(two.names)}
    for series, name in enumerate(one.names):
        before = two.rows[:other, place[name]] if name in place else np.empty(0)
        if np.isfinite(before).any():
            added = two.rows[other : other + length, place[name]] - np.nanmedian(before)
            rows[at:, series] += added
    return one._replace(times=one.times[: at + length], rows=rows)


def place_of(data: Incident, truth: tuple[str, ...]) -> int:
    """Rank of the best ranked true cause; beyond every list if none is ranked."""
    names = [entity.name for entity in data.entities]
    return min((names.index(name) + 1 for name in truth if name in names), default=10**6)


def withheld(cases: list[Case], told: list[Incident]) -> dict[str, float]:
    """Accuracy with the health signals configured, proposed, and neither."""
    figures: dict[str, list[float]] = defaultdict(list)
    for case, data in zip(cases, told, strict=True):
        if not case.meta.root_cause_entities or not case.meta.kpi:
            continue
        proposed = diagnosed(case, ())
        answers = {"configured": data, "none": diagnosed(case, NOTHING), "proposed": proposed}
        for way, answer in answers.items():
            hit = place_of(answer, case.meta.root_cause_entities) == 1
            figures[f"kpi_{way}_ac@1_{case.meta.dataset}"].append(hit)
        figures[f"kpi_found_{case.meta.dataset}"].append(proposed.kpi_proposed)
    return {name: float(np.mean(values)) for name, values in figures.items()}


def patterns(cases: list[Case], told: list[Incident]) -> dict[str, float]:
    """Share of single causes that a pattern is found in, and of load spikes that are named."""
    single = [d for c, d in zip(cases, told, strict=True) if c.meta.root_cause_entities]
    spikes = [d for c, d in zip(cases, told, strict=True) if not c.meta.root_cause_entities]
    found = [pattern.kind for data in single for pattern in data.patterns]
    figures = {
        f"single_said_{kind.replace(' ', '_')}": found.count(kind) / max(len(single), 1)
        for kind in ("common load rise", "self-sustaining loop", "several causes")
    }
    named = [any(p.kind == "common load rise" for p in data.patterns) for data in spikes]
    likely = [data.tier == "likely" for data in spikes]
    return figures | {
        "single_cases": len(single),
        "load_spikes": len(spikes),
        "load_spikes_named": float(np.mean(named)) if named else 0.0,
        "load_spikes_likely": float(np.mean(likely)) if likely else 0.0,
    }


def fault_free(cases: list[Case]) -> dict[str, float]:
    """Share of likely answers when an onset is told in the middle of the rows before a fault."""
    likely: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        before = int(np.searchsorted(case.times, case.onset))
        if before >= FAULT_FREE_ROWS:
            quiet = case._replace(
                onset=case.times[before // 2], times=case.times[:before], rows=case.rows[:before]
            )
            likely[case.meta.dataset].append(diagnosed(quiet).tier == "likely")
    figures = {f"fault_free_likely_{name}": float(np.mean(held)) for name, held in likely.items()}
    every = list(itertools.chain(*likely.values()))
    return figures | {"fault_free_runs": len(every), "fault_free_likely": float(np.mean(every))}


def several(cases: list[Case]) -> dict[str, float]:
    """Two causes at once: the rank of the worse placed one, and whether both are named as two."""
    figures: dict[str, list[float]] = defaultdict(list)
    by_system: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.meta.root_cause_entities:
            by_system[case.meta.dataset].append(case)
    for dataset, listed in by_system.items():
        pairs = [
            (a, b)
            for a, b in itertools.combinations(listed, 2)
            if not set(a.meta.root_cause_entities) & set(b.meta.root_cause_entities)
            and a.meta.system == b.meta.system
        ]
        for one, two in random.Random(SEED).sample(pairs, min(OVERLAYS, len(pairs))):
            data = diagnosed(overlaid(one, two))
            truths = [case.meta.root_cause_entities for case in (one, two)]
            ranks = sorted(place_of(data, truth) for truth in truths)
            said = next((p for p in data.patterns if p.kind == "several causes"), None)
            right = said is not None and all(set(said.entities) & set(truth) for truth in truths)
            values = {"first": ranks[0] == 1, "said": said is not None, "said_right": right}
            values |= {f"both@{k}": ranks[1] <= k for k in (2, 3, 5)}
            for name, value in values.items():
                figures[f"two_{name}_{dataset}"].append(value)
    return {name: float(np.mean(values)) for name, values in figures.items()}


def recognised(cases: list[Case], told: list[Incident]) -> dict[str, float]:
    """Share of pairs that look alike, with the same cause and kind of fault and with another."""
    figures: dict[str, list[float]] = defaultdict(list)
    listed = [pair for pair in zip(cases, told, strict=True) if pair[0].meta.root_cause_entities]
    for (one, a), (two, b) in itertools.combinations(listed, 2):
        if one.meta.system != two.meta.system or one.meta.dataset != two.meta.dataset:
            continue
        roots = [set(case.meta.root_cause_entities) for case in (one, two)]
        same = roots[0] == roots[1] and one.meta.fault_type == two.meta.fault_type
        if same or not roots[0] & roots[1]:
            signed = [{series.name: series.score for series in d.signature} for d in (a, b)]
            kind = "same" if same else "other"
            figures[f"alike_{kind}_{one.meta.dataset}"].append(
                similarity(*signed) >= RANKING.recall.least_similarity
            )
    pooled = {
        f"alike_{kind}_pairs": float(sum(len(v) for k, v in figures.items() if f"_{kind}_" in k))
        for kind in ("same", "other")
    }
    return {name: float(np.mean(values)) for name, values in figures.items()} | pooled


def main() -> None:
    """Run, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR")
    chosen = parser.parse_args()
    paths = find_cases(chosen.dirs)
    read = map(opened, paths[::QUICK_STEP] if chosen.quick else paths)
    cases = [case for case in read if case is not None]
    told = [diagnosed(case) for case in cases]
    figures: dict[str, Any] = patterns(cases, told) | recognised(cases, told)
    figures |= withheld(cases, told) | several(cases) | fault_free(cases)
    finish(chosen, {name: round(value, 4) for name, value in sorted(figures.items())})


if __name__ == "__main__":
    main()
