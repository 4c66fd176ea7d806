"""One incident from its onset to its resolution: evidence in, revisions out."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from coral import __version__
from coral.baseline.normal_state import NormalState
from coral.config import EngineConfig, SystemConfig, digest
from coral.contract.events import (
    Contradicted,
    Convergence,
    Event,
    GraphEdge,
    Incident,
    Kind,
    Resolution,
    Revision,
    SeenBefore,
    State,
    Trigger,
    incident_id,
    timestamp,
)
from coral.incident.explanation import Findings, correction
from coral.incident.graph_facts import learned_edges, screened, state_seen
from coral.incident.situation import Situation
from coral.localise import convergence
from coral.localise.evidence import Evidence
from coral.localise.golden_signals import proposed
from coral.localise.layout import Layout
from coral.localise.past_incidents import Memory, recognise
from coral.localise.ranking import Localiser, Ranking
from coral.localise.sparklines import POINTS, Profile

__all__ = ["Diagnosis"]

Floats = NDArray[np.float64]

HISTORY = 32  # revisions listed in an event
# Share of the first score from which an entity counts for convergence: the order of noise is noise.
CONTENDER = 1 / 3
# Event times kept to say when a series changed; changes after that many rows have no time.
TIMES = 4096
# More revisions than an incident of any length has (eight for each doubling of its rows).
REVISIONS_APART = 1000


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed when an incident opens.

    An open incident keeps its health signals and its topology when the configuration changes.
    """

    id: str
    trigger: Trigger
    base_rows: int
    kpi: tuple[str, ...]
    kpi_proposed: bool = False
    causal_edges: tuple[tuple[str, str], ...]
    engine: str  # version and ...
    config: str  # ... digest of the configuration, the system's included, that publish
    contradicted: tuple[Contradicted, ...] = ()


class Diagnosis:
    """The open incident of one system.

    Parameters
    ----------
    system : SystemConfig
    config : EngineConfig
    normal : NormalState
        State before the onset. Its graph has a state-dependent part until `close`.
    localiser : Localiser
    facts : Facts
    memory : Memory
        Confirmed incidents, to recognise this one by.
    """

    def __init__(
        self,
        system: SystemConfig,
        config: EngineConfig,
        normal: NormalState,
        localiser: Localiser,
        facts: Facts,
        memory: Memory,
    ) -> None:
        self._system = system
        self._config = config
        self._normal = normal
        self._localiser = localiser
        self._facts = facts
        self._memory = memory
        self._profile = Profile(len(localiser.layout.names), skipped=localiser.rows)
        self._screened = screened(localiser.layout, normal)
        self._times: list[float] = []
        self._now = 0.0
        self._convergence = convergence.Convergence()
        self._history: list[Revision] = []
        self._graph: list[GraphEdge] = []
        self._ranking: Ranking
        self._seen: SeenBefore | None = None
        self.revision = 0

    @classmethod
    def begin(
        cls,
        system: SystemConfig,
        config: EngineConfig,
        names: Sequence[str],
        normal: NormalState,
        trigger: Trigger,
        onset: float,
        first: Floats,
        memory: Memory,
    ) -> Self:
        """Open an incident: freeze the normal state and what it predicts.

        Parameters
        ----------
        system : SystemConfig
        config : EngineConfig
        names : sequence of str
            Series of `normal`.
        normal : NormalState
            State before the onset.
        trigger : Trigger
            Why it is opened.
        onset : float
            Event time of the first row of the new state, unix s.
        first : ndarray of shape (rows, n_series), float64, raw units, NaN = missing
            Rows since the onset; `update` is to be called for each of them.
        memory : Memory
        """
        kpi = system.kpi or proposed(names, system.causal_edges)
        layout = Layout(names, kpi, system.causal_edges)
        base, adjacent = normal.base()
        mechanism = normal.mechanism(first, layout.kpi_series)
        evidence = Evidence(base, adjacent, mechanism, layout)
        normal.graph.open_state()
        fingerprint = digest(config, __version__, system)
        facts = Facts(
            id=incident_id(system.name, onset, fingerprint),
            trigger=trigger,
            base_rows=len(base),
            kpi=kpi,
            kpi_proposed=bool(kpi) and not system.kpi,
            causal_edges=system.causal_edges,
            engine=__version__,
            config=fingerprint,
            contradicted=normal.contradicted,
        )
        return cls(system, config, normal, Localiser(layout, evidence), facts, memory)

    @classmethod
    def from_state(
        cls,
        system: SystemConfig,
        config: EngineConfig,
        normal: NormalState,
        state: Mapping[str, Any],
        memory: Memory,
    ) -> Self:
        """Continue from what `state_dict` returned.

        Under another version or configuration than then, revisions go on at the next thousand:
        those of rows after the checkpoint may be published already, with other contents.

        Parameters
        ----------
        system : SystemConfig
        config : EngineConfig
        normal : NormalState
            Restored from the same checkpoint.
        state : mapping
        memory : Memory
        """
        facts = msgspec.convert(state["facts"], Facts)
        revision = state["revision"]
        fingerprint = digest(config, __version__, system)
        if facts.config != fingerprint:
            facts = msgspec.structs.replace(facts, engine=__version__, config=fingerprint)
            revision += REVISIONS_APART - revision % REVISIONS_APART
        layout = Layout(state["names"], facts.kpi, facts.causal_edges)
        localiser = Localiser(layout, Evidence.from_state(state["evidence"], layout))
        diagnosis = cls(system, config, normal, localiser, facts, memory)
        diagnosis.revision = revision
        if "profile" in state:  # without it, in older checkpoints, the rows so far count as missing
            diagnosis._profile.load_state_dict(state["profile"])
        diagnosis._times = state["times"].tolist()
        diagnosis._now = state["now"]
        diagnosis._convergence.load_state_dict(state["convergence"])
        diagnosis._history = msgspec.convert(state["history"], list[Revision])
        diagnosis._graph = msgspec.convert(state["graph"], list[GraphEdge])
        diagnosis._ranking = Ranking.from_state(state["ranking"])
        diagnosis._seen = msgspec.convert(state.get("seen"), SeenBefore | None)
        return diagnosis

    def state_dict(self) -> dict[str, Any]:
        """Everything but the normal state, for the checkpoint: plain values and arrays."""
        return {
            "facts": msgspec.to_builtins(self._facts),
            "names": list(self._localiser.layout.names),
            "evidence": self._localiser.evidence.state_dict(),
            "profile": self._profile.state_dict(),
            "revision": self.revision,
            "times": np.array(self._times),
            "now": self._now,
            "convergence": self._convergence.state_dict(),
            "history": msgspec.to_builtins(self._history),
            "graph": msgspec.to_builtins(self._graph),
            "ranking": self._ranking.state_dict(),
            "seen": msgspec.to_builtins(self._seen),
        }

    @property
    def id(self) -> str:
        """Identifier of the incident, equal on every re-run."""
        return self._facts.id

    @property
    def _onset(self) -> float:
        """Earliest likely onset, unix s."""
        return dt.datetime.fromisoformat(self._facts.trigger.onset_interval[0]).timestamp()

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
        self._profile.update(x)
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
        layout, ranking = self._localiser.layout, self._localiser.rank()
        ranking, self._seen = recognise(self._memory, layout, ranking, self._onset)
        self._ranking = ranking
        converged = self._convergence.update(self.rows, self._names(ranking, CONTENDER))
        if converged or self.rows & (self.rows - 1) == 0 or self.revision == 0:
            self._graph = learned_edges(layout, self._normal, ranking)  # at doublings is enough
        return converged

    def _names(self, ranking: Ranking, share: float = 0.0) -> list[str]:
        """Entities with evidence and at least a share of the best score, best first."""
        names, least = self._localiser.layout.entities, share * float(ranking.scores.max())
        return [
            names[e] for e in ranking.order if ranking.scores[e] > 0 if ranking.scores[e] >= least
        ]

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
        top = self._names(self._ranking)[: convergence.DEPTH]
        self._history.append(Revision(rows=self._ranking.rows, top=top))
        del self._history[:-HISTORY]
        return event

    def _describe(self, ranking: Ranking, resolution: Resolution | None) -> Incident:
        findings = Findings(self._situation(ranking))
        causes = findings.causes(self._config.max_causes)
        seen = state_seen(self._normal)
        settled = self._stability(ranking)
        texts = (findings.summary(causes), correction(settled), findings.recognised(seen))
        state: State = "settled" if self.settled else "diagnosing"
        return Incident(
            incident=self.id,
            revision=self.revision,
            state="resolved" if resolution else state,
            system=self._system.name,
            kpi=list(self._facts.kpi),
            kpi_proposed=self._facts.kpi_proposed,
            trigger=self._facts.trigger,
            now=timestamp(self._now),
            rows=ranking.rows,
            base_rows=self._facts.base_rows,
            tier=findings.tier,
            summary=" ".join(filter(None, texts)),
            causes=causes,
            ruled_out=findings.ruled_out(causes),
            entities=findings.entities(),
            metrics=findings.metrics(),
            graph=self._graph,
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
        )

    def _situation(self, ranking: Ranking) -> Situation:
        evidence = self._localiser.evidence
        return Situation(
            layout=self._localiser.layout,
            ranking=ranking,
            courses=self._profile.courses(self._normal.newest(POINTS * self._profile.span)),
            center=evidence.center,
            scale=evidence.scale,
            times=self._times,
            normal_until=min(self._onset, self._times[0]) - self._system.interval_s,
            base_rows=self._facts.base_rows,
            seen=self._seen,
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
