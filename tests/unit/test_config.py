"""Configuration errors come all at once."""

from typing import Any, Literal

import msgspec
import pytest

from coral import __version__
from coral.config import EngineConfig, HealthSignal, SystemConfig, digest
from coral.errors import ConfigError
from streams.series import SeriesRegistry


def test_all_broken_rules_are_named() -> None:
    """Two wrong values, one error, both with key, rule and value."""
    with pytest.raises(ConfigError) as caught:
        EngineConfig(false_alarms_per_week=0, max_causes=1000)
    text = str(caught.value)
    assert "`false_alarms_per_week`: Expected `float` > 0.0, got 0" in text
    assert "`max_causes`: Expected `int` <= 100, got 1000" in text


def test_a_system_needs_a_name_and_a_grid() -> None:
    """An empty name and a negative interval are refused."""
    with pytest.raises(ConfigError, match=r"interval_s.*name"):
        SystemConfig(name="", interval_s=-1)


def test_health_signals_and_edges_are_named_with_their_number() -> None:
    """What is no series, and what does not fit together, beside a field of the wrong type."""
    with pytest.raises(ConfigError) as caught:
        SystemConfig(name="s", interval_s=0, kpi=("web:x", "web"), edges=(("a", "a"),))
    text = str(caught.value)
    assert "`kpi[1]`: name of the form <entity>:<metric> expected, got 'web'" in text
    assert "`edges[0]`: two entities expected, got ('a', 'a')" in text
    assert "`interval_s`: Expected `float` > 0.0, got 0" in text


@pytest.mark.parametrize(
    ("semantics", "expected"),
    [("a calls b", (("b", "a"),)), ("a feeds b", (("a", "b"),))],
)
def test_edges_are_turned_into_cause_and_effect(
    semantics: Literal["a calls b", "a feeds b"], expected: tuple[tuple[str, str], ...]
) -> None:
    """Effects run from the called to the caller, and from the feeder to the fed."""
    edges = (("a", "b"), ("a", "b"))
    config = SystemConfig(name="s", interval_s=1, edges=edges, edge_semantics=semantics)
    assert expected == config.causal_edges


def test_the_digest_follows_configuration_and_version() -> None:
    """Equal digests promise equal events."""
    one = digest(EngineConfig(), __version__)
    assert one == digest(EngineConfig(), __version__)
    assert one != digest(EngineConfig(false_alarms_per_week=2), __version__)
    assert one != digest(EngineConfig(), "0")


def test_the_digest_follows_the_system() -> None:
    """Other health signals or edges find other causes: that must not be under the same id."""
    system = SystemConfig(name="shop", interval_s=1.0, kpi=("web:latency",), edges=(("a", "b"),))
    changes = ({"kpi": ("web:errors",)}, {"edges": ()}, {"edge_semantics": "a feeds b"})
    others = [msgspec.structs.replace(system, **change) for change in changes]
    digests = [digest(EngineConfig(), __version__, each) for each in (system, *others, None)]

    assert len(set(digests)) == len(digests)


def test_health_signals_without_an_objective_leave_the_digest_as_it_was() -> None:
    """What a version before wrote for the same configuration."""
    kpi = ("web:latency", "web:errors")
    system = SystemConfig(name="shop", interval_s=1.0, kpi=kpi, edges=(("a", "b"),))
    plain = digest(EngineConfig(), "0", system)
    slow = HealthSignal(name="web:latency", above=0.5)
    objective = msgspec.structs.replace(system, kpi=(*kpi, slow))

    assert "37b349ae0a77" == plain
    assert plain != digest(EngineConfig(), "0", objective)


def test_health_signals_are_names_with_or_without_objectives() -> None:
    """A series is named once, and may have several objectives."""
    slow = HealthSignal(name="web:latency", above=0.5, for_="2m")
    stuck = HealthSignal(name="web:latency", above=5, rows=2, of=3)
    failing = HealthSignal(name="web:errors", target=0.999)
    kpi = ("web:latency", slow, "web:queue", failing, stuck)
    system = SystemConfig(name="shop", interval_s=1.0, kpi=kpi)

    assert ("web:latency", "web:queue", "web:errors") == system.health_names
    assert (slow, *failing.rules, stuck) == system.objectives
    bare = SystemConfig(name="a", interval_s=1.0)
    assert ((), ()) == (bare.health_names, bare.objectives)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"above": "x"}, "Expected `float | null`, got `str` - at `$.above`, got HealthSignal("),
        ({"above": 1, "of": 1001}, "Expected `int` <= 1000 - at `$.of`, got HealthSignal("),
        ({"above": object()}, "Encoding objects of type object is unsupported, got HealthSignal("),
        ({"target": 0.99, "windows_s": [60, 60]}, "the longer window first expected in `windows"),
        ({"target": 0.5, "burn_rate": 2.0}, "`burn_rate` < 2 expected with this `target`"),
    ],
)
def test_objectives_made_in_a_program_are_checked_too(
    fields: dict[str, Any], expected: str
) -> None:
    """With the system that has them: number, rule and value."""
    with pytest.raises(ConfigError) as caught:
        SystemConfig(name="a", interval_s=1.0, kpi=(HealthSignal(name="a:x", **fields),))

    assert f"SystemConfig: `kpi[0]`: {expected}" in str(caught.value)


def test_a_health_signal_stands_once() -> None:
    """The same name, or the same objective, twice; and what is no name at all."""
    slow = HealthSignal(name="web:latency", above=1)
    again = HealthSignal(name="web:latency", above=1.0, rows=1)
    with pytest.raises(ConfigError) as caught:
        SystemConfig(name="s", interval_s=1.0, kpi=("a:x", "a:x", slow, again))
    rule = "every health signal once expected (remove one), got"
    assert f"`kpi[1]`: {rule} 'a:x'; `kpi[3]`: {rule} HealthSignal(" in str(caught.value)
    wrong: Any = (3,)
    with pytest.raises(ConfigError, match=r"`kpi`: Expected `str \| object`, got `int`"):
        SystemConfig(name="s", interval_s=1.0, kpi=wrong)


def test_names_are_compared_in_one_form_of_unicode() -> None:
    """A name that was written with combining marks is the one that was not."""
    composed, combined = "gr\u00f6\u00dfe:l\u00e4nge", "gro\u0308\u00dfe:la\u0308nge"
    registry = SeriesRegistry(2)
    found = registry.index((composed, "a:x", combined)).tolist()
    system = SystemConfig(
        name="shop", interval_s=1.0, kpi=(combined,), edges=((combined.partition(":")[0], "a"),)
    )

    assert ([0, 1, 0], 0, -1) == (found, registry.find(combined), registry.find("b:x"))
    assert (composed, "a:x") == registry.names
    assert (composed,) == system.health_names
    assert (("gr\u00f6\u00dfe", "a"),) == system.edges
