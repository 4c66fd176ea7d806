"""Textbook twin of `streams.align` for `lateness_s` 0: every tick is computed anew from samples."""

import math
from collections.abc import Iterable, Mapping, Sequence

Sample = tuple[float, Mapping[str, float]]


def combined(samples: Iterable[Sample]) -> tuple[float, dict[str, tuple[float, float]]]:
    """Time and newest value of each series; of equal times the last to arrive wins."""
    newest: dict[str, tuple[float, float]] = {}
    for time, metrics in samples:
        for name, value in metrics.items():
            if not math.isnan(value) and (name not in newest or time >= newest[name][0]):
                newest[name] = (time, value)
    return max((time for time, _ in samples), default=-math.inf), newest


def aligned(
    stream: Sequence[Sample], interval: float, first: int = 8
) -> tuple[list[tuple[int, float, dict[str, float]]], dict[str, int]]:
    """Frames as (index of the sample that gave it, time, values), and the counts of what was not.

    `stream` are (time, metrics); its times never jump further than the aligner believes. A tick
    closes when a later one begins, or with its first row when `needed` ticks before it were one
    row each, of the same series in the same order.
    """
    frames: list[tuple[int, float, dict[str, float]]] = []
    counts = {"late": 0, "duplicate": 0}
    current: int | None = None  # the last tick, what came for it, all series so far
    held: list[Sample] = []
    known: set[str] = set()
    closed = whole = False  # closed: by its own row; whole: and so far that row was all of it
    names: tuple[str, ...] | None = None
    alike, needed = 0, first

    def close(i: int) -> None:
        time, newest = combined(held)
        frames.append((i, time, {name: value for name, (_, value) in newest.items()}))

    for i, (time, metrics) in enumerate(stream):
        tick = math.floor(time / interval)
        if current is not None and tick < current:
            counts["late"] += 1
            continue
        if tick == current:
            sample = (time, metrics)
            news = combined([*held, sample]) != combined(held)
            if not closed:
                held.append(sample)
                known |= metrics.keys()
                alike = 0 if news else alike
                counts["duplicate"] += not news
            elif whole and not news and metrics.keys() <= known:
                counts["duplicate"] += 1
            else:
                counts["late"] += 1
                if whole:
                    whole, alike, needed = False, 0, 2 * needed
            continue
        if current is not None and not closed:
            close(i)
        # The first tick of all only tells what time it is.
        alike = 0 if current is None else alike + 1 if tuple(metrics) == names else 1
        current, held, names = tick, [(time, metrics)], tuple(metrics)
        known |= metrics.keys()
        closed = whole = alike > needed
        if closed:
            close(i)
    if current is not None and not closed:
        close(len(stream))
    return frames, counts
