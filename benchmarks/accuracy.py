"""Accuracy over trees of recorded incidents, with the facts that a committed figure needs.

The scorecard is that of `coral evaluate`; rankings are cut to ten names to keep the file readable.
With both modes (the default) the figures are the project's: macro means over the eight sets of
docs/evaluation/peers.md, told the onset, also with a decoy before it (`robustness.py`), and over
five of them online; two sets that nothing was tuned on; how far *likely* can be trusted, there,
on sets left out and where nothing is wrong (`calibration.py`); how many numbers the ranking has
(`ablations.py`); and the best other method of the committed run of `peers/run.py`.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ablations import constants
from calibration import QUICK_STEP, distinct, left_out, likely_share, run
from common import ROOT, commit, finish, options
from joblib import Parallel, delayed
from peers.recordings import SETS
from robustness import (
    CONDITIONS,
    DRAWS,
    QUICK_DRAWS,
    SINGLE_DECOYS,
    decoy_ac1,
    score,
    table,
)

from coral.evaluation.backtest import backtest, find_cases, scorecard
from coral.evaluation.case import Mode
from coral.evaluation.metrics import mean
from coral.report.console import print_scorecard

KEPT_NAMES = 10
ONLINE_SETS = ("rcd_sockshop", "petshop", "skab", "nezha_ob", "tep")
RECORDINGS = ROOT / "benchmarks" / "recordings"
PEERS = ROOT / "benchmarks" / "results" / "peers.json"
Card = dict[str, Any]


def scored(cases: Sequence[Path], mode: Mode, jobs: int) -> Card:
    """Return the printed scorecard of one mode, with its seconds."""
    start = time.perf_counter()
    card = scorecard(backtest(cases, mode, jobs=jobs), mode)
    card["seconds"] = round(time.perf_counter() - start, 1)
    print_scorecard(card)
    for row in card["cases"]:
        row["entities"] = row["entities"][:KEPT_NAMES]
        row["metrics"] = row["metrics"][:KEPT_NAMES]
    return card


def figures_of(card: Card) -> dict[str, float]:
    """Return the macro means and every data set's AC@1 and Avg@5."""
    figures = {f"macro_{key}": value for key, value in card["macro"].items() if value is not None}
    for name, values in card["datasets"].items():
        for key in ("ac@1", "avg@5", "strict_ac@1", "false_alarms_per_day"):
            if values.get(key) is not None:
                figures[f"{name}_{key}"] = values[key]
    return figures | {"seconds": card["seconds"]}


def macro(card: Card, sets: Sequence[str], measure: str) -> float:
    """Return the mean over those of the sets that the scorecard has."""
    found = [card["datasets"][name][measure] for name in sets if name in card["datasets"]]
    return round(mean(found), 6)


def with_decoys(cases: Sequence[Path], draws: int, jobs: int) -> float:
    """Rank the cases with a decoy before the onset; return `robustness.decoy_ac1`."""
    single = [condition for condition in CONDITIONS if condition.name in SINGLE_DECOYS]
    found = Parallel(n_jobs=jobs)(delayed(score)(path, single, draws) for path in cases)
    return decoy_ac1(table([row for rows in found for row in rows]))


def new_sets(oracle: Card) -> dict[str, float]:
    """Return a figure of each set that nothing was tuned on, where it is scored."""
    asked = {"dbsherlock_avg5": ("dbsherlock", "avg@5"), "causrca_ac1": ("causrca", "ac@1")}
    sets = oracle["datasets"]
    return {name: sets[one][key] for name, (one, key) in asked.items() if one in sets}


def project_figures(oracle: Card, online: Card, clean: dict[str, Any]) -> dict[str, float]:
    """Return the figures that stand for the project."""
    rows, tiers = oracle["cases"], oracle["tiers"]
    unclear = sum(row["tier"] == "no clear cause" for row in rows)
    peers = json.loads(PEERS.read_text())["figures"]
    return {
        "macro_avg5_oracle": macro(oracle, SETS, "avg@5"),
        "macro_ac1_oracle": macro(oracle, SETS, "ac@1"),
        "macro_strict_ac1_online": macro(online, ONLINE_SETS, "strict_ac@1"),
        "likely_precision": tiers.get("likely", {"ac@1": 0.0})["ac@1"],
        "likely_share": round(tiers.get("likely", {"n": 0})["n"] / max(len(rows), 1), 6),
        "abstention_rate": round(unclear / max(len(rows), 1), 6),
        "fault_free_likely_rate": clean["likely_rate"],
        "best_other_macro_avg5": peers["best_other_macro_avg5"],
        "best_other_macro_ac1": peers["best_other_macro_ac1"],
    }


def main() -> None:
    """Run, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--mode", choices=("oracle", "online", "both"), default="both")
    parser.add_argument("--jobs", type=int, default=-1)
    chosen = parser.parse_args()
    step = QUICK_STEP if chosen.quick else 1
    cases = find_cases(chosen.dirs)[::step]
    if chosen.mode != "both":
        card = scored(cases, chosen.mode, chosen.jobs)
        finish(chosen, figures_of(card), **card | {"commit": commit()})
        return
    oracle, online = (scored(cases, mode, chosen.jobs) for mode in ("oracle", "online"))
    said = run([*chosen.dirs, RECORDINGS], step, chosen.jobs)
    # A load spike is no fault either.
    clean = likely_share(distinct([row for row in said if row["kind"] != "fault"]))
    faults = [row for row in said if row["kind"] == "fault"]
    figures = project_figures(oracle, online, clean) | new_sets(oracle)
    figures["decoy_ac1"] = with_decoys(cases, QUICK_DRAWS if chosen.quick else DRAWS, chosen.jobs)
    figures["likely_left_out"] = left_out(faults)["pooled"]["ac@1"] or 0.0
    figures["ranking_constants"] = len(constants())
    finish(chosen, figures, oracle=oracle, online=online, fault_free=clean)


if __name__ == "__main__":
    main()
