"""Plots of the benchmark, readable in black and white."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from detection.recordings import CASE_GROUP, rate_of
from detection.sweep import OURS

mpl.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["plot_cost", "plot_curves"]

STYLES: tuple[dict[str, Any], ...] = (
    {"color": "black", "linestyle": "-", "marker": "o", "linewidth": 2.0, "zorder": 3},
    {"color": "0.35", "linestyle": "--", "marker": "s"},
    {"color": "0.35", "linestyle": ":", "marker": "^"},
    {"color": "0.35", "linestyle": "-.", "marker": "v"},
    {"color": "0.6", "linestyle": "--", "marker": "D"},
    {"color": "0.6", "linestyle": ":", "marker": "P"},
    {"color": "0.6", "linestyle": "-.", "marker": "x"},
    {"color": "0.75", "linestyle": "-", "marker": ""},
)
WEEK_DAYS = 7.0


def plot_curves(curves: Mapping[str, Mapping[str, Sequence[Any]]], file: Path) -> None:
    """Share of faults found against false alarms, one panel a group, one line a method.

    A line is the most that is found at no more false alarms; hollow: ours, too long in alarm.
    """
    figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
    for axis, (group, methods) in zip(axes.flat, curves.items(), strict=False):
        key = rate_of(group)
        for style, (method, points) in zip(STYLES, methods.items(), strict=False):
            x, y = _reached([p for p in points if p["admitted"]], key)
            axis.plot(x, y, label=method, markersize=4, drawstyle="steps-post", **style)
            refused = [p for p in points if not p["admitted"]]
            if method == OURS and refused:
                shares = [p["found"] / max(p["faults"], 1) for p in refused]
                hollow = {"marker": "o", "markerfacecolor": "white", "color": "black"}
                axis.plot([p[key] for p in refused], shares, linestyle="", **hollow)
        axis.set_title(group.replace("_stream", ""), loc="left", fontsize=10)
        axis.set_ylim(-0.03, 1.03)
        if group == CASE_GROUP:
            axis.set_xlabel("share of recordings with a false alarm before the fault")
        else:
            axis.set_xscale("symlog", linthresh=0.01)
            axis.set_xlim(0, 100)
            axis.axvline(1 / WEEK_DAYS, color="black", linewidth=0.7, linestyle=(0, (1, 3)))
            axis.set_xlabel("false alarms a day (dotted: one a week)")
        axis.set_ylabel("faults found")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.savefig(file, dpi=120)
    plt.close(figure)


def _reached(points: Sequence[Any], key: str) -> tuple[list[float], list[float]]:
    """Rates, and the largest share found at each or below."""
    rates = sorted({p[key] for p in points})
    shares = [
        max(p["found"] / max(p["faults"], 1) for p in points if p[key] <= rate) for rate in rates
    ]
    return rates, shares


def plot_cost(by_series: Mapping[int, float], by_base: Mapping[int, float], file: Path) -> None:
    """Milliseconds of a row against the number of series, and against the rows seen before."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", sharey=False)
    left.loglog(list(by_series), list(by_series.values()), **STYLES[0])
    left.set_xlabel("series")
    left.set_ylabel("CPU ms a row")
    right.semilogx(list(by_base), list(by_base.values()), base=2, **STYLES[0])
    right.set_xlabel("rows seen before (100 series)")
    right.set_ylim(0.0, 1.2 * max(by_base.values()))
    figure.savefig(file, dpi=120)
    plt.close(figure)
