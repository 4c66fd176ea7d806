"""What a system's model is made of, and how its causal graph has changed since earlier times."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.baseline.counters import counters
from coral.config import SystemConfig
from coral.contract.events import SeriesKind, significant, timestamp, unix
from coral.daemon.questions import Questions
from coral.engine import Engine
from coral.errors import AskError
from coral.graph.export import as_nodes_and_edges, difference
from coral.graph.system_graph import SystemGraph
from coral.http.board import Board
from coral.http.model import EdgeChange, GraphChange, ModelSeries, RetiredSeries, SystemModel
from coral.text import printable, unit_of
from streams.align.aligner import Aligner

__all__ = ["Models", "keeping"]

# A graph is kept so often, event time, ...
KEPT_EVERY_S: Final = 3600.0
# ... of one system so many, of which the newest lie closest together, ...
MOST_KEPT: Final = 24
# ... and of all together so many edges: tens of megabytes.
MOST_EDGES: Final = 100_000
MOST_SHOWN: Final = 500
LOOKS_EVERY_S: Final = 1.0
# A series is silent when so many values that were due have not come.
MISSED: Final = 3


class _Kept(NamedTuple):
    """The causal graph at one time: what `difference` compares."""

    time: float
    graph: dict[str, Any]


class _Graph(NamedTuple):
    """The graph of a system as it was copied."""

    newest: float  # event time of the newest row, unix s
    warm: bool
    system: SystemConfig
    names: tuple[str, ...]
    state: dict[str, Any]


class _Model(NamedTuple):
    """All that is said of a system, as it was copied."""

    graph: _Graph
    rows: NDArray[np.float64]  # of the normal state
    adjacent: NDArray[np.bool_]
    last: dict[str, float]  # event time of the newest value of each series, unix s


class Models:
    """Answers what the model of a system is; remembers its graphs.

    Parameters
    ----------
    questions : Questions
    retired : callable
        Returns the series of a system that were forgotten, and when, unix s; the newest last.
    """

    def __init__(
        self, questions: Questions, retired: Callable[[str], Sequence[tuple[str, float]]]
    ) -> None:
        self._questions, self._retired = questions, retired
        self._kept: dict[str, tuple[_Kept, ...]] = {}
        self._one = threading.Lock()

    def __call__(
        self, system: str, before: float | None, after: float | None
    ) -> SystemModel | None:
        """Return the model of a system, None where there is none.

        Parameters
        ----------
        system : str
        before, after : float or None
            Event times of two graphs, unix s: of those that are kept the newest until then, or
            the oldest. None: the oldest one, and the present one.

        Raises
        ------
        AskError
            As of `Questions`.
        """
        copied = self._questions.copied(system, _model)
        if copied is None:
            return None
        with self._one:
            graph = _graph_of(copied.graph)
        now = _kept(copied.graph, graph)
        kept, change = self._kept.get(system, ()), None
        if kept:
            change = _change(_at(kept, before), now if after is None else _at(kept, after))
        return SystemModel(
            system=printable(system),
            at=timestamp(now.time),
            base_rows=len(copied.rows),
            series=_series(copied, set(graph.names)),
            retired=[
                RetiredSeries(printable(name), timestamp(at))
                for name, at in reversed(self._retired(system))
            ],
            edges=len(now.graph["edges"]),
            kept=[timestamp(each.time) for each in kept],
            change=change,
        )

    def keep(self, systems: Mapping[str, float]) -> None:
        """Keep the graph of each system of which the newest one is older than an hour.

        Parameters
        ----------
        systems : mapping
            Event time of the newest row, unix s, by system; those that are not here are forgotten.
        """
        self._kept = {name: kept for name, kept in self._kept.items() if name in systems}
        for system, time in systems.items():
            kept = self._kept.get(system, ())
            if kept and time - kept[-1].time < KEPT_EVERY_S:
                continue
            try:
                copied = self._questions.copied(system, _graph)
            except AskError:  # the next look comes soon
                return
            if copied is not None and copied.warm:
                with self._one:
                    made = _kept(copied, _graph_of(copied))
                self._kept[system] = self._with_room(system, (*_thinned(kept), made))

    def _with_room(self, system: str, kept: tuple[_Kept, ...]) -> tuple[_Kept, ...]:
        """Return the graphs of a system without the oldest, as far as others need their room."""
        others = sum(_size(each) for name, each in self._kept.items() if name != system)
        while len(kept) > 1 and others + _size(kept) > MOST_EDGES:
            kept = kept[1:]
        return kept


@contextmanager
def keeping(models: Models, board: Board) -> Iterator[None]:
    """Keep the graphs of the systems on a board in a thread, until the context ends."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(LOOKS_EVERY_S):
            held = board.snapshot
            if held is not None:
                models.keep({one.system: unix(one.last) for one in held.systems if one.last})

    thread = threading.Thread(target=run, name="graphs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


def _size(kept: Sequence[_Kept]) -> int:
    return sum(len(each.graph["edges"]) for each in kept)


def _thinned(kept: tuple[_Kept, ...]) -> tuple[_Kept, ...]:
    """Return graphs among which there is room for one more: the older, the further apart."""
    if len(kept) < MOST_KEPT:
        return kept
    newest = kept[-1].time + KEPT_EVERY_S
    crowded = [
        (kept[i + 1].time - kept[i - 1].time) / (newest - kept[i].time)
        for i in range(1, len(kept) - 1)
    ]
    gone = 1 + int(np.argmin(crowded))
    return (*kept[:gone], *kept[gone + 1 :])


def _graph(engine: Engine, _aligner: Aligner) -> _Graph | None:
    """Copy the graph; None before the first row."""
    if engine.newest is None:
        return None
    graph, warm = engine.graph, engine.phase != "warming"
    return _Graph(engine.newest, warm, engine.system, graph.all_names, graph.state_dict())


def _model(engine: Engine, aligner: Aligner) -> _Model | None:
    """Copy all that is said; None before the first row."""
    graph = _graph(engine, aligner)
    if graph is None:
        return None
    rows, adjacent = engine.baseline.rows()
    last = aligner.last_values
    for name, parts in engine.aggregates.parts.items():
        last[name] = max(last[part] for part in parts)
    return _Model(graph, rows.copy(), adjacent.copy(), last)


def _graph_of(copied: _Graph) -> SystemGraph:
    """Return the graph, solved: it goes on from its last solution, and nobody else has it."""
    graph = SystemGraph(copied.names, copied.system)
    graph.load_state_dict(copied.state)
    graph.causal.solve()
    return graph


def _kept(copied: _Graph, graph: SystemGraph) -> _Kept:
    """Return what is kept of a graph."""
    made = as_nodes_and_edges(graph.causal, graph.names)
    told = ("source", "target", "key", "lag", "part", "strength")
    edges = [{name: edge[name] for name in told} for edge in made["edges"]]
    return _Kept(copied.newest, {"edges": edges})


def _at(kept: Sequence[_Kept], time: float | None) -> _Kept:
    """Return the newest graph until a time, else the oldest."""
    until = [each for each in kept if time is not None and each.time <= time + 1e-3]
    return until[-1] if until else kept[0]


def _change(before: _Kept, after: _Kept) -> GraphChange:
    found = difference(before.graph, after.graph)
    edges = [
        *(_edge("added", edge, None, edge["strength"]) for edge in found["added"]),
        *(_edge("removed", edge, edge["strength"], None) for edge in found["removed"]),
        *(_edge("changed", edge, edge["before"], edge["strength"]) for edge in found["changed"]),
    ]
    edges.sort(key=lambda edge: -abs((edge.after or 0.0) - (edge.before or 0.0)))
    same = len(after.graph["edges"]) - len(found["added"]) - len(found["changed"])
    times = timestamp(before.time), timestamp(after.time)
    return GraphChange(*times, same, edges[:MOST_SHOWN], max(len(edges) - MOST_SHOWN, 0))


def _edge(
    change: Literal["added", "removed", "changed"],
    edge: Mapping[str, Any],
    before: float | None,
    after: float | None,
) -> EdgeChange:
    strengths = (None if value is None else significant(value, 3) for value in (before, after))
    names = printable(edge["source"]), printable(edge["target"])
    return EdgeChange(change, *names, edge["lag"], edge["part"], *strengths)


def _series(copied: _Model, in_graph: Collection[str]) -> list[ModelSeries]:
    """Return the series of the normal state, and those that have come since, by name."""
    rows, (now, _, system, names, _) = copied.rows, copied.graph
    counted = counters(rows, copied.adjacent)
    largest = np.fmax.reduce(rows, axis=0, initial=-np.inf)
    varied = largest > np.fmin.reduce(rows, axis=0, initial=np.inf)
    valued = np.count_nonzero(~np.isnan(rows), axis=0).tolist()
    found = []
    for place, name in enumerate(names):
        cadence = system.interval_s * len(rows) / valued[place] if valued[place] else None
        last = copied.last.get(name)
        due = MISSED * max(cadence or 0.0, system.interval_s)
        kind: SeriesKind = "level" if varied[place] else "constant"
        found.append(
            ModelSeries(
                name=printable(name),
                kind="counter" if counted[place] else kind,
                unit=unit_of(name)[0],
                cadence_s=None if cadence is None else significant(cadence, 3),
                last=None if last is None else timestamp(last),
                silent=last is None or now - last > due,
                in_graph=name in in_graph,
            )
        )
    return sorted(found, key=lambda one: one.name)
