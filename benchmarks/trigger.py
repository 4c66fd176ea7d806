"""The trigger over streams and cases: detection against false alarms, peers, ablations, cost.

A hit is an alarm that rises inside a label; detectors are re-armed at the first row of a fault;
alarms within 3 rows of a join of two recordings that is not the fault are left out, and counted.
One configuration for everything, the shipped default. `--quick` leaves out peers, curves and
ablations.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import json
import sys
from pathlib import Path
from typing import Any

from common import finish, options, save
from detection.changes import date_changes
from detection.cost import cost_figures, growth_with_base, recomputed_mssa_ms
from detection.hindsight import date_faults, onset_table
from detection.life import deployments, first_days
from detection.ours import watch
from detection.products import HOW, Found, products, products_table
from detection.recordings import (
    CASES,
    INFORMATION,
    NEW,
    STREAMS,
    find_runs,
    open_run,
    rate_of,
)
from detection.rules import RULES
from detection.scoring import Score, pool, score_alarms
from detection.short import clock_table, ratio_of, short_table
from detection.wild import wild_table
from joblib import Parallel, delayed

from coral.config import EngineConfig
from coral.evaluation.backtest import backtest, find_cases, scorecard

# Nobody finds these three: they leave the mean and the spread of the process as they are.
INVISIBLE_TEP = ("idv03", "idv09", "idv15")
# Their macro mean of strict AC@1 is tracked: every set with health signals and a base.
STRICT_SETS = (*CASES, "batadal", "dbsherlock", "causrca")
# Sets on whose fault-free rows nobody may be paged.
NO_PAGES = ("rcd_sockshop", "petshop", "nezha_ob", "tep")
MICROSERVICES = ("rcd_sockshop", "petshop", "nezha_ob")


def score_ours(path: Path) -> Score:
    """Score the shipped trigger on one recording."""
    run = open_run(path)
    alarms, on, warm, seconds = watch(run)
    return score_alarms(run, alarms, on, after=warm, seconds=seconds)


def tables_of(scores: list[Score]) -> dict[str, Any]:
    """Pool scores by data set, over the cases, and by fault of the chemical plant."""
    names = sorted({score.dataset for score in scores})
    tables: dict[str, Any] = {
        name: pool([s for s in scores if s.dataset == name]) for name in names
    }
    long = [s for s in scores if any(s.routine)]
    for name in sorted({score.dataset for score in long}):
        whole = [s for s in scores if s.dataset == name]
        tables[f"{name}, daily jobs too"] = pool(whole, routine=True)
    visible = [s for s in scores if s.dataset == "tep" and _visible(s)]
    tables["tep, visible"] = pool(visible)
    tables["cases, pooled"] = pool(
        [s for s in scores if s.dataset in CASES and (s.dataset != "tep" or _visible(s))]
    )
    tables["microservices, pooled"] = pool([s for s in scores if s.dataset in MICROSERVICES])
    return tables


def _visible(score: Score) -> bool:
    return not score.case.startswith(INVISIBLE_TEP)


def tep_table(scores: list[Score]) -> list[dict[str, Any]]:
    """List detection, delay and false alarms of every run of the chemical plant."""
    rows = []
    for score in sorted((s for s in scores if s.dataset == "tep"), key=lambda s: s.case):
        hit = score.hits[0] if score.hits else None
        rows.append(
            {
                "case": score.case,
                "visible": _visible(score),
                "found": hit is not None,
                "delay_rows": None if hit is None else hit.row - score.starts[0],
                "channel": None if hit is None else hit.channel,
                "false_alarms": len(score.false),
            }
        )
    return rows


def figures_of(tables: dict[str, Any], week: float) -> dict[str, float]:
    """Return the figures that are tracked from commit to commit."""
    figures: dict[str, float] = {}
    tep, visible = tables.get("tep"), tables["tep, visible"]
    if tep:
        figures["tep_runs_with_false_alarm"] = tep["runs_with_false_alarm"]
        figures["tep_visible"] = visible["faults"]
        figures["tep_visible_found"] = visible["found"]
        figures["tep_median_delay_rows"] = visible["median_delay_rows"]
    ratios = []
    for name in STREAMS:
        if name in tables:
            short = name.removesuffix("_stream")
            every = tables.get(f"{name}, daily jobs too", tables[name])
            figures[f"{short}_found"] = every["found"]  # of every label: 71 in smd
            figures[f"{short}_false_alarms_per_day"] = tables[name]["false_alarms_per_day"]
            ratios.append(7.0 * tables[name]["false_alarms_per_day"] / week)
    if ratios:
        figures["budget_ratio_worst"] = max(ratios)
    return figures


def judge_products(paths: list[Path], jobs: int) -> dict[str, Any]:
    """Compare the health signals, the trigger, both, and the rule to beat; short bases, clocks."""

    def judge(path: Path) -> list[Found]:
        run = open_run(path)
        return [products(run, how) for how in HOW]

    wanted = (*CASES, *NEW, "batadal_stream", "nezha_ts")
    chosen = [path for path in paths if _dataset(path) in wanted]
    found = Parallel(n_jobs=jobs, batch_size=1)(delayed(judge)(path) for path in chosen)
    runs = [open_run(path) for path in paths if _dataset(path) in (*CASES, *NEW)]
    cases = [run for run in runs if len(run.faults) == 1]
    return {
        "products": {how: products_table([one[i] for one in found]) for i, how in enumerate(HOW)},
        "short_bases": short_table(cases),
        "clocks": clock_table(cases),
        "wild": wild_table(jobs),
    }


def strict_table(dirs: list[Path], jobs: int) -> dict[str, dict[str, Any]]:
    """Return the online accuracy of the whole engine, by data set."""
    cases = [case for case in find_cases(dirs) if _dataset(case) in STRICT_SETS]
    card = scorecard(backtest(cases, "online", jobs=jobs), "online")
    return {name: dict(row) for name, row in card["datasets"].items()}


def product_figures(found: dict[str, Any], strict: dict[str, Any]) -> dict[str, float]:
    """Return the figures of pages, changes, clocks and wild series that are tracked."""
    both = found["products"]["both"]
    figures = {
        "false_pages": float(sum(both[name]["false_pages"] for name in NO_PAGES if name in both)),
        "clock_ratio_cases": ratio_of(found["clocks"]),
        "wild_series_worst_limit_ratio": max(row["worst_ratio"] for row in found["wild"]),
        "wild_series_most_rows_later": max(row["rows_later"] for row in found["wild"]),
        "rules": float(len(RULES)),
    }
    if "live_prometheus" in both:
        figures["live_prometheus_found"] = both["live_prometheus"]["found"]
    scores = [strict[name]["strict_ac@1"] for name in STRICT_SETS if name in strict]
    if len(scores) == len(STRICT_SETS):
        figures["strict_ac1_macro8"] = sum(scores) / len(scores)
    return figures


def print_products(found: dict[str, Any]) -> None:
    """One line a data set and way of noticing."""
    for how, table in found["products"].items():
        print(f"\n{how}: found (paged) of faults; false pages, false changes")
        for name, row in table.items():
            print(
                f"  {name:18}{row['found']:>4} ({row['paged']}) of {row['faults']}"
                f"{row['false_pages']:>6}{row['false_changes']:>6}"
            )
    for part in ("short_bases", "clocks", "wild"):
        print(f"\n{part}")
        for row in found[part]:
            print("  " + "  ".join(f"{key} {value}" for key, value in row.items()))


def print_tables(tables: dict[str, Any]) -> None:
    """One line a data set."""
    print(
        f"{'':24}{'alarmed':>9}{'found':>9}{'delay':>7}{'onset':>7}{'a day':>8}"
        f"{'95 %':>16}{'quiet':>7}{'joins':>6}"
    )
    for name, row in tables.items():
        low, high = row["false_alarms_per_day_95"]
        cells = [
            f"{row['runs_with_false_alarm']}/{row['runs']}",
            f"{row['found']}/{row['faults']}",
            _cell(row["median_delay_rows"], 0),
            _cell(row["median_absolute_onset_error_rows"], 0),
            _cell(row["false_alarms_per_day"], 3),
            f"{_cell(low, 3)} .. {_cell(high, 3)}",
            _cell(row["quiet_share_in_alarm"], 3),
            str(row["artefacts_at_joins"]),
        ]
        widths = (9, 9, 7, 7, 8, 16, 7, 6)
        print(f"{name:24}" + "".join(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True)))


def _cell(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def main() -> None:
    """Run, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--figures", type=Path, metavar="DIR", help="full run: write plots there")
    chosen = parser.parse_args()
    wanted = (*STREAMS, *CASES, *INFORMATION)
    paths = [path for root in chosen.dirs for path in find_runs(root, wanted)]
    if not paths:
        sys.exit(f"`{chosen.dirs[0]}` holds none of {', '.join((*STREAMS, *CASES))}.")
    # The long ones first, so that no core waits for the last.
    paths.sort(key=lambda path: -(path / "metrics.csv.gz").stat().st_size)
    scores = Parallel(n_jobs=chosen.jobs, batch_size=1)(delayed(score_ours)(p) for p in paths)
    tables = tables_of(scores)
    print_tables(tables)
    week = EngineConfig().false_alarms_per_week
    figures = figures_of(tables, week) | cost_figures(quick=chosen.quick)
    found = judge_products(paths, chosen.jobs)
    print_products(found)
    strict = strict_table(chosen.dirs, chosen.jobs)
    figures |= product_figures(found, strict)
    dated = Parallel(n_jobs=chosen.jobs, batch_size=1)(delayed(date_faults)(p) for p in paths)
    more: dict[str, Any] = {
        "tables": tables,
        "tep": tep_table(scores),
        "onsets": onset_table(scores, dated),
        "strict": strict,
        "rules": RULES,
        **found,
    }
    finish(chosen, figures, **more)
    if chosen.quick:
        return
    judged = [path for path in paths if _dataset(path) in (*STREAMS, *CASES)]
    # Many minutes each: what is done is kept.
    for part in (compare, cost, live, ablate):
        more |= part(judged, chosen.jobs)
        save(chosen, figures, **more)
    if chosen.figures:
        write_figures(chosen.figures, figures, more)


def compare(paths: list[Path], jobs: int) -> dict[str, Any]:
    """Compare ours with all peers: detection against false alarms, NAB, CARE."""
    # Peers need river, which the daemon and the quick run do without.
    from detection.sweep import (  # noqa: PLC0415
        OURS,
        best_below,
        care_table,
        curves,
        nab_table,
        sweep,
    )

    swept = [
        one
        for found in Parallel(n_jobs=jobs, batch_size=1)(delayed(sweep)(path) for path in paths)
        for one in found
    ]
    result: dict[str, Any] = {
        "curves": curves(swept),
        "care": care_table(swept),
        "nab_skab": nab_table(swept),
    }
    for group, methods in result["curves"].items():
        key = rate_of(group)
        budget = EngineConfig().false_alarms_per_week
        ours = next(p for p in methods[OURS] if p["setting"] == budget)
        quiet = f"{ours['quiet_share']:.1%} of clean rows in alarm"
        print(f"\n{group}: found of {ours['faults']} at {ours[key]:.3f} {key} or less; {quiet}")
        for method, points in methods.items():
            point = ours if method == OURS else best_below(points, key, ours[key])
            print(f"  {method:24}{'-' if point is None else point['found']:>5}")
    print("\nCARE over the streams")
    for method, row in result["care"].items():
        print(f"  {method:24}" + "".join(f"{k} {v:<9.3g} " for k, v in row.items()))
    return result


def ablate(paths: list[Path], jobs: int) -> dict[str, Any]:
    """Score the trigger without each of its parts."""
    from detection.ablations import ABLATIONS, score_ablation  # noqa: PLC0415

    found = {}
    for index, ablation in enumerate(ABLATIONS):
        work = (delayed(score_ablation)(path, index) for path in paths)
        found[ablation.name] = tables_of(Parallel(n_jobs=jobs, batch_size=1)(work))
        print(f"\nablation: {ablation.name}")
        print_tables(found[ablation.name])
    return {"ablations": found}


def cost(paths: list[Path], jobs: int) -> dict[str, Any]:
    """Cost by rows seen before, and of the ways to compute mSSA anew."""
    del paths, jobs
    return {"cost_by_base_rows": growth_with_base(), "recomputed_mssa_ms": recomputed_mssa_ms()}


def live(paths: list[Path], jobs: int) -> dict[str, Any]:
    """Count false alarms of the first days, faults after a deployment; date known changes."""
    minutes = [path for path in paths if _dataset(path) in ("asd_stream", "smd_stream")]
    found: dict[str, Any] = {
        "first_days": first_days(minutes, jobs),
        "deployments": deployments(jobs),
        "changes": date_changes(jobs),
    }
    for name, days in found["first_days"].items():
        rates = [f"{day['false_alarms'] / max(day['clean_days'], 1e-9):.2f}" for day in days]
        print(f"\n{name}: false alarms a day, by day of life: {' '.join(rates)}")
    for row in [*found["deployments"], *found["changes"]]:
        print("  " + "  ".join(f"{k} {v}" for k, v in row.items()))
    return found


def write_figures(folder: Path, figures: dict[str, float], more: dict[str, Any]) -> None:
    """Write the plots."""
    from detection.figures import plot_cost, plot_curves  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    plot_curves(more["curves"], folder / "trigger-curves.png")
    prefix = "detect_ms_per_row_"
    by_series = {int(k.removeprefix(prefix)): v for k, v in figures.items() if prefix in k}
    plot_cost(by_series, more["cost_by_base_rows"], folder / "trigger-cost.png")


def _dataset(path: Path) -> str:
    return str(json.loads((path / "incident.json").read_text())["dataset"])


if __name__ == "__main__":
    main()
