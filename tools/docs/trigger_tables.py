"""Tables of docs/evaluation/trigger.md, from benchmarks/results/trigger.json."""

from collections.abc import Mapping, Sequence
from typing import Any

from regions import table

__all__ = [
    "ablations",
    "cost",
    "life",
    "onsets",
    "peers",
    "products",
    "rules",
    "sets",
    "short",
    "strict",
    "tep",
    "wild",
]

OURS = "CORAL"
CASES = "cases"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _of(found: float, all_: float) -> str:
    return f"{found:g} of {all_:g}" if all_ else "-"


def sets(result: Mapping[str, Any]) -> str:
    """One row a data set."""
    header = (
        "recordings",
        "with a false alarm",
        "false alarms a day (95 %)",
        "faults found",
        "delay, rows",
        "onset error, rows",
        "clean time in alarm",
        "left out at joins",
    )
    rows = []
    for name, row in result["tables"].items():
        low, high = row["false_alarms_per_day_95"]
        rate = _number(row["false_alarms_per_day"], 3)
        rows.append(
            (
                name,
                _of(row["runs_with_false_alarm"], row["runs"]),
                f"{rate} ({_number(low, 3)} to {_number(high, 3)})",
                _of(row["found"], row["faults"]),
                _number(row["median_delay_rows"], 0),
                _number(row["median_absolute_onset_error_rows"], 0),
                f"{row['quiet_share_in_alarm'] or 0.0:.1%}",
                str(row["artefacts_at_joins"]),
            )
        )
    ratio = _number(result["figures"].get("budget_ratio_worst"), 2)
    return (
        table(header, rows)
        + f"\n\nFalse alarms over the budget, worst stream set: {ratio}. Commit {result['commit']}."
    )


def products(result: Mapping[str, Any]) -> str:
    """One row a data set: found, paged and false, by each way of noticing."""
    ways = result["products"]
    header = ("recordings", *(f"{how}: found (paged)" for how in ways), "false pages", "changes")
    rows = []
    for name, row in ways["both"].items():
        told = [
            f"{_of(way[name]['found'], way[name]['faults'])} ({way[name]['paged']})"
            for way in ways.values()
        ]
        pages = " / ".join(str(way[name]["false_pages"]) for way in ways.values())
        rows.append((name, *told, pages, str(row["false_changes"])))
    return table(header, rows)


def strict(result: Mapping[str, Any]) -> str:
    """One row a data set: accuracy of the whole engine when nobody tells it the onset."""
    header = ("recordings", "cases", "found", "AC@1", "strict AC@1")
    rows = [
        (
            name,
            f"{row['n']}",
            _number(row.get("detected"), 2),
            _number(row["ac@1"], 2),
            _number(row["strict_ac@1"], 2),
        )
        for name, row in result["strict"].items()
    ]
    mean = _number(result["figures"].get("strict_ac1_macro8"), 3)
    return table(header, rows) + f"\n\nMacro mean of strict AC@1: {mean}."


def short(result: Mapping[str, Any]) -> str:
    """Found and false by length of the base, and on two clocks."""
    header = ("rows of the base", "cases", "found", "paged", "false pages", "false changes")
    keys = ("base_rows", "cases", "found", "paged")
    false = ("cases_with_false_page", "cases_with_false_change")
    rows = [[str(row[key]) for key in (*keys, *false)] for row in result["short_bases"]]
    clocks = [
        (f"{row['interval_s']:g} s", _of(row["found"], row["cases"]), str(row["false"]))
        for row in result["clocks"]
    ]
    apart = table(("rows declared so far apart", "found by the trigger", "false"), clocks)
    return f"{table(header, rows)}\n\n{apart}"


def wild(result: Mapping[str, Any]) -> str:
    """One row a wild series."""
    header = ("ordinary series", "one wild series", "worst limit", "of", "found later, rows")
    rows = [
        (
            str(row["series"]),
            row["wild"],
            f"x {row['worst_ratio']:.2f}",
            f"`{row['statistic']}`",
            str(row["rows_later"]),
        )
        for row in result["wild"]
    ]
    return table(header, rows)


def rules(result: Mapping[str, Any]) -> str:
    """List the decision rules."""
    rows = [(name, meaning) for name, meaning in result["rules"].items()]
    return "\n".join(["| rule | what it does |", "|---|---|"] + [f"| {a} | {b} |" for a, b in rows])


def tep(result: Mapping[str, Any]) -> str:
    """One row a run of the chemical plant."""
    header = ("run", "visible", "found after, rows", "statistic", "false alarms")
    rows = [
        (
            row["case"],
            "yes" if row["visible"] else "no",
            _number(row["delay_rows"], 0),
            row["channel"] or "-",
            str(row["false_alarms"]),
        )
        for row in result["tep"]
    ]
    return table(header, rows)


def onsets(result: Mapping[str, Any]) -> str:
    """List onset errors, ours and in hindsight, by data set, and those of known changes."""
    if "changes" not in result:
        return NOT_RUN
    header = (
        "recordings",
        "faults found",
        "ours, rows",
        "label in the interval",
        "in hindsight, rows",
        "signed",
    )
    rows = [
        (
            name,
            f"{row['found']}",
            _number(row["ours_rows"], 1),
            f"{row['label_in_interval']}",
            _number(row["hindsight_rows"], 1),
            f"{row['hindsight_signed_rows']:+.0f}",
        )
        for name, row in result["onsets"].items()
    ]
    known = [
        (
            row["change"],
            _of(row["found"], row["runs"]),
            _number(row["delay_rows"], 0),
            _number(row["error_rows"], 1),
            f"{row['inside']}",
            _number(row["width_rows"], 0),
        )
        for row in result["changes"]
    ]
    made = (
        "change",
        "found",
        "delay, rows",
        "onset error",
        "first row in the interval",
        "its width",
    )
    return table(header, rows) + "\n\n" + table(made, known)


NOT_RUN = (
    "Not run for this version of the trigger yet: `make trigger CASES=DIR`, a quarter of an hour "
    "on two quiet cores. Nothing is claimed here."
)


def peers(result: Mapping[str, Any]) -> str:
    """List what each method finds at no more false alarms than ours, and CARE."""
    if "nab_skab" not in result:
        return NOT_RUN
    curves = result["curves"]
    groups = list(curves)
    rows = []
    for method in curves[groups[0]]:
        cells = [method]
        for group in groups:
            key = "alarmed_share" if group == CASES else "false_alarms_per_day"
            ours = next(p for p in curves[group][OURS] if p["setting"] == 1.0)
            allowed = [p for p in curves[group][method] if p["admitted"] and p[key] <= ours[key]]
            best = ours if method == OURS else max(allowed, key=lambda p: p["found"], default=None)
            cells.append("-" if best is None else _of(best["found"], best["faults"]))
            if best and not best["admitted"]:
                cells[-1] += f" ({best['quiet_share']:.0%} in alarm)"
        care = result["care"].get(method, {})
        cells += [_number(care.get(k), 2) for k in ("care", "coverage", "earliness")]
        cells += [_number(care.get(k), 2) for k in ("reliability", "accuracy")]
        rows.append(cells)
    header = ("method", *groups, "CARE", "coverage", "earliness", "reliability", "accuracy")
    return table(header, rows) + "\n\n" + _nab(result["nab_skab"])


def _nab(methods: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Each method at the setting with its best NAB score, beside the clock."""
    rows = []
    for method, points in methods.items():
        best = max(points, key=lambda p: p["nab"])
        cells = (f"{best['nab']:.1f}", f"{best['clock']:.1f}", str(best["alarms"]))
        rows.append((method, *cells))
    return table(("SKAB", "best NAB", "clock with as many alarms", "alarms"), rows)


def ablations(result: Mapping[str, Any]) -> str:
    """One row an ablation: false alarms a day and faults found."""
    if "ablations" not in result:
        return NOT_RUN
    shown = ("asd_stream", "smd_stream", "batadal_stream", "tep, visible", "cases, pooled")
    listed = {"as shipped": result["tables"]} | result["ablations"]
    rows = []
    for name, tables in listed.items():
        cells = [name]
        for group in shown:
            row = tables[group]
            rate = (
                f"{row['false_alarms_per_day']:.2f} a day"
                if group.endswith("_stream")
                else f"{row['runs_with_false_alarm']} alarmed"
            )
            cells.append(f"{rate}, {_of(row['found'], row['faults'])}")
        rows.append(cells)
    return table(("trigger", *shown), rows)


def life(result: Mapping[str, Any]) -> str:
    """List false alarms of the first days, and what follows a deployment."""
    if "deployments" not in result:
        return NOT_RUN
    days = next(iter(result["first_days"].values()))
    rows = [
        (name, *(_number(_rate(day), 2) for day in found))
        for name, found in result["first_days"].items()
    ]
    first = table(("false alarms on day", *(f"{day['day']:g}" for day in days)), rows)
    hours = [key for key in result["deployments"][0] if key.startswith("found_after_")]
    told = [f"fault found after {key.split('_')[2]} h" for key in hours]
    changes = [
        (
            row["deployment"],
            _number(row["alarms_in_3_days"], 2),
            *(_of(row[key], row["faults"]) for key in hours),
        )
        for row in result["deployments"]
    ]
    return first + "\n\n" + table(("deployment", "alarms in 3 days", *told), changes)


def _rate(day: Mapping[str, float]) -> float | None:
    return day["false_alarms"] / day["clean_days"] if day["clean_days"] else None


def cost(result: Mapping[str, Any]) -> str:
    """CPU milliseconds of a row."""
    figures = result["figures"]
    prefix = "detect_ms_per_row_"
    rows = [
        (name.removeprefix(prefix), f"{value:.3f}")
        for name, value in figures.items()
        if name.startswith(prefix)
    ]
    gain = figures["speedup_vs_recomputed_mssa_500"]
    facts = result["machine"]
    return (
        table(("series", "ms a row"), rows)
        + "\n\nmSSA computed anew on every row (Hankel, Gram), 500 series: ours is "
        f"{gain:.0f} times as fast. {facts['cpu']}, one of {facts['cores']} cores, CPU time."
    )
