"""Which rules of the ranking would be there if one data set had never been seen.

A rule, as `benchmarks/ablations.py` has them, is taken out when all data sets but one are answered
better without it. What that does to the one that was left out is reported: a rule that only one
set keeps is suspect, and one that every other set would drop has no reason beyond that set.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ablations import ABLATIONS, Bench, By, row, worth
from common import finish, options
from peers.recordings import SETS, case_list

from coral.evaluation.backtest import find_cases
from coral.evaluation.metrics import mean

ALL_SETS = (*SETS, "causrca", "coral_shop", "dbsherlock", "live_prometheus")
Found = tuple[By, By]
Task = tuple[str, str | None]  # names of ablations, joined by commas, and the set that counts


def taken_out(now: Found, without: Mapping[str, Found], left_out: str) -> list[str]:
    """Return the rules without which the other sets are answered better, the worst first.

    Of several that change the same number or function only the first is taken out.
    """
    gains = {name: worth(found, left_out) - worth(now, left_out) for name, found in without.items()}
    values = {a.name: a.values for a in ABLATIONS}
    chosen: list[str] = []
    for name in sorted(gains, key=lambda name: -gains[name]):
        touched = {key for other in chosen for key in values[other]}
        if gains[name] > 0.0 and not touched & values[name].keys():
            chosen.append(name)
    return chosen


def table(now: Found, without: Mapping[str, Found], bare: Mapping[str, Found]) -> dict[str, Any]:
    """Return, by the set that is left out, what the others take out and what that does to it."""
    result = {}
    for left_out, found in bare.items():
        cells = {"shipped": now, "without": found}
        scores = {
            name: {"ac@1": round(by[0][left_out], 6), "avg@5": round(by[1][left_out], 6)}
            for name, by in cells.items()
        }
        result[left_out] = {"taken_out": taken_out(now, without, left_out)} | scores
    return result


class _Shared:
    """What the processes inherit: functions that stand in for others cannot be sent to them."""

    bench: Bench


def _measure(task: Task) -> Found:
    names, only = task
    values: dict[str, Any] = {}
    for ablation in ABLATIONS:
        if ablation.name in names.split(","):
            values |= ablation.values
    return _Shared.bench.measure(values, only)


def main() -> None:
    """Run, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    _Shared.bench = Bench(find_cases(chosen.dirs)[:: 4 if chosen.quick else 1], ALL_SETS)
    with get_context("fork").Pool(chosen.jobs) as pool:
        tasks: list[Task] = [("", None), *((a.name, None) for a in ABLATIONS)]
        now, *found = pool.map(_measure, tasks, chunksize=1)
        without = {a.name: one for a, one in zip(ABLATIONS, found, strict=True)}
        sets = [name for name in ALL_SETS if name in now[0]]
        dropped = [",".join(taken_out(now, without, name)) for name in sets]
        bare = dict(zip(sets, pool.map(_measure, zip(dropped, sets, strict=True)), strict=True))
    held = table(now, without, bare)
    figures = {f"macro_{key}": value for key, value in row(now)["macro"].items()}
    figures |= {
        f"macro_{key}_left_out": round(mean([cell["without"][key] for cell in held.values()]), 6)
        for key in ("ac@1", "avg@5")
    }
    finish(
        chosen,
        figures,
        case_list=case_list(_Shared.bench.keys),
        now=row(now),
        rules={a.name: {"label": a.label} | row(without[a.name]) for a in ABLATIONS},
        left_out=held,
    )


if __name__ == "__main__":
    main()
