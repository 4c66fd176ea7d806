"""The tables of docs/evaluation/peers.md, from committed runs of theirs and of ours."""

import hashlib
from typing import Any

SETS = {
    "petshop": "petshop",
    "rcd_sockshop": "rcd",
    "nezha_ob": "nezha_ob",
    "tep": "tep",
    "skab": "skab",
    "batadal": "batadal",
    "asd": "asd",
    "smd": "smd",
}
NOT_RUN = ("timeout", "memory", "failed")


def accuracy(peers: dict[str, Any], ours: dict[str, Any]) -> str:
    """AC@1 / Avg@5 of every method on every set, ours last, then ours against the best other.

    Raises
    ------
    ValueError
        If the two runs were not made on the same cases.
    """
    check_cases(peers, ours)
    methods = peers["methods"]
    sizes = {name: ours["datasets"][name]["n"] for name in SETS}
    head = " | ".join(f"{label} {sizes[name]}" for name, label in SETS.items())
    lines = [f"| method | {head} | macro |", "|---|" + "--:|" * (len(SETS) + 1)]
    for method in methods.values():
        cells = [_cell(method["datasets"].get(name)) for name in SETS]
        macro = method["macro"]
        total = f"{macro['ac@1']:.2f}/{macro['avg@5']:.2f}" if macro else "-"
        lines.append(f"| {method['label']} | " + " | ".join([*cells, total]) + " |")
    told = [ours["datasets"][name] for name in SETS]
    mean = [sum(d[key] for d in told) / len(told) for key in ("ac@1", "avg@5")]
    cells = [f"**{d['ac@1']:.2f}/{d['avg@5']:.2f}**" for d in [*told, _pair(mean)]]
    lines.append("| **CORAL** (graph where known) | " + " | ".join(cells) + " |")
    against = [f"{_lead(methods, ours, name):+d}" for name in SETS]
    lines.append(
        "| CORAL against the set's best other, cases | " + " | ".join([*against, ""]) + "|"
    )
    lines += ["", _sources(peers, ours)]
    return "\n".join(lines)


def macro(peers: dict[str, Any], ours: dict[str, Any]) -> str:
    """Macro means with 95 % bootstrap intervals, best first, of what ran on every case."""
    rows = [
        (
            m["macro"]["ac@1"],
            m["label"],
            _interval(m["macro"], "ac@1"),
            _interval(m["macro"], "avg@5"),
        )
        for m in peers["methods"].values()
        if m["macro"]
    ]
    lines = ["| method | AC@1 | Avg@5 |", "|---|--:|--:|"]
    lines += [f"| {label} | {ac1} | {avg5} |" for _, label, ac1, avg5 in sorted(rows, reverse=True)]
    told = [ours["datasets"][name] for name in SETS]
    cells = [f"**{sum(d[key] for d in told) / len(told):.2f}**" for key in ("ac@1", "avg@5")]
    return "\n".join([*lines, "| **CORAL** | " + " | ".join(cells) + " |"])


def cost(peers: dict[str, Any]) -> str:
    """Return what became of the cases, and what one costs."""
    lines = [
        (
            "| method | cases run | named nothing | failed | over time | over memory "
            "| CPU s, mean | CPU s, most | MB, most | from |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for method in peers["methods"].values():
        able = sum(cell["n"] for cell in method["datasets"].values())
        cells = [cell for cell in method["datasets"].values() if cell["ran"]]
        ran = sum(cell["ran"] for cell in cells)
        words = ("empty", "failed", "timeout", "memory")
        counts = [sum(cell["outcomes"].get(word, 0) for cell in cells) for word in words]
        mean = sum(cell["cpu_s"] * cell["ran"] for cell in cells) / max(ran, 1)
        most = max((cell["cpu_s_max"] for cell in cells), default=0.0)
        memory = max((cell["rss_mb_max"] for cell in cells), default=0.0)
        row = [f"{ran} of {able}", *map(str, counts), f"{mean:.2f}", f"{most:.1f}", f"{memory:.0f}"]
        lines.append(f"| {method['label']} | " + " | ".join([*row, method["source"]]) + " |")
    absent = [
        f"`{name}`: {found['error']}"
        for name, found in peers["environments"].items()
        if not found["installed"]
    ]
    lines += ["", "Does not install: " + ("; ".join(absent) or "nothing") + "."]
    return "\n".join(lines)


def check_cases(peers: dict[str, Any], ours: dict[str, Any]) -> None:
    """Raise ValueError unless both runs have the same list of cases."""
    named = sorted(
        f"{row['dataset']}/{row['case']}/oracle" for row in ours["cases"] if row["dataset"] in SETS
    )
    wanted = hashlib.sha256("\n".join(named).encode()).hexdigest()
    got = peers["case_list"]["sha256"]
    if wanted != got:
        raise ValueError(f"The runs must share their cases, got {got[:12]} and {wanted[:12]}.")


def _pair(values: list[float]) -> dict[str, float]:
    return dict(zip(("ac@1", "avg@5"), values, strict=True))


def _cell(cell: dict[str, Any] | None) -> str:
    """AC@1 / Avg@5, and how many cases they stand on if not all, or how many did not finish."""
    if cell is None:
        return "-"
    if not cell["ran"]:
        return "not run"
    broken = sum(cell["outcomes"].get(word, 0) for word in NOT_RUN)
    if broken == cell["ran"]:
        return f"fails n={cell['ran']}" if cell["ran"] < cell["n"] else "fails"
    text = f"{cell['ac@1']:.2f}/{cell['avg@5']:.2f}"
    text += " @kpi" if cell["kpi_kind"] else ""
    text += f" n={cell['ran']}" if cell["ran"] < cell["n"] else ""
    return text + (f" ({broken} fail)" if broken else "")


def _lead(methods: dict[str, Any], ours: dict[str, Any], dataset: str) -> int:
    """Return by how many cases ours has a true cause first more often than the best other."""
    told = ours["datasets"][dataset]
    cells = (m["datasets"].get(dataset) for m in methods.values())
    best: float = max(cell["ac@1"] for cell in cells if cell and cell["ran"] == cell["n"])
    lead: float = (told["ac@1"] - best) * told["n"]
    return round(lead)


def _interval(values: dict[str, Any], measure: str) -> str:
    low, high = values[f"{measure}_interval"]
    return f"{values[measure]:.2f} [{low:.2f}, {high:.2f}]"


def _sources(peers: dict[str, Any], ours: dict[str, Any]) -> str:
    facts, limits = peers["machine"], peers["limits"]
    return (
        f"Peers: commit {peers['commit']}, {peers['case_list']['n']} cases (case list "
        f"{peers['case_list']['sha256'][:12]}), at most {limits['cpu_s']} CPU seconds and "
        f"{limits['memory_mb']} MB a case, {facts['cpu']}, Python {peers['versions']['python']}. "
        f"CORAL: commit {ours['commit']}, configuration {ours['config_digest']}, the same cases."
    )
