"""Does the graph help the ranking? The same evidence, walked along different edges.

Every recorded incident is scored as `coral evaluate --mode oracle` does, with the walk on no edges,
on the known ones, on the known ones between shuffled entities, on those learned from the rows
before the fault, on learned and known ones, and on those learned from all rows, the fault's
included. Evidence and prediction are the same in all of them: only the walk differs.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import finish, options
from numpy.typing import NDArray

from coral.baseline.baseline import Baseline
from coral.baseline.learning import freeze, learn
from coral.baseline.one_step_predictor import OneStepPredictor
from coral.config import EngineConfig
from coral.engine import ADJACENT_INTERVALS
from coral.evaluation.backtest import find_cases
from coral.evaluation.metrics import break_ties, rank_scores
from coral.graph.edges import Edge
from coral.graph.system_graph import SystemGraph
from coral.localise.convergence import revision_due
from coral.localise.innovation import InnovationScorer
from coral.localise.layout import Layout
from coral.localise.ranking import Localiser
from coral.replay.driver import system_of
from streams.align.aligner import Aligner
from streams.recorded import Recording, RecordingMeta
from streams.records import Frame, Samples
from streams.series import entity_of

QUICK_STEP = 16
SHUFFLES = 5
# From this confidence on a learned edge is one that the walk may use.
SURE = 0.95
VARIANTS = ("none", "shuffled", "known", "learned", "learned_and_known", "learned_with_fault")
Pairs = set[tuple[str, str]]
Floats = NDArray[np.float64]


class Row(NamedTuple):
    """One row of a recording."""

    x: Floats
    adjacent: bool


class Incident(NamedTuple):
    """What all variants have in common."""

    names: tuple[str, ...]
    base: Floats
    adjacent: NDArray[np.bool_]
    predictor: OneStepPredictor
    after: list[Row]


def frames(recording: Recording) -> Iterator[Frame]:
    """Rows as the engine gets them."""
    meta = recording.meta
    aligner = Aligner(meta.interval_s)
    for time, values in recording.rows():
        yield from aligner.push(Samples(meta.system, time, recording.names, values))
    yield from aligner.flush()


def read(recording: Recording) -> tuple[Baseline, SystemGraph, list[Row]]:
    """Learn the rows before the fault; return those until its end."""
    meta = recording.meta
    start = meta.fault_start if meta.fault_start is not None else np.inf
    end = np.inf if meta.fault_end is None else meta.fault_end
    last, after = -np.inf, list[Row]()
    baseline = Baseline(len(recording.names), EngineConfig())
    graph = SystemGraph(recording.names)
    for frame in frames(recording):
        if frame.time > end:
            break
        x = np.array(frame.values, dtype=np.float64)
        x[~np.isfinite(x)] = np.nan
        row = Row(x, frame.time - last <= ADJACENT_INTERVALS * meta.interval_s)
        last = frame.time
        if frame.time < start:
            learn(baseline, graph, row.x, adjacent=row.adjacent)
        else:
            after.append(row)
    if not after:
        raise ValueError(f"{recording.path}: no row of the fault")
    return baseline, graph, after


def linked(edges: list[Edge], names: tuple[str, ...]) -> Pairs:
    """Pairs of different entities that a sure edge of sure direction joins, (cause, effect)."""
    owner = [entity_of(name) for name in names]
    return {
        (owner[edge.cause], owner[edge.effect])
        for edge in edges
        if edge.confidence >= SURE
        and edge.direction_identified
        and owner[edge.cause] != owner[edge.effect]
    }


def shuffled(known: Pairs, entities: list[str], seed: str) -> Pairs:
    """Return the same edges between other entities."""
    digest = hashlib.sha256(seed.encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    other = dict(zip(entities, rng.permutation(entities).tolist(), strict=True))
    return {(other[a], other[b]) for a, b in known}


def scored(incident: Incident, meta: RecordingMeta, edges: Pairs) -> tuple[float, float]:
    """AC@1 and Avg@5 of the last revision, the walk going along these edges."""
    layout = Layout(incident.names, meta.kpi, sorted(edges))
    evidence = InnovationScorer(incident.base, incident.adjacent, incident.predictor, layout)
    localiser = Localiser(layout, evidence)
    rows = max(r for r in range(1, len(incident.after) + 1) if revision_due(r))
    for row in incident.after[:rows]:
        localiser.update(row.x, adjacent=row.adjacent)
    ranking = localiser.rank()
    scores = [float(ranking.scores[e]) for e in ranking.order]
    names = [layout.entities[e] for e in ranking.order]
    any_of = meta.root_cause_semantics == "any-of"
    truth = meta.root_cause_entities
    found = rank_scores(break_ties(names, scores, truth), truth, any_of=any_of)
    return found.ac1, found.avg5


def score(path: Path) -> dict[str, Any] | None:
    """Score one recording with every variant; None if it is not meant for this."""
    recording = Recording.open(path)
    meta = recording.meta
    if "oracle" not in meta.modes or not meta.root_cause_entities or meta.fault_start is None:
        return None
    baseline, graph, after = read(recording)
    names, (base, adjacent) = recording.names, baseline.rows()
    kpi = [i for i, name in enumerate(names) if name in set(meta.kpi)]
    predictor = freeze(baseline, graph, after[0].x[None], kpi)
    incident = Incident(names, base, adjacent, predictor, after)
    graph.causal.open_state()
    learned = linked(graph.causal.edges(), graph.names)
    for row in after:
        graph.update(baseline.scaled(row.x), adjacent=row.adjacent)
    graph.causal.solve()
    with_fault = linked(graph.causal.edges(), graph.names)
    entities = sorted({entity_of(name) for name in names})
    known = {pair for pair in system_of(meta).causal_edges if set(pair) <= set(entities)}
    variants: dict[str, list[Pairs]] = {
        "none": [set()],
        "shuffled": [shuffled(known, entities, f"{meta.case}/{i}") for i in range(SHUFFLES)],
        "known": [known],
        "learned": [learned],
        "learned_and_known": [learned | known],
        "learned_with_fault": [with_fault],
    }
    result: dict[str, Any] = {
        "dataset": meta.dataset,
        "case": meta.case,
        "known_edges": len(known),
        "learned_edges": len(learned),
        "learned_and_known_edges": len(learned & known),
    }
    for name, graphs in variants.items():
        found = np.mean([scored(incident, meta, edges) for edges in graphs], axis=0)
        result[name] = [round(float(value), 6) for value in found]
    return result


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean of every variant, and its gain in Avg@5 over no graph with a 95 % interval."""
    rng = np.random.default_rng(0)
    table: dict[str, Any] = {"n": len(rows)}
    for name in VARIANTS:
        values = np.array([row[name] for row in rows])
        gain = values[:, 1] - np.array([row["none"][1] for row in rows])
        low, high = np.quantile(rng.choice(gain, (2000, len(gain))).mean(axis=1), [0.025, 0.975])
        table[name] = {
            "ac@1": round(float(values[:, 0].mean()), 4),
            "avg@5": round(float(values[:, 1].mean()), 4),
            "gain": [round(float(value), 4) for value in (gain.mean(), low, high)],
        }
    return table


def main() -> None:
    """Score, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR")
    chosen = parser.parse_args()
    cases = find_cases(chosen.dirs)[:: QUICK_STEP if chosen.quick else 1]
    rows = []
    for path in cases:
        row = score(path)
        if row is not None:
            rows.append(row)
    sets = sorted({row["dataset"] for row in rows})
    datasets = {name: summary([row for row in rows if row["dataset"] == name]) for name in sets}
    figures = {}
    for name in VARIANTS:
        for key in ("ac@1", "avg@5"):
            values = [table[name][key] for table in datasets.values()]
            figures[f"macro_{key}_{name}"] = round(float(np.mean(values)), 4)
    for name, table in datasets.items():
        print(name, table["n"], {v: (table[v]["ac@1"], table[v]["avg@5"]) for v in VARIANTS})
    finish(chosen, figures, datasets=datasets, cases=rows)


if __name__ == "__main__":
    main()
