"""River's detectors in our place, ours in river's, and river as an oracle; with the real river."""

import doctest
import importlib
import json
import pickle
import re
import sys
from collections.abc import Callable, Hashable, Iterable
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import river.checks
from river.anomaly import QuantileFilter, ThresholdFilter
from river.base import DriftDetector
from river.drift import ADWIN, KSWIN, DriftRetrainingClassifier, PageHinkley
from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler
from river.stats import Mean
from scipy.stats import mannwhitneyu
from typed import BoolArray, FloatArray, there

from detectors.base import Detector
from detectors.decision.cusum import Cusum
from detectors.river import AnyOf, SeriesTrigger, StatisticDetector, TriggerDetector
from streams.recorded.recording import Recording

ROOT = Path(__file__).parents[3]
RECORDING = Path(str(files("coral") / "recordings" / "pool-leak__orders"))

Checks = Callable[[Any], Iterable[Callable[..., object]]]
MAKERS = (
    pytest.param(ADWIN, id="ADWIN"),
    pytest.param(PageHinkley, id="PageHinkley"),
    pytest.param(lambda: KSWIN(seed=1, alpha=1e-4), id="KSWIN"),
)


def shifted(
    rows: int = 600, at: int = 300, series: int = 3, by: float = 8.0, seed: int = 0
) -> FloatArray:
    """Noise, the second series of which jumps."""
    x = np.random.default_rng(seed).normal(size=(rows, series))
    x[at:, 1] += by
    return x


@pytest.mark.parametrize("make", MAKERS)
def test_rivers_detectors_are_detectors_of_rows(make: Callable[[], DriftDetector]) -> None:
    """A jump in one series is a change of the system, and the series is known."""
    detector = AnyOf(make, n_series=3)
    assert isinstance(detector, Detector)
    x = shifted()
    before = x.copy()
    drifts = [
        (t, detector.drifted) for t, row in enumerate(x) if detector.update(row).drift_detected
    ]
    assert drifts[0][0] >= 300
    assert drifts[0][1] == (1,)
    np.testing.assert_array_equal(before, x)


@pytest.mark.parametrize("make", MAKERS)
def test_any_of_is_one_river_detector_per_series(make: Callable[[], DriftDetector]) -> None:
    """The same rows as by hand; a missing cell leaves its detector as it is."""
    x = shifted()
    x[np.random.default_rng(3).random(x.shape) < 0.1] = np.nan
    expected = set()
    for series in x.T:
        single = make()
        for t in np.flatnonzero(~np.isnan(series)).tolist():
            single.update(float(series[t]))
            if single.drift_detected:
                expected.add(t)
    detector = AnyOf(make, n_series=3)
    found = {t for t, row in enumerate(x) if detector.update(row).drift_detected}
    assert expected
    assert expected == found


def test_a_drift_is_declared_on_one_row_only() -> None:
    """River's flag stands until the next number of its series; ours is of the newest row."""
    detector = AnyOf(lambda: PageHinkley(threshold=10.0), n_series=1)
    for value in [0.0] * 40 + [50.0]:
        detector.update(np.array([value]))
    assert detector.drift_detected
    assert not detector.update(np.array([np.nan])).drift_detected


@pytest.mark.parametrize("threshold", [5.0, 20.0, 60.0])
def test_page_hinkley_of_river_is_our_cusum_of_the_deviations(threshold: float) -> None:
    """Sum minus its minimum is max(0, y + deviation - delta): the same row, the same change."""
    x = np.random.default_rng(1).normal(size=500)
    x[250:] += 1.5
    river = PageHinkley(min_instances=1, delta=0.5, threshold=threshold, alpha=1.0, mode="up")
    ours = Cusum(1, slack=0.5, threshold=threshold, ceiling=1e9)
    mean = Mean()
    for row, value in enumerate(x.tolist()):
        mean.update(value)
        ours.update(np.array([value - mean.get()]))
        river.update(value)
        assert bool(ours.statistic[0] > threshold) == river.drift_detected
        if river.drift_detected:
            assert row > 250
            break
    assert river.drift_detected


def leak(
    series: int = 8, rows: range = range(520, 780)
) -> list[tuple[dict[Hashable, float], bool]]:
    """Rows of a recorded incident as river's datasets are: features, and whether it is there."""
    recording = Recording.open(RECORDING)
    meta = json.loads((RECORDING / "incident.json").read_text())
    names = recording.names
    chosen = [names.index(name) for name in meta["root_cause_metrics"]]
    chosen += [i for i in range(len(names)) if i not in chosen][: series - len(chosen)]
    table = list(recording.rows())
    return [
        ({names[i]: float(x[i]) for i in chosen}, time >= meta["fault_start"])
        for time, x in (table[row] for row in rows)
    ]


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    """River's own checks, on our recording in place of a data set that river would download.

    Two of them ask scikit-learn for a data set and a number; neither needs it.
    """
    rows = leak()
    monkeypatch.setattr(
        river.checks, "_yield_datasets", lambda _model, scale=1: iter([rows * scale])
    )
    metrics: Any = ModuleType("sklearn.metrics")
    metrics.roc_auc_score = lambda labels, scores: area(np.array(labels), np.array(scores))
    sklearn: Any = ModuleType("sklearn")
    sklearn.metrics = metrics
    monkeypatch.setitem(sys.modules, "sklearn", sklearn)
    return river.checks.yield_checks


def area(labels: BoolArray, scores: FloatArray) -> float:
    """Area under the receiver operating characteristic, which is Mann and Whitney's U."""
    above, below = scores[labels], scores[~labels]
    return float(mannwhitneyu(above, below).statistic / (len(above) * len(below)))


ESTIMATORS = [TriggerDetector()] + [
    StatisticDetector(**params) for params in StatisticDetector._unit_test_params()
]


@pytest.mark.parametrize(
    "model", ESTIMATORS, ids=lambda model: getattr(model, "statistic", None) or "trigger"
)
def test_river_finds_nothing_wrong(
    model: StatisticDetector | TriggerDetector, checks: Checks
) -> None:
    """Every check of river that concerns an anomaly detector, on each of ours."""
    run = []
    for check in checks(model):
        check(model.clone())
        run.append(check.__name__)

    assert not model._unit_test_skips()
    assert {"check_roc_auc", "check_emerging_features", "check_bounded_memory_growth"} <= set(run)
    assert len(run) >= 25


def test_river_finds_nothing_wrong_with_the_drift_detector(checks: Checks) -> None:
    """Those of its checks that its own drift detectors pass as well: they are no estimators."""
    model, ran = SeriesTrigger(false_alarms_per_week=2.0), 0
    for check in checks(model):
        try:
            check(ADWIN())
        except AttributeError:
            continue
        check(model.clone())
        ran += 1

    assert ran >= 12
    assert model.clone().false_alarms_per_week == 2.0


def test_a_recorded_leak_in_a_pipeline_of_river() -> None:
    """Scaled by river, judged by us: the alarm comes with the fault, by the series of its cause."""
    detector = TriggerDetector(interval_s=1.0)
    model = StandardScaler() | detector
    raised = []
    for x, faulty in leak(rows=range(100, 700)):
        score = model.score_one(x)
        model.learn_one(x)
        if detector.drift_detected:
            raised.append(
                (faulty, score >= 1.0, str(max(detector.scores, key=detector.scores.__getitem__)))
            )

    assert [(faulty, evident) for faulty, evident, _ in raised] == [(True, True)]
    assert raised[0][2].startswith("orders:pool")


def test_scoring_changes_nothing() -> None:
    """However often a row is scored, what is learned and told afterwards is the same."""
    asked, unasked = TriggerDetector(), TriggerDetector()
    for x, _ in leak():
        first = asked.score_one(x)
        assert first == asked.score_one(x)
        before = pickle.dumps(asked)
        asked.score_one(dict.fromkeys(x, 1e6))
        assert before == pickle.dumps(asked)
        asked.learn_one(x)
        unasked.learn_one(x)

    assert pickle.dumps(asked) == pickle.dumps(unasked)


def test_filters_of_river_classify_our_scores() -> None:
    """A threshold of 1 is the trigger's own limit; a quantile is learned from the scores."""
    by_limit = ThresholdFilter(TriggerDetector(interval_s=1.0), threshold=1.0)
    by_rank = QuantileFilter(StatisticDetector("pair"), q=0.95)
    odd: dict[bool, list[tuple[bool, bool]]] = {True: [], False: []}
    for x, faulty in leak(rows=range(300, 700)):
        odd[faulty].append(
            (by_limit.classify(by_limit.score_one(x)), by_rank.classify(by_rank.score_one(x)))
        )
        by_limit.learn_one(x)
        by_rank.learn_one(x)
    faulty, normal = np.mean(odd[True], axis=0), np.mean(odd[False], axis=0)

    assert (normal < [0.02, 0.25]).all()
    assert (faulty > [0.2, 0.4]).all()


def test_the_trigger_is_the_drift_detector_of_a_river_model() -> None:
    """A classifier whose world turns round starts anew when the trigger sees its errors rise."""

    def accuracy(model: DriftRetrainingClassifier | LogisticRegression) -> float:
        rng = np.random.default_rng(2)
        right = 0
        for t in range(1200):
            a, b = rng.normal(size=2)
            truth = bool(a > 0) != (t >= 800)
            right += model.predict_one({"a": a, "b": b}) == truth
            model.learn_one({"a": a, "b": b}, truth)
        return right / 1200

    model = DriftRetrainingClassifier(
        LogisticRegression(),
        SeriesTrigger(),  # type: ignore[arg-type]  # without the background no warning is asked for
        train_in_background=False,
    )
    assert accuracy(model) > accuracy(LogisticRegression())


def test_a_single_number_may_be_missing() -> None:
    """A drift detector of river takes what we take."""
    trigger = SeriesTrigger()
    found = []
    for t, value in enumerate(np.random.default_rng(0).normal(size=400)):
        trigger.update(np.nan if t % 9 == 4 else value + (30.0 if t >= 300 else 0.0))
        found += [t] * trigger.drift_detected
    assert len(found) == 1
    assert 300 <= found[0] < 312  # within the window of the short mean


def test_the_example_of_the_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    """What docs/howto/river-detectors.md shows runs, and prints what it says."""
    text = (ROOT / "docs" / "howto" / "river-detectors.md").read_text()
    code = there(re.search(r"<!-- river-python -->\n```python\n(.*?)```", text, re.DOTALL))[1]
    exec(compile(code, "river-detectors.md", "exec"), {})  # noqa: S102 - our own documentation
    assert capsys.readouterr().out.strip() == code.rpartition("# ")[2].strip()


def test_nothing_at_all() -> None:
    """Rows without a feature are lived through, before and after there are any."""
    for model in (TriggerDetector(), StatisticDetector("ssa")):
        model.learn_one({})
        assert model.score_one({}) == 0.0
        assert model.score_one({"a": 1.0}) == 0.0
        for t in range(100):
            model.learn_one({"a": t % 3, "b": None})
        model.learn_one({})
        assert np.isfinite(model.score_one({}))


def test_what_does_not_fit_is_refused() -> None:
    """Another statistic, a feature that is no number, another width."""
    with pytest.raises(ValueError, match=r"requires one of pair, mean, .* got 'levl'"):
        StatisticDetector("levl")
    for model in (TriggerDetector(), StatisticDetector()):
        with pytest.raises(ValueError, match=r"requires features that are numbers, got host='a1'"):
            model.learn_one({"load": 1.0, "host": "a1"})
        model.learn_one({"load": 1.0})
        assert len(model._features) == 1
    with pytest.raises(ValueError, match=r"row of shape \(2,\), got shape=\(3,\)"):
        AnyOf(PageHinkley, 2).update(np.zeros(3))


@pytest.mark.parametrize(
    "name",
    [
        "river",
        "statistics.river_catalogue",
        "statistics.river_statistic",
        "statistics.other_statistics",
    ],
)
def test_examples(name: str) -> None:
    """The examples in the docstrings are true."""
    assert 0 == doctest.testmod(importlib.import_module(f"detectors.{name}")).failed
