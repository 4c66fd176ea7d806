"""How much was left out, by reason and metric name."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from streams.records import Problem, ProblemKind

MAX_NAMES: Final = 1000
"""Most pairs of reason and metric that are counted one by one."""


class LeftOut:
    """Counts of what could not be used; grows no further than `MAX_NAMES`.

    Attributes
    ----------
    by_kind : Counter of str
        Parts left out so far, by reason; its keys are the closed list `ProblemKind`.
    by_name : dict of (reason, metric) to int
        The same, for the pairs that were seen last: the longest silent is forgotten first.
    newest : Problem or None
        The newest of them.
    """

    def __init__(self) -> None:
        self.by_kind: Counter[ProblemKind] = Counter()
        self.by_name: dict[tuple[ProblemKind, str], int] = {}
        self.newest: Problem | None = None

    def count(self, problems: Iterable[Problem]) -> None:
        """Count problems of a record."""
        for problem in problems:
            key = (problem.kind, problem.metric)
            self.by_kind[problem.kind] += 1
            self.by_name[key] = self.by_name.pop(key, 0) + 1  # the newest stand at the end
            self.newest = problem
        while len(self.by_name) > MAX_NAMES:
            del self.by_name[next(iter(self.by_name))]

    def most(self, count: int = 5) -> list[tuple[ProblemKind, str, int]]:
        """Return the pairs of reason and metric with the most parts, largest first."""
        found = Counter(self.by_name).most_common(count)
        return [(kind, metric, parts) for (kind, metric), parts in found]
