"""What the tiers are worth: right when likely, silent when nothing is wrong, and how soon.

Five things of the same cases, the onset told: how often the first cause of a *likely* answer is
true, with all rows before the onset and with few; the same where the numbers behind *likely* are
chosen on all other data sets; the same for the share of answers that it is surest of (selective
accuracy); accuracy after 1, 2, 4 ... rows; and what is said where an onset is told but there is
none, in rows before the fault and in recordings without any. A window is counted once, however
many cases share it.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import itertools
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from common import finish, options
from joblib import Parallel, delayed
from peers.recordings import SETS, case_list
from peers.scoring import macro_interval
from told import (
    Told,
    answer,
    learn,
    names_of,
    open_clean,
    open_told,
    scores_of,
    settle,
    tier_of,
)

from coral.evaluation.backtest import find_cases
from coral.evaluation.metrics import mean
from coral.incident.policy import VerdictPolicy

# Every n-th case.
QUICK_STEP = 4
# Ends of the windows without a fault, as shares of the rows before it.
ENDS = (0.5, 0.75, 1.0)
MOST_ROWS = 64
# A window has at most this share of the rows before its end, and this many rows before it.
SHARE = 4
LEAST_BASE = 16
# Rows of a short base.
SHORT_BASE = 100
COVERAGES = tuple(n / 10 for n in range(1, 11))
Row = dict[str, Any]
# `dataclasses.replace` varies it.
POLICY = VerdictPolicy()
# What *likely* may ask for, and how often it has to be right on the sets it is chosen on: more
# often than is promised, as elsewhere it is a little less.
ASKED = {
    "likely_evidence": (1.0, 2.0, 4.0),
    "likely_consensus": (0.5, 0.7, 0.9),
    "likely_margin": (math.log(1.1), math.log(1.25), math.log(1.5)),
}
CHOICES = tuple(
    replace(POLICY, likely_evidence=evidence, likely_consensus=consensus, likely_margin=margin)
    for evidence, consensus, margin in itertools.product(*ASKED.values())
)
LEAST_RIGHT = 0.97


def judge(path: Path) -> list[Row]:
    """Return what is said about a case, with and without its fault."""
    told, clean = open_told(path), open_clean(path)
    rows = [] if told is None else [_fault(told), _row("short", _short(told))]
    if clean is not None and not _events(path):
        longest = MOST_ROWS if told is None else told.end - told.onset
        rows += [_row("clean", window) for window in clean_windows(clean, longest)]
    return rows + [_row("load", spike) for spike in _spikes(path)]


def _short(told: Told) -> Told:
    """Return a case with the last few rows before its onset alone."""
    start = max(told.onset - SHORT_BASE, 0)
    return told._replace(
        times=told.times[start:],
        x=told.x[start:],
        onset=told.onset - start,
        end=told.end - start,
    )


def clean_windows(clean: Told, longest: int) -> Iterator[Told]:
    """Yield normal rows in which an onset is told, as long as the fault where there is room."""
    for share in ENDS:
        end = int(share * clean.onset)
        rows = min(longest, MOST_ROWS, end // SHARE)
        if rows >= 1 and end - rows >= LEAST_BASE:
            yield clean._replace(onset=end - rows, end=end)


def _events(path: Path) -> list[dict[str, Any]]:
    """Return what happened on purpose in a recording without a fault."""
    meta = json.loads((path / "incident.json").read_text())
    events: list[dict[str, Any]] = meta.get("events", [])
    return [] if meta.get("fault_start") else events


def _spikes(path: Path) -> Iterator[Told]:
    """Yield the load spikes of a recording, told their onset."""
    for event in _events(path):
        clean = open_clean(path)
        if clean is not None:
            onset, end = np.searchsorted(clean.times, [event["start"], event["end"] + 1])
            yield clean._replace(onset=int(onset), end=int(end))


def _row(kind: str, told: Told) -> Row:
    normal = learn(told)
    localiser = answer(told, normal)
    ranking = localiser.rank()
    names = names_of(told, localiser.layout, ranking)
    found = scores_of(told, names) if kind in ("fault", "short") else None
    choices = CHOICES if kind == "fault" else ()
    return {
        "kind": kind,
        "dataset": told.dataset,
        "case": told.case,
        "window": zlib.crc32(told.x[: told.end].tobytes()),
        "tier": tier_of(told, normal, localiser, ranking, POLICY),
        "consensus": ranking.consensus,
        "margin": ranking.margin,
        "first": names[0] if names else None,
        "fault_type": told.fault_type if found else None,
        "ac@1": found.ac1 if found else None,
        "avg@5": found.avg5 if found else None,
        "likely_if": [
            tier_of(told, normal, localiser, ranking, choice) == "likely" for choice in choices
        ],
    }


def _fault(told: Told) -> Row:
    return _row("fault", told) | {"after": after(told)}


def after(told: Told) -> dict[int, tuple[float, float, bool]]:
    """Return AC@1, Avg@5 and whether the first is *likely* after 1, 2, 4 ... rows."""
    found = {}
    normal = learn(told)
    for since, localiser in settle(told, normal):
        rows = since - (told.onset - normal.onset)
        if rows & (rows - 1) == 0:
            ranking = localiser.rank()
            score = scores_of(told, names_of(told, localiser.layout, ranking))
            likely = tier_of(told, normal, localiser, ranking, POLICY) == "likely"
            found[rows] = (round(score.ac1, 6), round(score.avg5, 6), likely)
    return found


def distinct(rows: Sequence[Row]) -> list[Row]:
    """Return each window once."""
    return list({(row["dataset"], row["window"]): row for row in rows}.values())


def likely_share(rows: Sequence[Row]) -> dict[str, Any]:
    """Return how often the answer was *likely*, all in all and by data set."""
    sets = {}
    for name in sorted({row["dataset"] for row in rows}):
        mine = [row["tier"] == "likely" for row in rows if row["dataset"] == name]
        sets[name] = {"n": len(mine), "likely": sum(mine)}
    share = mean([row["tier"] == "likely" for row in rows])
    return {"n": len(rows), "likely_rate": round(share, 6), "datasets": sets}


def tiers(rows: Sequence[Row]) -> dict[str, Any]:
    """Return how often every tier is used, and right."""
    result = {}
    for tier in ("likely", "possible", "no clear cause"):
        right = [row["ac@1"] for row in rows if row["tier"] == tier]
        share = round(len(right) / max(len(rows), 1), 6)
        result[tier] = {"n": len(right), "share": share, "ac@1": round(mean(right), 6)}
    return result


def agreeing(rows: Sequence[Row]) -> list[Row]:
    """Return the answers that would be *likely* by agreement and distance alone."""
    consensus, margin = POLICY.likely_consensus, POLICY.likely_margin
    return [row for row in rows if row["consensus"] >= consensus and row["margin"] >= margin]


def agreement_alone(faults: Sequence[Row], clean: Sequence[Row]) -> dict[str, float]:
    """Return what *likely* would be worth if agreement and distance were enough."""
    right = [row["ac@1"] for row in agreeing(faults)]
    wrong = len(agreeing(clean)) / max(len(clean), 1)
    return {"n": len(right), "ac@1": round(mean(right), 6), "likely_rate": round(wrong, 6)}


def selective(rows: Sequence[Row]) -> list[dict[str, float]]:
    """Return accuracy against the share of answers kept, surest first."""
    order = {"likely": 0, "possible": 1, "no clear cause": 2}
    ranked = sorted(rows, key=lambda r: (order[r["tier"]], -r["consensus"], -r["margin"]))
    points = []
    for coverage in COVERAGES:
        kept = ranked[: max(round(coverage * len(ranked)), 1)]
        points.append({"coverage": coverage, "ac@1": round(mean([r["ac@1"] for r in kept]), 6)})
    return points


def by_rows(rows: Sequence[Row]) -> dict[str, Any]:
    """Return accuracy after 1, 2, 4 ... rows by data set and macro; a case that ended stays."""
    most = max(max(row["after"]) for row in rows)
    counts = [1 << k for k in range(most.bit_length())]
    sets: dict[str, dict[int, tuple[float, float]]] = {}
    said: dict[int, list[tuple[float, float, bool]]] = {n: [] for n in counts}
    for name in SETS:
        mine = [row["after"] for row in rows if row["dataset"] == name]
        if mine:
            at = {n: [found[max(k for k in found if k <= n)] for found in mine] for n in counts}
            sets[name] = {n: _means([found[:2] for found in at[n]]) for n in counts}
            for n in counts:
                said[n] += at[n]
    macro = {n: _means([cells[n] for cells in sets.values()]) for n in counts}
    likely = {n: _likely((ac1, likely) for ac1, _, likely in said[n]) for n in counts}
    return {"macro": macro, "datasets": sets, "likely": likely}


def _likely(answers: Iterable[tuple[float, bool]]) -> dict[str, Any]:
    """Return how often *likely* was said, and right; None where it was not said."""
    every = list(answers)
    right = [ac1 for ac1, likely in every if likely]
    share = round(len(right) / max(len(every), 1), 6)
    return {"n": len(right), "share": share, "ac@1": round(mean(right), 6) if right else None}


def left_out(rows: Sequence[Row]) -> dict[str, Any]:
    """Return what *likely* is worth on every data set with numbers chosen on the others.

    Of the choices that are right often enough on those, the one that says it most often.
    """
    names = sorted({row["dataset"] for row in rows})
    held, answers = {}, []
    for name in names:
        others = [row for row in rows if row["dataset"] != name]
        scored = [
            _likely((row["ac@1"], row["likely_if"][k]) for row in others)
            for k in range(len(CHOICES))
        ]
        good = [k for k, found in enumerate(scored) if (found["ac@1"] or 0.0) >= LEAST_RIGHT]
        most = max(range(len(CHOICES)), key=lambda k: scored[k]["ac@1"] or 0.0)
        best = max(good, key=lambda k: scored[k]["n"], default=most)
        mine = [(row["ac@1"], row["likely_if"][best]) for row in rows if row["dataset"] == name]
        answers += mine
        values = {asked: round(getattr(CHOICES[best], asked), 4) for asked in ASKED}
        held[name] = _likely(mine) | {"chosen": values}
    return {"pooled": _likely(answers), "datasets": held}


def _means(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    ac1, avg5 = zip(*pairs, strict=True)
    return round(mean(ac1), 6), round(mean(avg5), 6)


def intervals(rows: Sequence[Row]) -> dict[str, tuple[float, float]]:
    """Return the 95 % bootstrap interval of the macro AC@1, and of the precision of *likely*."""
    groups = [[row["ac@1"] for row in rows if row["dataset"] == name] for name in SETS]
    likely = [row["ac@1"] for row in rows if row["tier"] == "likely"]
    return {
        "macro_ac@1": macro_interval([group for group in groups if group]),
        "likely_precision": macro_interval([likely]),
    }


def run(dirs: Sequence[Path], step: int, jobs: int) -> list[Row]:
    """Return what is said about every `step`-th case and its windows."""
    judged = Parallel(n_jobs=jobs)(delayed(judge)(path) for path in find_cases(dirs)[::step])
    return [row for rows in judged for row in rows]


def main() -> None:
    """Run, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--jobs", type=int, default=-1)
    chosen = parser.parse_args()
    rows = run(chosen.dirs, QUICK_STEP if chosen.quick else 1, chosen.jobs)
    faults = [row for row in rows if row["kind"] == "fault"]
    windows = distinct([row for row in rows if row["kind"] == "clean"])
    clean = likely_share(windows)
    load = likely_share(distinct([row for row in rows if row["kind"] == "load"]))
    named, held = tiers(faults), left_out(faults)
    short = tiers([row for row in rows if row["kind"] == "short"])
    figures = {
        "likely_precision": named["likely"]["ac@1"],
        "likely_share": named["likely"]["share"],
        "likely_left_out": held["pooled"]["ac@1"],
        "likely_short_base": short["likely"]["ac@1"],
        "abstention_rate": named["no clear cause"]["share"],
        "fault_free_likely_rate": clean["likely_rate"],
        "load_spike_likely_rate": load["likely_rate"],
    }
    finish(
        chosen,
        figures,
        case_list=case_list(f"{row['dataset']}/{row['case']}" for row in faults),
        tiers=named,
        left_out=held,
        short_base=short,
        intervals=intervals(faults),
        selective=selective(faults),
        agreement_alone=agreement_alone(faults, windows),
        fault_free=clean,
        load_spikes=load,
        by_rows=by_rows([row for row in faults if row["dataset"] in SETS]),
        cases=[{k: v for k, v in row.items() if k not in ("after", "likely_if")} for row in rows],
    )


if __name__ == "__main__":
    main()
