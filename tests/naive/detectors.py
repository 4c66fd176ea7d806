"""Textbook twins of the kernels in detectors/: plain Python, one formula at a time."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from typed import BoolArray, FloatArray


def scaler_normalise(
    x: FloatArray, loc: FloatArray, scale: FloatArray, cap: float, share: float
) -> FloatArray:
    """z-score of each present cell of a fitted series, clipped; a scale is a share of the level."""
    z = []
    for value, centre, spread in zip(x, loc, scale, strict=True):
        if not math.isfinite(value) or math.isnan(spread):
            z.append(math.nan)
        elif abs(value - centre) <= 1e-12 * (abs(value) + abs(centre)):
            z.append(0.0)
        elif spread == 0.0 and centre == 0.0:
            z.append(math.copysign(cap, value - centre))
        else:
            unit = max(spread, share * abs(centre))
            z.append(max(-cap, min(cap, (value - centre) / unit)))
    return np.array(z)


def scaler_learn(
    x: FloatArray,
    loc: FloatArray,
    scale: FloatArray,
    weight: FloatArray,
    beyond: FloatArray,
    memory: float,
    clip: float,
    cap: float,
    wake: float,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """One step of the winsorised mean and second moment; returns the new state."""
    loc, scale, weight, beyond = (a.copy() for a in (loc, scale, weight, beyond))
    for j, value in enumerate(x):
        if not math.isfinite(value) or math.isnan(scale[j]):
            continue
        weight[j] = min(weight[j] + 1, memory)
        e = value - loc[j]
        if scale[j] == 0.0:
            if abs(e) > 1e-12 * (abs(value) + abs(loc[j])):
                scale[j] = abs(e) / wake
            continue
        beyond[j] = beyond[j] + 1 if abs(e) / scale[j] > cap else 0
        if beyond[j] >= 3:
            scale[j] = min(abs(e) / cap, 2.0 * scale[j])
        e = float(np.clip(e, -clip * scale[j], clip * scale[j]))
        loc[j] = loc[j] + e / weight[j]
        scale[j] = math.sqrt((1 - 1 / weight[j]) * scale[j] ** 2 + e**2 / weight[j])
    return loc, scale, weight, beyond


def ssa_energy(windows: FloatArray, residual: FloatArray, rank: int, clip: float) -> FloatArray:
    """Smallest energy outside the signal space over all values of the missing cells."""
    lags = residual.shape[0]
    out = []
    for window in windows:
        w = np.clip(window, -clip, clip)
        missing = np.isnan(w)
        present = lags - int(missing.sum())
        if present <= rank or missing[-1]:
            out.append(math.nan)
            continue
        known = np.where(missing, 0.0, w)
        rest = residual @ known
        if missing.any():
            filler, *_ = np.linalg.lstsq(residual[:, missing], -rest, rcond=None)
            rest = rest + residual[:, missing] @ filler
        out.append(float(rest @ rest) * (lags - rank) / (present - rank))
    return np.array(out)


def gram(windows: FloatArray, clip: float) -> tuple[FloatArray, int]:
    """Sum of the outer products of the complete windows, and their number."""
    complete = windows[~np.isnan(windows).any(axis=1)]
    clipped = np.clip(complete, -clip, clip)
    return clipped.T @ clipped, len(complete)


def lagged(rows: FloatArray, lags: int, clip: float) -> FloatArray:
    """Newest rows behind each other, the newest first, clipped; missing cells at 0."""
    cells = np.clip(np.where(np.isfinite(rows), rows, 0.0), -clip, clip)
    return np.concatenate(cells[::-1][:lags])


def subspace_residual(lagged: FloatArray, basis: FloatArray, present: BoolArray) -> FloatArray:
    """Squared distance of the newest entries to the space spanned by the basis."""
    rest = lagged - basis @ (basis.T @ lagged)
    return np.where(present, rest[: len(present)] ** 2, np.nan)


def track_energy(
    energy: FloatArray,
    mean: FloatArray,
    weight: FloatArray,
    memory: float,
    clip: float,
    floor: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Relative energies, and the winsorised means after learning."""
    mean, weight = mean.copy(), weight.copy()
    out = []
    for j, value in enumerate(energy):
        usual = max(mean[j], floor)
        if math.isnan(value):
            out.append(math.nan)
            continue
        out.append(value / usual if weight[j] >= 8 else math.nan)
        learned = value if weight[j] < 8 else min(value, clip * usual)
        weight[j] = min(weight[j] + 1, memory)
        mean[j] = mean[j] + (learned - mean[j]) / weight[j]
    return np.array(out), mean, weight


def top_mean(values: Iterable[float], k: int) -> float:
    """Mean of the k largest but the very largest; of one or two the largest."""
    there = sorted((v for v in values if not math.isnan(v)), reverse=True)[: k + 1]
    if len(there) < 3:
        return max(there, default=math.nan)
    return sum(there[1:]) / len(there[1:])


def cusum(scores: Iterable[float], slack: float, ceiling: float) -> list[tuple[float, int]]:
    """Whole path of Page's recursion for one statistic: (y, rows since y was zero)."""
    y, age, path = 0.0, 0, []
    for score in scores:
        if math.isnan(score):
            age = age + 1 if y > 0 else age
        else:
            y = min(max(0.0, y + score - slack), ceiling)
            age = age + 1 if y > 0 else 0
        path.append((y, age))
    return path


def tail(
    maxima: Iterable[float], share: float, max_peaks: int, block_rows: int, unit: float
) -> tuple[float, float, float, float]:
    """Fit one statistic from all its block maxima: (onset, sigma, shape, rate)."""
    ordered = sorted(maxima, reverse=True)
    k = max(int(len(ordered) * share), min(len(ordered) // 2, 8), 2)
    k = min(k, max_peaks, len(ordered) - 1)
    excess = [v - ordered[k] for v in ordered[:k]]
    l1 = sum(excess) / k
    # Second L-moment: half the mean absolute difference of two of them.
    pairs = [abs(a - b) for i, a in enumerate(excess) for b in excess[i + 1 :]]
    l2 = sum(pairs) / len(pairs) / 2.0
    xi = 2.0 - l1 / l2 if l1 > 0.0 and l2 > 0.5 * l1 else 0.0
    xi = min(max(0.0, xi - 0.5 / math.sqrt(k)), 0.9)
    sigma = max(l1, 1e-3 * abs(ordered[k]), unit) * (1.0 - xi)
    return ordered[k], sigma, xi + 1.0 / k, (k + 1) / (len(ordered) * block_rows)


def tail_log_p(value: float, onset: float, sigma: float, shape: float, rate: float) -> float:
    """Log of the expected exceedances per row of one statistic."""
    if not value > onset:
        return 0.0
    return math.log(rate * (1.0 + shape * (value - onset) / sigma) ** (-1.0 / shape))


def novelty_gate(
    log_p: FloatArray,
    n_tails: int,
    gate: int,
    rare: float,
    relief: float,
    level_free: BoolArray,
    used: BoolArray,
) -> list[float]:
    """What the limit of each statistic is eased by, as the rule reads."""
    easing = []
    for c in range(len(log_p)):
        others = [k for k in range(n_tails) if k != gate and used[k] and log_p[k] < 0]
        if c >= n_tails:
            easing.append(0.0)
        elif relief == 0:
            easing.append(-math.inf if c == gate else 0.0)
        elif log_p[gate] <= rare:
            easing.append(relief if c != gate or others else -math.inf)
        else:
            easing.append(
                -math.inf if c == gate and not others else -relief if level_free[c] else -15.0
            )
    return easing


def worst_margin(
    log_p: FloatArray,
    log_alpha: float,
    decay: float,
    accepted: FloatArray,
    used: BoolArray,
    easing: Sequence[float] | FloatArray,
) -> tuple[tuple[int, float], list[float]]:
    """((statistic, margin) with the largest margin among those used, what stays accepted)."""
    shown = log_alpha - log_p
    margins = {c: shown[c] + easing[c] - accepted[c] for c in np.flatnonzero(used).tolist()}
    worst = max(margins, key=margins.__getitem__)
    stays = [
        before if now >= before else max(now, before * decay)
        for now, before in zip(shown, accepted, strict=True)
    ]
    return (worst, margins[worst]), stays


def windows(
    rows: FloatArray, short: int, long: int, clip: float
) -> tuple[list[float], list[float], list[float]]:
    """(pair, short mean, long mean) of the newest row, from all rows there ever were."""
    rows = np.asarray(rows)
    n = rows.shape[1]
    last = rows[-2] if len(rows) > 1 else np.full(n, np.nan)
    pair = []
    for now, before in zip(rows[-1], last, strict=True):
        if math.isnan(now):
            pair.append(math.nan)
        else:
            pair.append(min(abs(now), abs(before)) if now * before > 0 else 0.0)
    means = []
    for width in (short, long):
        cells = np.clip(rows[-width:], -clip, clip)
        mean = []
        for j in range(n):
            there = cells[~np.isnan(cells[:, j]), j]
            enough = len(there) > 0 and 2 * len(there) >= width
            mean.append(abs(there.sum()) / math.sqrt(len(there)) if enough else math.nan)
        means.append(mean)
    short_mean, long_mean = means
    return pair, short_mean, long_mean


def block_maxima(blocks: Iterable[Iterable[float]], memory: float) -> tuple[int, float, float]:
    """(blocks, winsorised mean, twice the mean excess) of one series' block maxima."""
    known, mean, excess = 0, 0.0, 0.0
    for block in blocks:
        there = [v for v in block if not math.isnan(v)]
        if not there:
            continue
        peak = max(there)
        if known >= 4:
            peak = min(peak, mean + 8 * max(excess, 0.1))
        known = min(known + 1, int(memory))
        mean += (peak - mean) / known
        excess += (2 * max(peak - mean, 0.0) - excess) / max(known, 2)
    return known, mean, excess


def block_score(value: float, known: int, mean: float, excess: float, block_rows: int) -> float:
    """How far a value exceeds its series' mean maximum, in scales, bent."""
    if math.isnan(value) or known < 4:
        return math.nan
    beyond = max(value - mean, 0.0) / (max(excess, 0.1) * (1 + 8 / known))
    if mean <= 1e-9:
        beyond = min(beyond, math.log(1 + block_rows * known))
    return 32 * math.log(1 + beyond / 32)


def silence(present: Iterable[bool], learned: Iterable[bool], known: int) -> float:
    """Surprise of one series after a history of presence and of which rows were normal."""
    there = begun = missing = again = pairs = longest = 0
    run, surprisal = 0, 0.0
    for here, normal in zip(present, learned, strict=True):
        if here:
            if normal and there:
                pairs, longest = pairs + (run == 0), max(longest, run)
            run, surprisal = 0, 0.0
            there += normal
            continue
        run += 1
        if there >= 3 and 8 * pairs <= there:  # slower than the grid
            if run > longest and there >= known:
                surprisal += math.log(there + 2 if run == longest + 1 else 4)
        elif there >= known:
            p = (begun + 1) / (there + missing + 2) if run == 1 else (again + 1) / (missing + 4)
            surprisal -= math.log(p)
        if normal:
            begun += run == 1
            missing += 1
            again += run > 1
    return surprisal


def dispersion(roots: FloatArray, rows: float, known: float, memory: float) -> FloatArray:
    """Second largest score after each row of roots (rows, n): an EWMA of logarithms, told anew."""
    n = roots.shape[1]
    ewma, mean, square, weight = [math.nan] * n, [0.0] * n, [0.0] * n, [0.0] * n
    told = []
    for row in roots:
        scores = []
        for j in range(n):
            if math.isnan(row[j]):
                continue
            amplitude = math.log(min(max(row[j], 0.1), 10.0))
            before = mean[j] if math.isnan(ewma[j]) else ewma[j]
            ewma[j] = before + (amplitude - before) / rows
            gap = ewma[j] - mean[j]
            if weight[j] >= known and mean[j] > -0.9 * math.log(10.0):
                scores.append(gap / (math.sqrt(square[j]) + 0.02))
            weight[j] = min(weight[j] + 1, memory if mean[j] > -0.9 * math.log(10.0) else known)
            if weight[j] > known:
                reach = 2.0 * math.sqrt(square[j]) + 0.02
                gap = min(max(gap, -reach), reach)
            mean[j] += gap / weight[j]
            square[j] += (gap * gap - square[j]) / weight[j]
        scores.sort(reverse=True)
        told.append(scores[len(scores) >= 3] if scores else math.nan)
    return np.array(told)


def novelty(
    z: FloatArray, rows: int, size: int, radius: float, learned: Iterable[bool]
) -> FloatArray:
    """Distance of each row of z (rows, n) to the nearest centre, told with lists and loops."""
    n = z.shape[1]
    seen, mean, out = [0] * n, [0.0] * n, []
    centres: list[list[float]] = []

    def gap(a: Iterable[float], b: Iterable[float]) -> float:
        gaps = [abs(p - q) for p, q in zip(a, b, strict=True) if not math.isnan(p)]
        return max(gaps, default=math.nan)

    for row, normal in zip(z, learned, strict=True):
        place = [math.nan] * n
        for j in range(n):
            if math.isnan(row[j]):
                continue
            seen[j] = min(seen[j] + 1, rows)
            value = math.copysign(math.log1p(abs(row[j])), row[j])
            mean[j] += (value - mean[j]) / seen[j]
            if 2 * seen[j] >= rows:
                place[j] = mean[j]
        stands = not all(math.isnan(p) for p in place)
        known = min(centres, key=lambda c: gap(place, c), default=[0.0] * n)
        out.append(gap(place, known) if stands and centres else math.nan)
        if not normal or not stands or out[-1] <= radius:
            continue
        while len(centres) == size:
            radius *= 1.1
            kept: list[list[float]] = []
            for centre in centres:
                if all(gap(centre, other) >= radius for other in kept):
                    kept.append(centre)
            centres = kept
        centres.append([k if math.isnan(p) else p for p, k in zip(place, known, strict=True)])
    return np.array(out)


def mean_but_largest(values: FloatArray) -> float:
    """Mean of what is there, the largest left out where there are three or more."""
    there = sorted(values[~np.isnan(values)].tolist())
    there = there[:-1] if len(there) >= 3 else there
    return sum(there) / len(there) if there else math.nan


def residuals(
    crossed: FloatArray, before: FloatArray, lagged: FloatArray, peak: FloatArray
) -> list[float]:
    """Two statistics of one row's energies, `before` being the crossed ones before it."""
    roots = [
        np.array(
            [math.sqrt(e) * min(1.0, 2.0 / max(p, 1e-9)) for e, p in zip(x, peak, strict=True)]
        )
        for x in (crossed, before)
    ]
    return [mean_but_largest(np.minimum(*roots)), mean_but_largest(np.log(1 + lagged))]


def change_gains(z: FloatArray, rows_of_one: float) -> tuple[FloatArray, FloatArray]:
    """Log likelihood that a step, and that a ramp, t rows ago add over no change; two lists."""
    steps, ramps = [], []
    for t in range(len(z)):
        newest = z[len(z) - 1 - t :]
        gains = [0.0, 0.0]
        for j in range(z.shape[1]):
            there = ~np.isnan(newest[:, j])
            y = newest[there, j]
            for kind, shape in enumerate((np.ones(t + 1), np.arange(1.0, t + 2))):
                regressor = shape[there]
                if there.any():
                    size = (regressor @ y) / (regressor @ regressor)
                    left = ((y - size * regressor) ** 2).sum()
                    gains[kind] += ((y**2).sum() - left) / 2.0 / rows_of_one
        steps.append(gains[0])
        ramps.append(gains[1])
    return np.array(steps), np.array(ramps)
