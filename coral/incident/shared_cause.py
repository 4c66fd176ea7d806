"""What the first cause and another one both depend on, though it shows nothing itself."""

from coral.incident.policy import VERDICT, VerdictPolicy
from coral.incident.situation import Situation

__all__ = ["shared_cause"]


def shared_cause(situation: Situation, policy: VerdictPolicy = VERDICT) -> tuple[int, int] | None:
    """Return another cause, as possible as the first, and what both depend on; None without.

    Two that move together, neither of them by the other, have a cause in common (Reichenbach 1956,
    The Direction of Time): the callers of a database behind a slow network are slow, and its own
    metrics are as ever.

    Parameters
    ----------
    situation : Situation
    policy : VerdictPolicy

    Returns
    -------
    tuple of (int, int) or None
        Entities: the one that is next in the ranking, and the first in the layout that both need.
    """
    ranking, needs = situation.ranking, dict[int, set[int]]()
    for effect, cause in situation.layout.relations.tolist():
        needs.setdefault(effect, set()).add(cause)
    first, *others = ranking.order
    least = policy.possible_share * ranking.scores[first]
    own = needs.get(first, set())
    for other in others:
        if ranking.scores[other] < least:
            break
        theirs = needs.get(other, set())
        if other not in own and first not in theirs and (both := own & theirs):
            return other, min(both)
    return None
