"""How well the onset of a fault can be told by somebody who sees the whole of it.

Labels say when a fault was injected, or when somebody saw it. Where even the best single split of
the finished recording lies far from the label, no detector can be near it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.recordings import open_run
from detection.scoring import Score

__all__ = ["best_split", "date_faults", "onset_table"]

# Normal rows before a fault that take part: as many as it has itself, and so many at least.
LEAST_BEFORE = 64
# Rows that each side of a split has at least.
LEAST_SIDE = 2
# z-scores count up to this size, as in the windows of the trigger.
CLIP = 20.0


def best_split(z: NDArray[np.float64]) -> int:
    """Return the first row of the second part of the split with the least squared error.

    The exact maximum likelihood change point of all means at once, for one change and
    independent unit-variance noise (Hinkley 1970, Biometrika 57).

    Parameters
    ----------
    z : ndarray of shape (rows, n), float64, NaN = missing
        z-scores.
    """
    there = ~np.isnan(z)
    sums = np.cumsum(np.where(there, z, 0.0), axis=0)
    counts = np.cumsum(there, axis=0)
    left, right = sums[:-1], sums[-1] - sums[:-1]
    n_left, n_right = counts[:-1], counts[-1] - counts[:-1]
    gain = left**2 / np.maximum(n_left, 1) + right**2 / np.maximum(n_right, 1)
    inner = slice(LEAST_SIDE - 1, len(z) - LEAST_SIDE)
    return int(np.argmax(gain[inner].sum(axis=1))) + LEAST_SIDE


def date_faults(path: Path) -> tuple[str, str, dict[int, int]]:
    """Date every fault of a recording in hindsight.

    Returns
    -------
    dataset, case : str
    errors : dict of int to int
        By first row of a fault: rows from there to the best split of its surroundings.
    """
    run = open_run(path)
    errors = {}
    for start, stop in run.faults:
        # A case goes on to the end of its recording; its fault does not.
        over = min((row for row in run.changes if row > start), default=stop)
        end = max(min(over, stop), start + 1)
        first = max(0, start - max(end - start, LEAST_BEFORE))
        part, base = run.x[first:end], run.x[first:start]
        seen = np.isfinite(part).any(axis=0) & np.isfinite(base).any(axis=0)
        if start - first < LEAST_SIDE or not seen.any():
            continue
        base, part = (np.where(np.isfinite(x), x, np.nan)[:, seen] for x in (base, part))
        centre = np.nanmedian(base, axis=0)
        scale = 1.4826 * np.nanmedian(np.abs(base - centre), axis=0)
        flat = scale <= 0.0
        scale[flat] = np.nanstd(part[:, flat], axis=0)
        scale[scale <= 0.0] = 1.0
        z = np.clip((part - centre) / scale, -CLIP, CLIP)
        errors[start] = best_split(z) - (start - first)
    return run.dataset, run.case, errors


def onset_table(
    scores: Sequence[Score], dated: Sequence[tuple[str, str, dict[int, int]]]
) -> dict[str, dict[str, Any]]:
    """Compare onsets with those in hindsight over the faults that were found, by data set."""
    hindsight = {(dataset, case): errors for dataset, case, errors in dated}
    table: dict[str, dict[str, Any]] = {}
    for name in sorted({score.dataset for score in scores}):
        pairs = [
            (
                hit.onset - start,
                hindsight[score.dataset, score.case][start],
                hit.interval is not None and hit.interval[0] <= start <= hit.interval[1],
            )
            for score in scores
            if score.dataset == name
            for start, hit in zip(score.starts, score.hits, strict=True)
            if hit is not None
            and hit.onset is not None
            and start in hindsight[score.dataset, score.case]
        ]
        if pairs:
            ours, best, inside = np.array(pairs).T
            table[name] = {
                "found": len(pairs),
                "ours_rows": float(np.median(np.abs(ours))),
                "label_in_interval": int(inside.sum()),
                "hindsight_rows": float(np.median(np.abs(best))),
                "hindsight_signed_rows": float(np.median(best)),
            }
    return table
