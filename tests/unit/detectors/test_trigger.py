"""The trigger on streams with a known change."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from typed import FloatArray

from detectors.base import Detector
from detectors.decision.alarm_budget import AlarmBudget
from detectors.names import STATISTICS
from detectors.places import appended
from detectors.policy import TriggerPolicy
from detectors.statistics.row_statistics import RowStatistics
from detectors.trigger import Trigger


def noise(rows: int, n: int, seed: int = 0) -> FloatArray:
    """Rows of autocorrelated noise with one common factor."""
    rng = np.random.default_rng(seed)
    x = np.empty((rows, n))
    state, common = np.zeros(n), 0.0
    for t in range(rows):
        common = 0.7 * common + rng.normal()
        state = 0.5 * state + rng.normal(size=n)
        x[t] = 10.0 + state + common
    return x


def rising(trigger: Trigger, rows: FloatArray) -> Iterator[int]:
    """Go on to the next row on which a change is declared."""
    return (t for t, x in enumerate(rows) if trigger.update(x).drift_detected)


def rises(trigger: Trigger, rows: FloatArray) -> list[int]:
    """Row numbers on which a change is declared."""
    return list(rising(trigger, rows))


@pytest.mark.parametrize(
    ("n", "base", "moved"),
    [(1, 100, 1), (1, 600, 1), (3, 100, 2), (3, 600, 2), (40, 100, 7), (40, 600, 7), (40, 600, 2)],
)
def test_large_shift_of_some_series_is_found_at_once(n: int, base: int, moved: int) -> None:
    """A shift of many scales is declared on its first rows, with its onset and its series."""
    x = noise(base + 20, n, seed=2)
    x[base:, :moved] += 500.0
    trigger = Trigger(n, 60.0)
    found = []
    for t, one in enumerate(x):
        trigger.update(one)
        if trigger.drift_detected:
            found.append((t, t - trigger.onset_rows, int(trigger.scores.argmax())))
            assert trigger.statistic > trigger.threshold
            assert trigger.p_value < 1e-3

    assert len(found) == 1
    assert base <= found[0][0] <= base + 4
    assert abs(found[0][1] - base) <= 1
    # Of two among forty more is left in what the common space makes of the others.
    assert found[0][2] < moved or moved == 2


@pytest.mark.parametrize("seed", range(4))
def test_a_series_alone_is_found_within_its_short_mean(seed: int) -> None:
    """What one series of three does is said by its own mean over twelve rows, not by its row."""
    x = noise(740, 3, seed=100 + seed)
    x[700:, 0] += 300.0
    trigger = Trigger(3, 60.0, policy=TriggerPolicy(statistics=("mean",)))
    found = [(t, t - trigger.onset_rows, int(trigger.scores.argmax())) for t in rising(trigger, x)]

    late = [one for one in found if one[0] >= 700]
    assert len(found) - len(late) <= 1  # a statistic alone may spend the whole budget
    assert len(late) == 1
    assert late[0][0] < 712
    assert late[0][1:] == (700, 0)


def test_quiet_stream_stays_quiet() -> None:
    """Half a week of noise at a budget of one alarm a week raises at most one."""
    assert len(rises(Trigger(8, 60.0), noise(5000, 8, seed=1))) <= 1


def test_small_lasting_shift_is_found() -> None:
    """A shift of two scales in a fifth of the series is found within a few dozen rows."""
    x = noise(2200, 30, seed=2)
    x[2100:, :6] += 4.0
    found = rises(Trigger(30, 300.0), x)

    assert found
    assert found[-1] - 2100 < 60


@pytest.mark.parametrize("seed", range(3))
def test_constant_that_wakes_up_is_found(seed: int) -> None:
    """An error counter that leaves zero is a change, said by its own short mean."""
    x = noise(1220, 4, seed=3 + seed)
    x[:, 2] = 0.0
    x[1200:, 2] = 1.0
    found = rises(Trigger(4, 60.0), x)

    assert found
    assert 1200 <= found[0] < 1212


def test_one_spike_blinds_nobody() -> None:
    """After a spike of fifty scales a second fault is still found."""
    x = noise(700, 6, seed=4)
    x[300] += 500.0
    x[650:] += 500.0
    found = rises(Trigger(6, 60.0), x)

    assert any(650 <= t <= 653 for t in found)


def test_alarm_ends_when_calm_returns() -> None:
    """An alarm lasts through the fault and ends soon after it."""
    x = noise(400, 5, seed=5)
    x[300:320] += 300.0
    trigger = Trigger(5, 60.0)
    alarm = [trigger.update(one).alarm for one in x]

    assert all(alarm[303:320])
    assert not any(alarm[345:])


def test_a_lasting_level_is_the_new_baseline() -> None:
    """A level that stays for an hour is accepted, and the next change is seen from there."""
    x = noise(800, 5, seed=16)
    x[300:] += 300.0
    x[700:] += 300.0
    trigger, accepted, raised = Trigger(5, 60.0), [], []
    for t, one in enumerate(x):
        trigger.update(one)
        accepted += [t] * trigger.rebaselined
        raised += [t] * trigger.drift_detected

    assert 360 <= accepted[0] <= 370
    assert raised[0] in range(300, 304)
    assert any(t in range(700, 704) for t in raised)


@pytest.mark.parametrize(("felt", "within"), [(None, 400), (False, 61), (True, 400)])
def test_what_no_health_signal_feels_is_accepted_within_an_hour(
    felt: bool | None, within: int
) -> None:
    """However long the base: without health signals, or while one moves, it takes its share."""
    x = noise(4200, 5, seed=16)
    x[3200:] += 300.0
    trigger = Trigger(5, 60.0)
    accepted = [t for t, one in enumerate(x) if trigger.update(one, felt=felt).rebaselined]

    assert accepted[0] - 3200 <= within
    assert (accepted[0] - 3200 > 100) == (within > 100)


@pytest.mark.parametrize("shift", [6.0, 30.0, 1000.0])
def test_a_deployment_hides_no_later_fault(shift: float) -> None:
    """What an accepted level does not show again is seen when it comes, hours later."""
    x = noise(1800, 12, seed=21)
    x[1200:, :4] += 10.0 * shift
    x[1600:, 6:9] += 60.0
    trigger, raised, accepted = Trigger(12, 60.0), [], []
    for t, one in enumerate(x):
        trigger.update(one)
        accepted += [t] * trigger.rebaselined
        raised += [t] * trigger.drift_detected

    assert accepted[0] < 1300
    assert any(1600 <= t < 1610 for t in raised)


def test_what_an_accepted_state_goes_on_to_show_alarms_once() -> None:
    """A series that was constant and is noisy from now on is news once, not every hour."""
    x = noise(4000, 8, seed=22)
    x[:1200, :2] = 5.0
    trigger = Trigger(8, 60.0)

    raised = [t for t in rising(trigger, x) if t >= 1200]

    assert 1 <= len(raised) <= 2


def test_learning_is_frozen_in_alarm() -> None:
    """Rows of an alarm leave the base as it is."""
    x = noise(330, 5, seed=7)
    x[310:] += 300.0
    trigger = Trigger(5, 60.0)
    rises(trigger, x[:315])
    before = trigger.state_dict()["_bank"]["_scaler"]["_learned"]
    rises(trigger, x[315:])

    assert trigger.alarm
    assert before.tolist() == trigger.state_dict()["_bank"]["_scaler"]["_learned"].tolist()


def test_every_alarm_is_beyond_the_limit_that_it_tells() -> None:
    """What an alarm costs is asked of the rows after it, not of the row that raised it."""
    x = np.random.default_rng(2).normal(size=(1600, 3))
    for k, start in enumerate(range(620, 1600, 25)):
        x[start : start + 3] += 8.0 * 1.1**k  # slowly growing, so that some are hardly beyond
    trigger = Trigger(3, 60.0)
    raised = rising(trigger, x)

    told = [trigger.statistic > trigger.threshold for _ in raised]

    assert len(told) >= 3
    assert all(told)


def test_a_saved_budget_follows_the_present_setting() -> None:
    """A state is loaded into another budget, whose level holds from the next row on."""
    old, new = AlarmBudget(1.0, 60.0, 9), AlarmBudget(7.0, 60.0, 9)
    new.load_state_dict(old.state_dict())
    new.pay()

    assert new.level == new.log_alpha > old.level


def test_restart_keeps_the_base() -> None:
    """After a restart the same fault is declared again at once."""
    x = noise(330, 5, seed=8)
    x[310:] += 300.0
    trigger = Trigger(5, 60.0)
    rises(trigger, x[:320])
    learned = trigger.learned_rows
    trigger.restart()

    assert (trigger.alarm, trigger.learned_rows) == (False, learned)
    assert rises(trigger, x[320:])[0] <= 2


def test_warms_up_by_itself() -> None:
    """No alarm comes before the warm-up, whatever the rows hold."""
    trigger = Trigger(2, 60.0, policy=TriggerPolicy(warmup_rows=60))
    rng = np.random.default_rng(9)
    warm = []
    for t in range(100):
        trigger.update(rng.normal(size=2) * 10.0 ** rng.integers(-9, 9))
        warm.append(trigger.warm)
        assert t >= 60 or not trigger.drift_detected

    assert warm.index(True) == 59


def test_grow() -> None:
    """New series join without an alarm, and carry one later."""
    x = noise(700, 6, seed=10)
    trigger = Trigger(4, 60.0)
    early = rises(trigger, x[:300, :4])
    trigger.select(appended(trigger.n_series, 6))
    x[650:, 5] += 500.0
    late = rises(trigger, x[300:])

    assert (early, trigger.n_series) == ([], 6)
    assert 350 <= late[-1] <= 354


def test_break_lags() -> None:
    """A gap in time is no change."""
    x = noise(600, 4, seed=11)
    trigger = Trigger(4, 60.0)
    rises(trigger, x[:300])
    trigger.break_lags()

    assert rises(trigger, x[300:]) == []


def test_nothing_at_all() -> None:
    """Rows without a single cell are lived through."""
    trigger = Trigger(3, 60.0)

    assert rises(trigger, np.full((200, 3), np.nan)) == []
    assert np.isnan(trigger.statistics[:-1]).all()
    assert np.isnan(trigger.thresholds[:-1]).all()
    assert trigger.statistics[-1] == 0.0
    assert trigger.p_value == 1.0


def test_protocol() -> None:
    """It is a detector, and names the statistic that is closest to its limit."""
    trigger = Trigger(1, 1.0)

    assert isinstance(trigger, Detector)
    assert trigger.statistic_name in STATISTICS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_series": 0}, "`Trigger` requires n_series >= 1, got n_series=0."),
        ({"interval_s": 0.0}, "`Trigger` requires interval_s > 0.0, got interval_s=0.0."),
        (
            {"false_alarms_per_week": np.nan},
            "`Trigger` requires false_alarms_per_week > 0.0, got false_alarms_per_week=nan.",
        ),
    ],
)
def test_wrong_values_are_named(changes: dict[str, Any], message: str) -> None:
    """An error says who requires what, and what came."""
    with pytest.raises(ValueError, match=r".") as caught:
        Trigger(**({"n_series": 2, "interval_s": 60.0} | changes))

    assert message == str(caught.value)


def test_second_fault_soon_after_is_found() -> None:
    """One fault is one alarm; the same fault again, soon after, is another one."""
    x = noise(900, 8, seed=11)
    for start in (400, 600):
        x[start : start + 40, :2] += 60.0
    found = rises(Trigger(8, 60.0), x)

    assert [t // 200 for t in found] == [2, 3]


def test_what_recurs_stops_alarming() -> None:
    """A daily job far outside of the normal state raises fewer alarms each week."""
    x = noise(24 * 90, 6, seed=12)
    x[24 * 20 + 11 :: 24, :3] += 25.0
    found = np.array(rises(Trigger(6, 3600.0), x)) / 24
    first, last = ((found >= day) & (found < day + 20) for day in (20, 70))

    assert first.any()
    assert last.sum() <= 3


def test_silence_is_found() -> None:
    """A series that has never been missing and stops is declared within a dozen rows."""
    x = noise(400, 5, seed=13)
    x[350:, 2] = np.nan
    trigger = Trigger(5, 60.0)
    rises(trigger, x[:350])
    found = next(rising(trigger, x[350:]))

    assert found <= 16
    assert trigger.statistic_name == "silence"
    assert trigger.onset_rows == found  # its first missing row
    assert trigger.onset_interval.tolist() == [found, found]
    assert trigger.missing.tolist() == [False, False, True, False, False]


def test_silence_of_a_renamed_series_is_none() -> None:
    """Where as many series come as go, nothing fell silent."""
    x = noise(400, 5, seed=14)
    trigger = Trigger(5, 60.0)
    rises(trigger, x[:350])
    trigger.select(appended(trigger.n_series, 6))
    renamed = np.column_stack([x[350:], x[350:, 2]])
    renamed[:, 2] = np.nan

    assert rises(trigger, renamed) == []


def test_silence_of_everything_says_nothing() -> None:
    """Rows without any value are the collector's, not the system's."""
    x = noise(400, 5, seed=15)
    x[350:380] = np.nan

    assert rises(Trigger(5, 60.0), x) == []


def test_slow_small_shift_is_found() -> None:
    """A shift of one scale in a quarter of the series is found by its long means."""
    x = noise(4000, 24, seed=16)
    x[3000:, :6] += 2.5
    trigger = Trigger(24, 300.0)
    found = rises(trigger, x)

    assert any(3000 <= t < 3200 for t in found)


def test_onset_interval_holds_the_onset() -> None:
    """A sharp change is dated to the row, in an interval of a few rows."""
    x = noise(420, 6, seed=17)
    x[400:, 1] += 40.0
    trigger = Trigger(6, 60.0)
    for t, one in enumerate(x):
        if trigger.update(one).drift_detected:
            early, late = t - trigger.onset_interval
            assert early <= 400 <= late + 1
            assert late - early <= 8
            return
    raise AssertionError("no alarm")


def test_restlessness_is_not_dated_by_an_older_step() -> None:
    """What moves without a level began when it left its own normal range."""
    rng = np.random.default_rng(12)
    own = rng.normal(size=(1700, 10))
    own[1440:, 3] += 1.0  # a step too small for an alarm, and no part of what follows
    own[1500:, [3, 6]] += 2.5 * (-1.0) ** np.arange(200)[:, None]
    x = rng.normal(size=(1700, 2)) @ rng.normal(size=(2, 10)) + 0.3 * own
    trigger = Trigger(10, 180.0, policy=TriggerPolicy(statistics=("dispersion",)))
    onsets = [(t - trigger.onset_rows, *(t - trigger.onset_interval)) for t in rising(trigger, x)]

    onset, earliest, latest = onsets[0]
    assert 1480 <= onset <= 1510
    assert earliest <= 1500 <= latest


def test_a_step_is_dated_where_it_began_whatever_took_how_long_to_notice() -> None:
    """A mean over many rows goes into its tail late; its series say when they moved."""
    x = noise(1400, 6, seed=23)
    x[1200:, 2:5] += 5.0
    trigger = Trigger(6, 60.0, policy=TriggerPolicy(statistics=("slow",)))
    onsets = [
        t - trigger.onset_rows for t, one in enumerate(x) if trigger.update(one).drift_detected
    ]

    assert len(onsets) == 1
    assert abs(onsets[0] - 1200) <= 5


def test_an_alarm_is_dated_by_what_saw_the_change_first() -> None:
    """By the series, which may have moved before any statistic said so, or by a shorter one."""
    x = noise(1300, 12, seed=2)
    x[1200:, 2:6] += 2.0
    x[1205:, 2:6] += 20.0
    trigger = Trigger(12, 60.0)
    onsets = [
        (t, trigger.statistic_name, t - trigger.onset_rows, t - trigger.onset_interval)
        for t in rising(trigger, x)
    ]
    row, name, onset, (earliest, latest) = onsets[0]

    assert (row, name) == (1206, "pair")
    assert 1200 <= onset <= 1205
    assert 1200 <= earliest <= latest <= 1205


def test_what_the_statistics_remember() -> None:
    """Every one has its place, and those that look at two rows remember no more."""
    rows = dict(zip(STATISTICS, RowStatistics(3).spans.tolist(), strict=True))

    assert rows == {
        "pair": 2,
        "mean": 12,
        "slow": 96,
        "cross_sum": 3,
        "ssa": 8,
        "novelty": 12,
        "dispersion": 24,
        "silence": 1,
    }


def test_what_was_there_before_is_no_news() -> None:
    """Far off, but visited many times: no alarm; between two places that are usual: an alarm."""
    n = 4
    x = noise(6000, n, seed=23)
    far = np.random.default_rng(24).random(600) < 0.5
    x += 12.0 * np.repeat(far, 10)[:, None]
    x[5900:, : n // 2] += 12.0 * (1 - 2 * np.repeat(far, 10)[5900:, None])
    trigger = Trigger(n, 60.0)

    found = [t for t in rises(trigger, x) if t >= 4500]
    assert found
    assert found[0] >= 5900


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_the_novelty_gate_hides_no_fault(missing: float) -> None:
    """On a long base a new level, a restless series and a silent one are each found."""
    n, base = 6, 2400
    for fault in ("level", "restless", "silent"):
        x = noise(base + 120, n, seed=25)
        gone = np.random.default_rng(26).random(x.shape) < missing
        if fault == "level":
            x[base:, 2] += 30.0
        elif fault == "restless":
            x[base:, 2] += 24.0 * np.random.default_rng(27).normal(size=120)
        x[gone] = np.nan
        if fault == "silent":
            x[base:, 2] = np.nan

        found = rises(Trigger(n, 300.0), x)

        assert any(t >= base for t in found), fault


def test_what_novelty_raises_is_dated_by_what_saw_it_first() -> None:
    """After a gap its mean needs four rows; what lasts for two rows had left already."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(1340, 8))
    x[1300:] += 1.25 * np.sign(rng.normal(size=8))
    trigger = Trigger(8, 600.0)
    assert rises(trigger, x[:1300]) == []
    trigger.break_lags()

    assert next(rising(trigger, x[1300:])) == 3
    assert (trigger.statistic_name, trigger.onset_rows) == ("novelty", 2)


def test_rows_that_do_not_follow_each_other_say_nothing() -> None:
    """No statistic judges a row by itself: where each is one of its own, none is raised."""
    x = noise(2100, 6, seed=28)
    x[2000:] += 60.0
    trigger = Trigger(6, 300.0)
    for one in x:
        trigger.break_lags()
        assert not trigger.update(one).drift_detected

    said = dict(zip(trigger.names, trigger.statistics.tolist(), strict=True))
    assert said["pair"] == 0.0
    assert np.isnan([said[name] for name in ("mean", "slow", "cross_sum", "ssa", "novelty")]).all()


def test_what_can_be_certified_follows_from_the_time_watched() -> None:
    """Three over the weeks without an alarm; nothing before the warm-up has ended."""
    trigger = Trigger(3, 3600.0, false_alarms_per_week=1e-3)
    assert trigger.certified_per_week == np.inf
    rises(trigger, noise(48 + 336, 3, seed=18))

    assert trigger.alarms == 0
    assert trigger.watched_weeks == pytest.approx(2.0)
    assert trigger.certified_per_week == pytest.approx(3.0 / 2.0, rel=0.01)


def test_a_base_too_short_for_its_series_is_blind() -> None:
    """Nothing that a few of many series do could raise an alarm; later it can."""
    trigger = Trigger(200, 1.0)
    x = noise(1500, 200, seed=19)
    rises(trigger, x[:60])
    assert trigger.blind
    rises(trigger, x[60:])
    assert not trigger.blind


@pytest.mark.parametrize("statistics", [("pair",), ("ssa", "silence")])
def test_only_the_statistics_used_raise_alarms(statistics: tuple[str, ...]) -> None:
    """Others are computed, and keep still."""
    x = noise(700, 6, seed=20)
    x[600:] += 100.0
    trigger = Trigger(6, 60.0, policy=TriggerPolicy(statistics=statistics))
    for one in x:
        if trigger.update(one).drift_detected:
            assert trigger.statistic_name in statistics
            break


def test_five_thousand_series_and_one() -> None:
    """The widest and the narrowest stream find a change of everything."""
    for n in (1, 5000):
        rng = np.random.default_rng(21)
        x = rng.normal(size=(160, n))
        x[150:] += 50.0
        assert 150 <= rises(Trigger(n, 60.0), x)[0] < 156


def test_two_series_that_get_restless_are_found() -> None:
    """A controller that hunts, and what it drives: one series alone would be left out."""
    rng = np.random.default_rng(12)
    own = rng.normal(size=(1700, 10))
    own[1500:, [3, 6]] = 2.5 * (-1.0) ** np.arange(200)[:, None]
    x = rng.normal(size=(1700, 2)) @ rng.normal(size=(2, 10)) + 0.3 * own
    trigger = Trigger(n_series=10, interval_s=180.0)
    found = []
    for t, one in enumerate(x):
        trigger.update(one)
        if trigger.drift_detected:
            found.append(
                (t, trigger.onset_rows, trigger.statistic_name, int(np.argmax(trigger.scores)))
            )

    at, back, name, carrier = found[0]
    assert name == "dispersion"
    assert carrier in (3, 6)
    assert 1500 <= at <= 1540
    assert back <= 32
