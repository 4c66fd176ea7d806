"""Whether the ranking has stopped changing."""

from collections.abc import Mapping, Sequence
from typing import Any

from coral.localise.policy import RANKING, ConvergencePolicy

__all__ = ["ConvergenceTest", "rank_biased_overlap", "revision_due"]


def rank_biased_overlap(
    a: Sequence[str], b: Sequence[str], policy: ConvergencePolicy = RANKING.convergence
) -> float:
    """Rank-biased overlap of two rankings, cut at the policy's depth and scaled to reach 1.

    Webber, Moffat, Zobel: A similarity measure for indefinite rankings, TOIS 2010, equation 4,
    persistence p = 0.9. Two empty rankings agree.
    """
    depth = min(policy.depth, max(len(a), len(b)))
    weights = [policy.persistence**d for d in range(depth)]
    overlap = [len(set(a[: d + 1]) & set(b[: d + 1])) / (d + 1) for d in range(depth)]
    total = sum(weights)
    return sum(w * o for w, o in zip(weights, overlap, strict=True)) / total if total else 1.0


def revision_due(rows: int) -> bool:
    """Whether the ranking is revised after `rows` rows: 1 .. 16, then eight times per doubling.

    A geometric schedule bounds the work and the number of events of an incident by the logarithm
    of its length, and compares rankings that differ by a fixed share of their rows.
    """
    if rows < 1:
        return False
    step = 1 << max(rows.bit_length() - 4, 0)
    return rows % step == 0


class ConvergenceTest:
    """Doubling rule: the top five agree with those at half and at three quarters of the rows.

    Consecutive rankings always look alike on slow faults; a ranking that survives a doubling of
    its rows is stable (docs/explanation/method.md, section 5). It converges when this has held
    for three revisions in a row at least, and while the rows doubled once more.

    Parameters
    ----------
    policy : ConvergencePolicy

    Attributes
    ----------
    converged : bool
    rows : int or None
        Rows after the onset at which it converged.
    first : str or None
        What was first then; where it is not any more, the answer has been corrected.
    confirmations : int
        Agreeing revisions in a row.
    agreement : float
        The lower one of the two overlaps at the last revision, 0 .. 1.
    """

    def __init__(self, policy: ConvergencePolicy = RANKING.convergence) -> None:
        self._policy = policy
        self.converged = False
        self.rows: int | None = None
        self.first: str | None = None
        self.confirmations = 0
        self.agreement = 0.0
        self._since = 0  # rows at the first confirmation of the present row of them
        self._past: list[tuple[int, tuple[str, ...]]] = []

    def update(self, rows: int, ranking: Sequence[str]) -> bool:
        """Add the ranking after `rows` rows; return whether this revision converged it."""
        policy = self._policy
        top = tuple(ranking[: policy.depth])
        earlier = [self._at(rows // 2), self._at(3 * rows // 4)]
        overlaps = [
            0.0 if past is None else rank_biased_overlap(past, top, policy) for past in earlier
        ]
        self.agreement = min(overlaps)
        if self.agreement < policy.agreement or rows < policy.least_rows:
            self.confirmations = 0
        else:
            self.confirmations += 1
            self._since = rows if self.confirmations == 1 else self._since
        self._past.append((rows, top))
        del self._past[: -policy.history]
        stable = self.confirmations >= policy.confirmations and rows >= 2 * self._since
        fresh = stable and not self.converged
        if fresh:
            self.converged = True
            self.rows = rows
            self.first = next(iter(top), None)
        return fresh

    def state_dict(self) -> dict[str, Any]:
        """Numbers and names, for the checkpoint."""
        return {
            "converged": self.converged,
            "rows": self.rows,
            "first": self.first,
            "confirmations": self.confirmations,
            "agreement": self.agreement,
            "since": self._since,
            "past": [[rows, list(top)] for rows, top in self._past],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.converged = state["converged"]
        self.rows = state["rows"]
        self.first = state.get("first")  # older checkpoints have none
        self.confirmations = state["confirmations"]
        self.agreement = state["agreement"]
        self._since = state["since"]
        self._past = [(rows, tuple(top)) for rows, top in state["past"]]

    def _at(self, rows: int) -> tuple[str, ...] | None:
        """Ranking of the last revision at or before `rows`."""
        return next((top for n, top in reversed(self._past) if n <= rows), None)
