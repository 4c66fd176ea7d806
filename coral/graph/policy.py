"""Choices behind the causal graph, as data; numerical floors stand where they are needed."""

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["GRAPH", "GraphPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPolicy:
    """Numbers that edges, their direction and the recall of states rest on."""

    # Search and solve (`coral.graph.solver`, `coral.graph.search`)
    most_series: int = 1000
    """Series that the graph holds at most: about 70 MB, and half a second when an incident opens.
    Beyond, it holds those that matter to the incident; all others are predicted by their own past.
    """
    few_series: int = 100
    """Series up to which the graph is told the normal rows anew when an incident opens: it takes
    milliseconds. The sums of more are kept and follow the units; they differ in the last digit,
    which decides only between copies of a series."""
    anchors: int = 16
    """Series that deviate most, beside the health signals, to which others may be related."""
    tether: float = 1e-2
    """Ridge to the previous graph, in units of a series' variance: one per cent of a move is held
    back per solve."""
    limit: float = 4.0
    """Largest coefficient in standard deviations; a parabola needs 3 at three lags."""
    most_causes: int = 64
    """Causes that one node can have, all lags together."""
    rows_per_cause: float = 8.0
    """Rows that one cause of a node asks for, three times as many when hardly a cell is present."""
    gate: float = 2.0
    """Standard errors by which the shared mechanism must fail before a node gets a dependent part.
    """
    apart: float = 2.0
    """Errors of moments from different rows count this often: they are correlated, spread is not.
    """
    unchanged_rows: float = 2.0
    """Rows of 'nothing changed' mixed into every ratio, so that one row cannot cry out."""
    nearly: float = 0.9
    """Share from which rows count as doubled: of 512, 1024, 2048 some may have been left out."""
    rounds: int = 3
    """Times that edges are turned and all is solved again ..."""
    many_series: int = 300
    """... but once for more series than this."""

    # What is known beforehand (`coral.graph.prior`, `coral.graph.contradiction`)
    known_weight: float = 0.5
    """Penalty weight of a known edge: a quarter of the evidence is enough for it to enter."""
    sure: float = 0.95
    """Confidence from which on an edge speaks for or against what was known."""
    visible: float = 0.1
    """Effect, in standard deviations, that must have shown before its absence is a finding."""

    # Direction (`coral.graph.orientation`, `coral.graph.edges`)
    turned: float = 2.0
    """Advantage of a direction, in units of 2 log likelihood, below which an edge is not turned."""
    identified: float = 2.0 * math.log(20.0)
    """The same, from which on it counts as identified."""

    # Recall of states (`coral.graph.states`)
    recall_rows: int = 8
    """Rows of a state before it is compared with earlier ones."""
    clear_ratio: float = math.log(1.5)
    """What a profile takes off the logarithm of a ratio, as noise ..."""
    clear_shift: float = 0.5
    """... and off a shift in deviations."""
    similar: float = 0.85
    """Least similarity at which a state is taken for the return of an earlier one."""


GRAPH: Final = GraphPolicy()
