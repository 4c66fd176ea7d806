"""Ranks of the first five entities over the revisions of an incident, as a bump chart.

Readable in black and white: a line style and a marker tell the entities apart. The last first five
are named where their lines end, those that led before them where they came to lead.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from coral.contract.events import Revision
from coral.localise.policy import RANKING
from coral.report.drawing import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_ranks"]

_DEPTH: Final = RANKING.convergence.depth  # places shown: those that convergence compares
# Grey level, dashes and marker: no two of them look alike, printed or not.
_STYLES: Final[tuple[dict[str, Any], ...]] = (
    {"color": "0.0", "linestyle": "-", "marker": "o"},
    {"color": "0.0", "linestyle": "--", "marker": "s"},
    {"color": "0.4", "linestyle": "-", "marker": "^"},
    {"color": "0.4", "linestyle": "--", "marker": "D"},
    {"color": "0.0", "linestyle": ":", "marker": "v"},
    {"color": "0.6", "linestyle": "-", "marker": "P"},
    {"color": "0.4", "linestyle": ":", "marker": "X"},
    {"color": "0.6", "linestyle": "--", "marker": "*"},
)
# Those that came and went, and never led: seen, not told apart.
_PASSING: Final[dict[str, Any]] = {"color": "0.8", "linestyle": "-", "marker": "d", "markersize": 3}


def draw_ranks(axis: "Axes", history: Sequence[Revision]) -> None:
    """Draw ranks over rows since the onset.

    Parameters
    ----------
    axis : Axes
        Empty.
    history : sequence of Revision
        At least one, oldest first.
    """
    last_five = history[-1].top
    led = Counter(revision.top[0] for revision in history if revision.top)
    leaders = [name for name, _ in led.most_common()]
    styled = list(dict.fromkeys([*last_five, *leaders]))[: len(_STYLES)]
    passing = dict.fromkeys(
        name for revision in history for name in revision.top if name not in styled
    )
    for name in passing:
        _draw_line(axis, name, _PASSING, history)
    # Drawn last, the first lies on top.
    for name, style in reversed(list(zip(styled, _STYLES, strict=False))):
        _draw_line(axis, name, style, history)
    for name in styled[len(last_five) :]:  # no place on the right: named where they came to lead
        first = next(revision for revision in history if revision.top[:1] == [name])
        axis.annotate(
            label(name), (first.rows, 1), xytext=(0, 6), textcoords="offset points", fontsize=7
        )
    axis.set_xscale("log", base=2)
    last = history[-1].rows
    axis.set_xlim(history[0].rows / 1.12, last * 1.12)
    ticks = [row for row in _doublings(history[0].rows, last) if row * 1.3 < last]
    axis.set_xticks([*ticks, last], [str(row) for row in (*ticks, last)])
    axis.minorticks_off()
    axis.set_ylim(_DEPTH + 0.5, 0.2)
    axis.set_yticks(range(1, _DEPTH + 1))
    axis.tick_params(labelsize=8)
    axis.set_xlabel("rows since the onset", fontsize=8)
    right = axis.secondary_yaxis("right")
    right.set_yticks(range(1, len(last_five) + 1), [label(name) for name in last_five], fontsize=8)
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)


def _draw_line(
    axis: "Axes", name: str, style: Mapping[str, Any], history: Sequence[Revision]
) -> None:
    """Draw one entity; where it was not among the first five there is a gap."""
    ranks = [m.top.index(name) + 1 if name in m.top else math.nan for m in history]
    axis.plot([m.rows for m in history], ranks, **{"linewidth": 1.4, "markersize": 5, **style})


def _doublings(first: int, last: int) -> list[int]:
    found = [first]
    while found[-1] * 2 <= last:
        found.append(found[-1] * 2)
    return found
