"""One incident from its onset to its resolution: evidence in, revisions out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coral import __version__
from coral.config import EngineConfig, SystemConfig, digest
from coral.findings import Findings, significant
from coral.incident import (
    Convergence,
    Event,
    GraphEdge,
    Incident,
    Kind,
    Resolution,
    Revision,
    Screened,
    State,
    StateSeen,
    Trigger,
    incident_id,
    timestamp,
)
from coral.localise import convergence
from coral.localise.layout import Layout
from coral.localise.rank import Localiser, Ranking
from coral.normal import NormalState

__all__ = ["Diagnosis"]

Floats = NDArray[np.float64]

HISTORY = 32  # revisions listed in an event
GRAPH_ENTITIES = 5  # suspects whose edges are listed
GRAPH_EDGES = 20
# Event times kept to say when a series changed; changes after that many rows have no time.
TIMES = 4096


class Diagnosis:
    """The open incident of one system.

    Parameters
    ----------
    system : SystemConfig
    config : EngineConfig
    layout : Layout
    normal : NormalState
        State before the onset. Its graph gets a state-dependent part until `close`.
    trigger : Trigger
        Why it was opened.
    onset : float
        Event time of the first row of the new state, unix s.
    first : ndarray of shape (rows, n_series), float64, raw units, NaN = missing
        Rows since the onset; `update` is to be called for each of them.
    """

    def __init__(
        self,
        system: SystemConfig,
        config: EngineConfig,
        layout: Layout,
        normal: NormalState,
        trigger: Trigger,
        onset: float,
        first: Floats,
    ) -> None:
        self._system = system
        self._config = config
        self._digest = digest(config, __version__)
        self._trigger = trigger
        self._normal = normal
        base, adjacent = normal.base()
        self._base_rows = len(base)
        self._localiser = Localiser(
            layout, base, adjacent, normal.mechanism(first, layout.kpi_series)
        )
        self._screened = _screened(layout, normal)
        normal.graph.open_state()
        self._times: list[float] = []
        self._now = onset
        self._convergence = convergence.Convergence()
        self._history: list[Revision] = []
        self._graph: list[GraphEdge] = []
        self._ranking: Ranking
        self.id = incident_id(system.name, onset, self._digest)
        self.revision = 0

    @property
    def rows(self) -> int:
        """Rows since the onset."""
        return self._localiser.rows

    @property
    def settled(self) -> bool:
        """Whether the ranking has converged."""
        return self._convergence.converged

    def update(self, time: float, x: Floats, *, adjacent: bool) -> None:
        """Add one row of the incident; x may have more series than at the onset."""
        x = x[: len(self._localiser.layout.names)]
        self._localiser.update(x, adjacent=adjacent)
        self._normal.follow(x, adjacent=adjacent)
        if len(self._times) < TIMES:
            self._times.append(time)
        self._now = time

    def open(self) -> Event:
        """Return the first revision."""
        self._rank()
        return self._publish("io.coral.incident.opened.v1")

    def revise(self) -> Event | None:
        """Return the next revision when one is due after the newest row."""
        if not convergence.revision_due(self.rows):
            return None
        converged = self._rank()
        return self._publish(
            "io.coral.ranking.converged.v1" if converged else "io.coral.ranking.updated.v1"
        )

    def close(self, resolution: Resolution) -> Event:
        """Return the last revision and end the state-dependent part of the graph.

        It repeats the last ranking: the rows since then already belong to the recovery.
        """
        event = self._publish("io.coral.incident.resolved.v1", resolution)
        self._normal.graph.close_state(keep=self.settled, name=self.id, time=self._now)
        return event

    def _rank(self) -> bool:
        """Rank by all rows so far; return whether the ranking has just converged."""
        self._ranking = ranking = self._localiser.rank()
        converged = self._convergence.update(self.rows, self._order(ranking))
        if converged or self.rows & (self.rows - 1) == 0 or self.revision == 0:
            self._graph = self._edges(ranking)  # at doublings is often enough
        return converged

    def _order(self, ranking: Ranking) -> list[str]:
        names = self._localiser.layout.entities
        return [names[e] for e in ranking.order if ranking.scores[e] > 0]

    def _publish(self, kind: Kind, resolution: Resolution | None = None) -> Event:
        """Describe the last ranking as the next revision."""
        self.revision += 1
        event = Event(
            id=f"{self.id}:{self.revision}",
            source=f"/coral/{self._system.name}",
            type=kind,
            subject=self.id,
            time=timestamp(self._now),
            data=self._describe(self._ranking, resolution),
        )
        top = self._order(self._ranking)[: convergence.DEPTH]
        self._history.append(Revision(rows=self._ranking.rows, top=top))
        del self._history[:-HISTORY]
        return event

    def _describe(self, ranking: Ranking, resolution: Resolution | None) -> Incident:
        findings = Findings(self._localiser, ranking, self._times)
        causes = findings.causes(self._config.max_causes)
        seen = self._state_seen()
        state: State = "settled" if self.settled else "diagnosing"
        return Incident(
            incident=self.id,
            revision=self.revision,
            state="resolved" if resolution else state,
            system=self._system.name,
            kpi=list(self._system.kpi),
            trigger=self._trigger,
            now=timestamp(self._now),
            rows=ranking.rows,
            base_rows=self._base_rows,
            tier=findings.tier,
            summary=findings.summary(causes) + _recall_text(seen),
            causes=causes,
            ruled_out=findings.ruled_out(causes),
            entities=findings.entities(),
            metrics=findings.metrics(),
            graph=self._graph,
            state_seen=seen,
            screened=self._screened,
            convergence=Convergence(
                converged=self.settled,
                rows=self._convergence.rows,
                confirmations=self._convergence.confirmations,
                agreement=round(self._convergence.agreement, 4),
            ),
            history=list(self._history),
            resolution=resolution,
            engine=__version__,
            config=self._digest,
        )

    def _state_seen(self) -> StateSeen | None:
        """Earlier state that the present one is a return of."""
        seen = self._normal.graph.recalled
        if seen is None:
            return None
        return StateSeen(incident=seen.name, ended=timestamp(seen.time), times=seen.times)

    def _edges(self, ranking: Ranking) -> list[GraphEdge]:
        """Strongest learned edges between the series of the first suspects and the KPI entities."""
        layout = self._localiser.layout
        graph, place = self._normal.graph, self._normal.in_graph
        graph.solve()  # warm-started
        near = {*ranking.order[:GRAPH_ENTITIES], *layout.kpi_entities}
        listed = [
            edge
            for edge in graph.edges()
            if layout.owner[place[edge.cause]] in near
            and layout.owner[place[edge.effect]] in near
            and edge.cause != edge.effect
        ]
        listed.sort(key=lambda e: (-significant(abs(e.strength), 4), e.cause, e.effect, e.lag))
        return [
            GraphEdge(
                cause=layout.names[place[edge.cause]],
                effect=layout.names[place[edge.effect]],
                lag=edge.lag,
                strength=significant(edge.strength, 4),
                part=edge.part,
                age=edge.age,
                confidence=significant(edge.confidence, 4),
                direction=significant(edge.direction_confidence, 4),
            )
            for edge in listed[:GRAPH_EDGES]
        ]


def _recall_text(seen: StateSeen | None) -> str:
    if seen is None:
        return ""
    return f" This state was last seen in incident {seen.incident}, until {seen.ended}."


def _screened(layout: Layout, normal: NormalState) -> Screened | None:
    """Say what the graph leaves out, and which entities have most of it."""
    if not normal.is_screened:
        return None
    left = np.bincount(layout.owner, minlength=len(layout.entities))
    left -= np.bincount(layout.owner[normal.in_graph], minlength=len(layout.entities))
    most = sorted(range(len(left)), key=lambda e: (-left[e], layout.entities[e]))
    return Screened(
        series=normal.n_series,
        in_graph=normal.in_graph.size,
        most_left_out=[layout.entities[e] for e in most[:GRAPH_ENTITIES] if left[e] > 0],
    )


def strongest_series(names: Sequence[str], scores: Floats, limit: int = 5) -> list[str]:
    """Names of the series with the largest finite positive scores, strongest first."""
    usable = [i for i in range(len(names)) if np.isfinite(scores[i]) and scores[i] > 0]
    usable.sort(key=lambda i: (-significant(float(scores[i])), names[i]))
    return [names[i] for i in usable[:limit]]
