"""How incidents of two configurations are compared."""

from typing import Any

import msgspec
from incidents import incident_event

from coral.contract.events import timestamp
from coral.http.shadow import MOST_EPISODES, WEEK_S, compared, recent
from coral.http.state import Brief, brief

NOW = 1_700_000_000.0


def episode(name: str, onset: float, end: float, **facts: Any) -> Brief:
    """An incident from one time to another."""
    times = {"onset": onset, "opened": onset + 10.0, "now": end}
    said = {key: timestamp(NOW + time) for key, time in times.items()}
    return msgspec.structs.replace(brief(incident_event()), incident=name, **said, **facts)


def test_each_has_one_partner_at_most() -> None:
    """The earliest that overlaps; what has none stands alone, the newest onset first."""
    main = [episode("m1", 0, 100), episode("m2", 200, 300), episode("m3", 900, 950)]
    shadow = [
        episode("s1", 50, 120),
        episode("s2", 60, 130),
        episode("s3", 300, 400, tier="likely", kind="change", causes=["web"]),
    ]
    found = compared("shop", "c", "t", main, shadow)

    assert [("m3", None), ("m2", "s3"), (None, "s2"), ("m1", "s1")] == [
        (pair.main and pair.main.incident, pair.shadow and pair.shadow.incident)
        for pair in found.pairs
    ]
    assert (1, 1, 1, 1) == (found.agreed, found.differed, found.main_only, found.shadow_only)
    assert ["kind", "cause", "tier"] == found.pairs[1].differs
    assert [None, 100.0, None, 50.0] == [pair.later_s for pair in found.pairs]


def test_a_week_is_compared() -> None:
    """And no more than so many."""
    old, new = episode("old", -WEEK_S - 60, -WEEK_S - 1), episode("new", -WEEK_S - 60, -WEEK_S)
    assert [new] == recent([old, new], NOW)
    many = [episode(str(n), n, n) for n in range(MOST_EPISODES + 3)]
    assert many[3:] == recent(many, NOW)


def test_nothing_was_seen() -> None:
    """By neither: they agree on that."""
    found = compared("shop", "c", "t", [], [])
    assert (0, 0, 0, 0, []) == (
        found.agreed,
        found.differed,
        found.main_only,
        found.shadow_only,
        found.pairs,
    )
