"""What each part of the evidence is worth, and how much each constant matters.

Parts are taken out and constants changed from outside, so that the ranking has no options that
nobody needs. Constants are all numbers in capitals of the modules that rank; each is varied over a
decade around its value. With `--leave-one-out` they are chosen anew on all data sets but one, and
the result on that one is reported.
"""

import os

# Workers are processes; more threads than cores only disturb each other.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from collections.abc import Mapping, Sequence  # noqa: E402
from importlib import import_module  # noqa: E402
from pathlib import Path  # noqa: E402
from pkgutil import resolve_name  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

import numpy as np  # noqa: E402
from common import finish, options  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from peers.recordings import SETS, case_list  # noqa: E402
from rich.progress import track  # noqa: E402
from told import Normal, Told, changed, learn, open_told, rank, scores_of  # noqa: E402

from coral.evaluation.backtest import find_cases  # noqa: E402
from coral.evaluation.metrics import mean  # noqa: E402
from coral.graph.predictor import fit_predictor  # noqa: E402
from coral.localise.evidence import Surprise  # noqa: E402
from coral.localise.layout import Layout  # noqa: E402
from coral.localise.ranking import Localiser, certain  # noqa: E402

# Every n-th case of a set.
QUICK_STEP = 4
MODULES = (
    "coral.baseline.scaling",
    "coral.baseline.one_step_predictor",
    *(f"coral.localise.{name}" for name in ("evidence", "ranking", "random_walk", "layout")),
)
# Constants of other modules that the ranking depends on.
MORE = ("coral.graph.predictor:RIDGE_ROWS_PER_SERIES",)
# Shares: their odds are multiplied, so that they stay between 0 and 1.
SHARES = ("MOVE_AT_MOST", "DAMPING", "START_AT_KPI", "VIEW_AT_LEAST", "LEFT_OUT")
FACTORS = tuple(10.0**power for power in (-0.5, -0.25, 0.25, 0.5))
# A constant is chosen anew only if a factor changes a macro mean by this much: half a case of the
# smallest set in eight sets.
MATTERS = 0.5 / 7 / 8
Floats = NDArray[np.float64]
Values = Mapping[str, Any]
By = dict[str, float]  # data set: measure


class Ablation(NamedTuple):
    """One part taken out."""

    name: str
    label: str
    values: Values


def _predictor(change: Any) -> Any:
    """Return `fit_predictor` with its coefficients changed."""
    return lambda moments: change(fit_predictor(moments))


def _own_past(coefficients: Floats) -> Floats:
    return np.diag(np.diag(coefficients))


def _ones(localiser: Localiser, _: Surprise) -> Floats:
    return np.ones(len(localiser.layout.entities))


def _best_pair(localiser: Localiser, _: Surprise) -> Floats:
    layout = localiser.layout
    together = np.zeros(len(layout.relations))
    np.maximum.at(together, layout.pair_relation, localiser.evidence.comovement)
    return together


def _all_health_signals(localiser: Localiser, _: Surprise) -> Floats:
    layout = localiser.layout
    moved = np.zeros(len(layout.entities))
    moved[layout.kpi_entities] = 1.0
    return moved


RANK, EVIDENCE = "coral.localise.ranking", "coral.localise.evidence"
SCALING = "coral.baseline.scaling"
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
    Ablation("largest", "largest surprise only", {f"{EVIDENCE}:SUSTAINED": 0.0}),
    Ablation("sustained", "sustained surprise only", {f"{EVIDENCE}:LARGEST": 0.0}),
    Ablation("no_early", "all rows weigh the same", {f"{EVIDENCE}:EARLY_ROWS": np.inf}),
    Ablation("no_silence", "silence is no evidence", {f"{EVIDENCE}:SILENCE": 0.0}),
    Ablation(
        "no_idle",
        "silence without requests is evidence too",
        {"coral.localise.layout:Layout.idle": lambda _, x: np.zeros(len(x), dtype=np.bool_)},
    ),
    Ablation(
        "no_limit", "not following far out counts in full", {f"{EVIDENCE}:LEARNED_UNITS": 1e9}
    ),
    Ablation("no_range_rows", "the range of few values as it is", {f"{SCALING}:RANGE_ROWS": 0.0}),
    Ablation("no_floor", "no floor of the innovation scale", {f"{EVIDENCE}:SIGMA_FLOOR": 1e-6}),
    Ablation("no_level_share", "no share of the level in the unit", {f"{SCALING}:LEVEL_SHARE": 0}),
    Ablation(
        "no_roles",
        "no role weights",
        {f"{RANK}:role_weights": lambda layout, _: np.ones(len(layout.names))},
    ),
    Ablation("weak_roles", "role weights for the symptom only", {f"{RANK}:WEAK_WEIGHT": 1.0}),
    Ablation(
        "linear_roles",
        "roles weigh evidence, not its logarithm",
        {f"{RANK}:weigh": lambda evidence, weights: evidence * weights},
    ),
    Ablation("no_walk", "no walk", {f"{RANK}:WALK_POWER": 0.0, f"{RANK}:LEAST_WALK_POWER": 0.0}),
    Ablation(
        "same_power",
        "the walk counts alike, however far the topology leads",
        {f"{RANK}:LEAST_WALK_POWER": 1.0},
    ),
    Ablation(
        "all_health_signals",
        "walks start at all health signals alike",
        {f"{RANK}:Localiser._moved": _all_health_signals},
    ),
    Ablation(
        "no_standing",
        "what the topology leaves out counts in full",
        {"coral.localise.layout:LEFT_OUT": 1.0},
    ),
    Ablation(
        "linear_shares",
        "a cause explains by its evidence, not by its order of magnitude",
        {f"{RANK}:magnitude": certain},
    ),
    Ablation(
        "best_pair",
        "the signal that moves best with the cause's tells what is explained",
        {f"{RANK}:Localiser._together": _best_pair},
    ),
    Ablation("walk_alone", "walk without evidence", {f"{RANK}:EVIDENCE_POWER": 0.0}),
    Ablation(
        "no_comovement",
        "moving together explains nothing",
        {f"{EVIDENCE}:Evidence.comovement": property(lambda e: np.zeros(len(e._products)))},  # noqa: SLF001
    ),
    Ablation(
        "no_internal",
        "internal evidence may be explained away",
        {f"{RANK}:Localiser._external_share": _ones},
    ),
    Ablation(
        "no_views",
        "no leaf is a view",
        {"coral.localise.layout:Layout._views": lambda _, __: list[tuple[int, int]]()},
    ),
)


def constants() -> dict[str, float]:
    """Return every number in capitals of the modules that rank, by ``module:name``."""
    found = {}
    for module in MODULES:
        for name, value in vars(import_module(module)).items():
            if name.isupper() and isinstance(value, int | float):
                found[f"{module}:{name}"] = float(value)
    return found | {name: float(resolve_name(name)) for name in MORE}


def scaled(name: str, value: float, factor: float) -> float:
    """Multiply a constant, or the odds of a share."""
    if name.partition(":")[2] not in SHARES:
        return value * factor
    odds = factor * value / (1.0 - value)
    return odds / (1.0 + odds)


class Bench:
    """All incidents at their onset, ready to be ranked again and again.

    Parameters
    ----------
    paths : sequence of Path
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        opened = [told for path in paths if (told := open_told(path)) and told.dataset in SETS]
        self._cases: list[tuple[Told, Normal]] = [(told, learn(told)) for told in opened]
        self._known: dict[tuple[tuple[str, float], ...], tuple[By, By]] = {}

    @property
    def keys(self) -> list[str]:
        """``<data set>/<case>`` of every incident."""
        return [told.key for told, _ in self._cases]

    def measure(self, values: Values) -> tuple[By, By]:
        """Return AC@1 and Avg@5 by data set with constants and functions changed."""
        found: dict[str, list[tuple[float, float]]] = {}
        with changed(values):
            for told, normal in self._cases:
                layout = Layout(told.names, told.kpi, told.edges)
                score = scores_of(told, rank(told, normal._replace(layout=layout)))
                found.setdefault(told.dataset, []).append((score.ac1, score.avg5))
        ac1 = {name: mean([a for a, _ in rows]) for name, rows in found.items()}
        return ac1, {name: mean([b for _, b in rows]) for name, rows in found.items()}

    def known(self, values: Mapping[str, float]) -> tuple[By, By]:
        """Return the same for constants alone, measured once."""
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


def choose(bench: Bench, names: Sequence[str], left_out: str) -> dict[str, float]:
    """Return the values that are best on all data sets but one, chosen one after another.

    The measure is the sum of both macro means; a value is changed only for a better one.
    """
    before = constants()
    chosen: dict[str, float] = {}

    def worth(values: Mapping[str, float]) -> float:
        found = bench.known(values)
        return sum(mean([v for k, v in by.items() if k != left_out]) for by in found)

    for name in names:
        others = [scaled(name, before[name], factor) for factor in FACTORS]
        tried = [chosen, *({**chosen, name: other} for other in others)]
        chosen = max(tried, key=worth)  # the first of equals
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
