"""The tables of ranking.md and failures.md in docs/evaluation, from committed runs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from peers_tables import SETS
from regions import table

from coral.evaluation.metrics import mean

MEASURES = ("ac@1", "avg@5")
# Kinds of system by their sets, and kinds of fault by words of their names, the first that fits.
SYSTEMS = {
    "services": "coral_shop dycause live_prometheus nezha_ob nezha_ts petshop rcd_sockshop",
    "one database": "dbsherlock",
    "servers": "asd smd",
    "plants and machines": "batadal causrca skab tep",
}
FAULTS = {
    "processor or memory": "cpu memory",
    "disk": "i-o",
    "network, added latency": "network latency delay",
    "errors and values returned": "error exception return",
    "load": "load",
    "locks, pools, caches, crashes": "lock pool cache crash",
    "jobs of a database": "flush backup restore query design",
    "valves, pumps, disturbances": "valve rotor water idv hydraulics coolant actuator threshold",
    "sensors": "probe sensor",
    "anything that people marked": "anomaly",
}
# More than this share of Avg@5 lost is a collapse.
COLLAPSE = 0.5
# Rows after the onset that the table of accuracy against rows has.
ROWS = ("1", "2", "4", "8", "16", "32", "64", "128", "256")
Result = Mapping[str, Any]


def _pair(cell: Mapping[str, float]) -> str:
    return f"{cell['ac@1']:.2f}/{cell['avg@5']:.2f}"


def _facts(result: Result) -> str:
    cases = result["case_list"]
    return (
        f"{cases['n']} cases (case list {cases['sha256'][:12]}), commit {result['commit']}, "
        f"numpy {result['versions']['numpy']}."
    )


def robustness(result: Result) -> str:
    """AC@1 / Avg@5 under every condition against the same cases; in bold what is a collapse."""
    conditions = result["conditions"]
    recorded = conditions["as_recorded"]
    rows = []
    for condition in conditions.values():
        plain = condition.get("same_as_recorded", recorded)
        cells = [
            _against(condition["datasets"].get(name), plain["datasets"].get(name)) for name in SETS
        ]
        n = _count(condition)
        label = condition["label"] + (f" ({n} cases)" if n < _count(recorded) else "")
        lost = condition["macro"]["avg@5"] - plain["macro"]["avg@5"]
        rows.append((label, *cells, _pair(condition["macro"]), f"{lost:+.2f}"))
    header = ("condition", *SETS.values(), "macro", "Avg@5 lost or won")
    return table(header, rows) + "\n\n" + _facts(result)


def _count(condition: Result) -> int:
    return sum(cell["n"] for cell in condition["datasets"].values())


def _against(cell: Mapping[str, float] | None, plain: Mapping[str, float] | None) -> str:
    """Return a cell, in bold if it is a collapse; a dash if no case of the set counts."""
    if cell is None or plain is None:
        return "-"
    gone = cell["avg@5"] < (1.0 - COLLAPSE) * plain["avg@5"]
    return f"**{_pair(cell)}**" if gone else _pair(cell)


def controls(result: Result) -> str:
    """AC@1 / Avg@5 of ours with the known relations, with none, and with wrong ones."""
    labels = {"as_recorded": "known", "no_graph": "none", "shuffled_graph": "shuffled"}
    rows = []
    for name, label in labels.items():
        found = result["conditions"][name]
        cells = [_pair(found["datasets"][dataset]) for dataset in SETS]
        rows.append((label, *cells, _pair(found["macro"])))
    return table(("CORAL, graph", *SETS.values(), "macro"), rows) + "\n\n" + _facts(result)


def ablations(result: Result) -> str:
    """AC@1 / Avg@5 without each part."""
    parts = [{"label": "all parts"} | result["now"], *result["ablations"].values()]
    now = result["now"]["macro"]
    rows = []
    for part in parts:
        change = [f"{part['macro'][key] - now[key]:+.3f}" for key in MEASURES]
        rows.append((part["label"], *(_pair(part["datasets"][s]) for s in SETS), *change))
    header = ("part taken out", *SETS.values(), "macro AC@1", "macro Avg@5")
    return table(header, rows) + "\n\n" + _facts(result)


def left_out_rules(result: Result) -> str:
    """Rules that all sets but one would do without, and what that does to the one."""
    labels = {name: rule["label"] for name, rule in result["rules"].items()}
    rows = []
    for name, held in result["left_out"].items():
        rules = "; ".join(labels[rule] for rule in held["taken_out"]) or "none"
        rows.append((name, _pair(held["shipped"]), _pair(held["without"]), rules))
    figures = result["figures"]
    macro = (
        f"{figures[f'macro_ac@1{way}']:.2f}/{figures[f'macro_avg@5{way}']:.2f}"
        for way in ("", "_left_out")
    )
    header = ("set left out", "all rules", "without those", "what the others would do")
    return table(header, [*rows, ("macro", *macro, "")]) + "\n\n" + _facts(result)


def constants(result: Result) -> str:
    """Change of both macro means by a factor on every constant, those that matter first."""
    now, found = result["now"]["macro"], result["constants"]
    factors = list(next(iter(found.values()))["factors"])

    def cell(point: Result) -> str:
        return "/".join(f"{point['macro'][key] - now[key]:+.3f}" for key in MEASURES)

    order = [*result["matter"], *(name for name in found if name not in result["matter"])]
    rows = [
        (
            f"`{name.rpartition(':')[2]}`",
            f"{found[name]['value']:g}",
            *(cell(found[name]["factors"][factor]) for factor in factors),
        )
        for name in order
    ]
    header = ("constant", "value", *(f"x {factor}" for factor in factors))
    little = len(found) - len(result["matter"])
    return table(header, rows) + (
        f"\n\nThe last {little} change neither mean by half a case of the smallest set. "
        + _facts(result)
    )


def left_out(result: Result) -> str:
    """AC@1 / Avg@5 of every set by constants chosen on the others."""
    held, now = result["leave_one_out"], result["now"]
    mean = {key: sum(held[s][key] for s in SETS) / len(SETS) for key in MEASURES}
    rows = [
        ("as shipped", *(_pair(now["datasets"][s]) for s in SETS), _pair(now["macro"])),
        ("chosen on the other seven", *(_pair(held[s]) for s in SETS), _pair(mean)),
    ]
    chosen = [
        f"- without {label}: "
        + (
            ", ".join(f"`{n.rpartition(':')[2]}` {v:g}" for n, v in held[s]["chosen"].items())
            or "as shipped"
        )
        for s, label in SETS.items()
    ]
    return table(("constants", *SETS.values(), "macro"), rows) + "\n\n" + "\n".join(chosen)


def tiers(result: Result) -> str:
    """How often each tier is used and right."""
    rows = [
        (f"*{tier}*", str(cell["n"]), f"{cell['share']:.0%}", f"{cell['ac@1']:.0%}")
        for tier, cell in result["tiers"].items()
    ]
    low, high = result["intervals"]["likely_precision"]
    clean, load = result["fault_free"], result["load_spikes"]
    alone = result["agreement_alone"]
    by_set = ", ".join(
        f"{name} {cell['likely']} of {cell['n']}" for name, cell in clean["datasets"].items()
    )
    return "\n".join(
        (
            table(("answer", "incidents", "share", "a true cause first"), rows),
            "",
            f"95 % bootstrap interval of what *likely* is worth: {low:.2f} to {high:.2f}. "
            f"Where an onset is told but nothing is wrong, the answer is *likely* in "
            f"**{clean['likely_rate']:.1%}** of {clean['n']} distinct windows ({by_set}), and in "
            f"{round(load['likely_rate'] * load['n'])} of {load['n']} load spikes. "
            f"By agreement and distance alone {alone['likely_rate']:.0%} of the windows would have "
            f"a *likely* cause, and {alone['ac@1']:.0%} of {alone['n']} *likely* answers be right. "
            + _facts(result),
        )
    )


def trust(result: Result) -> str:
    """*Likely* on every set by numbers chosen on the others, with a short base, by rows."""
    held, short = result["left_out"], result["short_base"]["likely"]
    said = {name: cell for name, cell in held["datasets"].items() if cell["n"]}
    rows = [
        (name, str(cell["n"]), f"{cell['share']:.0%}", f"{cell['ac@1']:.0%}", _asked(cell))
        for name, cell in said.items()
    ]
    pooled = held["pooled"]
    rows.append(("all", str(pooled["n"]), f"{pooled['share']:.0%}", f"{pooled['ac@1']:.0%}", ""))
    header = ("set left out", "*likely* answers", "share", "a true cause first", "asks for")
    never = ", ".join(name for name in held["datasets"] if name not in said) or "none"
    by_rows = result["by_rows"]["likely"]
    after = ", ".join(
        f"{cell['ac@1']:.0%} of {cell['n']} after {n}"
        for n, cell in by_rows.items()
        if n in ROWS and cell["n"]
    )
    return "\n".join(
        (
            table(header, rows),
            "",
            f"Never said on: {never}. With the last hundred rows before the onset alone it is said "
            f"in {short['share']:.0%} of the answers, and {short['ac@1']:.0%} are right. By rows "
            f"since the onset, on the eight sets: {after}. " + _facts(result),
        )
    )


def _asked(cell: Result) -> str:
    chosen = cell["chosen"]
    ahead = math.exp(chosen["likely_margin"])
    return (
        f"evidence {chosen['likely_evidence']:g}, agreement {chosen['likely_consensus']:g}, "
        f"{ahead:.3g} times the second"
    )


def selective(result: Result) -> str:
    """Accuracy of the surest answers."""
    points = result["selective"]
    header = ("surest answers", *(f"{p['coverage']:.0%}" for p in points))
    return table(header, [("a true cause first", *(f"{p['ac@1']:.2f}" for p in points))])


def by_rows(result: Result) -> str:
    """AC@1 / Avg@5 after 1, 2, 4 ... rows."""
    found = result["by_rows"]

    def cells(by: Mapping[str, Sequence[float]]) -> list[str]:
        return [f"{by[n][0]:.2f}/{by[n][1]:.2f}" for n in ROWS]

    rows = [(label, *cells(found["datasets"][name])) for name, label in SETS.items()]
    return table(("rows", *ROWS), [*rows, ("macro", *cells(found["macro"]))])


def wrong(result: Result) -> str:
    """Kinds of faults with a wrong first cause."""
    kinds: dict[tuple[str, str], list[Result]] = {}
    for row in result["cases"]:
        if row["kind"] == "fault":
            kinds.setdefault((row["dataset"], row["fault_type"] or "-"), []).append(row)
    rows = []
    for (dataset, kind), cases in sorted(kinds.items()):
        missed = [case for case in cases if case["ac@1"] < 1.0]
        if not missed:
            continue
        sure = sum(case["tier"] == "likely" for case in missed)
        found = sum(case["avg@5"] > 0 for case in missed)
        named = sorted({case["first"] or "nothing" for case in missed})
        shown = ", ".join(named[:3]) + (" ..." if len(named) > 3 else "")
        rows.append((dataset, kind, f"{len(missed)} of {len(cases)}", str(found), str(sure), shown))
    header = ("set", "fault", "first is wrong", "of these in the first five", "said *likely*")
    return table((*header, "named instead"), rows) + "\n\n" + _facts(result)


def kinds(result: Result) -> str:
    """AC@1 / Avg@5 and *likely* by the kind of fault and of system."""
    found: dict[tuple[str, str], list[Result]] = {}
    for row in result["cases"]:
        if row["kind"] == "fault":
            place = _kind_of(FAULTS, row["fault_type"]), _kind_of(SYSTEMS, row["dataset"])
            found.setdefault(place, []).append(row)
    rows = []
    for kind in FAULTS:
        for system in SYSTEMS:
            cases = found.get((kind, system), [])
            if not cases:
                continue
            sure = [case for case in cases if case["tier"] == "likely"]
            right = sum(case["ac@1"] for case in sure)
            likely = f"{right:.0f} of {len(sure)}" if sure else "-"
            first, five = (mean([case[name] for case in cases]) for name in MEASURES)
            rows.append((kind, system, str(len(cases)), f"{first:.2f}", f"{five:.2f}", likely))
    header = ("fault", "system", "cases", "AC@1", "Avg@5", "*likely* right")
    return table(header, rows) + "\n\n" + _facts(result)


def _kind_of(kinds: Mapping[str, str], name: str) -> str:
    return next(kind for kind, words in kinds.items() if any(w in name for w in words.split()))


def late(result: Result) -> str:
    """AC@1 / Avg@5 by how late an alert comes and how it is looked back from, then by data set."""
    labels, told = result["labels"], [str(rows) for rows in result["late_rows"]]
    ways = result["ways"]
    rows = [
        (label, *(_pair(ways[f"{name}_{late}"]["macro"]) for late in told))
        for name, label in labels.items()
    ]
    shipped = [ways[f"{result['shipped']}_{late}"]["datasets"] for late in told]
    rows += [
        (f"shipped: {label}", *(_pair(found[name]) for found in shipped))
        for name, label in SETS.items()
        if all(name in found for found in shipped)
    ]
    header = ("told after the onset", *(f"{late} rows" for late in told))
    return table(header, rows) + "\n\n" + _facts(result)
