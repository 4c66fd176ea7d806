"""Scores of rankings and alarms; pure functions (docs/reference/scorecard.md)."""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

__all__ = [
    "Alarms",
    "RankScores",
    "accuracy_at",
    "break_ties",
    "match_alarms",
    "mean",
    "rank_scores",
]

TOP = 5


class RankScores(NamedTuple):
    """Scores of one ranking against the truth, all 0 .. 1."""

    ac1: float
    ac3: float
    ac5: float
    avg5: float
    mrr: float


def accuracy_at(k: int, ranking: Sequence[str], truth: Collection[str], *, any_of: bool) -> float:
    """AC@k: share of the truth among the first k.

    |top k and truth| / min(k, |truth|); with `any_of` one true name among the first k is enough.

    Examples
    --------
    >>> accuracy_at(3, ["a", "b", "c", "d"], {"b", "d"}, any_of=False)
    0.5
    """
    if not truth:
        raise ValueError("`accuracy_at` requires a known truth, got none.")
    hits = len(set(ranking[:k]) & set(truth))
    return float(hits > 0) if any_of else hits / min(k, len(set(truth)))


def rank_scores(ranking: Sequence[str], truth: Collection[str], *, any_of: bool) -> RankScores:
    """Score a ranking; an empty one (nothing detected, a crash) scores 0.

    Parameters
    ----------
    ranking : sequence of str
        Names, best first, without repetition. Ties must have been broken against the truth, see
        `break_ties`.
    truth : collection of str
        True names, not empty.
    any_of : bool
        One true name is enough.
    """
    ac = [accuracy_at(k, ranking, truth, any_of=any_of) for k in range(1, TOP + 1)]
    first = next((i for i, name in enumerate(ranking, start=1) if name in truth), None)
    return RankScores(ac[0], ac[2], ac[4], mean(ac), 0.0 if first is None else 1.0 / first)


def break_ties(names: Sequence[str], scores: Sequence[float], truth: Collection[str]) -> list[str]:
    """Order by falling score, ties against the truth; names without any score are left out."""
    paired = [(name, score) for name, score in zip(names, scores, strict=True) if score > 0]
    return [name for name, _ in sorted(paired, key=lambda p: (-p[1], p[0] in truth, p[0]))]


class Alarms(NamedTuple):
    """What alarms did for one fault."""

    hit: int | None  # index of the first alarm that rises inside the label
    false: tuple[int, ...]  # indices of those after the previous label and before this one

    @property
    def false_alarms(self) -> int:
        """How many are false."""
        return len(self.false)


def match_alarms(
    alarms: Sequence[float], labels: Sequence[tuple[float, float]], *, trailing: bool
) -> list[Alarms]:
    """Assign alarms to faults: a hit rises inside a label, all others are false alarms.

    Parameters
    ----------
    alarms : sequence of float
        Event times at which an alarm rose, increasing.
    labels : sequence of (start, end)
        Faults, increasing; both ends belong to the fault.
    trailing : bool
        Whether alarms after the last label count as false alarms of the last fault: in a long
        stream they do, in a single case the system may still be recovering.
    """
    found = []
    for i, (start, end) in enumerate(labels):
        after = labels[i - 1][1] if i else -math.inf
        inside = [k for k, t in enumerate(alarms) if start <= t <= end]
        last = trailing and i == len(labels) - 1
        false = (k for k, t in enumerate(alarms) if after < t < start or (last and t > end))
        found.append(Alarms(inside[0] if inside else None, tuple(false)))
    return found


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; 0 for no values."""
    return sum(values) / len(values) if values else 0.0
