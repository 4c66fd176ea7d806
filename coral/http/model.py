"""What a system's model is made of: its series, those that have left, and how its graph changed."""

from typing import Literal

import msgspec

from coral.contract.events import SeriesKind

__all__ = ["EdgeChange", "GraphChange", "ModelSeries", "RetiredSeries", "SystemModel"]


class ModelSeries(msgspec.Struct, frozen=True):
    """One series, as the normal rows and the newest one show it."""

    name: str  # printable, as all names here
    kind: SeriesKind
    unit: str  # as its name says; empty: it does not
    cadence_s: float | None  # seconds from one value to the next; None: there was none so far
    last: str | None  # event time of its newest value; None: it has had none
    silent: bool  # whether it has missed three values that were due
    in_graph: bool  # of very many series the graph holds some


class RetiredSeries(msgspec.Struct, frozen=True):
    """A series that was forgotten, as it was silent for longer than it had lived."""

    name: str
    at: str  # event time of the first row without it


class EdgeChange(msgspec.Struct, frozen=True):
    """An edge that differs between two graphs."""

    change: Literal["added", "removed", "changed"]
    cause: str
    effect: str
    lag: int
    part: str  # `invariant` or `dependent`
    before: float | None  # strength; None: it was not there
    after: float | None


class GraphChange(msgspec.Struct, frozen=True):
    """How the causal graph differs between two times."""

    before: str  # event time of the graphs that are compared
    after: str
    same: int  # edges that are in both, about as strong
    edges: list[EdgeChange]  # strongest first, at most 500
    more: int  # that are left out


class SystemModel(msgspec.Struct, frozen=True):
    """What is known of one system, beyond its incidents."""

    system: str
    at: str  # event time of the newest row
    base_rows: int  # normal rows that this is made of
    series: list[ModelSeries]  # by name
    retired: list[RetiredSeries]  # since this process has the system, the newest first
    edges: int  # of the present graph
    kept: list[str]  # event times of earlier graphs that can be compared, oldest first
    change: GraphChange | None  # None: no earlier graph is kept
