"""Series that have left are forgotten; those that live, and those that come back, are not."""

import numpy as np
import pytest

from streams.align.aligner import Aligner
from streams.align.retirement import LEAST_TICKS, MOST_S
from streams.records import Frame, Samples

LIVING = ("web:latency", "db:cpu")


def pushed(aligner: Aligner, tick: int, names: tuple[str, ...], interval_s: float) -> list[Frame]:
    """Push one row of these series, each with the value of its tick."""
    values = np.full(len(names), float(tick))
    return aligner.push(Samples("shop", tick * interval_s, names, values))


@pytest.mark.parametrize("interval_s", [1.0, 60.0, 300.0])
def test_known_is_what_lives_whatever_rotates(interval_s: float) -> None:
    """A pod with a new name every 50 ticks: frames hold a bounded number of them, and all of it."""
    aligner, widest, lost = Aligner(interval_s), 0, 0
    bound = 2 + 2 + max(LEAST_TICKS, round(3600 / interval_s)) // 50 + 2
    for tick in range(20_000):
        pod = f"cron-{tick // 50}:cpu"
        for frame in pushed(aligner, tick, (*LIVING, pod), interval_s):
            held = dict(zip(frame.names, frame.values, strict=True))
            widest = max(widest, len(frame.names))
            lost += int(np.isnan([held[name] for name in LIVING]).any())
            lost += int(np.count_nonzero(np.isfinite(frame.values)) != 3)
    assert widest <= bound
    assert lost == 0


def test_what_lived_long_is_known_for_as_long() -> None:
    """Silent for half its life it is known, for longer it is not; eight days are the most."""
    aligner, interval_s = Aligner(60.0), 60.0
    for tick in range(2000):
        pushed(aligner, tick, (*LIVING, "old:cpu"), interval_s)
    for tick in range(2000, 3000):
        pushed(aligner, tick, LIVING, interval_s)
    assert "old:cpu" in aligner.series.names
    for tick in range(3000, 4100):
        pushed(aligner, tick, LIVING, interval_s)
    assert aligner.series.names == LIVING

    most = round(MOST_S / 3600)
    aligner = Aligner(3600.0)
    for tick in range(3 * most):
        pushed(aligner, tick, (*LIVING, "old:cpu"), 3600.0)
    for tick in range(3 * most, 4 * most + 64):
        pushed(aligner, tick, LIVING, 3600.0)
    assert aligner.series.names == LIVING


def test_junk_locks_nobody_out() -> None:
    """A flood of names fills the cap; a service that comes later finds room within minutes."""
    aligner = Aligner(1.0, max_series=50)
    for tick in range(200):
        junk = tuple(f"{tick}-{i}:x" for i in range(20)) if tick < 100 else ()
        pushed(aligner, tick, (*LIVING, *junk), 1.0)
    assert "new:cpu" not in aligner.series.names
    frames = [
        frame for tick in range(200, 300) for frame in pushed(aligner, tick, ("new:cpu",), 1.0)
    ]
    assert "new:cpu" in frames[-1].names
    assert aligner.series.top_refused()[0][1] > 0


def test_one_source_takes_no_places_of_others() -> None:
    """100,000 living series of one host fill the cap; of hosts that come later all find room."""
    flood = [tuple(f"host:x{part}-{i}" for i in range(20_000)) for part in range(5)]
    others = tuple(f"{name}:m{i}" for name in ("orders", "db", "cart") for i in range(600))
    aligner = Aligner(1.0)
    for tick in range(40):
        for names in flood:
            pushed(aligner, tick, names, 1.0)
        if tick >= 10:
            pushed(aligner, tick, others, 1.0)
    assert {*others} < {*aligner.series.names}
    frames = [frame for tick in (40, 41) for frame in pushed(aligner, tick, others, 1.0)]
    held = dict(zip(frames[-1].names, frames[-1].values.tolist(), strict=True))
    assert {frames[-1].time} == {held[name] for name in others}
    assert "host" == aligner.series.top_refused()[0][0]


def test_one_source_may_have_all_that_nobody_else_wants() -> None:
    """And gives up no more than others ask for, the newest first."""
    aligner = Aligner(1.0, max_series=100)
    names = tuple(f"host:x{i}" for i in range(120))
    for tick in range(70):
        pushed(aligner, tick, names, 1.0)
    assert aligner.series.names == names[:100]
    for tick in range(70, 140):
        pushed(aligner, tick, names, 1.0)
        pushed(aligner, tick, LIVING, 1.0)
    assert {*names[:98], *LIVING} == {*aligner.series.names}


def test_what_has_a_history_outlives_what_came_once() -> None:
    """Names that come once make room for each other, not a service that has fallen silent."""
    aligner = Aligner(1.0, max_series=500)
    for tick in range(1000):
        crashed = ("crashed:cpu",) if tick < 600 else ()
        junk = tuple(f"{tick}-{i}:x" for i in range(4)) if tick >= 500 else ()
        pushed(aligner, tick, (*LIVING, *crashed, *junk), 1.0)
    assert {*LIVING, "crashed:cpu"} < {*aligner.series.names}
    assert aligner.displaced > 100


def test_open_and_parked_ticks_follow() -> None:
    """What waits while others leave keeps its values under its names."""
    aligner, late = Aligner(1.0, lateness_s=10.0), []
    for tick in range(9000):
        names = ("gone:cpu", *LIVING) if tick < 10 else LIVING
        for frame in pushed(aligner, tick, names, 1.0):
            held = dict(zip(frame.names, frame.values, strict=True))
            late += [held[name] - frame.time for name in LIVING]
    assert aligner.series.names == LIVING
    assert set(late) == {0.0}


def test_a_restart_in_between_changes_nothing() -> None:
    """Names, values and the day of leaving are those of an aligner that went on."""

    def run(cuts: set[int], most: int) -> list[tuple[tuple[str, ...], list[float]]]:
        aligner, told = Aligner(1.0, max_series=most), []
        for tick in range(12_000):
            if tick in cuts:
                state = aligner.state_dict()
                aligner = Aligner(1.0, max_series=most)
                aligner.load_state_dict(state)
            pod = f"pod-{tick // 700}:cpu"
            many = tuple(f"host:x{tick // 400}-{i}" for i in range(9))
            frames = pushed(aligner, tick, (*many, *LIVING, pod)[-12 if most < 99 else -3 :], 1.0)
            told += [(frame.names, frame.values.tolist()) for frame in frames]
        return told

    np.testing.assert_equal(run({3000, 7001, 7337}, 5000), run(set(), 5000))
    np.testing.assert_equal(run({3000, 7001, 7337}, 10), run(set(), 10))


def test_state_of_before() -> None:
    """A checkpoint that knows no lives begins them with its next tick."""
    aligner = Aligner(1.0)
    for tick in range(20):
        pushed(aligner, tick, LIVING, 1.0)
    state = aligner.state_dict()
    del state["lives"], state["closed"]
    restored = Aligner(1.0)
    restored.load_state_dict(state)
    for tick in range(20, 8000):
        pushed(restored, tick, LIVING[:1], 1.0)
    assert restored.series.names == LIVING[:1]
