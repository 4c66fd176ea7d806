"""Write the generated parts of README.md and docs/: committed results, output of real runs.

`python tools/docs/tables.py` replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`;
`--check` only says whether that would change something.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import graph_tables
import kafka_tables
import kubernetes_tables
import life_tables
import live_tables
import network_tables
import operations_tables
import peers_tables
import proof_tables
import situations_tables
import trigger_tables
from regions import has_region, replace_region

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
DEPLOYED = ROOT / "deploy" / "results"
TIME = re.compile(r"\d\d:\d\d:\d\d  ")
Maker = Callable[[dict[str, Any]], str]


def load(name: str) -> dict[str, Any]:
    """Return a committed result."""
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return found


def deployed(name: str) -> dict[str, Any]:
    """Return a committed result of the image or of a cluster."""
    found: dict[str, Any] = json.loads((DEPLOYED / f"{name}.json").read_text())
    return found


def number(value: float | None, digits: int = 2) -> str:
    """Return a figure, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def accuracy() -> str:
    """Accuracy of both modes, one row a data set."""
    oracle, online = load("oracle"), load("online")
    lines = [
        (
            "| data set | cases | AC@1 | Avg@5 | faults online | found | delay, rows "
            "| false alarms a day | strict AC@1 |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name in sorted({*oracle["datasets"], *online["datasets"]}):
        told = oracle["datasets"].get(name, {})
        found = online["datasets"].get(name, {})
        cells = (
            name,
            str(told.get("n", "-")),
            number(told.get("ac@1")),
            number(told.get("avg@5")),
            str(found.get("n", "-")),
            number(found.get("detected")),
            number(found.get("delay_rows_median"), 0),
            number(found.get("false_alarms_per_day")),
            number(found.get("strict_ac@1")),
        )
        lines.append("| " + " | ".join(cells) + " |")
    eight = [oracle["datasets"][name] for name in peers_tables.SETS]
    macro = [sum(d[key] for d in eight) / len(eight) for key in ("ac@1", "avg@5")]
    lines += [
        "",
        (
            f"Macro average of the eight sets {', '.join(peers_tables.SETS)}, told the onset: "
            f"AC@1 **{macro[0]:.2f}**, Avg@5 **{macro[1]:.2f}**."
        ),
        (
            f"Runs of commit {oracle['commit']}, configuration {oracle['config_digest']}: "
            f"{oracle['case_list']['n']} cases told the onset, {online['case_list']['n']} online "
            f"(case lists {oracle['case_list']['sha256'][:12]}, "
            f"{online['case_list']['sha256'][:12]})."
        ),
    ]
    lines += [
        "",
        "Trust, told the onset: "
        + "; ".join(
            f"of {found['n']} answers called *{tier}*, {found['ac@1']:.0%} have a true cause first"
            for tier, found in oracle["tiers"].items()
        )
        + ".",
        _trust_elsewhere(load("calibration")),
    ]
    return "\n".join(lines)


def _trust_elsewhere(calibration: dict[str, Any]) -> str:
    """Say what *likely* is worth where its numbers were not chosen, and where nothing is wrong."""
    held, clean = calibration["left_out"]["pooled"], calibration["fault_free"]
    return (
        f"With the numbers behind *likely* chosen on all other data sets it is said in "
        f"{held['share']:.0%} of the answers, and **{held['ac@1']:.0%}** of {held['n']} have a "
        f"true cause first; where an onset is told but nothing is wrong it is said in "
        f"{clean['likely_rate']:.1%} of {clean['n']} windows "
        f"([by data set](docs/evaluation/ranking.md#trust))."
    )


def speed() -> str:
    """Speed and memory on one core."""
    result = load("speed")
    figures, facts = result["figures"], result["machine"]
    lines = ["| measure | value |", "|---|--:|"]
    for name, value in figures.items():
        shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        lines.append(f"| `{name}` | {shown} |")
    lines += [
        "",
        (
            f"{facts['cpu']}, one of {facts['cores']} cores, "
            f"Python {result['versions']['python']}, numba {result['versions']['numba']}, "
            f"commit {result['commit']}."
        ),
    ]
    return "\n".join(lines)


def demo() -> str:
    """Show the first and the last answer of a real run of `coral demo`, and what was true."""
    lines = run_demo()
    timed = [number for number, line in enumerate(lines) if TIME.match(line)]
    opened, settled = timed[0], timed[-1]
    table = max(number for number, line in enumerate(lines) if line.startswith(" #  cause"))
    answer = [*takewhile(bool, reversed(lines[:table]))][::-1]
    shown = [*lines[:opened], lines[opened], "...", lines[settled], "", *answer, "...", lines[-2]]
    return "```console\n$ make demo\n" + "\n".join(shown) + "\n```"


def wired() -> str:
    """Show what a real run of the chain of wire-it-up.md has shown."""
    return "```console\n" + (DEPLOYED / "wired.log").read_text().rstrip() + "\n```"


def run_demo() -> list[str]:
    """Return what `coral demo` prints."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "coral.cli.main", "demo"]
        environment = os.environ | {"COLUMNS": "110", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment, cwd=folder
        )
    return [line.rstrip() for line in done.stdout.rstrip().splitlines()]


def parts_of(result: str, *makers: Maker, prefix: str = "") -> dict[str, Callable[[], str]]:
    """Name each maker's part, and let it be made of a committed result when it is asked for."""

    def made_by(maker: Maker) -> Callable[[], str]:
        return lambda: maker(load(result))

    return {prefix + maker.__name__: made_by(maker) for maker in makers}


PARTS: dict[str, Callable[[], str]] = {
    "demo": demo,
    "accuracy": accuracy,
    "speed": speed,
    "peers_accuracy": lambda: peers_tables.accuracy(load("peers"), load("oracle")),
    "peers_macro": lambda: peers_tables.macro(load("peers"), load("oracle")),
    "peers_cost": lambda: peers_tables.cost(load("peers")),
    **parts_of("situations", situations_tables.situations),
    **parts_of("kafka", kafka_tables.speed, prefix="kafka_"),
    **parts_of("formats", kafka_tables.formats, prefix="kafka_"),
    **parts_of("capacity", kafka_tables.capacity, prefix="kafka_"),
    "kafka_fleet": lambda: kafka_tables.fleet(load("capacity"), load("slope")),
    "kafka_slope": lambda: kafka_tables.slope(load("slope"), load("capacity")),
    **parts_of("poison", kafka_tables.poison, prefix="kafka_"),
    **parts_of("soak", kafka_tables.soak, prefix="kafka_"),
    **parts_of("operations", operations_tables.costs, prefix="operations_"),
    **parts_of("capacity", operations_tables.restores, prefix="operations_"),
    **parts_of("fuzz", operations_tables.fuzz, prefix="operations_"),
    **parts_of("outside", operations_tables.outside, prefix="operations_"),
    **parts_of("live", live_tables.faults, prefix="live_"),
    **parts_of(
        "life",
        life_tables.bars,
        life_tables.weeks,
        life_tables.faults,
        life_tables.false,
        life_tables.others,
        prefix="life_",
    ),
    **parts_of("life_changes", life_tables.changes, prefix="life_"),
    "wired": wired,
    "image_contents": lambda: kubernetes_tables.contents(deployed("image")),
    "image_check": lambda: kubernetes_tables.check(deployed("image")),
    "cluster": lambda: kubernetes_tables.cluster(deployed("cluster")),
    "cluster_typed": lambda: kubernetes_tables.typed(deployed("cluster")),
    **parts_of("robustness", proof_tables.robustness, proof_tables.controls, prefix="proof_"),
    **parts_of("network_faults", network_tables.faults, prefix="network_"),
    **parts_of("late_alerts", proof_tables.late, prefix="proof_"),
    **parts_of("graph_priors", graph_tables.priors, prefix="graph_"),
    **parts_of("graph_ranking", graph_tables.ranking, prefix="graph_"),
    **parts_of("graph_threads", graph_tables.threads, prefix="graph_"),
    **parts_of("graph_wide", graph_tables.wide, prefix="graph_"),
    **parts_of(
        "noticing",
        trigger_tables.sets,
        trigger_tables.products,
        trigger_tables.strict,
        trigger_tables.short,
        trigger_tables.wild,
        trigger_tables.rules,
        trigger_tables.tep,
    ),
    **parts_of(
        "trigger",
        trigger_tables.onsets,
        trigger_tables.peers,
        trigger_tables.ablations,
        trigger_tables.cost,
        trigger_tables.life,
    ),
    **parts_of(
        "ablations",
        proof_tables.ablations,
        proof_tables.constants,
        proof_tables.left_out,
        prefix="proof_",
    ),
    **parts_of("left_out_rules", proof_tables.left_out_rules, prefix="proof_"),
    **parts_of(
        "calibration",
        proof_tables.tiers,
        proof_tables.trust,
        proof_tables.selective,
        proof_tables.by_rows,
        proof_tables.wrong,
        proof_tables.kinds,
        prefix="proof_",
    ),
    **parts_of(
        "graph",
        graph_tables.accuracy,
        graph_tables.cost,
        graph_tables.peers,
        prefix="graph_",
    ),
}
FILES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))


def fill(text: str, names: list[str]) -> tuple[str, set[str]]:
    """Replace the parts of a text that have a name; return it and the names that it has."""
    found = {name for name in names if has_region(text, name)}
    for name in names:
        if name in found:
            text = replace_region(text, name, PARTS[name]())
    return text, found


def main() -> int:
    """Replace every part; return 1 if `--check` finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", choices=sorted(PARTS), action="append")
    chosen = parser.parse_args()
    names = chosen.only or list(PARTS)
    missing, changed = set(names), False
    for file in FILES:
        before = file.read_text()
        text, found = fill(before, names)
        missing -= found
        changed |= text != before
        if not chosen.check:
            file.write_text(text)
    if missing:
        raise SystemExit(f"no file has a part `<!-- {min(missing)} -->`")
    return int(chosen.check and changed)


if __name__ == "__main__":
    sys.exit(main())
