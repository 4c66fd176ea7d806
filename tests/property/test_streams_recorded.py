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


SHAPES = (
    "sep=;\ntime;a:x;b:y\n2023-11-14 22:13:20 UTC;1,5;1.234,5\n2023-11-14 22:13:30;2 ms;3 %\n",
    "Series,Time,Value\na:x,1,2\nb:y,1,3\na:x,2,4\nb:y,2,nope\n",
    "#group,false\n,result,table,_time,_value,_field,host\n,,0,1,2,f,h\n,,0,2,3,f,h\n\n",
    '{"data":{"resultType":"matrix","result":[{"metric":{"job":"a"},"values":[[1,"2"],[2,"3"]]}]}}',
    'Time,"up{job=""a"",instance=""a:1""}","up{job=""b""}"\n1,2,3\n2,3,4\n',
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(SHAPES),
    st.lists(
        st.tuples(st.integers(0, 160), st.sampled_from('\n,;"{}[]#%.:\x00\ud7ff9e-')), max_size=6
    ),
    st.integers(0, 200),
)
def test_streams_damaged_exports(
    folder: Path, text: str, changed: list[tuple[int, str]], length: int
) -> None:
    """Whatever became of an export, it is read to its end or refused in words."""
    for at, character in changed:
        text = text[:at] + character + text[at + 1 :]
    path = folder / "export.csv"
    path.write_bytes(text[:length].encode("utf-8", "surrogatepass"))
    problems = validate(path)
    try:
        rows = list(Recording.open(path).rows())
    except RecordingError:
        assert any(p.severity == "error" for p in problems)
        return
    times = [time for time, _ in rows]
    assert sorted(set(times)) == times
    assert not any(np.isinf(values).any() for _, values in rows)
    path.unlink()


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
