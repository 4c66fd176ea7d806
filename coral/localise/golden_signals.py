"""Health signals for a system that names none."""

from collections.abc import Mapping, Sequence

from coral.localise.layout import SIGNALS, metric_of
from coral.localise.roles import role_of
from streams.series import entity_of

__all__ = ["proposed"]


def proposed(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Latencies and errors where effects end: at entities no other one with any depends on.

    Parameters
    ----------
    names : sequence of str
        Series.
    edges : sequence of (str, str)
        Known topology, (cause, effect).

    Returns
    -------
    tuple of str
        Series in the order of `names`; none without a topology, or where no published convention
        (`coral.localise.roles`) names a latency or an error: then nothing is known to be a symptom.

    Examples
    --------
    >>> series = ("web:latency_p95", "web:cpu", "cart:latency_p95", "db:disk_io")
    >>> proposed(series, [("cart", "web"), ("db", "cart"), ("web", "browser")])
    ('web:latency_p95',)
    """
    signals = [name for name in names if role_of(metric_of(name)) in SIGNALS]
    told = {entity_of(name) for name in signals}
    effects: dict[str, set[str]] = {}
    for cause, effect in edges:
        effects.setdefault(cause, set()).add(effect)
    known = {entity for edge in edges for entity in edge}
    ends = {e for e in told & known if not (_downstream(e, effects) & told) - {e}}
    return tuple(name for name in signals if entity_of(name) in ends)


def _downstream(entity: str, effects: Mapping[str, set[str]]) -> set[str]:
    """Everything that an entity has an effect on."""
    found: set[str] = set()
    waiting = [entity]
    while waiting:
        fresh = effects.get(waiting.pop(), set()) - found
        found |= fresh
        waiting += sorted(fresh)
    return found
