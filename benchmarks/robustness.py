"""What wrong, missing and irrelevant input costs: every case again under changed conditions.

The onset is told. A change that is drawn at random is drawn from a seed that is the case's, so that
every run sees the same.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import finish, options
from joblib import Parallel, delayed
from means import by_set, macro_figures
from peers.recordings import SETS, case_list
from told import Told, answer, learn, names_of, open_told, scores_of, tier_of

from coral.evaluation.backtest import find_cases
from coral.evaluation.metrics import mean
from coral.localise.layout import metric_of
from streams.series import entity_of

COPIES = 10
SPARSER = 5
REWIRED = 0.2
# A decoy comes so many rows before the onset, after so many rows at least.
SHORT_BASES = (30, 60, 120)
LAGS = (3, 10, 60)
SINGLE_DECOYS = tuple(f"decoy_{lag}" for lag in LAGS)
LEAST_BASE = 8
# A decoy multiplies by something between these.
FACTORS = (1.2, 4.0)
DRAWS = 3
# In a quick run, and every n-th case of a set.
QUICK_DRAWS = 1
QUICK_STEP = 4
Rng = np.random.Generator
# None: the case has no room for the change, and is not counted.
Change = Callable[[Told, Rng], Told | None]


class Condition(NamedTuple):
    """One change to what the engine gets."""

    name: str
    label: str
    change: Change
    random: bool = False  # then it is drawn a few times and averaged


def missing(share: float) -> Change:
    """Lose cells at random, before and after the onset alike."""

    def change(told: Told, rng: Rng) -> Told:
        return told._replace(x=np.where(rng.random(told.x.shape) < share, np.nan, told.x))

    return change


def moved(rows: int = 0, seconds: float = 0.0) -> Change:
    """Tell an onset that is late (or, below zero, early)."""

    def change(told: Told, _: Rng) -> Told:
        by = rows + round(seconds / told.interval_s)
        return told._replace(onset=max(told.onset + by, 1))

    return change


def sparser(told: Told, _: Rng) -> Told:
    """Keep every fifth row, the first faulty one among them."""
    kept = np.arange(told.onset % SPARSER, len(told.times), SPARSER)
    return told._replace(
        times=told.times[kept],
        x=told.x[kept],
        onset=int(np.searchsorted(kept, told.onset)),
        end=int(np.searchsorted(kept, told.end)),
        interval_s=told.interval_s * SPARSER,
    )


def newest(rows: int) -> Change:
    """Let nothing but so many rows be known when the onset comes."""

    def change(told: Told, _: Rng) -> Told:
        gone = max(told.onset - rows, 0)
        return told._replace(
            times=told.times[gone:], x=told.x[gone:], onset=told.onset - gone, end=told.end - gone
        )

    return change


def copies(told: Told, rng: Rng) -> Told:
    """Add ten copies of every entity whose rows are in random order."""
    names, columns = list(told.names), [told.x]
    for copy in range(COPIES):
        order = rng.permutation(len(told.x))
        names += [f"{entity_of(n)}~{copy}:{metric_of(n)}" for n in told.names]
        columns.append(told.x[order])
    return told._replace(names=tuple(names), x=np.hstack(columns))


def renamed(told: Told, rng: Rng) -> Told:
    """Call the entities by numbers in random order."""
    entities = sorted({entity_of(name) for name in told.names})
    numbers = rng.permutation(len(entities))
    new = {entity: f"e{number}" for entity, number in zip(entities, numbers, strict=True)}

    def series(name: str) -> str:
        return f"{new.get(entity_of(name), entity_of(name))}:{metric_of(name)}"

    return told._replace(
        names=tuple(map(series, told.names)),
        kpi=tuple(map(series, told.kpi)),
        edges=tuple((new.get(a, a), new.get(b, b)) for a, b in told.edges),
        truth=frozenset(new.get(entity, entity) for entity in told.truth),
    )


def wrong_kpi(told: Told, rng: Rng) -> Told:
    """Name the same kind of signal of another entity as KPI, any signal where there is none."""
    if not told.kpi:
        return told
    right = {entity_of(name) for name in told.kpi}
    kinds = {metric_of(name) for name in told.kpi}
    others = [name for name in told.names if entity_of(name) not in right]
    same = [name for name in others if metric_of(name) in kinds]
    return told._replace(kpi=(str(rng.choice(same or others)),))


def no_kpi(told: Told, _: Rng) -> Told:
    """Withhold the KPI."""
    return told._replace(kpi=())


def no_graph(told: Told, _: Rng) -> Told:
    """Withhold the known relations."""
    return told._replace(edges=())


def rewired(told: Told, rng: Rng) -> Told:
    """Give a fifth of the relations another cause."""
    entities = sorted({entity_of(name) for name in told.names})
    hit = rng.random(len(told.edges)) < REWIRED
    causes = rng.choice(entities, len(told.edges)).tolist() if told.edges else []
    edges = {
        (str(other) if wrong else cause, effect)
        for (cause, effect), wrong, other in zip(told.edges, hit, causes, strict=True)
    }
    return told._replace(edges=tuple(sorted(edge for edge in edges if edge[0] != edge[1])))


def shuffled_graph(told: Told, rng: Rng) -> Told:
    """Exchange the entities in the relations: as many relations, of the same shape, all wrong."""
    ends = sorted({end for edge in told.edges for end in edge})
    new = dict(zip(ends, rng.permutation(ends).tolist(), strict=True))
    return told._replace(edges=tuple(sorted((new[a], new[b]) for a, b in told.edges)))


def decoy(lag: int, count: int = 1, *, beside: bool = False, drifts: bool = False) -> Change:
    """Let innocent entities change for good `lag` rows before the onset, one series of each.

    The series is multiplied by a factor, at once or by one that grows to it until the fault ends.
    `beside` chooses among those with a known relation to a cause.
    """

    def change(told: Told, rng: Rng) -> Told | None:
        start = told.onset - lag
        innocent = _innocent(told, start, beside=beside) if start >= LEAST_BASE else {}
        if len(innocent) < count:
            return None
        x, ramp = told.x.copy(), (start, told.end - 1) if drifts else (start - 1, start)
        for entity in rng.choice(sorted(innocent), count, replace=False):
            factor = np.exp(rng.uniform(*np.log(FACTORS)))
            x[:, rng.choice(innocent[entity])] *= np.interp(np.arange(len(x)), ramp, (1.0, factor))
        return told._replace(x=x)

    return change


def _innocent(told: Told, start: int, *, beside: bool) -> dict[str, list[int]]:
    """Return what a decoy may change, series by entity: neither a cause's nor a health signal.

    Nor one that is zero half of the time before `start`: a multiple of nothing is no change.
    """
    near = {end for edge in told.edges if told.truth & set(edge) for end in edge}
    size = np.abs(told.x[:start])
    moves = (size > 0.0).sum(axis=0) > (size == 0.0).sum(axis=0)
    found: dict[str, list[int]] = {}
    for series in np.flatnonzero(moves).tolist():
        name, entity = told.names[series], entity_of(told.names[series])
        if entity not in told.truth and name not in told.kpi and (entity in near or not beside):
            found.setdefault(entity, []).append(series)
    return found


CONDITIONS = (
    Condition("as_recorded", "as recorded", lambda told, _: told),
    Condition("missing_10", "10 % of the cells missing", missing(0.1), random=True),
    Condition("missing_30", "30 % of the cells missing", missing(0.3), random=True),
    Condition("sampling_x5", "one row of five", sparser),
    *(
        Condition(f"base_{rows}", f"the last {rows} normal rows only", newest(rows))
        for rows in SHORT_BASES
    ),
    Condition("decoys_x10", "ten shuffled copies of every entity", copies),
    Condition("renamed", "entities renamed", renamed),
    Condition("onset_early_3_rows", "onset 3 rows early", moved(rows=-3)),
    Condition("onset_late_3_rows", "onset 3 rows late", moved(rows=3)),
    Condition("onset_early_60_s", "onset 60 s early", moved(seconds=-60)),
    Condition("onset_late_60_s", "onset 60 s late", moved(seconds=60)),
    Condition("wrong_kpi", "another KPI", wrong_kpi, random=True),
    Condition("no_kpi", "KPI withheld", no_kpi),
    Condition("rewired_20", "20 % of the edges rewired", rewired, random=True),
    Condition("shuffled_graph", "shuffled graph", shuffled_graph, random=True),
    Condition("no_graph", "no graph", no_graph),
    *(
        Condition(name, f"a decoy {lag} rows before the onset", decoy(lag), random=True)
        for name, lag in zip(SINGLE_DECOYS, LAGS, strict=True)
    ),
    Condition("two_decoys_10", "two decoys 10 rows before", decoy(10, 2), random=True),
    Condition(
        "neighbour_decoy_10",
        "a decoy beside a cause, 10 rows before",
        decoy(10, beside=True),
        random=True,
    ),
    Condition(
        "drifting_decoy_10",
        "a decoy that grows from 10 rows before",
        decoy(10, drifts=True),
        random=True,
    ),
)


class Scored(NamedTuple):
    """A case under a condition: means over the draws, all 0 .. 1."""

    condition: str
    key: str
    ac1: float
    avg5: float
    likely: float  # said
    right: float  # said, and the first is a cause


def score(path: Path, conditions: Sequence[Condition], draws: int = DRAWS) -> list[Scored]:
    """Score one case under the conditions it has room for; nothing if its onset is not told."""
    told = open_told(path)
    if told is None or told.dataset not in SETS:
        return []
    found = []
    for condition in conditions:
        drawn = (_score_draw(told, condition, n) for n in range(draws if condition.random else 1))
        scores = [values for values in drawn if values]
        if scores:
            means = (mean(values) for values in zip(*scores, strict=True))
            found.append(Scored(condition.name, told.key, *means))
    return found


def _score_draw(told: Told, condition: Condition, draw: int) -> tuple[float, ...] | None:
    """Return what `Scored` has of one draw; None if the case has no room for the change."""
    seed = zlib.crc32(f"{told.key}/{condition.name}/{draw}".encode())
    other = condition.change(told, np.random.default_rng(seed))
    if other is None:
        return None
    if other.onset >= other.end:
        return 0.0, 0.0, 0.0, 0.0
    normal = learn(other)
    localiser = answer(other, normal)
    ranking = localiser.rank()
    found = scores_of(other, names_of(other, localiser.layout, ranking))
    likely = float(tier_of(other, normal, localiser, ranking) == "likely")
    return found.ac1, found.avg5, likely, likely * found.ac1


def table(rows: Sequence[Scored]) -> dict[str, Any]:
    """Return the means of every condition; of its cases as recorded, too, if some do not count."""
    result: dict[str, Any] = {}
    recorded = [row for row in rows if row.condition == "as_recorded"]
    for condition in CONDITIONS:
        mine = [row for row in rows if row.condition == condition.name]
        if not mine:
            continue
        result[condition.name] = {"label": condition.label} | averages(mine)
        keys = {row.key for row in mine}
        same = [row for row in recorded if row.key in keys]
        if len(same) < len(recorded):
            result[condition.name]["same_as_recorded"] = averages(same)
    return result


def decoy_ac1(found: dict[str, Any]) -> float:
    """Return macro AC@1 with one decoy, mean over how long before the onset it came."""
    return round(mean([found[name]["macro"]["ac@1"] for name in SINGLE_DECOYS]), 6)


def averages(rows: Sequence[Scored]) -> dict[str, Any]:
    """Return accuracy by data set and over data sets, and what *likely* is worth over cases."""
    likely, right = (mean([getattr(row, k) for row in rows]) for k in ("likely", "right"))
    pooled = {
        "likely_share": round(likely, 6),
        "likely_right": round(right / likely, 6) if likely else None,
    }
    return by_set(rows) | {"pooled": pooled}


def main() -> None:
    """Run, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--only", nargs="+", choices=[c.name for c in CONDITIONS])
    chosen = parser.parse_args()
    cases = find_cases(chosen.dirs)[:: QUICK_STEP if chosen.quick else 1]
    conditions = [c for c in CONDITIONS if not chosen.only or c.name in chosen.only]
    draws = QUICK_DRAWS if chosen.quick else DRAWS
    scored = Parallel(n_jobs=chosen.jobs)(delayed(score)(path, conditions, draws) for path in cases)
    rows = [row for case in scored for row in case]
    found = table(rows)
    figures = macro_figures(found)
    if found.keys() >= set(SINGLE_DECOYS):
        figures["decoy_ac1"] = decoy_ac1(found)
    keys = sorted({row.key for row in rows})
    finish(chosen, figures, case_list=case_list(keys), draws=draws, conditions=found)


if __name__ == "__main__":
    main()
