"""From rows by case to the figures of the table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from coral.evaluation.metrics import mean
from peers.journal import Row
from peers.recordings import SETS
from peers.registry import METHODS, not_meant_for
from peers.scoring import MEASURES, interval, macro_interval

__all__ = ["best", "summary"]

MACRO = ("ac@1", "avg@5")
Cell = dict[str, Any]


def summary(rows: Sequence[Row], sizes: Mapping[str, int]) -> dict[str, Any]:
    """Return what every method reaches on every set, and on all of them.

    Parameters
    ----------
    rows : sequence of dict
    sizes : mapping of str to int
        Cases of every set.

    Returns
    -------
    dict
        By method: `label`, `source`, `environment`, `datasets` (a cell for every set that the
        method can run on) and `macro`, None unless all cases of all sets have run.
    """
    return {
        name: {
            "label": method.label,
            "source": method.source,
            "environment": method.environment,
            **_of_method([row for row in rows if row["method"] == name], name, sizes),
        }
        for name, method in METHODS.items()
        if any(row["method"] == name for row in rows)
    }


def _of_method(rows: list[Row], name: str, sizes: Mapping[str, int]) -> dict[str, Any]:
    method = METHODS[name]
    groups = {
        dataset: [row for row in rows if row["case"].startswith(f"{dataset}/")]
        for dataset in SETS
        if dataset in sizes and not not_meant_for(method, dataset)
    }
    cells = {
        dataset: _cell(group, sizes[dataset], kpi_kind=dataset in method.kpi_kind_on)
        for dataset, group in groups.items()
    }
    full = set(cells) == set(SETS) and all(cell["ran"] == cell["n"] for cell in cells.values())
    return {"datasets": cells, "macro": _macro(list(groups.values())) if full else None}


def _cell(rows: list[Row], n: int, *, kpi_kind: bool) -> Cell:
    """Means over the cases that have run; one that failed or timed out counts 0."""
    cell: Cell = {"n": n, "ran": len(rows), "kpi_kind": kpi_kind}
    cell |= {"outcomes": dict(sorted(Counter(row["status"] for row in rows).items()))}
    if not rows:
        return cell
    for measure in MEASURES:
        cell[measure] = round(mean([row[measure] for row in rows]), 6)
    for measure in MACRO:
        cell[f"{measure}_interval"] = interval([row[measure] for row in rows])
    seconds = [row["cpu_s"] for row in rows]
    cell |= {"cpu_s": round(mean(seconds), 3), "cpu_s_max": max(seconds)}
    return cell | {"rss_mb_max": max(row["rss_mb"] for row in rows)}


def _macro(groups: list[list[Row]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for measure in MACRO:
        values = [[float(row[measure]) for row in group] for group in groups]
        found[measure] = round(mean([mean(group) for group in values]), 6)
        found[f"{measure}_interval"] = macro_interval(values)
    return found


def best(methods: Mapping[str, Any], measure: str) -> tuple[str, float]:
    """Return the single method with the best macro mean and that mean; ("", 0) for none."""
    found = [(name, m["macro"][measure]) for name, m in methods.items() if m["macro"]]
    return max(found, key=lambda pair: pair[1], default=("", 0.0))
