"""What an incident is judged by: what is chosen, what its opening fixed, what else is known."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import msgspec

from coral import __version__
from coral.config import EngineConfig, SystemConfig, digest
from coral.contract.events import AlarmTrigger, Contradicted
from coral.incident.change_log import ChangeLog
from coral.incident.policy import VERDICT, VerdictPolicy
from coral.incident.unseen import LateLog
from coral.localise.golden_signals import edges_of, proposed
from coral.localise.layout import Layout
from coral.localise.past_incidents import PastIncidents
from coral.localise.policy import RANKING, RankingPolicy
from detectors.policy import TRIGGER, TriggerPolicy

__all__ = ["OpeningFacts", "Outside", "Setup", "layout_of"]


class OpeningFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed when an incident opens.

    An open incident keeps its health signals and its topology when the configuration changes.
    """

    id: str
    trigger: AlarmTrigger
    earliest: float  # likely onset, unix s
    base_rows: int
    health: tuple[str, ...] = msgspec.field(name="kpi")
    health_proposed: bool = msgspec.field(default=False, name="kpi_proposed")
    causal_edges: tuple[tuple[str, str], ...]
    onset: float | None = None  # as published, unix s; older checkpoints have the earliest alone
    engine: str  # version and ...
    config: str  # ... digest of the configuration, the system's included, that publish
    contradicted: tuple[Contradicted, ...] = ()


class Setup(NamedTuple):
    """What an incident of one system is judged by."""

    system: SystemConfig
    config: EngineConfig
    trigger: TriggerPolicy = TRIGGER
    ranking: RankingPolicy = RANKING
    verdict: VerdictPolicy = VERDICT

    @property
    def fingerprint(self) -> str:
        """Digest of everything that shapes the events apart from the data."""
        chosen = {}
        if self.trigger != TRIGGER:
            chosen["trigger"] = asdict(self.trigger)
        if self.ranking != RANKING:
            chosen["ranking"] = asdict(self.ranking)
        if self.verdict != VERDICT:
            chosen["verdict"] = asdict(self.verdict)
        return digest(self.config, __version__, self.system, chosen)


class Outside(NamedTuple):
    """What is known of a system besides its metrics; it grows while an incident is open."""

    past: PastIncidents
    changes: ChangeLog
    late: LateLog


def layout_of(system: SystemConfig, names: Sequence[str]) -> Layout:
    """Return the layout of a system's series; without health signals, with those proposed."""
    edges = edges_of(system, names)
    return Layout(names, system.health_names or proposed(names, edges), edges)
