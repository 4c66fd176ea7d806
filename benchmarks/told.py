"""Recorded incidents whose onset is told, ranked without the daemon around.

Base and evidence are built by the engine's own parts (`coral.baseline`, `coral.localise`), in the
order of `coral.incident.lifecycle`; what an event says besides the ranking is left out. A case
then takes milliseconds, so that it can be ranked under a hundred changed conditions. That the
rankings are those of the engine is counted by tests.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.baseline.baseline import Baseline
from coral.baseline.late_onset import rows_late, rows_since_change
from coral.baseline.learning import freeze
from coral.baseline.learning import learn as learn_row
from coral.baseline.policy import QUARANTINE
from coral.baseline.quarantine import rows_to_keep
from coral.config import EngineConfig
from coral.contract.events import Tier
from coral.engine import ADJACENT_INTERVALS
from coral.evaluation.metrics import RankScores, break_ties, rank_scores
from coral.graph.system_graph import SystemGraph
from coral.incident.explanation import Findings
from coral.incident.policy import VERDICT, VerdictPolicy
from coral.incident.situation import Situation
from coral.localise.convergence import revision_due
from coral.localise.innovation import InnovationScorer
from coral.localise.layout import Layout
from coral.localise.policy import RANKING, RankingPolicy
from coral.localise.ranking import Localiser, Ranking
from coral.localise.sparklines import Sparklines
from coral.replay.driver import system_of
from streams.recorded import Recording
from streams.topology import Topology

__all__ = [
    "Normal",
    "Told",
    "answer",
    "changed",
    "learn",
    "learned_before",
    "names_of",
    "normal_until",
    "open_clean",
    "open_told",
    "rank",
    "recalled_from",
    "scores_of",
    "settle",
    "tier_of",
]

Floats = NDArray[np.float64]


class Told(NamedTuple):
    """A recorded incident.

    Parameters
    ----------
    dataset, case : str
    names : tuple of str, length n
        ``<entity>:<metric>``.
    times : ndarray of shape (rows,), unix s
    x : ndarray of shape (rows, n), float64, NaN = missing
    onset : int
        Row from which the engine is told that the state is not normal.
    end : int
        First row after the fault.
    kpi : tuple of str
    edges : tuple of (str, str)
        Known relations of entities, (cause, effect).
    interval_s : float
    truth : frozenset of str
        Entities; for the scorer.
    any_of : bool
        One of them is enough.
    fault_type : str
        For tables.
    """

    dataset: str
    case: str
    names: tuple[str, ...]
    times: Floats
    x: Floats
    onset: int
    end: int
    kpi: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    interval_s: float
    truth: frozenset[str]
    any_of: bool
    fault_type: str

    @property
    def key(self) -> str:
        """``<data set>/<case>``."""
        return f"{self.dataset}/{self.case}"


class Normal(NamedTuple):
    """What is known at the onset."""

    layout: Layout
    baseline: Baseline
    graph: SystemGraph
    onset: int  # row at which the incident opens, at the told one or before
    policy: RankingPolicy = RANKING  # of the layout, the state and what is made of them
    apart: int = 0  # rows before that one which count neither as normal nor as faulty


def open_told(path: Path) -> Told | None:
    """Return the incident at `path`; None if its onset cannot be told or its cause is unknown."""
    recording = Recording.open(path)
    meta = recording.meta
    if "oracle" not in meta.modes or meta.fault_start is None or not meta.root_cause_entities:
        return None
    end = math.inf if meta.fault_end is None else meta.fault_end
    return _opened(recording, meta.fault_start, end)


def open_clean(path: Path) -> Told | None:
    """Return the rows at `path` that are normal, onset and end behind the last of them.

    What comes after a join of two recordings, as a change at a join is real, is left out. None for
    streams with several faults, and for recordings without history.
    """
    recording = Recording.open(path)
    meta = recording.meta
    fault_free = meta.fault_start is None and "false-alarms" in meta.modes
    if meta.faults or not ("oracle" in meta.modes or fault_free):
        return None
    ends = [t for t in (meta.fault_start, meta.join_at) if t is not None]
    return _opened(recording, min(ends, default=math.inf), -math.inf)


def _opened(recording: Recording, start: float, end: float) -> Told:
    meta, system = recording.meta, system_of(recording.meta)
    times, rows = zip(*recording.rows(), strict=True)
    time, x = np.array(times), np.array(rows)
    x[~np.isfinite(x)] = np.nan
    onset = int(np.searchsorted(time, start))
    return Told(
        dataset=meta.dataset,
        case=meta.case,
        names=recording.names,
        times=time,
        x=x,
        onset=onset,
        end=max(int(np.searchsorted(time, end, side="right")), onset),
        kpi=system.health_names,
        edges=system.causal_edges,
        interval_s=system.interval_s,
        truth=frozenset(meta.root_cause_entities),
        any_of=meta.root_cause_semantics == "any-of",
        fault_type=meta.fault_type or "",
    )


def learn(
    told: Told, config: EngineConfig | None = None, policy: RankingPolicy = RANKING
) -> Normal:
    """Return what the engine knows when the incident opens, and where it opens it."""
    baseline = Baseline(len(told.names), config or EngineConfig(), policy.scale)
    topology = Topology(edges=told.edges, edge_semantics="a feeds b")
    graph = SystemGraph(told.names, topology)
    learned = learned_before(told.onset)
    for t in range(learned):
        learn_row(baseline, graph, told.x[t], adjacent=_follows(told, t))
    layout = Layout(told.names, told.kpi, told.edges)
    base, newest = baseline.rows()[0], told.x[learned : told.onset + 1]
    health = layout.health_series
    if rows_since_change(base[:, health], newest[:, health], policy.scale):
        end = recalled_from(told, learned)
        since = rows_since_change(told.x[:end], told.x[end : told.onset + 1], policy.scale) or 0
        return normal_until(told, end, told.onset - since, config, policy)
    late = rows_late(base, newest, layout.owner, health, policy.scale)
    onset = told.onset - late
    for t in range(learned, onset):
        learn_row(baseline, graph, told.x[t], adjacent=_follows(told, t))
    return Normal(layout, baseline, graph, onset, policy)


def normal_until(
    told: Told,
    base_end: int,
    onset: int,
    config: EngineConfig | None = None,
    policy: RankingPolicy = RANKING,
) -> Normal:
    """Return what is known when the rows before one are normal, and the incident opens at another.

    The graph learns the base when an incident opens, as it does after rows were unlearned.
    """
    baseline = Baseline(len(told.names), config or EngineConfig(), policy.scale)
    topology = Topology(edges=told.edges, edge_semantics="a feeds b")
    for t in range(base_end):
        baseline.learn(told.x[t], adjacent=_follows(told, t))
    layout = Layout(told.names, told.kpi, told.edges)
    graph = SystemGraph(told.names, topology)
    return Normal(layout, baseline, graph, onset, policy, apart=onset - base_end)


def learned_before(onset: int, *, told: bool = True) -> int:
    """Return how many rows have left quarantine when the row at the onset comes."""
    learned = 0
    for seen in range(1, onset + 1):
        while seen - learned > rows_to_keep(learned, QUARANTINE, given=told):
            learned += 1
    return learned


def recalled_from(told: Told, learned: int) -> int:
    """Return the first row that counts for neither state when an onset is late for certain."""
    rows = round(VERDICT.opening.look_back(told.interval_s) / told.interval_s)
    return max(min(told.onset - rows, learned), learned - learned // QUARANTINE.recalled_share)


def settle(told: Told, normal: Normal) -> Iterator[tuple[int, Localiser]]:
    """Yield the rows since the onset and the localiser whenever a revision is due."""
    layout, baseline, graph, onset, policy, apart = normal
    base, adjacent = baseline.rows()
    predictor = freeze(baseline, graph, told.x[onset : told.onset + 1], layout.health_series)
    between = told.x[onset - apart : onset] if apart else None
    evidence = InnovationScorer(base, adjacent, predictor, layout, policy, between)
    localiser = Localiser(layout, evidence, policy)
    for t in range(onset, told.end):
        localiser.update(told.x[t], adjacent=_follows(told, t))
        if t >= told.onset and (t == told.onset or revision_due(localiser.rows)):
            yield localiser.rows, localiser


def answer(told: Told, normal: Normal) -> Localiser:
    """Return the localiser at the last revision before the fault ends."""
    early = told.onset - normal.onset
    due = [n for n in range(early + 2, told.end - normal.onset + 1) if revision_due(n)]
    last = max(due, default=early + 1)
    return next(localiser for rows, localiser in settle(told, normal) if rows == last)


def rank(told: Told, normal: Normal) -> list[str]:
    """Return the entities, best first, of the last revision before the fault ends."""
    localiser = answer(told, normal)
    return names_of(told, localiser.layout, localiser.rank())


def tier_of(
    told: Told,
    normal: Normal,
    localiser: Localiser,
    ranking: Ranking,
    policy: VerdictPolicy = VERDICT,
) -> Tier:
    """Return how far the engine trusts a ranking."""
    nothing, evidence = np.empty((0, len(told.names))), localiser.scorer
    situation = Situation(
        layout=localiser.layout,
        ranking=ranking,
        sparklines=Sparklines(1, nothing, nothing),
        center=evidence.center,
        scale=evidence.scale,
        counter=evidence.counter,
        interval_s=told.interval_s,
        times=told.times[normal.onset : told.end].tolist(),
        normal_until=-math.inf,
        base_rows=normal.baseline.n_rows,
        seen=None,
    )
    return Findings(situation, policy).tier


def names_of(told: Told, layout: Layout, ranking: Ranking) -> list[str]:
    """Return the entities that have a score, best first, ties against the truth."""
    return break_ties(layout.entities, ranking.scores.tolist(), told.truth)


def scores_of(told: Told, ranking: Sequence[str]) -> RankScores:
    """Score a ranking."""
    return rank_scores(ranking, told.truth, any_of=told.any_of)


@contextmanager
def changed(values: Mapping[str, object]) -> Iterator[None]:
    """Give functions, named ``module:attribute``, other values for a while."""
    before = {name: resolve_name(name) for name in values}
    try:
        for name, value in values.items():
            _put(name, value)
        yield
    finally:
        for name, value in before.items():
            _put(name, value)


def _put(name: str, value: object) -> None:
    owner, _, attribute = name.replace(":", ".").rpartition(".")
    module, _, path = name.partition(":")
    inner = path.rpartition(".")[0]
    setattr(resolve_name(f"{module}:{inner}" if inner else owner), attribute, value)


def _follows(told: Told, t: int) -> bool:
    """Whether a row directly follows the one before it on the grid."""
    gap = np.inf if t == 0 else told.times[t] - told.times[t - 1]
    return bool(gap <= ADJACENT_INTERVALS * told.interval_s)
