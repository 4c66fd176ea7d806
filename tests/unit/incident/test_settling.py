"""Which series come to a new level because of a change event, and for how long."""

import numpy as np
import pytest

from coral.contract.changes import ChangeEvent, ChangeKind
from coral.incident.change_log import ChangeLog, part_of
from coral.incident.settling import Settling

NAMES = ("web:latency_p95", "web:memory", "shop/db:memory", "shop/db:open_fds", "shop/db:latency")
DB = [2, 3]
AT = 1000.0


def done(
    entity: str = "db", time: float = AT, kind: ChangeKind = "restarted", text: str = ""
) -> ChangeEvent:
    """Something was done to an entity."""
    return ChangeEvent(system="shop", entities=(entity,), kind=kind, time=time, text=text)


def settling(*changes: ChangeEvent, interval_s: float = 10.0) -> Settling:
    """Settling of a little shop whose health signal is the latency of its web server."""
    made = Settling(interval_s)
    made.follow(NAMES, NAMES[:1])
    made.update(AT - interval_s, felt=False)
    for change in changes:
        made.begin(change)
    return made


def at(held: Settling, time: float, *, felt: bool = False) -> tuple[list[int], list[int]]:
    """Go to a time; return which levels are not judged, and which have settled."""
    held.update(time, felt=felt)
    return np.flatnonzero(held.levels).tolist(), np.flatnonzero(held.settled).tolist()


def test_what_a_component_does_to_itself_settles_for_ten_minutes() -> None:
    """Its latency is judged as ever, and may be missing like the rest of it."""
    held = settling(done())
    assert at(held, AT - 1.0) == ([], [])
    assert at(held, AT) == (DB, [])
    assert np.flatnonzero(held.gaps).tolist() == [2, 3, 4]
    assert at(held, AT + 590.0) == (DB, [])
    assert at(held, AT + 600.0) == ([], DB)
    assert not held.left.any()
    assert at(held, AT + 610.0) == ([], [])
    assert not held.active


def test_nothing_settles_while_a_health_signal_is_felt() -> None:
    """And not afterwards either: what it felt may have been that."""
    held = settling(done())
    assert at(held, AT) == (DB, [])
    assert at(held, AT + 10.0, felt=True) == ([], [])
    assert at(held, AT + 20.0) == ([], [])


def test_a_health_signal_is_always_judged() -> None:
    """Also one of the component itself."""
    held = settling(done("web"))
    assert at(held, AT) == ([1], [])
    assert np.flatnonzero(held.gaps).tolist() == [1]


def test_a_rollout_goes_on_but_not_for_ever() -> None:
    """Half an hour at most, and again two hours after it began: it hides no crash loop."""
    restarts = [done(time=AT + 300.0 * i) for i in range(40)]
    held = settling()
    settles = []
    for t in np.arange(AT, AT + 12_000.0, 10.0):
        while restarts and restarts[0].time <= t:
            held.begin(restarts.pop(0))
        settles.append(at(held, float(t))[0] == DB)
    turns = np.flatnonzero(np.diff(np.array([False, *settles])))
    assert [0, 180, 720, 900] == turns.tolist()


def test_rows_far_apart_settle_longer() -> None:
    """Of fewer than eight rows no level can be told."""
    held = settling(done(), interval_s=300.0)
    assert at(held, AT + 2390.0) == (DB, [])
    assert at(held, AT + 2400.0) == ([], DB)
    assert held.rows == 4


@pytest.mark.parametrize("kind", ["published", "modified"])
def test_not_every_change_leaves_a_component_at_another_level(kind: ChangeKind) -> None:
    """Somebody should hear what a new configuration does."""
    assert at(settling(done(kind=kind)), AT) == ([], [])
    assert at(settling(done("nobody")), AT) == ([], [])


def test_what_was_removed_has_left() -> None:
    """After its time, if it is still missing."""
    held = settling(done(kind="removed"))
    at(held, AT)
    at(held, AT + 600.0)
    assert np.flatnonzero(held.left).tolist() == [2, 3, 4]


def test_a_change_that_is_told_late_explains_what_moved_before() -> None:
    """As long before it as it takes to settle; of its own series, and of nothing else."""
    held = settling(done(time=AT + 300.0))
    assert held.explains("shop/db:memory", AT)
    assert not held.explains("shop/db:memory", AT - 600.0)
    assert not held.explains("shop/db:latency", AT)
    assert not held.explains("web:memory", AT)
    assert not held.explains("", AT)
    at(held, AT + 310.0, felt=True)
    assert not held.explains("shop/db:memory", AT)


def test_a_change_of_long_ago_begins_nothing() -> None:
    """A daemon that starts is told what it missed."""
    held = settling(done(time=AT - 700.0))
    assert at(held, AT) == ([], [])


def test_series_come_and_go_while_their_component_settles() -> None:
    """Restored in between as well."""
    held = settling(done())
    at(held, AT)
    other = Settling(10.0)
    other.follow(NAMES[2:], ())
    other.load_state_dict(held.state_dict())
    assert at(other, AT + 10.0) == ([0, 1], [])
    other.follow(("web:memory",), ())
    assert at(other, AT + 20.0) == ([], [])


def test_replicas_that_are_entities_of_their_own_belong_to_it() -> None:
    """Those that come with the new version as well; those that are gone then have left."""
    held = Settling(10.0)
    old, new = "cart-7d9f5c6b8-x2lqv:open_fds", "cart-5b6c7d8f9-zz2kp:open_fds"
    held.follow((old, "cart:latency", "web:memory"), ())
    held.update(AT - 10.0, felt=False)
    held.begin(done("cart", kind="deployed"))
    assert at(held, AT) == ([0], [])
    held.follow((old, "cart:latency", "web:memory", new), ())
    assert at(held, AT + 10.0) == ([0, 3], [])
    assert held.explains(new, AT)
    assert at(held, AT + 600.0) == ([], [0, 3])
    assert np.flatnonzero(held.left).tolist() == [0, 3]


def test_a_part_is_found_by_its_name_or_the_end_of_it() -> None:
    """If that is one entity alone; names of templates come first."""
    change = ChangeEvent(system="s", entities=("shop/db", "db"), kind="deployed", time=0.0)
    assert part_of(change, {"shop/db", "db"}) == "shop/db"
    assert part_of(change, {"other/db", "web"}) == "other/db"
    assert part_of(change, {"other/db", "third/db"}) is None
    assert part_of(done("b/c"), {"a/b/c"}) is None


def test_the_log_keeps_the_newest_by_time_and_each_once() -> None:
    """Whatever order they come in."""
    log = ChangeLog()
    times = np.random.default_rng(0).permutation(400).tolist()
    assert all(log.add(done(f"e{t}", float(t), "deployed")) for t in times[:300])
    assert not log.add(done(f"e{times[299]}", float(times[299]), "deployed"))
    for t in times[300:]:
        log.add(done(f"e{t}", float(t), "deployed"))
    assert [change.time for change in log] == list(range(400 - 256, 400))
    other = ChangeLog()
    other.load_state_dict(log.state_dict())
    assert [*other] == [*log]


def test_what_follows_from_a_change_is_no_change_beside_it() -> None:
    """Containers start because a version is rolled out; a restart alone is told."""
    log = ChangeLog()
    kinds: tuple[ChangeKind, ...] = ("deployed", "scaled", "restarted", "deployed")
    for number, kind in enumerate(kinds):
        log.add(done("db", 10.0 * number, kind))
    log.add(done("web", 15.0))
    log.add(done("db", 4000.0))
    told = [(change.entities[0], change.kind) for change in log.between(0.0, 5000.0)]
    assert told == [("db", "deployed"), ("web", "restarted"), ("db", "restarted")]
    assert [change.time for change in log.between(5.0, 100.0)] == [15.0]
