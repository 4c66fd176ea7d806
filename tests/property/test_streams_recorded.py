"""A broken recording never ends in a traceback, and a good one is read as it is."""

import gzip
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.recorded import Recording, RecordingError, validate

cell = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(["", "nan", "1e400", '"', "a,b", "\x00", "\r", "2024-01-01", "9" * 30]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
header = st.lists(
    st.one_of(st.sampled_from(["timestamp", "time", "a:x", "b:y", ""]), cell), max_size=5
)
lines = st.lists(st.lists(cell, max_size=5), max_size=8)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@settings(max_examples=100, deadline=None)
@given(
    head=header,
    body=lines,
    labels=st.one_of(st.none(), st.binary(max_size=20), st.just(b'{"kpi":["a:x"]}')),
    zipped=st.booleans(),
    data=st.data(),
)
def test_streams_any_recording(
    folder: Path,
    head: list[str],
    body: list[list[str]],
    labels: bytes | None,
    zipped: bool,
    data: st.DataObject,
) -> None:
    """Any files are either read to their end or refused with problems; both readers agree."""
    raw = "\n".join(",".join(row) for row in [head, *body]).encode()
    if zipped:
        raw = gzip.compress(raw, mtime=0)
    raw = raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw
    for file in folder.iterdir():
        file.unlink()
    (folder / ("metrics.csv.gz" if zipped else "metrics.csv")).write_bytes(raw)
    if labels is not None:
        (folder / "incident.json").write_bytes(labels)

    problems = validate(folder)
    failed = [p for p in problems if p.severity == "error"]
    try:
        rows = list(Recording.open(folder).rows())
    except RecordingError:
        assert failed
        return
    assert all(p.rule in ("too-few-rows", "time-order-lost") for p in failed)
    times = [time for time, _ in rows]
    assert sorted(set(times)) == times
    assert not any(np.isinf(values).any() for _, values in rows)
    assert all(str(p).encode() for p in problems)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.one_of(st.just(math.nan), st.floats(-1e100, 1e100)), min_size=2, max_size=2),
        min_size=2,
        max_size=8,
    )
)
def test_streams_good_recording(folder: Path, values: list[list[float]]) -> None:
    """What is written to a table is read from it to the last bit."""
    for file in folder.iterdir():
        file.unlink()
    cells = [
        [str(i), *["" if math.isnan(v) else repr(v) for v in row]] for i, row in enumerate(values)
    ]
    body = "\n".join(",".join(row) for row in cells)
    (folder / "metrics.csv").write_text(f"time,a:x,b:y\n{body}\n")
    found = list(Recording.open(folder).rows())

    assert [*range(len(values))] == [time for time, _ in found]
    np.testing.assert_array_equal(values, [row for _, row in found])
