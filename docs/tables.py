"""Write the generated parts of README.md and docs/: committed results, output of real runs.

`python docs/tables.py` replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`;
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
from pathlib import Path
from typing import Any

import graph_tables
import kafka_tables
import peers_tables
import proof_tables
import situations_tables
import trigger_tables

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MACRO_SETS = (
    "petshop",
    "rcd_sockshop",
    "nezha_ob",
    "tep",
    "skab",
    "batadal",
    "asd",
    "smd",
)


def load(name: str) -> dict[str, Any]:
    """Return a committed result."""
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
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
    eight = [oracle["datasets"][name] for name in MACRO_SETS]
    macro = [sum(d[key] for d in eight) / len(eight) for key in ("ac@1", "avg@5")]
    lines += [
        "",
        (
            f"Macro average of the eight sets {', '.join(MACRO_SETS)}, told the onset: "
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
    ]
    return "\n".join(lines)


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
    """Output of a real run of `coral demo`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "coral.cli.main", "demo"]
        environment = os.environ | {"COLUMNS": "110", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment, cwd=folder
        )
    lines = done.stdout.rstrip().splitlines()
    return "```console\n$ make demo\n" + "\n".join(line.rstrip() for line in lines) + "\n```"


def test() -> str:
    """Summary lines of a real run of `make test`."""
    done = subprocess.run(["make", "test"], capture_output=True, text=True, check=True, cwd=ROOT)
    told = ("All checks", "files already", "Success", "Contracts:", " passed in ")
    lines = [line for line in done.stdout.splitlines() if any(word in line for word in told)]
    return "```console\n$ make test\n" + "\n".join(lines) + "\n```"


PARTS: dict[str, Callable[[], str]] = {
    "demo": demo,
    "test": test,
    "accuracy": accuracy,
    "speed": speed,
}
PARTS |= {
    part.__name__: lambda part=part: part(load("trigger"))
    for part in (
        trigger_tables.sets,
        trigger_tables.onsets,
        trigger_tables.peers,
        trigger_tables.tep,
        trigger_tables.ablations,
        trigger_tables.cost,
        trigger_tables.life,
    )
}
PARTS |= {
    "peers_accuracy": lambda: peers_tables.accuracy(load("peers"), load("oracle")),
    "peers_macro": lambda: peers_tables.macro(load("peers"), load("oracle")),
    "peers_cost": lambda: peers_tables.cost(load("peers")),
}
PARTS |= {
    "kafka_speed": lambda: kafka_tables.speed(load("kafka")),
    "kafka_capacity": lambda: kafka_tables.capacity(load("capacity")),
    "kafka_poison": lambda: kafka_tables.poison(load("poison")),
    "kafka_soak": lambda: kafka_tables.soak(load("soak")),
}
PARTS |= {
    f"proof_{part.__name__}": lambda part=part, file=file: part(load(file))
    for file, parts in (
        ("robustness", (proof_tables.robustness, proof_tables.controls)),
        (
            "ablations",
            (proof_tables.ablations, proof_tables.constants, proof_tables.left_out),
        ),
        (
            "calibration",
            (
                proof_tables.tiers,
                proof_tables.selective,
                proof_tables.by_rows,
                proof_tables.wrong,
            ),
        ),
    )
    for part in parts
}
PARTS |= {
    f"graph_{part.__name__}": lambda part=part: part(load("graph"))
    for part in (graph_tables.accuracy, graph_tables.cost, graph_tables.peers)
}
PARTS |= {
    f"graph_{part.__name__}": lambda part=part: part(load(f"graph_{part.__name__}"))
    for part in (
        graph_tables.priors,
        graph_tables.ranking,
        graph_tables.threads,
        graph_tables.wide,
    )
}
PARTS["situations"] = lambda: situations_tables.situations(load("situations"))
FILES = (
    ROOT / "README.md",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("trigger", "peers", "method", "proof", "failures", "kafka", "graph")
    ),
)


def fill(text: str, names: list[str]) -> tuple[str, set[str]]:
    """Replace the parts of a text that have a name; return it and the names that it has."""
    found = set()
    for name in names:
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
        if pattern.search(text):
            found.add(name)
            part = PARTS[name]()
            text = pattern.sub(lambda m, part=part: m.group(1) + part + m.group(2), text)
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
