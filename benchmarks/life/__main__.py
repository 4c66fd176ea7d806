"""A system's life: weeks of benign changes with faults between them, watched by the engine.

Five kinds of life: `weeks` (56 days of minutes, three seeds), `changes` and `half_changes` (the
same, told of all deployments and restarts, and of half of them), `seconds` (3 days of seconds) and
`year` (a year of five minutes, for its cost). Runs of single parts add to the JSON that is there.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import json
from typing import Any

from common import commit, options, save
from joblib import Parallel, delayed

from life.report import Plan, figures_of, live_through, weeks_of

PLANS = {
    "weeks": Plan(56.0, 60.0, 2.0, 3),
    "changes": Plan(56.0, 60.0, 2.0, 3, changes=1.0),
    "half_changes": Plan(56.0, 60.0, 2.0, 3, changes=0.5),
    "seconds": Plan(3.0, 1.0, 14.0, 1),
    "year": Plan(364.0, 300.0, 2.0, 1, cost_only=True),
}
QUICK = {"weeks": Plan(4.0, 60.0, 12.0, 1)}


def chosen_plans(parts: list[str] | None, days: float | None, seeds: int | None) -> dict[str, Plan]:
    """Return the lives to live, cut to so many days and seeds."""
    plans = {name: PLANS[name] for name in parts or PLANS}
    return {
        name: plan._replace(
            days=min(plan.days, days or plan.days), seeds=min(plan.seeds, seeds or plan.seeds)
        )
        for name, plan in plans.items()
    }


def main() -> None:
    """Live, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("--part", choices=sorted(PLANS), action="append")
    parser.add_argument("--days", type=float, help="at most so many of each life")
    parser.add_argument("--seeds", type=int, help="at most so many lives of a kind")
    parser.add_argument("--jobs", type=int, default=1, help="lives at a time")
    chosen = parser.parse_args()
    plans = QUICK if chosen.quick else chosen_plans(chosen.part, chosen.days, chosen.seeds)
    work = [(name, seed, plan) for name, plan in plans.items() for seed in range(plan.seeds)]
    lived = Parallel(n_jobs=chosen.jobs, batch_size=1, return_as="generator")(
        delayed(live_through)(seed, plan) for _, seed, plan in work
    )
    figures, parts = _before(chosen)
    lives: dict[str, list[dict[str, Any]]] = {name: [] for name in plans}
    for (name, _, plan), life in zip(work, lived, strict=True):
        lives[name].append(life)
        figures |= figures_of(lives[name], name)
        parts[name] = _part(chosen, name, plan, lives[name])
        save(chosen, figures, parts=parts)  # a life takes minutes: what is lived is kept
    for key, value in figures.items():
        print(f"{key:32} {value:.6g}")


def _part(chosen: Any, name: str, plan: Plan, lives: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is written of one kind of life, with how it came about."""
    whole = plan == PLANS[name] and len(lives) == plan.seeds
    facts = {"commit": commit(), "full": whole, "jobs": chosen.jobs}
    return facts | plan._asdict() | {"weeks": weeks_of(lives), "lives": lives}


def _before(chosen: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """Return figures and parts of earlier runs that are in the JSON already."""
    if chosen.json is None or chosen.quick or not chosen.json.exists():
        return {}, {}
    held = json.loads(chosen.json.read_text())
    return held["figures"], held["parts"]


if __name__ == "__main__":
    main()
