"""Scoring of single cases and the scorecard."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import EDGES, ONSET, shop_rows, unfelt_rows, write_recording

from coral.config import SystemConfig
from coral.errors import CoralError
from coral.evaluation import case
from coral.evaluation.backtest import backtest, find_cases, scorecard
from coral.evaluation.case import Row, Skipped, score_case
from coral.replay import driver
from coral.replay.driver import system_of
from streams.recorded import Recording

START = 1_700_000_000


def rows_of(folder: Path) -> list[Row]:
    """Scores of the faults of a case that is not skipped."""
    scored = score_case(folder, "online")
    assert not isinstance(scored, Skipped)
    return scored


def test_online_detection_is_scored(tmp_path: Path) -> None:
    """The case is found without a false alarm and has its delay."""
    row = rows_of(write_recording(tmp_path / "c", shop_rows()))[0]
    assert row["detected"] is True
    assert row["false_alarms"] == 0
    assert 0 <= row["delay_rows"] <= 10
    assert row["strict_ac@1"] == row["ac@1"] == 1.0
    assert row["rows"] == 280


def test_a_miss_scores_zero(tmp_path: Path) -> None:
    """A fault without effect is not detected and scores 0."""
    rows = shop_rows(rows=ONSET + 40, fault="none")
    row = rows_of(write_recording(tmp_path / "c", rows))[0]
    assert (row["detected"], row["ac@1"], row["mrr"], row["entities"]) == (False, 0.0, 0.0, [])


def test_a_false_alarm_costs_the_strict_score(tmp_path: Path) -> None:
    """A fault before the label is a false alarm of the labelled one."""
    rows = shop_rows(rows=700, fault="none")
    rows[300:340] = shop_rows(seed=1)[ONSET : ONSET + 40]
    rows[600:640] = shop_rows(seed=2)[ONSET : ONSET + 40]
    folder = write_recording(tmp_path / "c", rows, fault_start=START + 600, fault_end=START + 639)
    row = rows_of(folder)[0]
    assert (1, 1, 0) == (row["false_alarms"], row["false_pages"], row["false_changes"])
    assert (0.0, 0.0) == (row["strict_ac@1"], row["strict_pages_ac@1"])


@pytest.mark.parametrize(("felt_at", "pages"), [(None, 0), (212, 1)])
def test_a_change_before_the_fault_is_no_page(
    tmp_path: Path, felt_at: int | None, pages: int
) -> None:
    """It costs the strict score of events, not that of pages, unless it is felt."""
    rows = np.vstack([unfelt_rows(felt_at, 260), *(shop_rows(seed=s, fault=None) for s in (1, 2))])
    rows[600:640] = shop_rows(seed=2)[ONSET : ONSET + 40]
    folder = write_recording(tmp_path / "c", rows, fault_start=START + 600, fault_end=START + 639)
    card = scorecard(backtest([folder], "online", jobs=1), "online")
    (row,), made = card["cases"], card["datasets"]["made"]

    assert (1, pages, 1 - pages) == (row["false_alarms"], row["false_pages"], row["false_changes"])
    assert (True, True, 1.0) == (row["detected"], row["paged"], row["ac@1"])
    assert (0.0, 1.0 - pages) == (row["strict_ac@1"], row["strict_pages_ac@1"])
    assert (pages, 1 - pages) == (made["false_pages"], made["false_changes"])
    assert 1.0 - pages == made["strict_pages_ac@1"]
    assert made["false_alarms_per_day"] > 0.0
    assert (1 / 7, 2 / 7) == pytest.approx(
        (card["budget_per_day"], card["changes_budget_per_day"]), abs=1e-6
    )


def test_a_change_is_found_and_not_paged(tmp_path: Path) -> None:
    """Found by either."""
    row = rows_of(write_recording(tmp_path / "c", unfelt_rows()))[0]
    assert (True, False) == (row["detected"], row["paged"])


def test_streams_are_scored_fault_by_fault(tmp_path: Path) -> None:
    """Each entry of `faults` is a row of its own."""
    rows = shop_rows(rows=700, fault="none")
    faults = []
    for start, root in ((300, "db"), (600, "pay")):
        rows[start : start + 40] = shop_rows(seed=1, fault=root)[ONSET : ONSET + 40]
        faults.append(
            {"start": START + start, "end": START + start + 39, "root_cause_entities": [root]}
        )
    folder = write_recording(
        tmp_path / "c", rows, faults=faults, fault_start=None, modes=["online-multi"]
    )
    scored = rows_of(folder)
    assert [row["case"] for row in scored] == ["c#01", "c#02"]
    assert [row["ac@1"] for row in scored] == [1.0, 1.0]
    assert score_case(folder, "oracle") == Skipped("made", "c", "not meant for oracle mode")


def test_fault_free_recordings_count_false_alarms_only(tmp_path: Path) -> None:
    """Without a fault there is nothing to rank."""
    labels: dict[str, Any] = {
        "fault_start": None,
        "root_cause_entities": [],
        "modes": ["false-alarms"],
    }
    folder = write_recording(tmp_path / "c", shop_rows(rows=ONSET), **labels)
    row = rows_of(folder)[0]
    assert (row["detected"], row["false_alarms"], row["ac@1"]) == (None, 0, None)


def test_an_unknown_root_is_skipped_and_counted(tmp_path: Path) -> None:
    """Cases without a known root are listed with the reason."""
    write_recording(tmp_path / "a", shop_rows(), root_cause_entities=[])
    write_recording(tmp_path / "b", shop_rows())
    card = scorecard(backtest(find_cases([tmp_path]), "oracle", jobs=1), "oracle")
    assert card["skipped"] == {"made: no known root cause": 1}
    assert card["case_list"]["n"] == 1


def test_a_crash_scores_zero_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash of ours is a row of zeros with its traceback."""
    write_recording(tmp_path / "a", shop_rows())
    write_recording(tmp_path / "b", shop_rows())
    sound, calls = driver.replay, list[int]()

    def crash_once(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("boom")
        return sound(*arguments, **options)

    monkeypatch.setattr(case, "replay", crash_once)
    card = scorecard(backtest(find_cases([tmp_path]), "oracle", jobs=1), "oracle")
    assert [row["ac@1"] for row in card["cases"]] == [0.0, 1.0]
    assert "boom" in card["cases"][0]["error"]
    assert card["datasets"]["made"]["ac@1"] == 0.5


def test_a_recording_that_cannot_be_used_is_listed(tmp_path: Path) -> None:
    """It is neither a zero nor silently gone."""
    broken = write_recording(tmp_path / "a", shop_rows())
    (broken / "metrics.csv.gz").write_bytes(b"")
    card = scorecard(backtest(find_cases([tmp_path]), "online", jobs=1), "online")
    assert [str(broken)] == [failure["path"] for failure in card["failed"]]
    assert card["case_list"]["n"] == 0


def test_processes_score_as_one_does(tmp_path: Path) -> None:
    """In the order of the cases, whichever is done first."""
    write_recording(tmp_path / "a", shop_rows())
    (write_recording(tmp_path / "b", shop_rows()) / "metrics.csv.gz").write_bytes(b"")
    write_recording(tmp_path / "c", shop_rows(fault="pay"))
    cases, counts = find_cases([tmp_path]), list[int]()
    alone = scorecard(backtest(cases, "oracle", jobs=1), "oracle")
    shared = scorecard(backtest(cases, "oracle", jobs=2, progress=counts.append), "oracle")
    for row in (*alone["cases"], *shared["cases"]):
        del row["seconds"], row["peak_rss_mb"]
    assert alone["cases"] == shared["cases"]
    assert alone["failed"] == shared["failed"]
    assert [1, 2, 3] == counts


def test_no_recordings_is_an_error(tmp_path: Path) -> None:
    """An empty tree is named."""
    with pytest.raises(CoralError, match="no recorded incident"):
        find_cases([tmp_path])


def test_topology_is_an_ablation(tmp_path: Path) -> None:
    """Known edges reach the engine by default, and not with --no-topology."""
    meta = Recording.open(write_recording(tmp_path / "c", shop_rows())).meta
    assert system_of(meta).edges == EDGES
    assert system_of(meta, topology=False).edges == ()


def test_labels_stay_hidden_from_the_engine(tmp_path: Path) -> None:
    """What the engine is configured with holds no label."""
    meta = Recording.open(write_recording(tmp_path / "c", shop_rows())).meta
    known: dict[str, Any] = {"name": "shop", "interval_s": 1.0, "kpi": meta.kpi, "edges": EDGES}
    assert system_of(meta) == SystemConfig(**known)
