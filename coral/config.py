"""What a user can set, typed, with all problems reported at once."""

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from coral.errors import ConfigError
from detectors.statistics.river_catalogue import Setting
from detectors.statistics.river_catalogue import problems as statistics_problems
from streams.topology import Pair, PriorProblem, prior_problems

__all__ = ["EDGE_SEMANTICS", "EngineConfig", "SystemConfig", "digest"]

EDGE_SEMANTICS = ("a calls b", "a feeds b")


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the engine works; equal for every system.

    Parameters
    ----------
    false_alarms_per_week : float
        Budget of alarms without a cause, per system.
    base_rows : int
        Most rows of normal state kept in memory; with `base_cells` it bounds the memory.
    base_cells : int
        Most cells (rows x series) of normal state kept in memory; 8 bytes each.
    max_causes : int
        Causes published in full; the names of the rest follow in the ranking.
    statistics : list of str or table
        Detectors of river as further statistics of the trigger, see docs/trigger.md.

    Raises
    ------
    ConfigError
        If any value breaks its rule; all of them are named.
    """

    false_alarms_per_week: float = 1.0
    base_rows: int = 4096
    base_cells: int = 4_000_000
    max_causes: int = 10
    statistics: tuple[Setting, ...] = ()

    def __post_init__(self) -> None:
        broken = "; ".join(statistics_problems(self.statistics)) if self.statistics else ""
        rules = (
            ("false_alarms_per_week", self.false_alarms_per_week > 0, "> 0"),
            ("base_rows", self.base_rows >= 64, ">= 64"),
            ("base_cells", self.base_cells >= 10_000, ">= 10000"),
            ("max_causes", 1 <= self.max_causes <= 100, "1..100"),
            ("statistics", not broken, broken),
        )
        _raise_all(self, rules)


class SystemConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One monitored system: its grid, its health signals and what is known of its topology.

    Parameters
    ----------
    name : str
        Identifier; the Kafka key of its data.
    interval_s : float
        Seconds between two rows of its grid.
    kpi : tuple of str
        Series names `<entity>:<metric>` of the health signals; may be empty.
    edges : tuple of (str, str)
        Known topology between entities; one that it leaves out counts less.
    required_edges, forbidden_edges : tuples of (str, str)
        Relations that the causal graph must, and must not, have.
    order : tuple of str
        Entities, causes first: nothing acts on one that comes before it.
    edge_semantics : str
        Of all three: "a calls b" (effects run from b to a) or "a feeds b" (from a to b).

    Raises
    ------
    ConfigError
        If any value breaks its rule; all of them are named.
    """

    name: str
    interval_s: float
    kpi: tuple[str, ...] = ()
    edges: tuple[Pair, ...] = ()
    required_edges: tuple[Pair, ...] = ()
    forbidden_edges: tuple[Pair, ...] = ()
    order: tuple[str, ...] = ()
    edge_semantics: str = "a calls b"

    def __post_init__(self) -> None:
        rules = (
            ("name", bool(self.name), "non-empty"),
            ("interval_s", self.interval_s > 0, "> 0"),
            (
                "edge_semantics",
                self.edge_semantics in EDGE_SEMANTICS or not self._has_edges,
                f"one of {', '.join(EDGE_SEMANTICS)}",
            ),
        )
        _raise_all(self, rules)
        broken = [
            f"`{key}` requires: {rule}, got {key}[{number}]={getattr(self, key)[number]!r}"
            for key, number, rule in self.prior_problems()
        ]
        if broken:
            raise ConfigError("SystemConfig: " + "; ".join(broken))

    def prior_problems(self) -> Iterator[PriorProblem]:
        """Find what is known of the entities and does not fit together."""
        return prior_problems(
            tuple(pair for pair in self.edges if pair[0] != pair[1]),
            self.required_edges,
            self.forbidden_edges,
            self.order,
            effect_first=self.edge_semantics == "a calls b",
        )

    @property
    def _has_edges(self) -> bool:
        return bool(self.edges or self.required_edges or self.forbidden_edges)

    @property
    def causal_edges(self) -> tuple[Pair, ...]:
        """Known and required edges as (cause, effect), without self-loops and repetitions."""
        return self.causal((*self.edges, *self.required_edges))

    def causal(self, pairs: Iterable[Pair]) -> tuple[Pair, ...]:
        """Turn pairs into (cause, effect), sorted, without self-loops and repetitions."""
        turn = self.edge_semantics == "a calls b"
        turned = {(b, a) if turn else (a, b) for a, b in pairs}
        return tuple(sorted(pair for pair in turned if pair[0] != pair[1]))


def _raise_all(section: msgspec.Struct, rules: tuple[tuple[str, bool, str], ...]) -> None:
    broken = [
        f"`{key}` requires {rule}, got {key}={getattr(section, key)!r}"
        for key, holds, rule in rules
        if not holds
    ]
    if broken:
        raise ConfigError(f"{type(section).__name__}: " + "; ".join(broken))


def digest(engine: EngineConfig, version: str, system: SystemConfig | None = None) -> str:
    """Short fingerprint of everything that shapes the events apart from the data.

    Two runs with equal digests, those of a system included, over equal data publish byte-identical
    events. Without a system it stands for what holds for all.
    """
    held = msgspec.structs.asdict(engine)
    if not engine.statistics:
        del held["statistics"]  # none were known to the versions before
    facts: dict[str, object] = {"engine": held, "version": version}
    if system is not None:
        facts["system"] = system
    return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()[:12]
