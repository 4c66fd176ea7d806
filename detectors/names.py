"""The statistics of the trigger: their order, and the names that events give them."""

from enum import IntEnum
from typing import Final

__all__ = ["LEVEL_FREE", "STATISTICS", "Statistic"]


class Statistic(IntEnum):
    """Places of the statistics in every array with one entry per statistic.

    Statistics that the configuration adds stand between novelty and missingness.
    """

    PERSISTENCE = 0
    SHORT_MEAN = 1
    LONG_MEAN = 2
    RESIDUAL_MEAN = 3
    SSA = 4
    VARIANCE_CHART = 5
    NOVELTY = 6
    MISSINGNESS = -1  # always the last


# Part of the event schema (``trigger.channel``): code may be renamed, these may not.
_PUBLISHED: Final = {
    Statistic.PERSISTENCE: "pair",
    Statistic.SHORT_MEAN: "mean",
    Statistic.LONG_MEAN: "slow",
    Statistic.RESIDUAL_MEAN: "cross_sum",
    Statistic.SSA: "ssa",
    Statistic.VARIANCE_CHART: "dispersion",
    Statistic.NOVELTY: "novelty",
    Statistic.MISSINGNESS: "silence",
}

STATISTICS: Final = tuple(_PUBLISHED[statistic] for statistic in Statistic)
"""Published names of the statistics, in their order."""

LEVEL_FREE: Final = frozenset({Statistic.VARIANCE_CHART, Statistic.MISSINGNESS})
"""Statistics that move without the level of any series."""
