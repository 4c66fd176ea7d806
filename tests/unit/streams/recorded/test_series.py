"""Which series of a table take part: rates of counters, unread cells, health signals."""

from pathlib import Path

import numpy as np
import pytest

from streams.recorded import Recording, RecordingError, validate
from streams.recorded.recording import LABELS

N = 60


def written(tmp_path: Path, **columns: list[object]) -> Path:
    """A table with a row every ten seconds; `a__x` is the column `a:x`."""
    names = [name.replace("__", ":") for name in columns]
    rows = [
        ",".join(map(str, [10 * i, *row]))
        for i, row in enumerate(zip(*columns.values(), strict=True))
    ]
    path = tmp_path / "m.csv"
    path.write_text("\n".join([",".join(["time", *names]), *rows]))
    return path


def read(path: Path, *, keep_counters: bool = False) -> dict[str, list[float]]:
    recording = Recording.open(path, keep_counters=keep_counters)
    rows = np.array([values for _, values in recording.rows()])
    return dict(zip(recording.names, rows.T.tolist(), strict=True))


def rising(step: float, every: int = 1) -> list[object]:
    return [1000 + step * (i // every) for i in range(N)]


class TestCounters:
    def test_what_is_counted_up_is_read_as_a_rate(self, tmp_path: Path) -> None:
        """By its name, or because it grows in every row; said in one line."""
        path = written(tmp_path, a__seen_total=rising(50, every=4), b__ticks=rising(30))
        found = read(path)
        (said,) = [p for p in Recording.open(path).problems if p.rule == "counters"]

        assert [5.0 if i % 4 == 0 else 0.0 for i in range(1, N)] == found["a:seen_total"][1:]
        assert [3.0] * (N - 1) == found["b:ticks"][1:]
        assert np.isnan(found["a:seen_total"][0])
        assert "2 of 2 series are counted up, e.g. `a:seen_total`" == said.message

    def test_a_reset_begins_from_zero(self, tmp_path: Path) -> None:
        """What was counted since is the least that it grew."""
        values = [1000 + 30 * i if i < 40 else 20 + 30 * (i - 40) for i in range(N)]
        found = read(written(tmp_path, a__ticks=[*values]))["a:ticks"]

        assert (3.0, 2.0, 3.0) == (found[39], found[40], found[41])

    def test_a_gap_is_spread_over_its_time(self, tmp_path: Path) -> None:
        """What grew while no value came grew in all of that time."""
        values = rising(30)
        values[20] = values[21] = ""
        found = read(written(tmp_path, a__ticks=values))["a:ticks"]

        assert np.isnan(found[20:22]).all()
        assert 3.0 == found[22]

    @pytest.mark.parametrize(
        "values",
        [
            rising(30, every=2),  # a level that has not fallen so far
            [1000 + 30 * i - 200 * (i == 40) for i in range(N)],  # falls, and not to zero
            [i % 2 for i in range(N)],  # resets more often than it grows
            [-1000 + i for i in range(N)],
            [7] * N,
            rising(30, every=10),
        ],
        ids=["slow", "falls", "pulses", "negative", "constant", "steps"],
    )
    def test_levels_stay_levels(self, tmp_path: Path, values: list[object]) -> None:
        assert values == read(written(tmp_path, a__x=values))["a:x"]

    def test_a_total_that_falls_is_a_level(self, tmp_path: Path) -> None:
        """Whatever its name says."""
        values: list[object] = [100 + 3 * (i % 9) for i in range(N)]

        assert values == read(written(tmp_path, a__swap_total=values))["a:swap_total"]

    def test_counters_may_be_kept(self, tmp_path: Path) -> None:
        """By an argument, or by the labels."""
        path = written(tmp_path, a__ticks=rising(30))
        assert rising(30) == read(path, keep_counters=True)["a:ticks"]
        (tmp_path / LABELS).write_text('{"counters": "keep"}')
        (tmp_path / "metrics.csv").write_bytes(path.read_bytes())
        assert rising(30) == read(tmp_path)["a:ticks"]


class TestUnread:
    def test_cells_that_are_no_numbers_are_no_silence(self, tmp_path: Path) -> None:
        """A series with two of them in a row is left out; single ones are missing."""
        broken: list[object] = [i % 7 if i < 50 else "down" for i in range(N)]
        single: list[object] = [i % 7 if i != 50 else "down" for i in range(N)]
        silent: list[object] = [i % 7 if i < 50 else "" for i in range(N)]
        path = written(tmp_path, a__x=broken, b__x=single, c__x=silent)
        problems = Recording.open(path).problems

        assert ["b:x", "c:x"] == [*read(path)]
        (said,) = [p for p in problems if p.rule == "unread-column"]
        assert ("a:x", "10 cells in a row are no numbers") == (said.column, said.message)

    def test_infinities_are_no_silence_either(self, tmp_path: Path) -> None:
        values: list[object] = [i % 7 if i < 50 else "inf" for i in range(N)]

        assert ["b:x"] == [*read(written(tmp_path, a__x=values, b__x=[i % 5 for i in range(N)]))]


class TestHealthSignals:
    def test_without_any_value_they_cannot_serve(self, tmp_path: Path) -> None:
        """An error if none of them has one, a warning otherwise."""
        path = written(tmp_path, a__x=[""] * N, b__x=[i % 7 for i in range(N)])

        assert ["kpi-empty"] == [
            p.rule for p in validate(path, kpi=["a:x"]) if p.severity == "error"
        ]
        with pytest.raises(RecordingError, match="has no value in any row"):
            Recording.open(path, kpi=["a:x"])
        (said,) = [p for p in Recording.open(path, kpi=["a:x", "b:x"]).problems if "kpi" in p.rule]
        assert "warning" == said.severity

    def test_one_that_is_left_out_is_named(self, tmp_path: Path) -> None:
        broken: list[object] = [i % 7 if i < 50 else "down" for i in range(N)]
        path = written(tmp_path, a__x=broken, b__x=[i % 5 for i in range(N)])
        with pytest.raises(RecordingError, match="`a:x` holds cells that are no numbers"):
            Recording.open(path, kpi=["a:x"])

    def test_one_without_labels_stands_for_all_of_its_columns(self, tmp_path: Path) -> None:
        """Said in one line; columns without any value cannot serve here either."""
        values: list[object] = [i % 5 for i in range(N)]
        columns = {f"a__x{{code={code}}}": values for code in (200, 500)}
        path = written(tmp_path, **columns, a__y=[i % 7 for i in range(N)])
        recording = Recording.open(path, kpi=["a:x"])
        (said,) = [p for p in recording.problems if p.rule == "kpi-parts"]

        assert (("a:x",), "info") == (recording.meta.kpi, said.severity)
        assert "KPI `a:x` stands for 2 columns, e.g. `a:x{code=200}`" == said.message
        with pytest.raises(RecordingError, match=r"KPI `a:x\{code=404\}` is no column"):
            Recording.open(path, kpi=["a:x{code=404}"])
        nothing: list[object] = [""] * N
        empty = written(tmp_path, **dict.fromkeys(columns, nothing), a__y=[1] * N)
        with pytest.raises(RecordingError, match="KPI `a:x` has no value in any row"):
            Recording.open(empty, kpi=["a:x"])
