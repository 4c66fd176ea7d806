"""The table of docs/evaluation/live.md from `benchmarks/results/live.json`."""

from collections.abc import Mapping
from typing import Any


def faults(result: Mapping[str, Any]) -> str:
    """Tell what became of each fault, and what came without one."""
    rest = result["rest"]
    head = (
        "| fault | minute | noticed | right first | s until noticed | in event time "
        "| s until the page | in event time |"
    )
    lines = [head, "|---|--:|---|---|--:|--:|--:|--:|", *(_row(row) for row in result["results"])]
    watching, others = result["watching_s"], result["cores_of_others"]
    told = "never" if watching is None else f"after {watching / 60:.1f} minutes of life"
    cores = ", ".join(f"{name} {used:.2f}" for name, used in _by_size(result["cores"]))
    agents = result["agents"]
    lines += [
        "",
        (
            f"{rest['quiet_minutes']:g} minutes without fault: {rest['false_pages']} false pages, "
            f"{rest['false_changes']} false changes; {rest['echoes']} opened within two minutes "
            f"after a fault. `watching` {told}."
        ),
        "",
        (
            f"Cores taken: {cores}; by others on the machine {_number(others, 2)}. Prometheus "
            f"{agents['prometheus']}, a scrape every {result['scrape_s']} s; "
            f"{result['machine']['cpu']}, {result['machine']['cores']} cores; commit "
            f"{result['commit']}."
        ),
    ]
    return "\n".join(lines)


def _row(row: Mapping[str, Any]) -> str:
    noticed = row["noticed"]
    right = "yes" if noticed and row["right_first"] else "-"
    if noticed and not row["right_first"]:
        right = f"no: {row['first_at_end'] or 'none'}"
    cells = (
        f"{row['fault']} of {row['root']}",
        f"{row['minute']:g}",
        row["kind"] if noticed else "no, one was open" if row["open_before"] else "no",
        right,
        *(
            _number(row.get(name))
            for name in ("noticed_s", "noticed_event_s", "page_s", "page_event_s")
        ),
    )
    return "| " + " | ".join(cells) + " |"


def _by_size(cores: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(cores.items(), key=lambda item: -item[1])


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
