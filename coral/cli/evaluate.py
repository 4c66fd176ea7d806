"""`coral evaluate`: scores over trees of recorded incidents."""

import json
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from coral.cli.options import File
from coral.errors import Exit

__all__ = ["evaluate"]


def evaluate(
    *dirs: Annotated[Path, Parameter(name="DIR", required=True)],
    mode: Literal["oracle", "online"] = "online",
    jobs: Annotated[int, Parameter(metavar="N")] = -1,
    no_topology: bool = False,
    card_file: Annotated[File | None, Parameter(name="--json")] = None,
) -> int:
    """Score the engine over trees of recorded incidents.

    For example:
      coral evaluate incidents/ --mode oracle
      coral evaluate incidents/ --mode online --jobs 2 --json online.json

    Parameters
    ----------
    dirs
        Folders with recorded incidents, at any depth.
    mode
        Oracle: told the onset; online: must notice it.
    jobs
        Processes; -1 is one for each core.
    no_topology
        Ignore the known edges (ablation).
    card_file
        Write the scorecard as JSON.
    """
    from rich.console import Console

    from coral.cli.progress import bar
    from coral.evaluation.backtest import backtest, find_cases, scorecard
    from coral.report.console import print_scorecard

    cases = find_cases(dirs)
    with bar(Console(stderr=True), f"{len(cases)} recordings", len(cases)) as advance:
        outcomes = backtest(
            cases,
            mode,
            jobs=jobs,
            topology=not no_topology,
            progress=lambda done: advance(done, mode, 1),
        )
    card = scorecard(outcomes, mode)
    print_scorecard(card)
    if card_file is not None:
        card_file.write_text(json.dumps(card, indent=1) + "\n")
    if any(row.get("error") for row in card["cases"]):
        return Exit.FAILURE
    return Exit.INVALID if card["failed"] else Exit.OK
