"""Tables about the causal graph, from benchmarks/results/graph*.json."""

from typing import Any

ROW_BARS = {30: 0.002, 100: 0.012, 300: 0.2, 1000: 1.0}
UPDATE_BARS = {30: 0.5, 100: 2.0, 300: 50.0, 1000: 400.0}
LAGS = {30: 3, 100: 3, 300: 3, 1000: 1}
FEW = 5  # cases below which no interval means anything
WALKS = {
    "none": "no graph",
    "shuffled": "known, entities shuffled",
    "known": "known",
    "learned": "learned before the fault",
    "learned_and_known": "learned and known",
    "learned_with_fault": "learned, fault rows included",
}


def ranged(value: list[float | None], digits: int = 2) -> str:
    """Mean and bounds of its interval."""
    if value[0] is None:
        return "-"
    mean, low, high = (f"{number:.{digits}f}" for number in value if number is not None)
    return mean if low == mean == high else f"{mean} ({low}..{high})"


def accuracy(result: dict[str, Any]) -> str:
    """List what was found of both parts where the truth is known, a row a setting."""
    lines = [
        (
            "| system | B: F1 | B: SHD | B: AUROC | changed nodes found, 50 rows "
            "| coefficient error, 200 rows | the same, B alone | S: F1, 200 rows | S: AUROC |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    keys = ("shared_f1", "shared_shd", "shared_auroc", "hit_50", "coef_error_200")
    more = ("keep_base_coef_error_200", "dependent_f1_200", "dependent_auroc_200")
    for name, row in result["accuracy"].items():
        digits = {"shared_shd": 1}
        cells = [ranged(row[key], digits.get(key, 2)) for key in (*keys, *more)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cost(result: dict[str, Any]) -> str:
    """Cost of an update and of a row, with the limits that were set before it was built."""
    lines = [
        "| series | lags | warm update of 16 rows, ms | limit | statistics of a row, ms | limit |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for n, lags in LAGS.items():
        found = result["costs"][str(n)]
        lines.append(
            f"| {n} | {lags} | {found['update_ms']:.3g} | {UPDATE_BARS[n]:g} | "
            f"{found['row_ms']:.3g} | {ROW_BARS[n]:g} |"
        )
    memory, machine = result["memory_1000"], result["machine"]
    lines += [
        "",
        (
            f"A graph of 1000 series with an open state holds {memory['held_mb']:.0f} MB. "
            f"{machine['cpu']}, one thread, commit {result['commit']}."
        ),
    ]
    return "\n".join(lines)


def peers(result: dict[str, Any]) -> str:
    """Peers from scratch: time on the same 500 rows, accuracy from the fault rows."""
    lines = [
        "| method | series | seconds | our warm update is faster | F1 of the graph in the fault |",
        "|---|--:|--:|--:|--:|",
    ]
    scratch = result.get("peers_from_scratch", {})
    for name, found in result["peers"].items():
        method, _, n = name.rpartition("_")
        more = "" if found["finished"] else " (stopped)"
        score = ranged(scratch[method]["current_f1_200"]) if method in scratch else "-"
        lines.append(
            f"| {method} | {n} | {found['seconds']:.3g}{more} | {found['speedup']:,.0f}x | "
            f"{score if n == '30' else ''} |"
        )
    ours = result["accuracy"]["d=20 lags=1 equal, 2 changed"]
    lines += [
        "",
        (
            "The last column: 20 series, the 200 rows of the fault alone. CORAL, which knows the "
            f"rows before, {ranged(ours['current_f1_200'])}; keeping the graph of before "
            f"{ranged(ours['keep_base_current_f1_200'])}; CORAL learning anew from these rows "
            f"{ranged(ours['relearn_current_f1_200'])}."
        ),
    ]
    return "\n".join(lines)


def priors(result: dict[str, Any]) -> str:
    """Show what right and wrong priors do."""
    lines = [
        (
            "| said beforehand | F1 of B | true edges found | of what was wrong, reported "
            "| of what is reported, wrong |"
        ),
        "|---|--:|--:|--:|--:|",
    ]
    for name, row in result["priors"].items():
        keys = ("shared_f1", "recall", "wrong_reported", "reported_wrong")
        lines.append(f"| {name} | " + " | ".join(ranged(row[key]) for key in keys) + " |")
    return "\n".join(lines)


def threads(result: dict[str, Any]) -> str:
    """Whether a second thread pays."""
    said = [
        (
            f"with {n} series an update takes {found['one_ms']:.0f} ms on one thread and "
            f"{found['two_ms']:.0f} ms on two (the kernel is {found['kernel_share']:.0%} of it)"
        )
        for n, found in result["threads"].items()
    ]
    machine = result["machine"]
    return (
        f"Measured on {machine['cores']} cores with a load of {machine['load_average']:.1f} from "
        f"other programs: {'; '.join(said)}. Commit {result['commit']}."
    )


def ranking(result: dict[str, Any]) -> str:
    """Compare walks along other edges on the same evidence: AC@1 / Avg@5 by data set."""
    lines = [
        "| data set | cases | " + " | ".join(WALKS.values()) + " |",
        "|---|--:|" + "--:|" * len(WALKS),
    ]
    for name, table in result["datasets"].items():
        cells = [f"{table[walk]['ac@1']:.2f} / {table[walk]['avg@5']:.2f}" for walk in WALKS]
        lines.append(f"| {name} | {table['n']} | " + " | ".join(cells) + " |")
    figures = result["figures"]
    cells = [
        f"**{figures[f'macro_ac@1_{walk}']:.2f} / {figures[f'macro_avg@5_{walk}']:.2f}**"
        for walk in WALKS
    ]
    lines.append("| mean of the sets | | " + " | ".join(cells) + " |")
    gains = {
        walk: [
            name
            for name, table in result["datasets"].items()
            if table["n"] >= FEW and (table[walk]["gain"][1] > 0.0 or table[walk]["gain"][2] < 0.0)
        ]
        for walk in ("known", "learned")
    }
    said = [
        f"{WALKS[walk]}: "
        + (
            ", ".join(f"{name} {result['datasets'][name][walk]['gain'][0]:+.2f}" for name in names)
            or "none"
        )
        for walk, names in gains.items()
    ]
    lines += [
        "",
        (
            f"Sets of {FEW} cases and more on which Avg@5 differs from that of no graph by more "
            f"than chance (95 % "
            f"interval over cases): {'; '.join(said)}. Commit {result['commit']}."
        ),
    ]
    return "\n".join(lines)


def wide(result: dict[str, Any]) -> str:
    """Say what opening an incident on a wide system costs."""
    found = result["figures"]
    before, during = found["peak_mb_watching_5000"], found["peak_mb_open_5000"]
    return (
        f"Measured with 5000 series (`benchmarks/graph_wide.py`, one thread, commit "
        f"{result['commit']}): the frame that opens an incident takes {found['open_s_5000']:.1f} s "
        f"of CPU; the process, Python and compiled kernels included, has {before:.0f} MB before "
        f"and at most {during:.0f} MB then."
    )
