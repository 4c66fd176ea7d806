"""What each part of the ranking is worth, and how much each constant matters.

A part goes by a number of the policy where one says it, else by another function in its place,
so that the ranking has no options that nobody needs. Constants are the numbers of the policy; each
is varied over a decade around its value. With `--leave-one-out` they are chosen anew on all data
sets but one, and the result on that one is reported.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import finish, options
from numpy.typing import NDArray
from peers.recordings import SETS, case_list
from rich.progress import track
from told import Normal, Told, changed, learn, open_told, rank, scores_of

from coral.evaluation.backtest import find_cases
from coral.evaluation.metrics import mean
from coral.graph.moments import LaggedMoments
from coral.graph.predictor import Predictor, fit_predictor
from coral.localise._innovation_kernels import accumulate_innovation
from coral.localise.innovation import InnovationScorer, InnovationScores
from coral.localise.layout import Layout
from coral.localise.policy import RANKING, RankingPolicy
from coral.localise.ranking import Localiser, certain

# Every n-th case of a set.
QUICK_STEP = 4
# Numbers of the policy that a ranking told its onset does not depend on, or that count rows.
OTHER = (
    "scale.late_units",
    "scale.late_share",
    "scale.late_rows",
    "scale.late_base_rows",
    "scale.first_rows",
)
# Shares: their odds are multiplied, so that they stay between 0 and 1.
SHARES = ("move_at_most", "damping", "start_at_health", "alias_comovement")
FACTORS = tuple(10.0**power for power in (-0.5, -0.25, 0.25, 0.5))
# A constant is chosen anew only if a factor changes a macro mean by this much: half a case of the
# smallest set in eight sets.
MATTERS = 0.5 / 7 / 8
Floats = NDArray[np.float64]
Values = Mapping[str, Any]
By = dict[str, float]  # data set: measure


class Ablation(NamedTuple):
    """One part taken out: by numbers of the policy, and functions by ``module:attribute``."""

    name: str
    label: str
    values: Values


def _predictor(change: Any) -> Any:
    """Return `fit_predictor` with its coefficients changed."""

    def changed(moments: LaggedMoments, ridge_rows: float) -> Predictor:
        fitted = fit_predictor(moments, ridge_rows)
        return fitted._replace(coefficients=change(fitted.coefficients))

    return changed


def _own_past(coefficients: Floats) -> Floats:
    return np.diag(np.diag(coefficients))


def _ones(localiser: Localiser, _: InnovationScores) -> Floats:
    return np.ones(len(localiser.layout.entities))


def _no_limit(*arguments: Any) -> None:
    """Add a row as if all that a series does were learned, however far out."""
    *before, limits = arguments
    changed = (*before, limits.copy())
    changed[-1]["learned"] = 1e9
    accumulate_innovation(*changed)


def _no_comovement(scorer: InnovationScorer) -> Floats:
    return np.zeros(len(scorer.state_dict()["_products"]))


def _best_pair(localiser: Localiser, _: InnovationScores) -> Floats:
    layout = localiser.layout
    together = np.zeros(len(layout.relations))
    np.maximum.at(together, layout.pair_relation, localiser.scorer.comovement)
    return together


def _all_health_signals(localiser: Localiser, _: InnovationScores) -> Floats:
    layout = localiser.layout
    moved = np.zeros(len(layout.entities))
    moved[layout.health_entities] = 1.0
    return moved


RANK, INNOVATION = "coral.localise.ranking", "coral.localise.innovation"
ABLATIONS = (
    Ablation(
        "level",
        "no prediction: levels instead of innovations",
        {"coral.graph.causal:fit_predictor": _predictor(np.zeros_like)},
    ),
    Ablation(
        "own_past",
        "predicted by its own past only",
        {"coral.graph.causal:fit_predictor": _predictor(_own_past)},
    ),
    Ablation(
        "no_recent",
        "what was out before the onset counts in full",
        {"recent_weight": 0.0},
    ),
    Ablation(
        "no_counters",
        "counters as levels",
        {f"{INNOVATION}:counters": lambda base, *_: np.zeros(base.shape[1], dtype=np.bool_)},
    ),
    Ablation(
        "no_flags",
        "flags set with a health signal are causes as any",
        {f"{INNOVATION}:InnovationScorer._flags": lambda scorer: np.zeros_like(scorer.known)},
    ),
    Ablation("largest", "largest innovation only", {"sustained_weight": 0.0}),
    Ablation("sustained", "sustained innovation only", {"largest_weight": 0.0}),
    Ablation("no_missingness", "a missing cell is no innovation", {"missing_weight": 0.0}),
    Ablation(
        "no_idle",
        "a missing cell without requests is one too",
        {"coral.localise.layout:Layout.idle": lambda _, x: np.zeros(len(x), dtype=np.bool_)},
    ),
    Ablation(
        "no_limit",
        "not following far out counts in full",
        {f"{INNOVATION}:accumulate_innovation": _no_limit},
    ),
    Ablation(
        "bounded",
        "what is beyond the normal rows is as rare as they can tell, however far",
        {"beyond_weight": 0.0},
    ),
    Ablation("unbounded", "what is beyond the normal rows counts in full", {"beyond_weight": 1.0}),
    Ablation("no_range_rows", "the range of few values as it is", {"scale.range_rows": 0.0}),
    Ablation("no_floor", "no floor of the innovation scale", {"sigma_floor": 1e-6}),
    Ablation("no_level_share", "no share of the level in the unit", {"scale.level_share": 0.0}),
    Ablation(
        "no_roles",
        "no role weights",
        {f"{RANK}:role_weights": lambda layout, _, __: np.ones(len(layout.names))},
    ),
    Ablation("weak_roles", "role weights for the symptom only", {"weak_weight": 1.0}),
    Ablation(
        "linear_roles",
        "roles weigh scores, not their logarithm",
        {f"{RANK}:weigh": lambda scores, weights: scores * weights},
    ),
    Ablation("no_walk", "no walk", {"walk_power": 0.0, "least_walk_power": 0.0}),
    Ablation(
        "same_power",
        "the walk counts alike, however far the topology leads",
        {"least_walk_power": 1.0},
    ),
    Ablation(
        "all_health_signals",
        "walks start at all health signals alike",
        {f"{RANK}:Localiser._restart_weights": _all_health_signals},
    ),
    Ablation(
        "linear_shares",
        "a cause explains by its score, not by its order of magnitude",
        {f"{RANK}:magnitude": certain},
    ),
    Ablation(
        "best_pair",
        "the signal that moves best with the cause's tells what is explained",
        {f"{RANK}:Localiser._together": _best_pair},
    ),
    Ablation("walk_alone", "walk without innovation scores", {"innovation_power": 0.0}),
    Ablation(
        "no_comovement",
        "moving together explains nothing",
        {f"{INNOVATION}:InnovationScorer.comovement": property(_no_comovement)},
    ),
    Ablation(
        "no_internal",
        "what an entity does to itself may be explained away",
        {f"{RANK}:Localiser._external_share": _ones},
    ),
    Ablation(
        "no_aliases",
        "no leaf is an alias",
        {"coral.localise.layout:Layout._alias_nodes": lambda _, __: list[tuple[int, int]]()},
    ),
)


def constants() -> dict[str, float]:
    """Return every number of the policy, by its dotted name."""
    groups: dict[str, Any] = {"": RANKING, "scale.": RANKING.scale}
    found = {
        f"{group}{field.name}": float(value)
        for group, policy in groups.items()
        for field in dataclasses.fields(policy)
        if isinstance(value := getattr(policy, field.name), int | float)
    }
    return {n: v for n, v in found.items() if n not in OTHER}


def split(values: Values) -> tuple[RankingPolicy, Values]:
    """Return the policy with other numbers, and what is no number of the policy."""
    own, scale, others = {}, {}, {}
    for name, value in values.items():
        if ":" in name:
            others[name] = value
        elif name.startswith("scale."):
            scale[name.removeprefix("scale.")] = value
        else:
            own[name] = value
    units = dataclasses.replace(RANKING.scale, **scale)
    return dataclasses.replace(RANKING, scale=units, **own), others


def scaled(name: str, value: float, factor: float) -> float:
    """Multiply a constant, or the odds of a share."""
    if name not in SHARES:
        return value * factor
    odds = factor * value / (1.0 - value)
    return odds / (1.0 + odds)


class Bench:
    """All incidents at their onset, ready to be ranked again and again.

    Parameters
    ----------
    paths : sequence of Path
    sets : sequence of str
        Data sets that count.
    """

    def __init__(self, paths: Sequence[Path], sets: Sequence[str] = SETS) -> None:
        opened = (open_told(path) for path in paths)
        self._cases: list[Told] = [told for told in opened if told and told.dataset in sets]
        self._now: list[Normal] = [learn(told) for told in self._cases]
        self._known: dict[tuple[tuple[str, float], ...], tuple[By, By]] = {}

    @property
    def keys(self) -> list[str]:
        """``<data set>/<case>`` of every incident."""
        return [told.key for told in self._cases]

    def measure(self, values: Values, only: str | None = None) -> tuple[By, By]:
        """Return AC@1 and Avg@5 by data set, or of one, with numbers and functions changed."""
        found: dict[str, list[tuple[float, float]]] = {}
        policy, others = split(values)
        with changed(others):
            for told, known in zip(self._cases, self._now, strict=True):
                if only is not None and told.dataset != only:
                    continue
                # Learned anew only where it matters: the units.
                normal = known if policy.scale == RANKING.scale else learn(told, policy=policy)
                layout = Layout(told.names, told.kpi, told.edges)
                asked = normal._replace(layout=layout, policy=policy)
                score = scores_of(told, rank(told, asked))
                found.setdefault(told.dataset, []).append((score.ac1, score.avg5))
        ac1 = {name: mean([a for a, _ in rows]) for name, rows in found.items()}
        return ac1, {name: mean([b for _, b in rows]) for name, rows in found.items()}

    def known(self, values: Mapping[str, float]) -> tuple[By, By]:
        """Return the same for numbers alone, measured once."""
        key = tuple(sorted(values.items()))
        if key not in self._known:
            self._known[key] = self.measure(values)
        return self._known[key]


def row(found: tuple[By, By]) -> dict[str, Any]:
    """Return both measures by data set and their macro means, rounded."""
    ac1, avg5 = found
    sets = {name: {"ac@1": round(ac1[name], 6), "avg@5": round(avg5[name], 6)} for name in ac1}
    macro = {"ac@1": round(mean([*ac1.values()]), 6), "avg@5": round(mean([*avg5.values()]), 6)}
    return {"macro": macro, "datasets": sets}


def sensitivity(bench: Bench) -> dict[str, Any]:
    """Return what every constant's factors lead to."""
    result = {}
    for name, value in track(constants().items(), "constants"):
        points = {}
        for factor in FACTORS:
            other = scaled(name, value, factor)
            points[f"{factor:.3g}"] = {"value": other} | row(bench.known({name: other}))
        result[name] = {"value": value, "factors": points}
    return result


def matter(found: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the constants that change a macro mean, those that change it most first."""
    spread = {
        name: max(
            abs(point["macro"][key] - now["macro"][key])
            for point in facts["factors"].values()
            for key in ("ac@1", "avg@5")
        )
        for name, facts in found.items()
    }
    return [n for n in sorted(spread, key=lambda n: -spread[n]) if spread[n] >= MATTERS]


def worth(found: tuple[By, By], left_out: str) -> float:
    """Return the sum of both macro means over all data sets but one."""
    return sum(mean([v for k, v in by.items() if k != left_out]) for by in found)


def choose(bench: Bench, names: Sequence[str], left_out: str) -> dict[str, float]:
    """Return the values that are best on all data sets but one, chosen one after another.

    The measure is the sum of both macro means; a value is changed only for a better one.
    """
    before = constants()
    chosen: dict[str, float] = {}

    for name in names:
        others = [scaled(name, before[name], factor) for factor in FACTORS]
        tried = [chosen, *({**chosen, name: other} for other in others)]
        # The first of equals.
        chosen = max(tried, key=lambda values: worth(bench.known(values), left_out))
    return chosen


def leave_one_out(bench: Bench, names: Sequence[str]) -> dict[str, Any]:
    """Return for every data set what constants chosen on the others reach on it."""
    result = {}
    for left_out in track(SETS, "sets left out"):
        values = choose(bench, names, left_out)
        ac1, avg5 = (by[left_out] for by in bench.known(values))
        factors = {name: float(f"{value:.3g}") for name, value in values.items()}
        result[left_out] = {"ac@1": round(ac1, 6), "avg@5": round(avg5, 6), "chosen": factors}
    return result


def main() -> None:
    """Run, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--leave-one-out", action="store_true")
    chosen = parser.parse_args()
    bench = Bench(find_cases(chosen.dirs)[:: QUICK_STEP if chosen.quick else 1])
    now = row(bench.known({}))
    without = {
        a.name: {"label": a.label} | row(bench.measure(a.values))
        for a in track(ABLATIONS, "ablations")
    }
    found = sensitivity(bench)
    names = matter(found, now)
    figures = {f"macro_{k.replace('@', '')}": now["macro"][k] for k in now["macro"]}
    more: dict[str, Any] = {}
    if chosen.leave_one_out:
        more["leave_one_out"] = held = leave_one_out(bench, names)
        for key in ("ac@1", "avg@5"):
            values = [cell[key] for cell in held.values()]
            figures[f"macro_{key.replace('@', '')}_left_out"] = round(mean(values), 6)
    finish(
        chosen,
        figures,
        case_list=case_list(bench.keys),
        now=now,
        ablations=without,
        constants=found,
        matter=names,
        **more,
    )


if __name__ == "__main__":
    main()
