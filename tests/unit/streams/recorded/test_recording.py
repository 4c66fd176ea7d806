"""Recorded incidents: opening and reading good ones, and replaying them at a pace."""

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typed import FloatArray

from streams.clock import ManualClock
from streams.codec import NativeCodec
from streams.errors import UnassignedError
from streams.recorded import RecordedSource, Recording, RecordingError, RecordingMeta
from streams.records import TopicPartition

nan = np.nan
TABLE = "timestamp,a:x,b:y\n100,1,2\n110,,4\n120,5,6.5\n"
LABELS = {
    "system": "shop",
    "interval_s": 10,
    "kpi": ["a:x"],
    "fault_start": 110,
    "root_cause_entities": ["b"],
    "edges": [["a", "b"]],
    "faults": [{"start": 110, "end": 120, "root_cause_entities": ["b"], "visibility": "strong"}],
    "unknown": {"later": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "case"
    path.mkdir()
    (path / "incident.json").write_text(json.dumps(LABELS))
    (path / "metrics.csv").write_text(TABLE)
    return path


def bare(tmp_path: Path, text: str, name: str = "metrics.csv") -> Path:
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def table(recording: Recording) -> tuple[list[float], FloatArray]:
    rows = list(recording.rows())
    return [time for time, _ in rows], np.array([values for _, values in rows])


class TestOpen:
    def test_folder(self, folder: Path) -> None:
        """A folder gives labels, names and rows."""
        recording = Recording.open(folder)
        times, values = table(recording)

        assert ("shop", 10.0, ("a:x",)) == (
            recording.meta.system,
            recording.meta.interval_s,
            recording.meta.kpi,
        )
        assert (110.0, ("b",), "all-of", 120.0) == (
            recording.meta.fault_start,
            recording.meta.root_cause_entities,
            recording.meta.root_cause_semantics,
            recording.meta.faults[0].end,
        )
        assert (("a:x", "b:y"), [100, 110, 120]) == (recording.names, times)
        np.testing.assert_array_equal([[1, 2], [nan, 4], [5, 6.5]], values)

    def test_arguments_override_the_labels(self, folder: Path) -> None:
        """KPI and interval given by the user win over `incident.json`."""
        meta = Recording.open(folder, kpi=["b:y"], interval_s=5).meta

        assert (("b:y",), 5) == (meta.kpi, meta.interval_s)

    def test_a_health_signal_that_is_named_twice_is_one(self, folder: Path) -> None:
        """On the command line or in the labels."""
        assert ("b:y", "a:x") == Recording.open(folder, kpi=["b:y", "a:x", "b:y"]).meta.kpi

    def test_gzip_is_preferred(self, folder: Path) -> None:
        """Of several tables in a folder the gzipped one is read."""
        bare(folder, "timestamp,c:z,a:x\n1,2,3\n2,3,4\n", "metrics.csv.gz")

        assert ("c:z", "a:x") == Recording.open(folder).names

    def test_bare_table(self, tmp_path: Path) -> None:
        """A bare table takes its name as system and the median step as interval."""
        path = bare(tmp_path, "time,cpu,e:m\n0,1,2\n5,1,2\n10,1,2\n99,1,2\n", "plant.csv.gz")
        recording = Recording.open(path, kpi=["cpu"])

        assert (("cpu:value", "e:m"), ("cpu:value",)) == (recording.names, recording.meta.kpi)
        assert ("plant", 5.0) == (recording.meta.system, recording.meta.interval_s)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("timestamp,a:x\n1700000000,1\n1700000001.5,2\n", [1700000000, 1700000001.5]),
            ("time,a:x\n1700000000000,1\n1700000001500,2\n", [1700000000, 1700000001.5]),
            ("time,a:x\n1700000000000000,1\n1700000001500000,2\n", [1700000000, 1700000001.5]),
            ("time,a:x\n1700000000000000000,1\n1700000001500000000,2\n", [1.7e9, 1700000001.5]),
            ("Timestamp,a:x\n1970-01-01T00:01:00Z,1\n1970-01-01T00:02:00Z,2\n", [60, 120]),
            ("time,a:x\n1970-01-01 00:01:00,1\n1970-01-01 00:02:00.5,2\n", [60, 120.5]),
            ("time,a:x\n1970-01-01T01:01:00+01:00,1\n1970-01-01T00:02:00Z,2\n", [60, 120]),
            ("a:x,time\n1,60\n2,120\n", [60, 120]),
            ("time;a:x\n60;1\n120;2\n", [60, 120]),
            ("time\ta:x\n60\t1\n120\t2\n", [60, 120]),
            ("\ufefftime,a:x\r\n60,1\r\n120,2\r\n", [60, 120]),
            ('"time","a:x"\n"60","1"\n\n"120","2"\n', [60, 120]),
        ],
    )
    def test_forms(self, tmp_path: Path, text: str, expected: list[float]) -> None:
        """Units of time, delimiters, quotes, byte order mark and line ends are understood."""
        times, values = table(Recording.open(bare(tmp_path, text)))

        assert expected == times
        assert [[1], [2]] == values.tolist()

    @pytest.mark.parametrize("cell", ["", " ", "nan", "NaN", "NA", "n/a", "null", "None", "-"])
    def test_missing(self, tmp_path: Path, cell: str) -> None:
        """What tables write for a missing value is missing."""
        _, values = table(Recording.open(bare(tmp_path, f"time,a:x\n1,{cell}\n2,2\n")))

        np.testing.assert_array_equal([[nan], [2]], values)

    @pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e101", "x", "1_000", "\u0661", "1;5"])
    def test_no_numbers_are_missing(self, tmp_path: Path, cell: str) -> None:
        """What is no finite number is missing too, also where Python would read one."""
        _, values = table(Recording.open(bare(tmp_path, f"time,a:x\n1,{cell}\n2,2\n")))

        np.testing.assert_array_equal([[nan], [2]], values)

    def test_rows_twice(self, folder: Path) -> None:
        """Rows can be read again from the beginning."""
        recording = Recording.open(folder)

        assert table(recording)[0] == table(recording)[0]

    def test_parquet(self, tmp_path: Path) -> None:
        """Parquet gives the same rows as CSV: times of any type, nulls, integers, booleans."""
        stamps = pa.array([1_000, 2_500], pa.timestamp("ms"))
        for times in (stamps, pa.array([1.0, 2.5]), pa.array(["1970-01-01T00:00:01Z", "2.5"])):
            path = tmp_path / "metrics.parquet"
            columns = {"time": times, "a:x": pa.array([1, None]), "b:y": pa.array([True, False])}
            pq.write_table(pa.table(columns), path)
            found, values = table(Recording.open(path, interval_s=1))

            assert [1.0, 2.5] == found
            np.testing.assert_array_equal([[1, 1], [nan, 0]], values)

    def test_meta_defaults(self) -> None:
        """Every label is optional."""
        assert ((), None, "all-of") == (
            RecordingMeta().kpi,
            RecordingMeta().fault_start,
            RecordingMeta().root_cause_semantics,
        )

    def test_error_lists_the_problems(self, folder: Path) -> None:
        """An unusable recording raises all that is wrong at once."""
        (folder / "incident.json").write_text('{"interval_s": "x"}')
        with pytest.raises(RecordingError) as caught:
            Recording.open(folder, kpi=["a:xx"])

        assert ["labels", "kpi", "interval"] == [p.rule for p in caught.value.problems]
        assert "KPI `a:xx` is no column. Perhaps `a:x` is meant" in str(caught.value)

    def test_broken_in_the_middle(self, tmp_path: Path) -> None:
        """A truncated file gives its rows and then the error."""
        text = "time,a:x\n" + "".join(f"{t},{t % 7}.{t}\n" for t in range(20_000))
        path = tmp_path / "m.csv.gz"
        path.write_bytes(gzip.compress(text.encode())[:-20_000])
        rows = Recording.open(path).rows()
        times: list[float] = []
        with pytest.raises(RecordingError, match="truncated"):
            times.extend(time for time, _ in rows)

        assert [*range(len(times))] == times
        assert len(times) > 100


class TestSource:
    IN = TopicPartition("recorded", 0)

    def source(self, folder: Path, speed: float | None = None) -> RecordedSource:
        self.clock = ManualClock(1e9)
        return RecordedSource(Recording.open(folder), self.clock, speed)

    def test_rows_as_records(self, folder: Path) -> None:
        """Each row is a native record: key = system, offset = number of the row."""
        records = self.source(folder).poll(10, 0)
        codec = NativeCodec()
        samples = [s for r in records for s in codec.decode(r).samples]

        assert [(b"shop", 0, 100_000), (b"shop", 1, 110_000), (b"shop", 2, 120_000)] == [
            (r.key, r.offset, r.timestamp_ms) for r in records
        ]
        assert [100, 110, 120] == [s.time for s in samples]
        np.testing.assert_array_equal([[1, 2], [nan, 4], [5, 6.5]], [s.values for s in samples])
        assert samples[0].names is samples[2].names

    def test_exhausted(self, folder: Path) -> None:
        """The source is exhausted when the last row was returned, and polls stay empty."""
        source = self.source(folder)
        states = [(len(source.poll(1, 5.0)), source.exhausted) for _ in range(4)]

        assert [(1, False), (1, False), (1, True), (0, True)] == states
        assert 1e9 == self.clock.time()

    def test_pace(self, folder: Path) -> None:
        """At twice real time ten seconds of the recording take five of the clock."""
        source = self.source(folder, speed=2.0)
        due = []
        while not source.exhausted:
            due += [(r.offset, self.clock.time() - 1e9) for r in source.poll(10, 60.0)]

        assert [(0, 0.0), (1, 5.0), (2, 10.0)] == due

    def test_poll_waits_no_longer_than_asked(self, folder: Path) -> None:
        """If no row is due within the timeout the poll returns empty when it is over."""
        source = self.source(folder, speed=1.0)
        source.poll(1, 0.0)
        empty = source.poll(1, 4.0)

        assert ([], 4.0) == (empty, self.clock.time() - 1e9)

    def test_late_polls_catch_up(self, folder: Path) -> None:
        """After a pause of the reader all rows that are due come at once."""
        source = self.source(folder, speed=1.0)
        source.poll(1, 0.0)
        self.clock.advance(100.0)

        assert [1, 2] == [r.offset for r in source.poll(10, 0.0)]

    def test_seek(self, folder: Path) -> None:
        """Seeking back and forth finds the same rows; beyond the end there is nothing."""
        source = self.source(folder)
        source.poll(10, 0)
        source.seek(self.IN, 1)
        back = [r.offset for r in source.poll(1, 0)]
        source.seek(self.IN, 0)
        source.seek(self.IN, 2)
        ahead = source.poll(10, 0)
        source.seek(self.IN, 9)

        assert ([1], [2], 120_000) == (back, [r.offset for r in ahead], ahead[0].timestamp_ms)
        assert (True, 9) == (source.exhausted, source.position(self.IN))

    def test_offsets(self, folder: Path) -> None:
        """Position, commit and the edges follow the contract of a source."""
        source = self.source(folder)
        before = source.committed(self.IN)
        source.poll(2, 0)
        source.commit({self.IN: 1})

        assert (None, 2, 1) == (before, source.position(self.IN), source.committed(self.IN))
        assert (0, None) == (source.beginning_offset(self.IN), source.end_offset(self.IN))
        assert {self.IN} == source.assignment()

    def test_pause(self, folder: Path) -> None:
        """A paused source returns nothing, waits, and goes on where it was."""
        source = self.source(folder)
        source.pause([self.IN])
        empty = source.poll(1, 3.0)
        source.resume([self.IN])

        assert ([], 3.0) == (empty, self.clock.time() - 1e9)
        assert [0] == [r.offset for r in source.poll(1, 0)]

    def test_close(self, folder: Path) -> None:
        """A closed source has nothing more."""
        source = self.source(folder)
        source.close()

        assert source.exhausted

    def test_broken_recording(self, tmp_path: Path) -> None:
        """Rows before the fault are delivered, the error comes with the poll after them."""
        text = "time,a:x\n" + "".join(f"{t},{t % 7}.{t}\n" for t in range(20_000))
        path = tmp_path / "m.csv.gz"
        path.write_bytes(gzip.compress(text.encode())[:-20_000])
        source = RecordedSource(Recording.open(path), ManualClock())
        count = len(source.poll(100_000, 0))

        assert (True, False) == (count > 100, source.exhausted)
        with pytest.raises(RecordingError, match="truncated"):
            source.poll(1, 0)

    def test_rejects(self, folder: Path) -> None:
        """Wrong partitions, offsets and speeds are refused."""
        source = self.source(folder)
        for use in (
            lambda tp: source.seek(tp, 0),
            lambda tp: source.commit({tp: 0}),
            lambda tp: source.pause([tp]),
            source.position,
        ):
            with pytest.raises(UnassignedError):
                use(TopicPartition("recorded", 1))
        with pytest.raises(ValueError, match="offset >= 0, got -1"):
            source.seek(self.IN, -1)
        with pytest.raises(ValueError, match="speed > 0, got 0"):
            RecordedSource(Recording.open(folder), self.clock, 0)
