"""Whose clock is followed."""

import math

from streams.align.agreement import Agreement
from streams.grid import Grid

GRID = Grid(10.0)


def heard(agreement: Agreement, *came: tuple[str, float]) -> list[float]:
    """Return the time agreed on after each sample."""
    found = []
    for source, time in came:
        agreement.hear(source, time, GRID.tick_of(time))
        found.append(agreement.time)
    return found


def started() -> Agreement:
    """Return an agreement of three sources, all at 100 s."""
    agreement = Agreement(GRID)
    heard(agreement, *[(source, time) for time in (90.0, 100.0) for source in "abc"])
    return agreement


def test_one_of_two_is_followed_once_it_came_twice() -> None:
    """The fastest of two clocks counts, after every source had its turn."""
    assert [-math.inf, 0, 10, 25] == heard(
        Agreement(GRID), ("a", 0), ("b", 0), ("a", 10), ("b", 25)
    )


def test_of_three_a_time_needs_two() -> None:
    """One of three moves nothing; with the second its time, or the smaller of both, counts."""
    agreement = started()

    assert [100, 110, 110, 112] == heard(agreement, ("a", 400), ("b", 110), ("a", 112), ("c", 113))


def test_the_last_one_is_followed_after_eight_ticks() -> None:
    """When all others fall silent, the one that is left counts alone, from its ninth tick on."""
    agreement = started()
    came = [("a", 100.0 + 10 * k) for k in range(1, 12)]

    assert [100, 100, 100, 100, 100, 100, 100, 100, 190, 200, 210] == heard(agreement, *came)


def test_a_fast_source_among_slow_ones_is_followed() -> None:
    """One that comes six times as often as the others does not wait for them for ever."""
    agreement = started()
    for k in range(1, 25):
        heard(agreement, ("a", 100.0 + 10 * k))
        if k % 6 == 0:
            heard(agreement, ("b", 100.0 + 10 * k), ("c", 100.0 + 10 * k))

    assert [350, 360] == heard(agreement, ("a", 350), ("a", 360))


def test_who_was_followed_wrongly_waits_twice_as_long() -> None:
    """Two late sources end the belief in one alone, and it takes sixteen ticks from then on."""
    agreement = started()
    heard(agreement, *[("a", 100.0 + 10 * k) for k in range(1, 11)])
    late = heard(agreement, ("b", 110), ("c", 110))
    again = heard(agreement, *[("a", 200.0 + 10 * k) for k in range(1, 19)])

    assert [200, 200] == late
    assert [200] * 16 + [370, 380] == again


def test_a_jump_of_the_followed_needs_a_second_tick() -> None:
    """A single stamp far ahead is not believed, whoever sends it."""
    agreement = started()
    heard(agreement, *[("a", 100.0 + 10 * k) for k in range(1, 11)])

    assert [200, 200, 210] == heard(agreement, ("a", 3200), ("a", 210), ("b", 211))


def test_who_is_ahead_is_named() -> None:
    """A clock that two others contradict is told, until it is theirs again."""
    agreement = started()
    heard(agreement, ("a", 400.0), ("b", 110.0))
    one = agreement.fast
    heard(agreement, ("c", 110.0))
    two = agreement.fast
    heard(agreement, ("a", 112.0), ("b", 120.0))

    assert (None, ("a", 400.0), None) == (one, two, agreement.fast)
