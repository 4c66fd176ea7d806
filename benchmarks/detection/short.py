"""Short bases, and the same numbers on another clock."""

from typing import Any

import numpy as np

from detection.ours import watch
from detection.products import products
from detection.recordings import Run

__all__ = ["BASES", "clock_table", "cut", "short_table"]

BASES = (30, 60, 100, 300, 1000)
INTERVALS_S = (1.0, 60.0)


def cut(run: Run, base_rows: int) -> Run | None:
    """Return the recording from so many rows before its fault on; None if it has fewer."""
    start, stop = run.faults[0]
    first = start - base_rows
    if first < 0:
        return None
    join = None if run.join is None or run.join < first else run.join - first
    return run._replace(
        x=run.x[first:],
        adjacent=run.adjacent[first:],
        label=run.label[first:],
        faults=((base_rows, stop - first),),
        join=join,
    )


def short_table(runs: list[Run]) -> list[dict[str, Any]]:
    """Count, by length of the base, cases found and cases with anything before the fault."""
    rows = []
    for base in BASES:
        found = [products(short, "both") for run in runs if (short := cut(run, base)) is not None]
        rows.append(
            {
                "base_rows": base,
                "cases": len(found),
                "found": sum(one.found for one in found),
                "paged": sum(one.paged for one in found),
                "cases_with_false_page": sum(one.false_pages > 0 for one in found),
                "cases_with_false_change": sum(one.false_changes > 0 for one in found),
            }
        )
    return rows


def clock_table(runs: list[Run]) -> list[dict[str, Any]]:
    """Count the cases that the trigger finds when the same rows are declared so far apart."""
    rows = []
    for interval_s in INTERVALS_S:
        found = false = 0
        for run in runs:
            alarms, _, _, _ = watch(run._replace(interval_s=interval_s))
            start, stop = run.faults[0]
            found += any(start <= alarm.row < stop for alarm in alarms)
            false += any(alarm.row < start and not run.is_artefact(alarm.row) for alarm in alarms)
        rows.append({"interval_s": interval_s, "cases": len(runs), "found": found, "false": false})
    return rows


def ratio_of(table: list[dict[str, Any]]) -> float:
    """Return found cases at the shortest interval over those at the longest."""
    first, last = table[0]["found"], table[-1]["found"]
    return float(np.divide(first, last)) if last else 1.0
