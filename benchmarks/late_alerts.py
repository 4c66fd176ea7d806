"""What it costs that an alert comes late, by how it is looked back from.

Each recorded incident is told 0, 3, 10 and 15 rows after its true onset. A way of looking back
ends the base at some row, and opens the incident at that or a later one. Where the rows of 15
minutes are fewer, 16 are looked back over, so that the latest told row is within. Cases whose fault
ends before the latest told row are left out of all of it.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from common import finish, options
from joblib import Parallel, delayed
from means import by_set, macro_figures
from peers.recordings import SETS, case_list
from told import (
    Told,
    answer,
    learned_before,
    names_of,
    normal_until,
    open_told,
    recalled_from,
    scores_of,
)

from coral.baseline.late_onset import rows_late, rows_since_change
from coral.evaluation.backtest import find_cases
from coral.localise.layout import Layout

LATE_ROWS = (0, 3, 10, 15)
QUICK_STEP = 4


class Scored(NamedTuple):
    """One case, told so many rows late in one way."""

    key: str
    way: str
    late: int
    ac1: float
    avg5: float


def nothing(told: Told) -> tuple[int, int]:
    """Take all rows before the told one for normal."""
    return told.onset, told.onset


def _late(told: Told, base_end: int) -> int:
    layout = Layout(told.names, told.kpi, told.edges)
    newest = told.x[base_end : told.onset + 1]
    return rows_late(told.x[:base_end], newest, layout.owner, layout.health_series)


def quarantine(told: Told) -> tuple[int, int]:
    """Look at the rows that are not learned yet, as where a recording tells the onset."""
    onset = told.onset - _late(told, learned_before(told.onset))
    return onset, onset


def dated(told: Told) -> tuple[int, int]:
    """Take back the 15 minutes before, learn nothing of them again, and date what is out now."""
    base_end, rows = _since_change(told)
    return base_end, told.onset - (rows or 0)


def engine(told: Told) -> tuple[int, int]:
    """Do the same, and where nothing says since when, count all that was taken back."""
    base_end, rows = _since_change(told)
    return base_end, base_end if rows is None else told.onset - rows


def _since_change(told: Told) -> tuple[int, int | None]:
    base_end = recalled_from(told, learned_before(told.onset, told=False))
    newest = told.x[base_end : told.onset + 1]
    return base_end, rows_since_change(told.x[:base_end], newest)


WAYS: dict[str, Callable[[Told], tuple[int, int]]] = {
    way.__name__: way for way in (nothing, quarantine, dated, engine)
}
LABELS = {
    "nothing": "what came before counts as normal",
    "quarantine": "rows that look alike are moved, of those not learned yet",
    "dated": "unlearned, dated by change points, else not moved",
    "engine": "an alert: unlearned, dated by change points, else all of it counts",
}


def score(path: Path) -> list[Scored]:
    """Score one case in every way; nothing if its onset is not told, or its fault too short."""
    told = open_told(path)
    if told is None or told.dataset not in SETS or told.onset + max(LATE_ROWS) >= told.end:
        return []
    found, known = [], dict[tuple[int, int, int], tuple[float, float]]()
    for late in LATE_ROWS:
        other = told._replace(onset=told.onset + late)
        for name, way in WAYS.items():
            base_end, onset = way(other)
            at = (late, base_end, onset)
            if at not in known:
                localiser = answer(other, normal_until(other, base_end, onset))
                scores = scores_of(other, names_of(other, localiser.layout, localiser.rank()))
                known[at] = scores.ac1, scores.avg5
            found.append(Scored(told.key, name, late, *known[at]))
    return found


def table(rows: Sequence[Scored]) -> dict[str, Any]:
    """Return AC@1 and Avg@5 by way, lateness and data set, and their mean over the sets."""
    result: dict[str, Any] = {}
    for name in WAYS:
        for late in LATE_ROWS:
            mine = [row for row in rows if (row.way, row.late) == (name, late)]
            result[f"{name}_{late}"] = by_set(mine)
    return result


def main() -> None:
    """Run, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--jobs", type=int, default=-1)
    chosen = parser.parse_args()
    cases = find_cases(chosen.dirs)[:: QUICK_STEP if chosen.quick else 1]
    scored = Parallel(n_jobs=chosen.jobs)(delayed(score)(path) for path in cases)
    rows = [row for case in scored for row in case]
    found = table(rows)
    keys = sorted({row.key for row in rows})
    more = {"labels": LABELS, "late_rows": LATE_ROWS, "shipped": "engine", "ways": found}
    finish(chosen, macro_figures(found), case_list=case_list(keys), **more)


if __name__ == "__main__":
    main()
