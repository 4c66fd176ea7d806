"""A run that was cut and restored anywhere is the run that was not."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import EDGES, NAMES, ONSET, shop_config, shop_rows
from restart import frames_of
from typed import FloatArray

from coral.checkpoint import envelope
from coral.checkpoint.tree import pack, unpack
from coral.config import EngineConfig
from coral.contract.events import encode
from coral.engine import Engine
from coral.errors import CheckpointError
from coral.replay.driver import system_of
from streams.records import Frame

FEW = settings(max_examples=6, deadline=None)
ROOT = Path(__file__).parents[2]
RECORDINGS = sorted(path.parent for path in ROOT.glob("benchmarks/recordings/*/incident.json"))
GROWN = (*NAMES, "new:cpu", "new:latency_p95")
SMALL = EngineConfig(base_rows=300)  # a full ring, and more than one segment of it


@cache
def two_faults(seed: int = 0) -> FloatArray:
    """Normal state, a fault, normal state, another fault, normal state."""
    rows = np.vstack([shop_rows(seed=seed + i, rows=ONSET) for i in range(5)])[:900]
    for start in (400, 700):
        rows[start : start + 60] = shop_rows(seed=seed + start, rows=ONSET + 60)[ONSET:]
    return rows


@cache
def lasting_fault() -> FloatArray:
    """A level that stays until it is accepted as the new normal state."""
    return np.vstack([shop_rows(rows=ONSET), shop_rows(seed=3, rows=ONSET + 300)[ONSET:]])


def frames(
    rows: FloatArray,
    interval_s: float = 1.0,
    grown_at: int | None = None,
    gap_at: int | None = None,
    left_at: int | None = None,
) -> Iterator[Frame]:
    """Frames of rows.

    Two more series from one row on, an hour without rows before another; from a third on one
    series has left, and another has a new name.
    """
    for t, x in enumerate(rows):
        time = interval_s * t + (3600.0 if gap_at is not None and t >= gap_at else 0.0)
        if left_at is not None and t >= left_at:
            yield Frame("shop", time, (*NAMES[1:-1], "pod-2:cpu"), x[1:])
        elif grown_at is not None and t >= grown_at:
            yield Frame("shop", time, GROWN, np.append(x, (x[3] + 1.0, x[0])))
        else:
            yield Frame("shop", time, NAMES, x)


def lines(engine: Engine, some: list[Frame]) -> list[bytes]:
    """Feed frames; return the events as bytes."""
    return [encode(event) for frame in some for event in engine.step(frame)]


def reborn(engine: Engine, new: Callable[[], Engine]) -> Engine:
    """Return what `new` makes after it has gone through the bytes of a checkpoint."""
    data = envelope.encode("k", engine.state_dict())
    other = new()
    other.load_state_dict(envelope.decode("k", data))
    assert pack(engine.state_dict()) == pack(other.state_dict())
    return other


def check(some: Iterable[Frame], cuts: Iterable[int], new: Callable[[], Engine]) -> list[bytes]:
    """Compare a run that is cut with one that is not: events and state."""
    some = list(some)
    whole = new()
    expected = lines(whole, some)
    engine, found = new(), []
    for start, end in pairwise([0, *sorted(cuts), len(some)]):
        found += lines(engine, some[start:end])
        engine = reborn(engine, new)
    assert expected == found
    assert pack(whole.state_dict()) == pack(engine.state_dict())
    return expected


ROWS = st.integers(0, 899)


@FEW
@given(st.lists(ROWS, min_size=1, max_size=8), st.none() | ROWS, st.none() | ROWS)
def test_online_with_two_faults(cuts: list[int], grown_at: int | None, gap_at: int | None) -> None:
    """Warming, quarantine, incident, resolution, growth, gap: any row will do."""
    assert check(
        frames(two_faults(), grown_at=grown_at, gap_at=gap_at),
        cuts,
        lambda: Engine(shop_config(), SMALL),
    )


@FEW
@given(st.lists(ROWS, min_size=1, max_size=8), ROWS)
def test_online_with_names_that_come_and_go(cuts: list[int], left_at: int) -> None:
    """Also when they go in an incident, which keeps its series."""
    check(
        frames(two_faults(), left_at=left_at),
        [*cuts, left_at + 1],
        lambda: Engine(shop_config(), SMALL),
    )


@FEW
@given(st.lists(st.integers(0, 499), min_size=1, max_size=8), st.none() | st.integers(0, 499))
def test_online_with_a_new_normal(cuts: list[int], grown_at: int | None) -> None:
    """The rows of an incident that become the new normal state survive a restart, too."""
    events = check(
        frames(lasting_fault(), 60.0, grown_at=grown_at),
        cuts,
        lambda: Engine(shop_config(interval_s=60.0), SMALL),
    )
    assert any(b"new normal accepted" in line for line in events)


@FEW
@given(st.lists(st.integers(0, 279), min_size=1, max_size=8), st.none() | st.integers(0, 279))
def test_told(cuts: list[int], grown_at: int | None) -> None:
    """The same in oracle mode."""
    assert check(
        frames(shop_rows(), grown_at=grown_at),
        cuts,
        lambda: Engine(shop_config(), onset=float(ONSET)),
    )


@FEW
@given(st.floats(0.0, 0.6), st.lists(ROWS, min_size=1, max_size=4))
def test_missing_cells(share: float, cuts: list[int]) -> None:
    """Missing cells stay missing through a checkpoint."""
    rows = two_faults().copy()
    rows[np.random.default_rng(5).random(rows.shape) < share] = np.nan
    check(frames(rows), cuts, lambda: Engine(shop_config(), SMALL))


def test_every_row_of_an_incident() -> None:
    """Saved and restored after each row, from quarantine to the resolution."""
    check(frames(two_faults()[:480]), range(380, 480), lambda: Engine(shop_config(), SMALL))


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda path: path.name)
def test_recorded_incidents(folder: Path) -> None:
    """Every recording, cut every minute or so, in both modes."""
    meta, some = frames_of(folder)
    system = system_of(meta)
    check(some, range(37, len(some), 61), lambda: Engine(system))
    # Where there is no fault, as in a load spike, one is told all the same.
    onset = meta.fault_start or some[len(some) // 2].time
    assert check(some, range(50, len(some), 97), lambda: Engine(system, onset=onset))


def test_a_snapshot_does_not_change() -> None:
    """What the engine does after `state_dict` does not show in it."""
    engine, some = Engine(shop_config(), SMALL), list(frames(two_faults()))
    lines(engine, some[:420])
    state = engine.state_dict()
    before = pack(state)
    lines(engine, some[420:])
    assert before == pack(state)


@pytest.mark.parametrize("cut", [100, 430])
def test_other_processes(tmp_path: Path, cut: int) -> None:
    """Three processes with three hash seeds: the two halves of one make the other."""
    folder = RECORDINGS[0]

    def run(seed: str, *words: str) -> bytes:
        command = [sys.executable, str(ROOT / "tests" / "restart.py"), str(folder), *words]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        return subprocess.run(command, check=True, env=environment, capture_output=True).stdout

    file = str(tmp_path / "state")
    halves = run("1", "0", str(cut), file), run("2", str(cut), "100000", file)
    assert run("3", "0", "100000", str(tmp_path / "whole")) == b"".join(halves)
    assert Path(file).read_bytes() == (tmp_path / "whole").read_bytes()


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
    max_leaves=20,
)
TREES = st.dictionaries(st.text(), PLAIN, max_size=5)


@given(TREES)
def test_plain_trees_come_back(tree: dict[str, Any]) -> None:
    """Values and types survive, the encoding is one of a kind."""
    data = pack(tree)
    assert repr(tree) == repr(unpack(data, 0)) or pack(unpack(data, 0)) == data


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    """Random bytes are a state, or refused by name."""
    with contextlib.suppress(CheckpointError):
        assert pack(unpack(data, 1000))


@given(TREES, st.data())
def test_flipped_bits_and_lost_bytes_are_refused(tree: dict[str, Any], data: st.DataObject) -> None:
    """One wrong bit, or one missing byte, anywhere."""
    whole = envelope.encode("shop", tree)
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    for wrong in (bytes(flipped), whole[: bit // 8], whole + b"\0"):
        with pytest.raises(CheckpointError):
            envelope.decode("shop", wrong)


def test_edges_may_change_while_nothing_is_wrong() -> None:
    """A topology that is told later holds from then on; nothing learned is lost."""
    engine, some = Engine(shop_config(edges=())), list(frames(two_faults()))
    lines(engine, some[:399])
    other = Engine(shop_config(edges=EDGES))
    other.load_state_dict(engine.state_dict())
    events = [event for frame in some[399:470] for event in other.step(frame)]
    assert events[0].data.base_rows > 300
    assert events[-1].data.causes[0].path[-1] == "web"
