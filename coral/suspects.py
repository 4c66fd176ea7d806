"""What the causal graph leaves out, entity by entity."""

import numpy as np

from coral.incident import Screened
from coral.localise.layout import Layout
from coral.normal import NormalState

__all__ = ["screened"]

ENTITIES = 5


def screened(layout: Layout, normal: NormalState) -> Screened | None:
    """Say what the graph leaves out, and which entities have most of it."""
    if not normal.is_screened:
        return None
    left = np.bincount(layout.owner, minlength=len(layout.entities))
    left -= np.bincount(layout.owner[normal.in_graph], minlength=len(layout.entities))
    most = sorted(range(len(left)), key=lambda e: (-left[e], layout.entities[e]))
    return Screened(
        series=normal.n_series,
        in_graph=normal.in_graph.size,
        most_left_out=[layout.entities[e] for e in most[:ENTITIES] if left[e] > 0],
    )
