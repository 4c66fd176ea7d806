"""River's detectors in our place, ours in river's, and river as an oracle; with the real river."""

import numpy as np
import pytest
from river.compose import Pipeline
from river.drift import ADWIN, KSWIN, DriftRetrainingClassifier, PageHinkley
from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler
from river.stats import Mean

from detectors.base import Detector
from detectors.decision.cusum import Cusum
from detectors.river import AnyOf, Named
from detectors.trigger import Trigger

MAKERS = (
    pytest.param(ADWIN, id="ADWIN"),
    pytest.param(PageHinkley, id="PageHinkley"),
    pytest.param(lambda: KSWIN(seed=1, alpha=1e-4), id="KSWIN"),
)


def shifted(rows=600, at=300, series=3, by=8.0, seed=0):
    """Noise, the second series of which jumps."""
    x = np.random.default_rng(seed).normal(size=(rows, series))
    x[at:, 1] += by
    return x


@pytest.mark.parametrize("make", MAKERS)
def test_rivers_detectors_are_detectors_of_rows(make):
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
def test_any_of_is_one_river_detector_per_series(make):
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


def test_a_drift_is_declared_on_one_row_only():
    """River's flag stands until the next number of its series; ours is of the newest row."""
    detector = AnyOf(lambda: PageHinkley(threshold=10.0), n_series=1)
    for value in [0.0] * 40 + [50.0]:
        detector.update(np.array([value]))
    assert detector.drift_detected
    assert not detector.update(np.array([np.nan])).drift_detected


@pytest.mark.parametrize("threshold", [5.0, 20.0, 60.0])
def test_page_hinkley_of_river_is_our_cusum_of_the_deviations(threshold):
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


def test_the_trigger_watches_what_leaves_a_river_pipeline():
    """Features go through river's scaler into the trigger, by name, with some of them missing."""
    x = shifted(rows=360, by=30.0)
    scaler = Pipeline(StandardScaler())
    trigger = Named(Trigger(3, 60.0), ["a", "b", "c"])
    drifts = []
    for t, row in enumerate(x):
        features = dict(zip("abc", row.tolist(), strict=True))
        if t % 7 == 3:
            del features["c"]
        scaler.learn_one(features)
        if trigger.update(scaler.transform_one(features)).drift_detected:
            drifts.append(t)
    assert drifts
    assert 300 <= drifts[0] <= 303


def test_the_trigger_is_the_drift_detector_of_a_river_model():
    """A classifier whose world turns round starts anew when the trigger sees its errors rise."""

    class Noted(Named):
        drifts = 0

        def update(self, x):
            self.drifts += super().update(x).drift_detected
            return self

    def accuracy(model):
        rng = np.random.default_rng(2)
        right = 0
        for t in range(1200):
            a, b = rng.normal(size=2)
            truth = bool(a > 0) != (t >= 800)
            right += model.predict_one({"a": a, "b": b}) == truth
            model.learn_one({"a": a, "b": b}, truth)
        return right / 1200

    watched = Noted(Trigger(1, 60.0), ["error"])
    model = DriftRetrainingClassifier(LogisticRegression(), watched, train_in_background=False)
    assert accuracy(model) > accuracy(LogisticRegression())
    assert watched.drifts


def test_what_does_not_fit_is_refused():
    """Unknown features, a number for several series, the same name twice, another width."""
    trigger = Named(Trigger(2, 60.0), ["a", "b"])
    with pytest.raises(ValueError, match="knows the features a, b, got z"):
        trigger.update({"z": 1.0})
    with pytest.raises(ValueError, match="requires a mapping of 2 features"):
        trigger.update(1.0)
    with pytest.raises(ValueError, match="names that differ"):
        Named(Trigger(2, 60.0), ["a", "a"])
    with pytest.raises(ValueError, match=r"row of shape \(2,\), got shape=\(3,\)"):
        AnyOf(PageHinkley, 2).update(np.zeros(3))
