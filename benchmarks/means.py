"""Means over recorded incidents: of each data set, and over the data sets."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from peers.recordings import SETS

from coral.evaluation.metrics import mean

__all__ = ["Scored", "by_set", "macro_figures"]


class Scored(Protocol):
    """One case, as `<data set>/<case>`, with its AC@1 and Avg@5."""

    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def ac1(self) -> float: ...  # noqa: D102
    @property
    def avg5(self) -> float: ...  # noqa: D102


def by_set(rows: Sequence[Scored]) -> dict[str, Any]:
    """Return AC@1 and Avg@5 of every data set that has cases, and their means over the sets."""
    sets = {}
    for name in SETS:
        mine = [row for row in rows if row.key.startswith(f"{name}/")]
        if mine:
            ac1, avg5 = mean([row.ac1 for row in mine]), mean([row.avg5 for row in mine])
            sets[name] = {"n": len(mine), "ac@1": round(ac1, 6), "avg@5": round(avg5, 6)}
    macro = {k: round(mean([s[k] for s in sets.values()]), 6) for k in ("ac@1", "avg@5")}
    return {"macro": macro, "datasets": sets}


def macro_figures(found: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return what is tracked of some tables of `by_set`, `macro_<measure>_<name of the table>`."""
    return {
        f"macro_{key.replace('@', '')}_{name}": values["macro"][key]
        for name, values in found.items()
        for key in ("ac@1", "avg@5")
    }
