"""What a user can set, typed, with all problems reported at once."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from coral.errors import ConfigError
from detectors.statistics.river_catalogue import Setting
from detectors.statistics.river_catalogue import problems as statistics_problems
from streams.series import name_problem
from streams.topology import ItemProblem, Topology

__all__ = ["EngineConfig", "MonitoredSystem", "Name", "Seconds", "SystemConfig", "digest"]

NO_POLICIES: Mapping[str, object] = MappingProxyType({})

Name = Annotated[str, Meta(min_length=1)]
Seconds = Annotated[float, Meta(gt=0)]


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
        Detectors of river as further statistics of the trigger, see docs/howto/river-detectors.md.

    Raises
    ------
    ConfigError
        If any value breaks its rule; all of them are named.
    """

    false_alarms_per_week: Annotated[float, Meta(gt=0)] = 1.0
    base_rows: Annotated[int, Meta(ge=64)] = 4096
    base_cells: Annotated[int, Meta(ge=10_000)] = 4_000_000
    max_causes: Annotated[int, Meta(ge=1, le=100)] = 10
    statistics: tuple[Setting, ...] = ()

    def __post_init__(self) -> None:
        broken = statistics_problems(self.statistics)
        _require(self, (ItemProblem("statistics", number, rule) for number, rule in broken))


class MonitoredSystem(Topology, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A monitored system: its grid, its health signals, and the topology that is known of it.

    Parameters
    ----------
    interval_s : float
        Seconds between two rows of its grid; at least the period of its metrics.
    kpi : list of str
        Series `<entity>:<metric>` that tell its health.
    """

    interval_s: Seconds
    kpi: tuple[Name, ...] = ()
    edge_semantics: Literal["a calls b", "a feeds b"] = "a calls b"

    def problems(self) -> Iterator[ItemProblem]:
        """Yield every health signal that is no series name, and everything that does not fit."""
        for number, name in enumerate(self.kpi):
            problem = name_problem(name)
            if problem is not None:
                yield ItemProblem("kpi", number, problem)
        yield from super().problems()


class SystemConfig(MonitoredSystem, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the engine knows of a system.

    Parameters
    ----------
    name : str
        Identifier; the Kafka key of its data.
    **facts
        As of `MonitoredSystem`.

    Raises
    ------
    ConfigError
        If any value breaks its rule; all of them are named.
    """

    name: Name

    def __post_init__(self) -> None:
        _require(self, self.problems())


def _require(config: msgspec.Struct, problems: Iterable[ItemProblem] = ()) -> None:
    """Raise one error with all that does not fit, and with every field that its type refuses."""
    broken = [f"`{key}[{n}]`: {rule}, got {getattr(config, key)[n]!r}" for key, n, rule in problems]
    for field in msgspec.structs.fields(config):
        value = getattr(config, field.name)
        try:
            msgspec.convert(value, field.type)
        except msgspec.ValidationError as error:
            broken.append(f"`{field.name}`: {error}, got {value!r}")
    if broken:
        raise ConfigError(f"{type(config).__name__}: " + "; ".join(broken))


def digest(
    engine: EngineConfig,
    version: str,
    system: SystemConfig | None = None,
    policies: Mapping[str, object] = NO_POLICIES,
) -> str:
    """Short fingerprint of everything that shapes the events apart from the data.

    Two runs with equal digests, those of a system included, over equal data publish byte-identical
    events. Without a system it stands for what holds for all. `policies` are those that are not the
    version's own, as plain values by name.
    """
    held = msgspec.structs.asdict(engine)
    if not engine.statistics:
        del held["statistics"]  # versions before did not know them
    facts: dict[str, object] = {"engine": held, "version": version}
    if system is not None:
        facts["system"] = system
    if policies:
        facts["policies"] = policies
    return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()[:12]
