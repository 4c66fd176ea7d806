"""Health signals for a system that names none, and the edges that its series show."""

from collections.abc import Sequence

import networkx as nx

from coral.localise.layout import SIGNALS, metric_of
from coral.localise.roles import role_of
from streams.series import entity_of
from streams.topology import Pair, Topology, seen_pairs

__all__ = ["edges_of", "proposed"]


def edges_of(known: Topology, names: Sequence[str]) -> tuple[Pair, ...]:
    """Return the edges of a system, (cause, effect): those known, and those that series show."""
    return (*known.causal_edges, *seen_pairs(known, {entity_of(name) for name in names}))


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
    known = nx.DiGraph(edges)
    ends = {e for e in told & set(known) if not nx.descendants(known, e) & told}
    return tuple(name for name in signals if entity_of(name) in ends)
