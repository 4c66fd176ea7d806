"""The table of faults of the network in ranking.md, from a committed run."""

from collections.abc import Mapping
from typing import Any

Answer = Mapping[str, Any]
_MODES = {"oracle": "told", "online": "noticed"}


def faults(result: Mapping[str, Any]) -> str:
    """Tell what is named first, with and without what callers measure, told and noticed."""
    answers: list[Answer] = result["answers"]
    said = {(one["case"], one["mode"], one["edges"]): one for one in answers}
    header = ("recording", *(f"{_MODES[mode]}{_with(e)}" for mode in _MODES for e in (True, False)))
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for case in sorted({one["case"] for one in answers}):
        cells = [_cell(said[case, mode, edges]) for mode in _MODES for edges in (True, False)]
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    counts = [_count(answers, mode, edges=edges) for mode in _MODES for edges in (True, False)]
    lines.append("| right first | " + " | ".join(counts) + " |")
    return "\n".join([*lines, "", f"Commit {result['commit']}."])


def _with(edges: bool) -> str:
    return "" if edges else ", without edges"


def _cell(answer: Answer) -> str:
    place = answer["place"]
    if place == 1:
        return f"**`{answer['first']}`**"
    rank = "not named" if place is None else f"{place}."
    return f"`{answer['first']}` (`{answer['right']}`: {rank})"


def _count(answers: list[Answer], mode: str, *, edges: bool) -> str:
    mine = [one for one in answers if (one["mode"], one["edges"]) == (mode, edges)]
    return f"{sum(one['place'] == 1 for one in mine)} of {len(mine)}"
