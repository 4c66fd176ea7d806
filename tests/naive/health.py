"""Textbook twin of detectors/health/: every row judged anew from the whole history."""

import math
from fractions import Fraction

from detectors.health.objective import Objective

# A window is forgotten in parts of one row or more, at most so many.
BUCKETS = 64


def breached(
    objective: Objective, times: list[float], values: list[float], interval_s: float
) -> list[bool]:
    """Whether the objective is breached after each row; values that are not finite are missing."""
    readings = [(t, v) for t, v in zip(times, values, strict=True) if math.isfinite(v)]
    holds = [_holds(objective, readings[: k + 1], interval_s) for k in range(len(readings))]
    begin, end, step = _durations(objective, interval_s)
    by_rows = objective.target is None and objective.of > 1
    clock = [float(k) if by_rows else t for k, (t, _) in enumerate(readings)]
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
        return 0.0, objective.windows_s[1], interval_s
    if objective.of > 1:
        return 0.0, objective.rows - 1.0, 1.0
    return objective.for_s, objective.for_s, interval_s


def _holds(objective: Objective, readings: list[tuple[float, float]], interval_s: float) -> bool:
    """Whether the condition holds at the newest of the readings."""
    if objective.target is not None:
        return _burns(objective, readings, interval_s)
    if objective.above is not None:
        beyond = [value > objective.above for _, value in readings]
    else:
        assert objective.below is not None
        beyond = [value < objective.below for _, value in readings]
    return sum(beyond[-objective.of :]) >= objective.rows


def _burns(objective: Objective, readings: list[tuple[float, float]], interval_s: float) -> bool:
    assert objective.target is not None
    limit = Fraction(objective.burn_rate * (1.0 - objective.target))
    now, short_s = readings[-1][0], objective.windows_s[1]
    first = now
    for time, _ in reversed(readings):
        if first - time - interval_s > short_s + 1e-3 * interval_s:
            break
        first = time
    covered = now - first + interval_s >= short_s - 1e-3 * interval_s
    return covered and all(
        _mean(readings, max(1, round(length / interval_s)), interval_s) > limit
        for length in objective.windows_s
    )


def _mean(readings: list[tuple[float, float]], rows: int, interval_s: float) -> Fraction:
    """Mean ratio of the newest so many rows, those of a bucket all or none."""
    width = math.ceil(rows / BUCKETS)
    buckets = math.ceil(rows / width)
    numbers = [math.floor(time / interval_s + 0.5) // width for time, _ in readings]
    held = [
        Fraction(min(max(value, 0.0), 1.0))
        for number, (_, value) in zip(numbers, readings, strict=True)
        if number > numbers[-1] - buckets
    ]
    return sum(held, Fraction(0)) / len(held)
