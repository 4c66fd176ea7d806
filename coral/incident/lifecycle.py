"""One incident from its onset to its resolution: evidence in, revisions out."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from coral import __version__
from coral.baseline.baseline import Baseline
from coral.baseline.learning import freeze
from coral.baseline.quarantine import TimedRow
from coral.contract.events import (
    Alerted,
    Convergence,
    Event,
    Felt,
    GraphEdge,
    Incident,
    Kind,
    NearbyChange,
    Product,
    Resolution,
    Revision,
    SeenBefore,
    State,
    incident_id,
    source_of,
    timestamp,
)
from coral.graph.system_graph import SystemGraph
from coral.incident.alarm import Alarm
from coral.incident.explanation import Findings
from coral.incident.graph_facts import contradicted, learned_edges, screened, state_seen
from coral.incident.nearby_changes import Moments, with_changes
from coral.incident.settling import Settling
from coral.incident.setup import OpeningFacts, Outside, Setup, layout_of
from coral.incident.situation import Situation
from coral.localise import convergence
from coral.localise.innovation import InnovationScorer
from coral.localise.layout import Layout
from coral.localise.past_incidents import recognise, rejected_before
from coral.localise.ranking import Localiser, Ranking
from coral.localise.sparklines import POINTS, SparklineBuffer

__all__ = ["OpenIncident"]

Floats = NDArray[np.float64]

HISTORY = 32  # revisions listed in an event
# Event times kept to say when a series changed; changes after that many rows have no time.
TIMES = 4096
# More revisions than an incident of any length has (eight for each doubling of its rows).
REVISIONS_APART = 1000


class OpenIncident:
    """The open incident of one system.

    Parameters
    ----------
    setup : Setup
    baseline : Baseline
        Normal state before the onset; it learns nothing until `close`.
    graph : SystemGraph
        Has a state-dependent part until `close`; whoever owns it gives it the rows since the onset.
    localiser : Localiser
    facts : OpeningFacts
    outside : Outside
        Incidents that people spoke of, to recognise this one by, change events, to explain it by,
        and who is late.

    Attributes
    ----------
    was_felt : bool
        Whether a health signal or an alert ever said so.
    """

    def __init__(
        self,
        setup: Setup,
        baseline: Baseline,
        graph: SystemGraph,
        localiser: Localiser,
        facts: OpeningFacts,
        outside: Outside,
    ) -> None:
        self._setup = setup
        self._baseline = baseline
        self._graph = graph
        self._localiser = localiser
        self._facts = facts
        self._outside = outside
        self._sparklines = SparklineBuffer(self.n_series, skipped=localiser.rows)
        self._screened = screened(localiser.layout, graph)
        self._times: list[float] = []
        self._now = 0.0
        self._convergence = convergence.ConvergenceTest(setup.ranking.convergence)
        self._history: list[Revision] = []
        self._edges: list[GraphEdge] = []
        self._ranking: Ranking
        self._seen: SeenBefore | None = None
        self._rejected: SeenBefore | None = None
        self._changes: list[NearbyChange] = []
        given = facts.trigger.source in ("told", "alert")
        self.kind: Product = "incident" if given or not facts.health else "change"
        self.was_felt = False
        self._felt: list[Felt] = []
        self._alerts: list[Alerted] = []
        self.revision = 0

    @classmethod
    def begin(
        cls,
        setup: Setup,
        baseline: Baseline,
        graph: SystemGraph,
        alarm: Alarm,
        rows: Sequence[TimedRow],
        outside: Outside,
    ) -> Self:
        """Open an incident: freeze the normal state and what it predicts.

        Parameters
        ----------
        setup : Setup
        baseline, graph : Baseline, SystemGraph
            State before the onset.
        alarm : Alarm
            Why it is opened.
        rows : sequence of TimedRow
            Rows that the baseline did not learn, oldest first. The last `alarm.n_rows` are the
            first of the new state; `update` is to be called for each of them.
        outside : Outside
        """
        values = np.array([row.x for row in rows])
        first, before = values[-alarm.n_rows :], values[: -alarm.n_rows]
        between = before[: len(before) - alarm.lead]
        system, names = setup.system, graph.all_names
        layout = layout_of(system, names)
        health = layout.health
        base, adjacent = baseline.rows()
        predictor = freeze(baseline, graph, first, layout.health_series)
        scorer = InnovationScorer(base, adjacent, predictor, layout, setup.ranking, between)
        if len(before):
            scorer.skip(before[-1])
        localiser = Localiser(layout, scorer, setup.ranking)
        at_once = graph.causal.n_series <= setup.verdict.opening.graph_at_once
        graph.causal.open_state(solve=at_once)
        facts = OpeningFacts(
            id=incident_id(
                system.name, rows[-alarm.n_rows].time, setup.fingerprint, system.recording
            ),
            trigger=alarm.trigger,
            earliest=alarm.earliest,
            onset=alarm.onset,
            base_rows=len(base),
            health=health,
            health_proposed=bool(health) and not system.health_names,
            causal_edges=layout.edges,
            engine=__version__,
            config=setup.fingerprint,
            contradicted=contradicted(graph) if at_once else (),
        )
        return cls(setup, baseline, graph, localiser, facts, outside)

    @classmethod
    def from_state(
        cls,
        setup: Setup,
        baseline: Baseline,
        graph: SystemGraph,
        state: Mapping[str, Any],
        outside: Outside,
    ) -> Self:
        """Continue from what `state_dict` returned.

        Under another version or configuration than then, revisions go on at the next thousand:
        those of rows after the checkpoint may be published already, with other contents.

        Parameters
        ----------
        setup : Setup
        baseline, graph : Baseline, SystemGraph
            Restored from the same checkpoint.
        state : mapping
        outside : Outside
        """
        earliest = {"earliest": float(state["times"][0])}  # that older checkpoints lack
        facts = msgspec.convert(earliest | state["facts"], OpeningFacts)
        revision = state["revision"]
        if facts.config != setup.fingerprint:
            facts = msgspec.structs.replace(facts, engine=__version__, config=setup.fingerprint)
            revision += REVISIONS_APART - revision % REVISIONS_APART
        layout = Layout(state["names"], facts.health, facts.causal_edges)
        scorer = InnovationScorer.from_state(state["evidence"], layout, setup.ranking)
        localiser = Localiser(layout, scorer, setup.ranking)
        incident = cls(setup, baseline, graph, localiser, facts, outside)
        incident.revision = revision
        if "profile" in state:  # without it, in older checkpoints, the rows so far count as missing
            incident._sparklines.load_state_dict(state["profile"])
        incident._times = state["times"].tolist()
        incident._now = state["now"]
        incident._convergence.load_state_dict(state["convergence"])
        incident._history = msgspec.convert(state["history"], list[Revision])
        incident._edges = msgspec.convert(state["graph"], list[GraphEdge])
        incident._ranking = Ranking.from_state(state["ranking"])
        incident._seen = msgspec.convert(state.get("seen"), SeenBefore | None)
        incident._rejected = msgspec.convert(state.get("rejected"), SeenBefore | None)
        incident.kind = state.get("kind", "incident")  # older checkpoints know no changes
        incident.was_felt = state.get("was_felt", False)
        incident._felt = msgspec.convert(state.get("felt", []), list[Felt])
        incident._alerts = msgspec.convert(state.get("alerts", []), list[Alerted])
        incident._changes = msgspec.convert(state.get("changes", []), list[NearbyChange])
        return incident

    def state_dict(self) -> dict[str, Any]:
        """Everything but baseline and graph, for the checkpoint: plain values and arrays."""
        return {
            "facts": msgspec.to_builtins(self._facts),
            "names": list(self._localiser.layout.names),
            "evidence": self._localiser.scorer.state_dict(),
            "profile": self._sparklines.state_dict(),
            "revision": self.revision,
            "times": np.array(self._times),
            "now": self._now,
            "convergence": self._convergence.state_dict(),
            "history": msgspec.to_builtins(self._history),
            "graph": msgspec.to_builtins(self._edges),
            "ranking": self._ranking.state_dict(),
            "seen": msgspec.to_builtins(self._seen),
            "rejected": msgspec.to_builtins(self._rejected),
            "kind": self.kind,
            "was_felt": self.was_felt,
            "felt": msgspec.to_builtins(self._felt),
            "alerts": msgspec.to_builtins(self._alerts),
            "changes": msgspec.to_builtins(self._changes),
        }

    @property
    def id(self) -> str:
        """Identifier of the incident, equal on every re-run."""
        return self._facts.id

    @property
    def n_series(self) -> int:
        """Number of series of its rows."""
        return len(self._localiser.layout.names)

    @property
    def rows(self) -> int:
        """Rows since the onset."""
        return self._localiser.rows

    @property
    def graph_is_due(self) -> bool:
        """Whether the graph was too large to be solved in the row that opened the incident."""
        return self._graph.causal.unsolved

    @property
    def settled(self) -> bool:
        """Whether the ranking has converged."""
        return self._convergence.converged

    def update(self, time: float, x: Floats, *, adjacent: bool) -> None:
        """Add one row since the onset.

        Parameters
        ----------
        time : float
            Event time, unix s.
        x : ndarray of shape (n_series,), float64, raw units, NaN = missing
        adjacent : bool
            Whether it directly follows the row before.
        """
        self._localiser.update(x, adjacent=adjacent)
        self._sparklines.update(x)
        if len(self._times) < TIMES:
            self._times.append(time)
        self._now = time

    def feel(self, felt: Sequence[Felt], alerts: Sequence[Alerted]) -> bool:
        """Note what health signals and alerts say; return whether the change is an incident now."""
        self._felt, self._alerts = list(felt), list(alerts)
        self.was_felt |= bool(felt or alerts)
        promoted = self.kind == "change" and bool(felt or alerts)
        if promoted:
            self.kind = "incident"
            # What had settled was the ranking of a change.
            self._convergence = convergence.ConvergenceTest(self._setup.ranking.convergence)
        return promoted

    def open(self) -> Event:
        """Return the first revision."""
        self._rank()
        return self._publish("io.coral.incident.opened.v1")

    def revise(self, *, at_once: bool = False) -> Event | None:
        """Return the next revision when one is due after the newest row, or at once.

        What is told of a graph that was left to the row after the opening is due there.
        """
        if not at_once and not convergence.revision_due(self.rows):
            if not self.graph_is_due:
                return None
            self._solve_graph(self._ranking)
            return self._publish("io.coral.ranking.updated.v1")
        converged = self._rank()
        return self._publish(
            "io.coral.ranking.converged.v1" if converged else "io.coral.ranking.updated.v1"
        )

    def standing(self) -> Event:
        """Return the newest revision as it stands now, for whoever missed it.

        It has been published, with the rows until then; this is not to be published again.
        """
        return self._event("io.coral.ranking.updated.v1", None)

    def close(self, resolution: Resolution) -> Event:
        """Return the last revision and end the state-dependent part of the graph.

        It repeats the last ranking: the rows since then already belong to the recovery.
        """
        if self.graph_is_due:
            self._solve_graph(self._ranking)
        event = self._publish("io.coral.incident.resolved.v1", resolution)
        # What is superseded has not ended: the incident in its place is no return of it.
        keep = self.settled and resolution != "superseded"
        self._graph.causal.close_state(keep=keep, name=self.id, time=self._now)
        return event

    def _rank(self) -> bool:
        """Rank by all rows so far; return whether the ranking has just converged."""
        layout, ranking = self._localiser.layout, self._localiser.rank()
        changes, past = self._outside.changes, self._outside.past
        ranking, self._changes = with_changes(changes, ranking, layout, self._moments)
        ranking, self._seen = recognise(past, layout, ranking, self._facts.earliest)
        self._rejected = rejected_before(past, layout, ranking, self._facts.earliest)
        self._ranking = ranking
        contender = self._setup.ranking.convergence.contender
        converged = self._convergence.update(self.rows, self._names(ranking, contender))
        opens, doubled = self.revision == 0, self.rows & (self.rows - 1) == 0  # that is enough
        if not opens if self.graph_is_due else opens or converged or doubled:
            self._solve_graph(ranking)
        return converged

    def _solve_graph(self, ranking: Ranking) -> None:
        """Bring the graph up to date, and what is told of it."""
        due = self.graph_is_due
        self._edges = learned_edges(self._localiser.layout, self._graph, ranking)
        if due:
            spoken_against = contradicted(self._graph)
            self._facts = msgspec.structs.replace(self._facts, contradicted=spoken_against)

    @property
    def _moments(self) -> Moments:
        facts, interval_s = self._facts, self._setup.system.interval_s
        onset = self._times[0] if facts.onset is None else facts.onset
        return Moments(facts.earliest, onset, self._now, self._times, interval_s)

    def explained_by(self, settling: Settling) -> bool:
        """Whether it is a change that nobody felt, of a component that came to a new level."""
        strongest = next(iter(self._facts.trigger.series), "")
        return self.kind == "change" and settling.explains(strongest, self._times[0])

    def _names(self, ranking: Ranking, share: float = 0.0) -> list[str]:
        """Entities with evidence and at least a share of the best score, best first."""
        names, least = self._localiser.layout.entities, share * float(ranking.scores.max())
        return [
            names[e] for e in ranking.order if ranking.scores[e] > 0 if ranking.scores[e] >= least
        ]

    def _publish(self, kind: Kind, resolution: Resolution | None = None) -> Event:
        """Describe the last ranking as the next revision."""
        self.revision += 1
        event = self._event(kind, resolution)
        top = self._names(self._ranking)[: self._setup.ranking.convergence.depth]
        self._history.append(Revision(rows=self._ranking.rows, top=top))
        del self._history[:-HISTORY]
        return event

    def _event(self, kind: Kind, resolution: Resolution | None) -> Event:
        return Event(
            id=f"{self.id}:{self.revision}",
            source=source_of(self._setup.system.name),
            type=kind,
            subject=self.id,
            time=timestamp(self._now),
            data=self._describe(self._ranking, resolution),
        )

    def _describe(self, ranking: Ranking, resolution: Resolution | None) -> Incident:
        findings = Findings(self._situation(ranking), self._setup.verdict)
        causes, seen = findings.causes(self._setup.config.max_causes), state_seen(self._graph)
        settled = self._stability(ranking)
        return Incident(
            incident=self.id,
            revision=self.revision,
            state="resolved" if resolution else self._state(),
            system=self._setup.system.name,
            kpi=list(self._facts.health),
            kpi_proposed=self._facts.health_proposed,
            trigger=self._facts.trigger,
            now=timestamp(self._now),
            rows=ranking.rows,
            base_rows=self._facts.base_rows,
            tier=findings.tier,
            summary=findings.summary(causes, settled, seen),
            causes=causes,
            ruled_out=findings.ruled_out(causes),
            entities=findings.entities(),
            metrics=findings.metrics(),
            graph=self._edges,
            state_seen=seen,
            screened=self._screened,
            convergence=settled,
            history=list(self._history),
            resolution=resolution,
            engine=self._facts.engine,
            config=self._facts.config,
            health=findings.health(),
            signature=findings.signature(),
            seen_before=self._seen,
            patterns=findings.patterns,
            contradicted=list(self._facts.contradicted),
            kind=self.kind,
            felt=self._felt,
            alerts=self._alerts,
            change_events=self._changes,
            unseen=findings.unseen,
            rejected_before=self._rejected,
        )

    def _state(self) -> State:
        return "settled" if self.settled else "diagnosing"

    def _situation(self, ranking: Ranking) -> Situation:
        evidence, buffer = self._localiser.scorer, self._sparklines
        return Situation(
            layout=self._localiser.layout,
            ranking=ranking,
            sparklines=buffer.sparklines(self._baseline.newest(POINTS * buffer.span)),
            center=evidence.center,
            scale=evidence.scale,
            counter=evidence.counter,
            interval_s=self._setup.system.interval_s,
            times=self._times,
            normal_until=min(self._facts.earliest, self._times[0]) - self._setup.system.interval_s,
            base_rows=self._facts.base_rows,
            seen=self._seen,
            rejected=self._rejected,
            changes=self._changes,
            late=self._outside.late.since(self._times[0]),
            artefacts=self._facts.trigger.artefacts,
        )

    def _stability(self, ranking: Ranking) -> Convergence:
        """Say whether the ranking has settled, and whether it was corrected since."""
        held, now = self._convergence, next(iter(self._names(ranking)), None)
        return Convergence(
            converged=held.converged,
            rows=held.rows,
            confirmations=held.confirmations,
            agreement=round(held.agreement, 4),
            corrected=None if held.first == now else held.first,
        )
