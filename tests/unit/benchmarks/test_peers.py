"""The peers of benchmarks/trigger.py are what they are said to be."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from detection import ablations
from detection.ablations import ABLATIONS, Ablation, score_ablation
from detection.figures import plot_cost, plot_curves
from detection.mssa import mssa
from detection.ours import watch
from detection.peers import PEERS, adwin, clock, cusum, ewma, page_hinkley, pca, prepare
from detection.recordings import open_run
from detection.scoring import score_alarms
from detection.sweep import OURS, Swept, best_below, care_table, curves, nab_table, sweep
from makers import shop_rows, write_recording
from matplotlib import image
from numpy.testing import assert_allclose
from river.drift import ADWIN, PageHinkley
from typed import FloatArray, there

from detectors import trigger
from detectors.river import AnyOf


def jump(rows: int = 400, at: int = 250, series: int = 3, by: float = 4.0) -> FloatArray:
    """Noise, one series of which jumps."""
    z = np.random.default_rng(0).normal(size=(rows, series))
    z[at:, 1] += by
    return z


def fired_by(detector: AnyOf, z: FloatArray) -> list[bool]:
    return [detector.update(row).drift_detected for row in z]


def test_page_hinkley_is_rivers() -> None:
    """Every series and limit at once, the same rows as one detector of river's each."""
    z, limits = jump(), np.array([8.0, 20.0, 60.0, 1e9])
    found = page_hinkley(z, 100, limits)
    for limit, row in zip(limits, found, strict=True):
        expected = fired_by(AnyOf(partial(PageHinkley, threshold=limit), 3), z)
        assert expected == row.tolist()
    assert found[:3].any(axis=1).all()
    assert not found[3].any()


def test_adwin_is_rivers() -> None:
    """The adapter and the loop over series agree."""
    z = jump()
    expected = fired_by(AnyOf(lambda: ADWIN(delta=1e-3, clock=1), 3), z)
    assert any(expected)
    assert expected == adwin(z, 100, np.array([3.0]))[0].tolist()


def test_ewma_and_cusum_of_the_largest_z_are_their_recursions() -> None:
    """Row by row, with the reset of the sum where it fires."""
    z, warmup = jump(), 100
    largest = [max(abs(v) for v in row) for row in z.tolist()]
    smooth, expected = largest[0], []
    for value in largest:
        smooth = 0.8 * smooth + 0.2 * value
        expected.append(smooth > 2.5)
    assert expected == ewma(z, warmup, np.array([2.5]))[0].tolist()
    mean, std = np.mean(largest[:warmup]), np.std(largest[:warmup])
    total, expected = 0.0, []
    for value in largest:
        total = max(0.0, total + (value - mean) / std - 0.5)
        expected.append(total > 6.0)
        total = 0.0 if total > 6.0 else total
    assert any(expected)
    assert expected == cusum(z, warmup, np.array([6.0]))[0].tolist()


def test_pca_keeps_its_level_on_normal_rows_and_finds_what_breaks_the_pattern() -> None:
    """At 1 % about 1 % of fresh normal rows; a broken correlation at any level."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(6000, 2)) @ rng.normal(size=(2, 6)) + 0.3 * rng.normal(size=(6000, 6))
    found = pca(z, 2000, np.array([2.0]))[0, 2000:]
    assert 0.005 < found.mean() < 0.04
    z[5000:, 2] += 8.0
    assert pca(z, 2000, np.array([9.0]))[0, 5000:].all()


def naive_mssa_distances(
    z: FloatArray, base: FloatArray, lags: int
) -> tuple[Callable[[int], float], int]:
    """D of every row from the definition, with a singular value decomposition."""
    kept = len(base) - len(base) // 4
    mean, std = base.mean(axis=0), base.std(axis=0)
    scaled = (base - mean) / std
    blocks = [
        scaled[start : start + lags, n]
        for n in range(z.shape[1])
        for start in range(0, kept - kept % lags, lags)
    ]
    left, singular, _ = np.linalg.svd(np.array(blocks).T, full_matrices=True)
    share = np.cumsum(singular) / singular.sum()
    rank = min(int(np.searchsorted(share, 0.95)) + 1, lags - 1)
    outside = left[:, rank:]

    def distance(row: int) -> float:
        window = (z[row - lags + 1 : row + 1] - mean) / std
        return sum(float(np.sum((outside.T @ window[:, n]) ** 2)) for n in range(z.shape[1]))

    return distance, kept


def test_mssa_is_the_papers() -> None:
    """The first change is where the sum of D - c, with D by definition, reaches h."""
    t = np.arange(700)
    rng = np.random.default_rng(2)
    z = np.column_stack([np.sin(t / 3.0), np.cos(t / 3.0)]) + 0.05 * rng.normal(size=(700, 2))
    z[500:] += rng.normal(size=(200, 2))
    warmup = 240
    distance, kept = naive_mssa_distances(z, z[:warmup], lags=13)
    drift = max(distance(row) for row in range(kept, warmup))
    y = 0.0
    change: int | None = None
    for row in range(warmup, len(z)):
        y = max(0.0, y + distance(row) - drift)
        if y >= 3.0 * drift:
            change = row
            break
    assert 500 <= there(change) < 520
    assert change == int(np.flatnonzero(mssa(z, warmup, np.array([3.0]))[0])[0])


def test_the_blind_clock_ticks() -> None:
    """Every so many rows, whatever the data."""
    ticks = np.flatnonzero(clock(jump(), 100, np.array([50.0]))[0])
    assert len(ticks) == 8
    assert set(np.diff(ticks)) == {50}


def test_peers_see_no_gaps_and_nothing_after_the_warm_up(tmp_path: Path) -> None:
    """Missing cells are filled forward; mean and deviation are those of the warm-up."""
    rows = shop_rows()
    rows[:20, 0] = np.nan
    rows[100:110, 2] = np.nan
    rows[:, 5] = 7.0
    run = open_run(write_recording(tmp_path / "shop", rows))
    z = prepare(run)
    assert np.isfinite(z).all()
    assert (z[:20, 0] == 0).all()
    assert (z[100:110, 2] == z[99, 2]).all()
    assert (z[:, 5] == 0).all()
    assert_allclose(z[: run.warmup, 3].mean(), 0.0, atol=1e-9)
    assert_allclose(z[: run.warmup, 3].std(), 1.0)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> list[Swept]:
    """All detectors over one recording of a data set that is pooled and one that is a stream."""
    root = tmp_path_factory.mktemp("swept")
    one = write_recording(root / "one", shop_rows(), dataset="skab")
    faults = [{"start": 1_700_000_200, "end": 1_700_000_279}]
    long = write_recording(
        root / "long", shop_rows(), dataset="asd_stream", modes=["online-multi"], faults=faults
    )
    return [*sweep(one), *sweep(long)]


def test_a_sweep_has_every_method_at_every_setting(swept: list[Swept]) -> None:
    """Curves by group, CARE on the stream, NAB beside the clock on the other."""
    found = curves(swept)
    assert {"asd_stream", "cases"} == set(found)
    assert {OURS, *PEERS} == set(found["cases"])
    assert [p["setting"] for p in found["cases"]["PCA T2/Q"]] == PEERS["PCA T2/Q"].settings.tolist()
    ours = next(p for p in found["cases"][OURS] if p["setting"] == 1.0)
    assert (ours["found"], ours["false_alarms"]) == (1, 0)
    assert {OURS, *PEERS} == set(care_table(swept))
    assert all(row["alarms"] >= 0 for rows in nab_table(swept).values() for row in rows)


def test_the_figures_are_grey(swept: list[Swept], tmp_path: Path) -> None:
    """Lines differ by style and marker, not by colour."""
    plot_curves(curves(swept), tmp_path / "curves.png")
    plot_cost({30: 0.05, 100: 0.07}, {64: 0.07, 256: 0.07}, tmp_path / "cost.png")
    for file in tmp_path.glob("*.png"):
        pixels = image.imread(file)[:, :, :3]
        assert np.ptp(pixels, axis=2).max() == 0.0
        assert pixels.min() < 0.2


def test_only_admitted_settings_compete() -> None:
    """What is in alarm all the time is no detector, and what alarms more often is no match."""
    points = [
        {"admitted": False, "rate": 0.0, "found": 9},
        {"admitted": True, "rate": 0.1, "found": 3},
        {"admitted": True, "rate": 0.5, "found": 5},
    ]
    assert there(best_below(points, "rate", 0.2))["found"] == 3
    assert best_below(points, "rate", 0.01) is None


@pytest.mark.parametrize("index", range(len(ABLATIONS)), ids=[a.name for a in ABLATIONS])
def test_ablations_change_one_trigger_and_leave_no_trace(tmp_path: Path, index: int) -> None:
    """Each runs; what is shipped is what it was before."""
    path = write_recording(tmp_path / "shop", shop_rows())
    before = {name: getattr(trigger, name) for name in dir(trigger) if name.startswith("_")}
    score = score_ablation(path, index)
    assert len(score.hits) == 1
    assert before == {key: getattr(trigger, key) for key in before}


def test_an_ablation_that_changes_nothing_is_the_shipped_trigger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a difference is the ablation's."""
    path = write_recording(tmp_path / "shop", shop_rows())
    monkeypatch.setattr(ablations, "ABLATIONS", (Ablation("nothing"),))
    alarms, on, warm, _ = watch(open_run(path))
    expected = score_alarms(open_run(path), alarms, on, after=warm)
    assert expected == score_ablation(path, 0)._replace(seconds=0.0)
