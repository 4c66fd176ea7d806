"""Numba kernels of the watch on health signals: in place, C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Structured = NDArray[np.void]

# Parts of the memory of levels; the older half of them counts no more: what it began with, a system
# that started perhaps, blinds the watch for as long again.
PARTS = 8
# Newest distances between two changes, and between two cells, that are kept.
DISTANCES = 64
# Growths that tell a load that is counted up, and how many there are for each fall.
GROWTHS, GROWTHS_PER_RESET = 8, 16

CELL = np.dtype(
    [
        ("value", np.float64),  # newest value, NaN or infinite = missing
        ("load", np.float64),  # what the signal has to serve, NaN = not known
        ("high", np.float64),  # levels between which it is a habit to be at this time of day ...
        ("low", np.float64),
        ("gap", np.float64),  # ... and to stay away for, rows
    ]
)
SIGNAL = np.dtype(
    [
        ("bad", np.float64),  # +1 upwards, -1 downwards, 0 either
        ("last", np.float64),  # newest value; NaN = none yet
        ("previous", np.float64),  # reading before the newest
        ("rising", np.float64),  # evidence upwards ...
        ("falling", np.float64),  # ... and downwards
        ("before", np.float64),  # the larger of both before the newest row
        ("peak", np.float64),  # highest level that two readings held since it left zero ...
        ("trough", np.float64),  # ... and lowest; not remembered before it is back at zero
        ("top", np.float64),  # highest reading since then ...
        ("bottom", np.float64),  # ... and lowest
        (
            "excursions",
            np.float64,
        ),  # share of readings, of late, that such an excursion came before
        ("z", np.float64),  # newest reading, in scales
        ("level", np.float64),  # its median when the reading came
        ("rows", np.int64),  # present cells
        ("held", np.int64),  # rows since the value changed
        ("since", np.int64),  # rows since the newest reading
        ("changes", np.int64),  # closed distances between two changes
        ("changed", np.int64),  # whether the value ever changed
        ("gap", np.int64),  # rows since the newest cell
        ("began", np.int64),  # rows since the evidence left zero
        ("readings", np.int64),  # learned
        ("part", np.int64),  # newest part of the memory of levels
        ("filled", np.int64),  # readings in it
        ("part_readings", np.int64),  # readings that fill a part
    ],
    align=True,
)


@nb.njit(cache=True, error_model="numpy")
def median_deviation(ordered: Floats) -> tuple[float, float]:
    """Return the median of ascending values and their scale.

    The scale is 1.4826 times the median absolute deviation, 1.2533 times the mean absolute one
    where more than half of the values are equal.
    """
    m = ordered.shape[0]
    half = m // 2
    median = ordered[half] if m % 2 else 0.5 * (ordered[half - 1] + ordered[half])
    # Deviations grow outwards from the median: the smaller of both ends, half of them.
    right = half
    left = half - 1
    deviation = 0.0
    for _ in range(half + 1):
        if right >= m or (left >= 0 and median - ordered[left] < ordered[right] - median):
            deviation = median - ordered[left]
            left -= 1
        else:
            deviation = ordered[right] - median
            right += 1
    if deviation > 0.0:
        return median, 1.4826 * deviation
    total = 0.0
    for i in range(m):
        total += abs(ordered[i] - median)
    return median, 1.2533 * total / m


@nb.njit(cache=True, error_model="numpy")
def is_reading(signal: Structured, distances: Floats, times: float, zero_rows: int) -> bool:
    """Return whether the present cell of a signal is a reading, given how long values hold.

    A new value is one; so is one that is held ``times`` as long as usual. Usual is the lower
    quartile of the newest distances between changes. Where a value was constant for
    ``zero_rows`` from the first row on, every row is a reading: nothing slower is scraped.
    """
    if signal["held"] == 1 or not signal["changed"]:
        return True
    known = min(float(signal["changes"]), float(DISTANCES))
    if known == 0:
        return bool(signal["held"] >= zero_rows)
    usual = np.sort(distances[: int(known)])[int(known) // 4]
    return bool(signal["since"] >= times * usual)


@nb.njit(cache=True, error_model="numpy")
def follow_value(signal: Structured, value: float, distances: Floats, zero_rows: int) -> None:
    """Note how long the value of a signal has been held."""
    if value == signal["last"]:
        signal["held"] += 1
        signal["since"] += 1
        return
    if not np.isnan(signal["last"]):
        if signal["changed"]:
            distances[signal["changes"] % DISTANCES] = signal["held"]
            signal["changes"] += 1
        elif signal["held"] >= zero_rows:
            # Its first distance began before it was watched; so long a one is a state at rest.
            distances[0] = 1.0
            signal["changes"] = 1
        signal["changed"] = 1
    signal["held"] = signal["since"] = 1
    signal["last"] = value


@nb.njit(cache=True, error_model="numpy")
def held_levels(signal: Structured, highest: Floats, lowest: Floats) -> tuple[float, float]:
    """Return the highest and lowest level that two readings in a row held, of late."""
    high, low = -np.inf, np.inf
    newest = signal["part"]
    for part in range((newest + 1) // 2, newest + 1):
        high = max(high, highest[part])
        low = min(low, lowest[part])
    return high, low


@nb.njit(cache=True, error_model="numpy")
def follow_excursion(signal: Structured, value: float, evidence: float, page: float) -> None:
    """Note the levels that two readings in a row hold while there is evidence.

    They are remembered when it is back at zero, or the second reading of a step would make the
    third one ordinary; after a page never.
    """
    previous = signal["previous"]
    if evidence >= page:
        signal["peak"], signal["trough"] = np.inf, -np.inf
    elif evidence > 0.0 and not np.isnan(previous):
        signal["top"] = max(signal["top"], value)
        signal["bottom"] = min(signal["bottom"], value)
        signal["peak"] = max(signal["peak"], min(value, previous))
        signal["trough"] = min(signal["trough"], max(value, previous))


@nb.njit(cache=True, error_model="numpy")
def beyond(parts: int) -> Floats:
    """Return the levels of so many parts in which nothing was read: (4, parts)."""
    levels = np.empty((4, parts))
    levels[0] = levels[2] = -np.inf
    levels[1] = levels[3] = np.inf
    return levels


@nb.njit(cache=True, error_model="numpy")
def remember_level(signal: Structured, value: float, most: int, levels: Floats) -> None:
    """Remember a reading, the level that it and the one before both held, and an excursion's."""
    part = signal["part"]
    previous = signal["previous"]
    highest, lowest, tops, bottoms = levels[0], levels[1], levels[2], levels[3]
    excursion = np.isfinite(signal["peak"])
    n = min(signal["readings"] + 1, PARTS * most)
    signal["excursions"] += (excursion - signal["excursions"]) / n
    if excursion:
        highest[part] = max(highest[part], signal["peak"])
        lowest[part] = min(lowest[part], signal["trough"])
        tops[part] = max(tops[part], signal["top"])
        bottoms[part] = min(bottoms[part], signal["bottom"])
    signal["peak"], signal["trough"] = -np.inf, np.inf
    signal["top"], signal["bottom"] = -np.inf, np.inf
    tops[part] = max(tops[part], value)
    bottoms[part] = min(bottoms[part], value)
    if not np.isnan(previous):
        highest[part] = max(highest[part], min(value, previous))
        lowest[part] = min(lowest[part], max(value, previous))
    signal["filled"] += 1
    if signal["filled"] < signal["part_readings"]:
        return
    signal["filled"] = 0
    if part < PARTS - 1:
        signal["part"] = part + 1
    elif signal["part_readings"] < most:
        for i in range(PARTS // 2):
            for up in (0, 2):
                levels[up, i] = max(levels[up, 2 * i], levels[up, 2 * i + 1])
                levels[up + 1, i] = min(levels[up + 1, 2 * i], levels[up + 1, 2 * i + 1])
        levels[:, PARTS // 2 :] = beyond(PARTS // 2)
        signal["part_readings"] *= 2
        signal["part"] = PARTS // 2
    else:
        levels[:, :-1] = levels[:, 1:].copy()
        levels[:, -1:] = beyond(1)


@nb.njit(cache=True, error_model="numpy")
def learn_reading(signal: Structured, value: float, ring: Floats, ordered: Floats) -> None:
    """Put a reading into the window, the oldest one out; ``ordered`` stays ascending."""
    size = ring.shape[0]
    place = signal["readings"] % size
    m = min(signal["readings"], size)
    if m == size:
        i = np.searchsorted(ordered, ring[place])
        for k in range(i, size - 1):
            ordered[k] = ordered[k + 1]
        m -= 1
    i = np.searchsorted(ordered[:m], value)
    for k in range(m, i, -1):
        ordered[k] = ordered[k - 1]
    ordered[i] = value
    ring[place] = value
    signal["readings"] += 1


@nb.njit(cache=True, error_model="numpy")
def worth_of(excursions: float, n: float, chance: float) -> float:
    """Return what a reading is worth that is out, but not as far as some were: 0 .. 1.

    Of n readings a share was out and paged nothing; by chance so many in a row shall be less likely
    than ``chance / n``. Two in a row are, where none was out before: they are worth all. Where
    every thirtieth is out, as errors are that come now and then, it takes three of them after a
    hundred readings and five after a hundred thousand.
    """
    rare = (1.0 + excursions * n) / (1.0 + n)
    return float(min(1.0, -2.0 * np.log(rare) / np.log(n / chance)))


@nb.njit(cache=True, error_model="numpy")
def rise_of(load: float, loads: Floats, count: int, policy: Structured) -> float:
    """Return how many times the usual load the present one is; 1 where it is an ordinary one.

    loads (window,): load at the newest ``count`` readings, NaN = not known. Load within the slack
    of its median explains nothing: what it does is in the scale of the signal already. Nor does
    load that was known too seldom, or that is counted up: that grows with time alone.
    """
    choice, size = policy[0], loads.shape[0]
    newest = np.empty(size)
    known = grown = fallen = 0
    for k in range(max(count - size, 0), count):
        one = loads[k % size]
        if np.isfinite(one):
            if known:
                grown += one > newest[known - 1]
                fallen += one < newest[known - 1]
            newest[known] = one
            known += 1
    counted = grown >= max(GROWTHS, GROWTHS_PER_RESET * fallen)
    if known < choice["ready_readings"] or counted or not np.isfinite(load):
        return 1.0
    level, scale = median_deviation(np.sort(newest[:known]))
    if level <= 0.0 or load - level <= choice["slack"] * scale:
        return 1.0
    return load / level


@nb.njit(cache=True, error_model="numpy")
def judge_reading(
    signal: Structured,
    value: float,
    cell: Structured,
    policy: Structured,
    ordered: Floats,
    levels: Floats,
) -> None:
    """Move the evidence of a signal by a reading, once it is ready."""
    choice = policy[0]
    count = signal["readings"]
    if count < choice["ready_readings"]:
        return
    window = ordered[: min(count, ordered.shape[0])]
    level, scale = median_deviation(window)
    scale = max(scale, choice["level_share"] * abs(level))
    scale *= 1.0 + choice["young_readings"] / count
    signal["level"] = level
    z = 0.0
    if window[0] == window[-1]:
        needed = choice["ready_zero_rows"] if level == 0.0 else choice["ready_constant_rows"]
        if value != level and signal["rows"] >= needed:
            z = np.inf if value > level else -np.inf
    elif scale > 0.0:
        z = (value - level) / scale
    signal["z"] = z
    high, low = held_levels(signal, levels[0], levels[1])
    high, low = max(high, float(cell["high"])), min(low, float(cell["low"]))
    top, bottom = held_levels(signal, levels[2], levels[3])
    worth = 1.0
    if bottom <= value <= top:
        known = float(min(count, PARTS * choice["memory_readings"]))
        worth = worth_of(float(signal["excursions"]), known, float(choice["chance"]))
    cap, slack, most = choice["cap"], choice["slack"], choice["asked"] + choice["page"]
    # After a page an ordinary reading says as much as an extreme one: what most of them say holds.
    paged = signal["peak"] == np.inf
    ordinary = slack - cap if paged else -slack
    up = min(z, cap) - slack if z > 0.0 and value > high and signal["bad"] >= 0.0 else ordinary
    down = min(-z, cap) - slack if z < 0.0 and value < low and signal["bad"] <= 0.0 else ordinary
    up, down = worth * max(up, 0.0) + min(up, 0.0), worth * max(down, 0.0) + min(down, 0.0)
    signal["rising"] = min(max(signal["rising"] + up, 0.0), most)
    signal["falling"] = min(max(signal["falling"] + down, 0.0), most)


@nb.njit(cache=True, error_model="numpy")
def missing_times(signal: Structured, habit: float, gaps: Floats, policy: Structured) -> float:
    """Return how long a signal that came at regular distances has stayed away; 1 = missing.

    One that comes irregularly may stay away: gaps are judged elsewhere (`Missingness`).
    """
    choice = policy[0]
    shortest, longest = np.inf, 0.0
    for i in range(DISTANCES):
        if i >= signal["rows"] - 1:
            break
        shortest = min(shortest, gaps[i])
        longest = max(longest, gaps[i])
    if longest == 0.0 or longest > choice["held_times"] * shortest:
        return 0.0
    return float(signal["gap"] / (choice["missing_times"] * max(longest, habit)))


@nb.njit(cache=True, error_model="numpy")
def watch_step(
    cells: Structured,
    learn: bool,
    reporting: bool,
    policy: Structured,
    signals: Structured,
    distances: Floats,
    ring: Floats,
    ordered: Floats,
    levels: Floats,
    evidence: Floats,
) -> None:
    """Take one row of every signal; ``evidence`` (n,) gets what it says.

    `asked` or more pages, which is `page` where nothing more is asked for. It ends at both
    together, so that it can always page, and soon be over.

    distances (n, 2, 64): newest distances, rows, between two changes and between two cells;
    ring (n, 2, window): newest readings, and the load at each; ordered (n, window): the readings,
    ascending; levels (n, 4, 8): highest and lowest level that two readings in a row held, highest
    and lowest of single ones, by parts of the past.
    A reading is judged, and its level remembered, as a multiple of the load's rise.
    """
    choice = policy[0]
    zero_rows, page = choice["ready_zero_rows"], choice["page"]
    most = choice["asked"] + page
    for j in range(cells.shape[0]):
        signal, value, load = signals[j], cells[j]["value"], cells[j]["load"]
        changes, gaps = distances[j, 0], distances[j, 1]
        signal["before"] = evidence[j]
        signal["began"] += 1
        if not np.isfinite(value):
            signal["gap"] += reporting
            times = missing_times(signal, cells[j]["gap"], gaps, policy)
            if signal["rows"] > choice["ready_readings"] and times >= 1.0:
                evidence[j] = max(evidence[j], min(times * page, most))
            continue
        if signal["rows"] and (learn or evidence[j] < page):
            gaps[(signal["rows"] - 1) % DISTANCES] = signal["gap"] + 1
        signal["gap"] = 0
        signal["rows"] += 1
        follow_value(signal, value, changes, zero_rows)
        if not is_reading(signal, changes, choice["held_times"], zero_rows):
            evidence[j] = max(signal["rising"], signal["falling"])
            continue
        signal["since"] = 0
        count = signal["readings"]
        eased = value / rise_of(load, ring[j, 1], count, policy)
        judge_reading(signal, eased, cells[j], policy, ordered[j], levels[j])
        evidence[j] = max(signal["rising"], signal["falling"])
        if evidence[j] == 0.0:
            signal["began"] = 0
        follow_excursion(signal, eased, evidence[j], page)
        if learn and evidence[j] == 0.0:
            remember_level(signal, eased, choice["memory_readings"], levels[j])
            ring[j, 1, count % ring.shape[2]] = load
            learn_reading(signal, value, ring[j, 0], ordered[j])
        signal["previous"] = eased
