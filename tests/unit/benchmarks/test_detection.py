"""The scores of benchmarks/trigger.py on alarms whose scores are known."""

from pathlib import Path

import numpy as np
import pytest
from detection import changes, life
from detection.care import care_events, care_score
from detection.hindsight import best_split, date_faults, onset_table
from detection.nab import clock_parts, nab_parts, nab_score
from detection.ours import watch
from detection.recordings import Run, find_runs, open_run
from detection.scoring import Alarm, merge_alarms, poisson_interval, pool, score_alarms
from makers import NAMES, ONSET, shop_rows, write_recording
from numpy.testing import assert_allclose
from typed import BoolArray, there

from coral.replay.driver import NullSink, replay, system_of
from streams.clock import SystemClock
from streams.recorded import RecordedSource, Recording

ROWS = 1000


def run_of(
    faults: tuple[tuple[int, int], ...] = ((400, 420), (700, 720)),
    *,
    join: int | None = None,
    interval: float = 60.0,
    routine: tuple[bool, bool] | None = None,
) -> Run:
    """A recording of which only the labels matter."""
    label = np.zeros(ROWS, dtype=bool)
    for start, stop in faults:
        label[start:stop] = True
    return Run(
        dataset="made",
        case="made",
        interval_s=interval,
        x=np.zeros((ROWS, 1)),
        adjacent=np.ones(ROWS, dtype=bool),
        label=label,
        faults=tuple(faults),
        routine=routine or (False,) * len(faults),
        changes=tuple(row for fault in faults for row in fault),
        join=join,
        stream=True,
    )


def rows(*on: int) -> BoolArray:
    """Booleans, True on these rows."""
    fired = np.zeros(ROWS, dtype=bool)
    fired[list(on)] = True
    return fired


def test_evidence_within_eight_rows_is_one_alarm() -> None:
    """It rises on the first row, and lasts until eight rows brought none."""
    alarms, on = merge_alarms(rows(10, 12, 20, 29, 999), ())
    assert [10, 29, 999] == [alarm.row for alarm in alarms]
    assert [*range(10, 28), *range(29, 37), 999] == np.flatnonzero(on).tolist()


def test_a_restart_ends_an_alarm_so_that_the_next_evidence_rises() -> None:
    """The alarm before the fault neither hides it nor is forgotten."""
    alarms, _ = merge_alarms(rows(398, 399, 401), [400])
    assert [398, 401] == [alarm.row for alarm in alarms]
    score = score_alarms(run_of(), alarms, rows(), after=48)
    assert [398] == [alarm.row for alarm in score.false]
    assert 401 == there(score.hits[0]).row


def test_a_hit_rises_inside_the_label_and_the_warm_up_is_not_judged() -> None:
    """An alarm before, and one after the label, are false; one in the warm-up is nothing."""
    alarms = [Alarm(row, row - 5, "level") for row in (20, 100, 405, 420, 690, 719)]
    score = score_alarms(run_of(), alarms, rows(30, 100, 101, 405), after=48)
    found = pool([score])
    assert [100, 420, 690] == [alarm.row for alarm in score.false]
    assert (2, 2, 3) == (found["faults"], found["found"], found["false_alarms"])
    assert found["median_delay_rows"] == 12.0
    assert found["median_onset_error_rows"] == 7.0
    assert found["clean_days"] == round((ROWS - 48 - 40) * 60 / 86_400, 4)
    assert_allclose(found["quiet_share_in_alarm"], 2 / (ROWS - 88), atol=1e-5)
    late = score_alarms(run_of(), alarms, rows(), after=500)
    assert (1, 1) == (len(late.hits), len(late.starts))


def test_alarms_at_a_join_are_left_out_and_counted() -> None:
    """From its first row to three rows later."""
    alarms = [Alarm(row) for row in (299, 300, 303, 304)]
    score = score_alarms(run_of(join=300), alarms, rows(), after=48)
    assert ([299, 304], 2) == ([alarm.row for alarm in score.false], score.artefacts)


def test_daily_jobs_count_only_when_asked_for() -> None:
    """An alarm in one is never false."""
    run = run_of(routine=(True, False))
    score = score_alarms(run, [Alarm(400)], rows(), after=48)
    assert (1, 0, 0) == tuple(pool([score])[k] for k in ("faults", "found", "false_alarms"))
    assert (2, 1) == tuple(pool([score], routine=True)[k] for k in ("faults", "found"))


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.390)]
)
def test_the_poisson_interval_is_that_of_the_tables(count: int, low: float, high: float) -> None:
    """Garwood's, as printed."""
    assert_allclose(poisson_interval(count), (low, high), rtol=1e-3)


def test_care_is_one_for_the_truth_and_nothing_for_silence_or_noise() -> None:
    """The truth is also early; an alarm that never ends has no accuracy, so it has nothing."""
    run = run_of(interval=3600.0)
    assert care_score([care_events(run, run.label, after=48)])["care"] == 1.0
    assert care_score([care_events(run, rows(), after=48)])["care"] == 0.0
    always = care_score([care_events(run, ~rows(), after=48)])
    assert (always["care"], always["accuracy"], always["earliness"]) == (0.0, 0.0, 1.0)


def test_care_prefers_the_early_half_of_a_fault() -> None:
    """The same number of rows, at its beginning and at its end."""
    run = run_of(((400, 420),), interval=3600.0)
    early = care_score([care_events(run, rows(*range(400, 410)), after=48)])
    late = care_score([care_events(run, rows(*range(410, 420)), after=48)])
    assert early["coverage"] == late["coverage"]
    assert early["earliness"] > 0.6
    assert late["earliness"] < 0.4


def test_nab_pays_for_firing_often_and_the_clock_shows_it() -> None:
    """100 for an alarm on every change, 0 for silence, and a fast clock earns a lot."""
    run = run_of(interval=1.0, faults=((300, 500), (700, 900)))
    changes = nab_parts(run, [300, 500, 700, 900])
    assert_allclose(nab_score([changes]), 100.0)
    assert nab_score([nab_parts(run, [])]) == 0.0
    assert nab_score([clock_parts(run, ROWS // 60)]) > 40.0
    assert nab_score([clock_parts(run, 4)]) < 30.0


def test_ours_is_measured_as_the_engine_runs_it(tmp_path: Path) -> None:
    """The alarm rises on the row, with the onset, that the engine publishes."""
    rows = shop_rows()
    rows[100, 3] = np.nan
    folder = write_recording(tmp_path / "shop", rows)
    run = open_run(folder)
    alarms, on, warm, _ = watch(run)
    published: list[tuple[int, str | None]] = []
    recording, clock = Recording.open(folder), SystemClock()
    replay(
        RecordedSource(recording, clock),
        NullSink(),
        system_of(recording.meta),
        clock,
        observe=lambda step: published.extend(
            (step.frames - 1, event.data.trigger.channel)
            for event in step.events
            if event.type.endswith("opened.v1")
        ),
    )
    assert published
    assert published == [(alarm.row, alarm.channel) for alarm in alarms]
    assert abs(there(alarms[0].onset) - ONSET) <= 3
    assert on[alarms[0].row]
    assert 40 < warm < 60


def test_recordings_are_read_with_their_labels(tmp_path: Path) -> None:
    """A single fault lasts to the end; a stream keeps its gaps, daily jobs and joins."""
    write_recording(tmp_path / "one", shop_rows(), join_at=1_700_000_100)
    stream = write_recording(
        tmp_path / "many",
        shop_rows(),
        modes=["online-multi"],
        faults=[
            {"start": 1_700_000_050, "end": 1_700_000_059},
            {"start": 1_700_000_150, "end": 1_700_000_159, "daily_job": True},
        ],
    )
    write_recording(tmp_path / "other", shop_rows(), modes=["window"])
    assert ["many", "one"] == [path.name for path in find_runs(tmp_path, ("made",))]
    assert [] == find_runs(tmp_path, ("unknown",))
    one, many = open_run(tmp_path / "one"), open_run(stream)
    assert ((ONSET, len(one.x)),) == one.faults
    assert (one.join, one.stream, one.x.shape[1]) == (100, False, len(NAMES))
    assert one.is_artefact(103)
    assert not one.is_artefact(99)
    assert ((50, 60), (150, 160)) == many.faults
    assert (False, True) == many.routine
    assert many.label.sum() == 20
    assert many.adjacent[1:].all()


@pytest.mark.parametrize("step", [2, 17, 58])
def test_the_best_split_is_the_one_with_the_least_error(step: int) -> None:
    """Every split, its squared error written out, missing cells left out."""
    rng = np.random.default_rng(step)
    z = rng.normal(size=(60, 3))
    z[step:, :2] += 3.0
    z[10:50][rng.random((40, 3)) < 0.1] = np.nan

    def error(row: int) -> float:
        return sum(float(np.nansum((p - np.nanmean(p, axis=0)) ** 2)) for p in (z[:row], z[row:]))

    assert best_split(z) == min(range(2, 59), key=error) == step


def test_onsets_stand_beside_those_in_hindsight(tmp_path: Path) -> None:
    """Of the faults that were found, by data set: medians of absolute errors."""
    write_recording(tmp_path, shop_rows(), dataset="made")
    dataset, case, errors = date_faults(tmp_path)
    assert ("made", 1) == (dataset, len(errors))
    [(start, error)] = errors.items()
    assert start == ONSET
    assert abs(error) <= 2

    found = score_alarms(
        run_of(((start, 700),)),
        [Alarm(start + 3, start - 5, interval=(start - 6, start))],
        rows(),
        after=0,
    )._replace(dataset=dataset, case=case)
    table = onset_table([found, found._replace(hits=[None])], [(dataset, case, errors)])

    assert table["made"]["found"] == 1
    assert table["made"]["ours_rows"] == 5.0
    assert table["made"]["label_in_interval"] == 1
    assert table["made"]["hindsight_rows"] == abs(error)


@pytest.mark.parametrize("kind", range(len(changes.CHANGES)), ids=[c.name for c in changes.CHANGES])
def test_a_known_change_is_found_and_dated(kind: int) -> None:
    """Within its time, and near its first row."""
    score = changes._date(kind, 3)
    ((start, found),) = zip(score.starts, score.hits, strict=True)
    hit = there(found)
    low, high = there(hit.interval)
    onset = there(hit.onset)

    assert start <= hit.row < start + changes.ROWS
    assert low <= onset <= high <= hit.row
    assert abs(onset - start) <= 15


def test_the_days_of_a_life_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alarm counts for the day it rises on, and rows with a label for none."""
    monkeypatch.setattr(life, "DAY_S", 35)
    rows = shop_rows()
    rows[150:153] *= 50.0  # on the fourth or fifth day of every life
    fault = {"start": 1_700_000_200, "end": 1_700_000_279}
    folder = write_recording(tmp_path / "a", rows, dataset="asd_stream", faults=[fault])

    days = life.first_days([folder], 1)["asd_stream"]

    assert [day["day"] for day in days] == [1, 2, 3, 4, 5, 6, 7]
    assert days[0]["clean_days"] == 0  # not warm yet
    assert days[2]["clean_days"] == pytest.approx(life.STARTS)
    assert days[6]["clean_days"] < life.STARTS  # the fault
    assert [day["false_alarms"] for day in days] == [0, 0, 0, 3, 2, 0, 0]


def test_a_deployment_and_a_fault_after_it() -> None:
    """What changed for good alarms, and so does a fault a quarter of a day later."""
    assert 1 <= life._deploy(1, 0, None) <= 3
    assert life._deploy(1, 0, 6) >= 1
