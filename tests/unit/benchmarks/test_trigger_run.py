"""The parts of a run of benchmarks/trigger.py, from recordings to the tables in docs."""

from pathlib import Path
from typing import Any

import pytest
import trigger
import trigger_tables
from detection.hindsight import date_faults, onset_table
from detection.recordings import STREAMS, find_runs
from makers import shop_rows, write_recording

FAULTS = [{"start": 1_700_000_200, "end": 1_700_000_279}]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with a run of everything that is pooled."""
    root = tmp_path_factory.mktemp("tree")
    for name in STREAMS:
        write_recording(
            root / name, shop_rows(), dataset=name, modes=["online-multi"], faults=FAULTS
        )
    for case in ("idv01__test", "idv03__train"):
        write_recording(root / case, shop_rows(), dataset="tep")
    write_recording(root / "valve", shop_rows(), dataset="skab")
    return root


@pytest.fixture(scope="module")
def result(recordings: Path) -> dict[str, Any]:
    """What a full run writes, without the cost of rows."""
    paths = find_runs(recordings, (*STREAMS, "tep", "skab"))
    scores = [trigger.score_ours(path) for path in paths]
    tables = trigger.tables_of(scores)
    found = {"tables": tables, "tep": trigger.tep_table(scores), "commit": "abc"}
    found["figures"] = trigger.figures_of(tables, 1.0)
    found["onsets"] = onset_table(scores, [date_faults(path) for path in paths])
    day = {"day": 1, "false_alarms": 2.0, "clean_days": 0.5}
    found["first_days"] = {"one": [day], "other": [day | {"clean_days": 0.25}]}
    found["deployments"] = [
        {"deployment": "made", "alarms_in_3_days": 1.25, "found_after_6_h": 7, "faults": 8}
    ] * 4
    found["changes"] = [
        {"change": "made", "runs": 9, "found": 7, "inside": 6}
        | {"delay_rows": 2.0, "error_rows": 0.5, "width_rows": 3.0}
    ] * 4
    return found | trigger.compare(paths, 1) | trigger.ablate(paths, 1)


def test_figures_have_the_names_that_are_tracked(result: dict[str, Any]) -> None:
    """And the invisible faults of the plant are left out where the name says so."""
    figures = result["figures"]
    assert set(figures) == {
        "tep_runs_with_false_alarm",
        "tep_visible",
        "tep_visible_found",
        "tep_median_delay_rows",
        "asd_found",
        "asd_false_alarms_per_day",
        "smd_found",
        "smd_false_alarms_per_day",
        "batadal_found",
        "batadal_false_alarms_per_day",
        "budget_ratio_worst",
    }
    assert (figures["tep_visible"], figures["tep_visible_found"]) == (1, 1)
    assert [row["visible"] for row in result["tep"]] == [True, False]
    assert result["tables"]["cases, pooled"]["faults"] == 2


@pytest.mark.parametrize("part", ["sets", "onsets", "peers", "tep", "life", "ablations"])
def test_tables_are_tables(result: dict[str, Any], part: str) -> None:
    """As many cells in every row as in the header, and no hole in them."""
    lines = getattr(trigger_tables, part)(result).splitlines()
    table = [line for line in lines if line.startswith("|")]
    second = (
        i for i, line in enumerate(table) if line.startswith(("| SKAB", "| deployment", "| change"))
    )
    first = table[: next(second, len(table))]
    assert len(first) > 3
    assert len({line.count("|") for line in first}) == 1
    assert "None" not in "".join(lines)
