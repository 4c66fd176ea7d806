"""Tables of docs/explanation/method.md from `benchmarks/results/situations.json`."""

from typing import Any

SETS = ("coral_shop", "rcd_sockshop", "nezha_ob", "petshop", "tep", "skab", "batadal")


def _cell(figures: dict[str, float], name: str) -> str:
    value = figures.get(name)
    return "-" if value is None else f"{value:.2f}"


def _row(figures: dict[str, float], dataset: str) -> str:
    kpi = [
        _cell(figures, f"kpi_{way}_ac@1_{dataset}") for way in ("configured", "proposed", "none")
    ]
    ways = ("both@2", "both@5", "said", "said_right")
    two = [_cell(figures, f"two_{way}_{dataset}") for way in ways]
    alike = [_cell(figures, f"alike_{kind}_{dataset}") for kind in ("same", "other")]
    return "| " + " | ".join((dataset, *kpi, *two, *alike)) + " |"


def situations(result: dict[str, Any]) -> str:
    """Health signals withheld, two causes at once, and recognition, one row a data set."""
    figures = result["figures"]
    header = (
        "| data set | AC@1, health signal configured | proposed | none | two causes: both in the "
        "first 2 | first 5 | '2 causes' said | of both | alike: same cause | another cause |"
    )
    rows = [_row(figures, dataset) for dataset in SETS if f"two_said_{dataset}" in figures]
    text = (
        f"With the onset told. Of {figures['single_cases']:.0f} recordings of one cause '2 causes' "
        f"was said of {figures['single_said_several_causes']:.1%}, a load rise of "
        f"{figures['single_said_common_load_rise']:.1%}, a loop of "
        f"{figures['single_said_self-sustaining_loop']:.1%}. Two causes: the deviations of one "
        "recording added to another of the same system. Alike: share of pairs of incidents that "
        f"reach the similarity, of {figures['alike_same_pairs']:.0f} pairs with the same cause and "
        f"kind of fault, and of {figures['alike_other_pairs']:.0f} with another cause. "
        f"An onset told in the middle of rows without a fault is answered with 'likely' in "
        f"{figures['fault_free_likely']:.1%} of {figures['fault_free_runs']:.0f} runs. "
        "`benchmarks/situations.py`."
    )
    return "\n".join((header, "|---|" + "--:|" * 9, *rows, "", text))
