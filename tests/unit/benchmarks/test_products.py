"""The benchmark's ways of noticing, on a small recording."""

import numpy as np
from detection.products import HOW, opened, products, products_table, rolling_median
from detection.recordings import Run
from detection.short import clock_table, cut, ratio_of, short_table
from detection.wild import KINDS, wild

NAMES = ("web:latency", "db:cpu", "db:io", "cart:cpu")


def run(fault: float = 0.5) -> Run:
    """A latency and three other series; all of them move at row 300."""
    x = np.random.default_rng(0).normal(size=(340, 4))
    x[:, 0] = 0.1 + 0.01 * x[:, 0]
    x[300:] += [fault, 30.0, 30.0, 0.0]
    label = np.arange(340) >= 300
    follows = np.ones(340, dtype=bool)
    return Run(
        "shop", "one", 60.0, x, follows, label, ((300, 340),), (False,), (300,), None, False,
        NAMES, NAMES[:1],
    )  # fmt: skip


def test_each_way_finds_the_fault() -> None:
    """Health signals and the rule to beat page, the trigger changes, both do both."""
    found = {how: products(run(), how) for how in HOW}
    assert {how: (one.found, one.paged) for how, one in found.items()} == {
        "health signals": (1, 1),
        "trigger": (1, 0),
        "both": (1, 1),
        "rolling median": (1, 1),
    }
    assert all(one.false_pages == 0 for how, one in found.items() if how != "rolling median")
    table = products_table(list(found.values()))["shop"]
    assert (table["runs"], table["faults"], table["found"]) == (4, 4, 4)


def test_what_is_not_felt_does_not_page() -> None:
    """The latency stays."""
    assert [event.felt for event in opened(run(0.0), health=True, trigger=True)] == [None]
    assert not [e for e in rolling_median(run(0.0)) if 300 <= e.row < 310]


def test_short_bases_and_clocks() -> None:
    """A base is cut from its end; the clock does not matter."""
    short = cut(run(), 100)
    assert short is not None
    assert (len(short.x), short.faults) == (140, ((100, 140),))
    assert cut(run(), 1000) is None
    assert [row["cases"] for row in short_table([run()])] == [1, 1, 1, 1, 0]
    clocks = clock_table([run()])
    assert [row["found"] for row in clocks] == [1, 1]
    assert ratio_of(clocks) == 1.0


def test_wild_series_are_wild() -> None:
    """Every kind is finite and another one."""
    made = [wild(kind, 430, 0) for kind in KINDS]
    assert all(np.isfinite(x).all() and len(x) == 430 for x in made)
    assert len({x.tobytes() for x in made}) == len(KINDS)
