"""Textbook twins of detectors/health/: every row judged anew from the whole history."""

import math
import statistics
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

from detectors.health.objective import Objective
from detectors.health.policy import HealthPolicy

# Time, value, how many requests it is of.
Reading: TypeAlias = tuple[float, float, float]

# A window is forgotten in parts of one row or more, at most so many.
BUCKETS = 64


def breached(
    objective: Objective,
    times: list[float],
    values: list[float],
    interval_s: float,
    requests: list[float] | None = None,
) -> list[bool]:
    """Whether the objective is breached after each row; values that are not finite are missing."""
    weights = requests or [1.0] * len(times)
    rows = zip(times, values, weights, strict=True)
    readings = [(t, v, w) for t, v, w in rows if math.isfinite(v)]
    holds = [_holds(objective, readings[: k + 1], interval_s) for k in range(len(readings))]
    begin, end, step = _durations(objective, interval_s)
    by_rows = objective.target is None and objective.of > 1
    clock = [float(k) if by_rows else t for k, (t, _, _) in enumerate(readings)]
    states, turned = [False], 0
    for k in range(len(readings)):
        now = states[-1]
        wait = end if now else begin
        # Readings in succession that all speak for a turn, none longer apart than the wait.
        run = k + 1
        while run > turned and holds[run - 1] != now:
            if run <= k and clock[run] - clock[run - 1] - step > wait + 1e-3 * step:
                break
            run -= 1
        turn = run <= k and clock[k] - clock[run] >= wait - 1e-3 * step
        states.append(now != turn)
        turned = k + 1 if turn else turned
    read = 0
    after = []
    for value in values:
        read += math.isfinite(value)
        after.append(states[read])
    return after


def _durations(objective: Objective, interval_s: float) -> tuple[float, float, float]:
    """How long until it begins, until it ends, and from one reading to the next."""
    if objective.target is not None:
        assert objective.windows_s is not None
        return 0.0, objective.windows_s[1], interval_s
    if objective.of > 1:
        return 0.0, objective.rows - 1.0, 1.0
    return objective.for_s, objective.for_s, interval_s


def _holds(objective: Objective, readings: list[Reading], interval_s: float) -> bool:
    """Whether the condition holds at the newest of the readings."""
    if objective.target is not None:
        return _burns(objective, readings, interval_s)
    if objective.above is not None:
        beyond = [value > objective.above for _, value, _ in readings]
    else:
        assert objective.below is not None
        beyond = [value < objective.below for _, value, _ in readings]
    return sum(beyond[-objective.of :]) >= objective.rows


def _burns(objective: Objective, readings: list[Reading], interval_s: float) -> bool:
    assert objective.target is not None
    assert objective.burn_rate is not None
    assert objective.windows_s is not None
    limit = Fraction(objective.burn_rate * (1.0 - objective.target))
    now, short_s = readings[-1][0], objective.windows_s[1]
    first = now
    for time, _, _ in reversed(readings):
        if first - time - interval_s > short_s + 1e-3 * interval_s:
            break
        first = time
    covered = now - first + interval_s >= short_s - 1e-3 * interval_s
    return covered and all(
        _mean(readings, max(1, round(length / interval_s)), interval_s) > limit
        for length in objective.windows_s
    )


def _mean(readings: list[Reading], rows: int, interval_s: float) -> Fraction:
    """Mean ratio of the newest so many rows, those of a bucket all or none."""
    width = math.ceil(rows / BUCKETS)
    buckets = math.ceil(rows / width)
    numbers = [math.floor(time / interval_s + 0.5) // width for time, _, _ in readings]
    held = [
        (Fraction(min(max(value, 0.0), 1.0)), Fraction(weight))
        for number, (_, value, weight) in zip(numbers, readings, strict=True)
        if number > numbers[-1] - buckets
    ]
    weights = sum((weight for _, weight in held), Fraction(0))
    return sum((ratio * weight for ratio, weight in held), Fraction(0)) / weights


def watched(
    values: list[float],
    loads: list[float],
    habits: list[tuple[float, float, float]],
    bad: int,
    policy: HealthPolicy,
    learned: list[bool],
    reporting: list[bool],
    asked: float,
) -> list[tuple[float, float, float, int]]:
    """(evidence, deviation, level, rows since it left zero) of one signal after each row.

    habits: highest and lowest level, longest gap, of that time of day.
    """
    signal, told = _Signal(bad, policy, asked), []
    rows = zip(values, loads, habits, learned, reporting, strict=True)
    for value, load, signal.habit, learn, others in rows:
        signal.began += 1
        if math.isfinite(value):
            signal.take(value, load, learn)
        else:
            signal.miss(others)
        told.append((signal.evidence, signal.z, signal.level, signal.began))
    return told


class _Signal:
    """The rule of one signal, with lists of everything there ever was."""

    def __init__(self, bad: int, policy: HealthPolicy, asked: float) -> None:
        self.bad, self.policy, self.asked = bad, policy, asked
        self.cells: list[float] = []  # every value
        self.gaps: list[int] = []  # distances between two of them
        self.changes: list[int] = []  # distances between two new values
        self.readings: list[float] = []  # learned
        self.loads: list[float] = []  # at each of these
        self.parts: list[list[tuple[float, float]]] = [[]]  # what two readings in a row held
        self.singles: list[list[float]] = [[]]  # readings of each part
        self.size, self.filled = 8, 0
        self.out: list[bool] = []  # whether an excursion came before each reading
        self.excursion: list[tuple[float, float]] = []  # what two held since there is evidence
        self.read: list[float] = []  # the same, single readings
        self.paged = False  # in which case it is never remembered
        self.gap = self.held = self.since = self.began = 0
        self.changed = False
        self.habit = (-math.inf, math.inf, 0.0)
        self.previous = math.nan
        self.z = self.level = self.evidence = self.rising = self.falling = 0.0

    def miss(self, others: bool) -> None:
        """Take a row without a value."""
        self.gap += others
        if len(self.cells) <= self.policy.ready_readings:
            return
        newest = self.gaps[-64:]
        if max(newest) > self.policy.held_times * min(newest):
            return
        times = self.gap / (self.policy.missing_times * max(*newest, self.habit[2]))
        if times >= 1:
            most = self.asked + self.policy.page
            self.evidence = max(self.evidence, min(times * self.policy.page, most))

    def take(self, value: float, load: float, learn: bool) -> None:
        """Take a row with a value."""
        page = self.policy.page
        if self.cells:
            usual = learn or self.evidence < page
            old = self.gaps[-64] if len(self.gaps) >= 64 else 0
            self.gaps.append(self.gap + 1 if usual else old)
        self.gap = 0
        reading = self.is_reading(value)
        self.cells.append(value)
        if reading:
            self.since = 0
            eased = value / self.rise(load)
            self.judge(eased)
        self.evidence = max(self.rising, self.falling)
        if not reading:
            return
        if self.evidence == 0:
            self.began = 0
        if self.evidence >= page:
            self.paged = True
        elif self.evidence > 0 and not math.isnan(self.previous):
            self.excursion.append((min(eased, self.previous), max(eased, self.previous)))
            self.read.append(eased)
        if learn and self.evidence == 0:
            self.out.append(bool(self.excursion) and not self.paged)
            if not self.paged:
                self.parts[-1] += self.excursion
                self.singles[-1] += self.read
            self.paged, self.excursion, self.read = False, [], []
            self.remember(eased)
            self.readings.append(value)
            self.loads.append(load)
        self.previous = eased

    def rise(self, load: float) -> float:
        """How many times the usual load this one is, where it is beyond what is ordinary."""
        known = [one for one in self.loads[-self.policy.window :] if math.isfinite(one)]
        if len(known) < self.policy.ready_readings or not math.isfinite(load):
            return 1.0
        steps = [after - before for before, after in pairwise(known)]
        grown, fallen = sum(step > 0 for step in steps), sum(step < 0 for step in steps)
        if grown >= max(8, 16 * fallen):  # counted up
            return 1.0
        level = statistics.median(known)
        away = [abs(one - level) for one in known]
        scale = 1.4826 * _rank_above(away) or 1.2533 * sum(away) / len(away)
        return load / level if level > 0 and load - level > self.policy.slack * scale else 1.0

    def is_reading(self, value: float) -> bool:
        """Whether it is new, or held half as long again as usual."""
        zero_rows = self.policy.ready_zero_rows
        if self.cells and value == self.cells[-1]:
            self.held, self.since = self.held + 1, self.since + 1
            if not self.changed:
                return True
            if not self.changes:
                return self.held >= zero_rows
            usual = sorted(self.changes[-64:])
            return self.since >= self.policy.held_times * usual[len(usual) // 4]
        if self.cells:
            if self.changed:
                self.changes.append(self.held)
            elif self.held >= zero_rows:
                self.changes.append(1)
            self.changed = True
        self.held = self.since = 1
        return True

    def judge(self, value: float) -> None:
        """Move the evidence."""
        policy, count = self.policy, len(self.readings)
        if count < policy.ready_readings:
            return
        window = self.readings[-policy.window :]
        level = statistics.median(window)
        away = [abs(one - level) for one in window]
        scale = 1.4826 * _rank_above(away) or 1.2533 * sum(away) / len(away)
        scale = max(scale, policy.level_share * abs(level)) * (1 + policy.young_readings / count)
        z = 0.0
        if min(window) == max(window):
            rows = policy.ready_constant_rows if level else policy.ready_zero_rows
            if value != level and len(self.cells) >= rows:
                z = math.copysign(math.inf, value - level)
        elif scale:
            z = (value - level) / scale
        self.level, self.z = level, z
        held = [pair for part in self.parts[len(self.parts) // 2 :] for pair in part]
        new_high = value > max([self.habit[0], *(low for low, _ in held)])
        new_low = value < min([self.habit[1], *(high for _, high in held)])
        single = [one for part in self.singles[len(self.singles) // 2 :] for one in part]
        worth = 1.0
        if single and min(single) <= value <= max(single):
            known, share = 8 * policy.memory_readings, 0.0
            for k, out in enumerate(self.out, start=1):
                share += (out - share) / min(k, known)
            n = min(count, known)
            rare = (1 + share * n) / (1 + n)
            worth = min(1.0, 2 * math.log(1 / rare) / math.log(n / policy.chance))
        ordinary = -(policy.cap - policy.slack) if self.paged else -policy.slack
        up = min(z, policy.cap) - policy.slack if z > 0 and new_high and self.bad >= 0 else ordinary
        down = (
            min(-z, policy.cap) - policy.slack if z < 0 and new_low and self.bad <= 0 else ordinary
        )
        up, down = (worth * d if d > 0 else d for d in (up, down))
        most = self.asked + policy.page
        self.rising = min(max(self.rising + up, 0.0), most)
        self.falling = min(max(self.falling + down, 0.0), most)

    def remember(self, value: float) -> None:
        """Remember what this reading and the one before it both held; eight parts of the past."""
        if not math.isnan(self.previous):
            pair = min(value, self.previous), max(value, self.previous)
            self.parts[-1].append(pair)
        self.singles[-1].append(value)
        self.filled += 1
        if self.filled < self.size:
            return
        self.filled = 0
        if len(self.parts) == 8:
            if self.size < self.policy.memory_readings:
                self.size *= 2
                self.parts = [self.parts[i] + self.parts[i + 1] for i in (0, 2, 4, 6)]
                self.singles = [self.singles[i] + self.singles[i + 1] for i in (0, 2, 4, 6)]
            else:
                del self.parts[0], self.singles[0]
        self.parts.append([])
        self.singles.append([])


def _rank_above(away: list[float]) -> float:
    """Half of the deviations are below: the one above them."""
    return sorted(away)[len(away) // 2]
