"""Accuracy over trees of recorded incidents, with the facts that a committed figure needs.

The scorecard is that of `coral evaluate`; rankings are cut to ten names to keep the file readable.
"""

import os

# Workers are processes; more threads than cores only disturb each other.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from common import commit, finish, options  # noqa: E402

from coral.backtest import backtest, find_cases, scorecard  # noqa: E402
from coral.report import print_scorecard  # noqa: E402

KEPT_NAMES = 10
# Every n-th case, by sorted path: a pinned part that touches every data set.
QUICK_STEP = 16


def figures_of(card: dict[str, Any], seconds: float) -> dict[str, float]:
    """Return the macro means and every data set's AC@1 and Avg@5."""
    figures = {f"macro_{key}": value for key, value in card["macro"].items() if value is not None}
    for name, values in card["datasets"].items():
        for key in ("ac@1", "avg@5", "strict_ac@1", "false_alarms_per_day"):
            if values.get(key) is not None:
                figures[f"{name}_{key}"] = values[key]
    return figures | {"seconds": round(seconds, 1)}


def main() -> None:
    """Run, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--mode", choices=("oracle", "online"), default="oracle")
    parser.add_argument("--jobs", type=int, default=-1)
    chosen = parser.parse_args()
    cases = find_cases(chosen.dirs)
    if chosen.quick:
        cases = cases[::QUICK_STEP]
    start = time.perf_counter()
    card = scorecard(backtest(cases, chosen.mode, jobs=chosen.jobs), chosen.mode)
    seconds = time.perf_counter() - start
    print_scorecard(card)
    for row in card["cases"]:
        row["entities"] = row["entities"][:KEPT_NAMES]
        row["metrics"] = row["metrics"][:KEPT_NAMES]
    finish(chosen, figures_of(card, seconds), **card | {"commit": commit()})


if __name__ == "__main__":
    main()
