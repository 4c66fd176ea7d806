"""What must hold for the engine whatever the data."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import NAMES, ONSET, run, shop_config, shop_rows, write_recording

from coral.contract.events import Event, encode
from coral.engine import Engine
from streams.align.aligner import Aligner
from streams.codec.native import NativeCodec, encode_batch, encode_row
from streams.records import Frame, Record

FEW = settings(max_examples=8, deadline=None)


def answer(events: list[Event]) -> tuple[list[str], list[str]]:
    """Ranked names of the last revision, without scores."""
    data = events[-1].data
    return [s.name for s in data.entities if s.score > 0], [
        s.name for s in data.metrics if s.score > 0
    ]


def scores(events: list[Event]) -> dict[str, float]:
    return {s.name: s.score for s in events[-1].data.entities if s.score > 0}


@FEW
@given(st.integers(0, 7), st.floats(1e-9, 1e9), st.booleans())
def test_a_positive_factor_on_one_series_changes_nothing(
    column: int, factor: float, told: bool
) -> None:
    """Seconds or milliseconds, bytes or gigabytes: the same ranking."""
    rows = shop_rows(seed=1)
    scaled = rows.copy()
    scaled[:, column] *= factor
    onset = float(ONSET) if told else None
    assert scores(run(rows, onset=onset)) == pytest.approx(
        scores(run(scaled, onset=onset)), rel=1e-4
    )


@FEW
@given(st.permutations(range(8)), st.booleans())
def test_the_order_of_columns_changes_nothing(order: list[int], told: bool) -> None:
    """A permutation of the columns gives the same names in the same order."""
    rows = shop_rows(seed=2)
    names = tuple(NAMES[i] for i in order)
    onset = float(ONSET) if told else None
    expected = answer(run(rows, onset=onset))
    assert expected == answer(run(rows[:, order], names=names, onset=onset))


@FEW
@given(st.floats(-1e6, 1e6), st.sampled_from(["idle:cpu", "db:idle", "zzz:latency"]))
def test_a_constant_extra_series_changes_no_other_rank(level: float, name: str) -> None:
    """Told the onset, a series that never moves is not there."""
    rows = shop_rows(seed=3)
    wide = np.column_stack([rows, np.full(len(rows), level)])
    expected = answer(run(rows, onset=float(ONSET)))
    assert expected == answer(run(wide, names=(*NAMES, name), onset=float(ONSET)))


@FEW
@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.booleans())
def test_rows_one_by_one_or_in_blocks_give_the_same_events(sizes: list[int], told: bool) -> None:
    """However messages cut the stream, the events are byte-identical."""
    rows, codec = shop_rows(seed=4), NativeCodec()
    onset = float(ONSET) if told else None

    def events_of(messages: list[bytes]) -> bytes:
        engine, aligner, events = Engine(shop_config(), onset=onset), Aligner(1.0), []
        for offset, value in enumerate(messages):
            for samples in codec.decode(Record("t", 0, offset, b"shop", value)).samples:
                for frame in aligner.push(samples):
                    events += engine.step(frame)
        for frame in aligner.flush():
            events += engine.step(frame)
        return b"\n".join(map(encode, events))

    single = [encode_row("shop", float(t), NAMES, x) for t, x in enumerate(rows)]
    cuts, start, batches = iter(sizes * len(rows)), 0, []
    while start < len(rows):
        size = next(cuts)
        block = rows[start : start + size]
        times = [float(t) for t in range(start, start + len(block))]
        batches.append(encode_batch("shop", times, NAMES, block))
        start += size
    assert events_of(single) == events_of(batches)


def test_the_input_is_not_touched() -> None:
    """The engine neither changes nor keeps the rows it is given."""
    rows = shop_rows(seed=5)
    kept = rows.copy()
    engine = Engine(shop_config())
    for t, x in enumerate(rows):
        x.flags.writeable = False
        engine.step(Frame("shop", float(t), NAMES, x))
    np.testing.assert_array_equal(kept, rows)


def test_two_processes_publish_the_same_bytes(tmp_path: Path) -> None:
    """A replay is byte-identical in another process with another hash seed."""
    folder = write_recording(tmp_path / "shop", shop_rows(seed=6))
    published = []
    for seed in ("1", "2"):
        out = tmp_path / f"{seed}.ndjson"
        command = [sys.executable, "-m", "coral.cli.main", "replay", str(folder), "--out", str(out)]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run(command, check=True, env=environment, capture_output=True)
        published.append(out.read_bytes())
    assert published[0]
    assert published[0] == published[1]
