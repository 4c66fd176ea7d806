"""`coral validate`: what is wrong with recordings."""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from coral.cli.options import HealthSignals, Seconds
from coral.cli.recordings import recordings_among
from coral.errors import Exit

__all__ = ["validate"]


def validate(
    *paths: Annotated[Path, Parameter(name="PATH", required=True)],
    kpi: HealthSignals = (),
    interval: Seconds | None = None,
    keep_counters: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Say in words what is wrong with a recording, and what CORAL will do about it.

    For example:
      coral validate incidents/checkout
      coral validate metrics.csv --kpi web:latency

    Parameters
    ----------
    paths
        Folder of a recorded incident, or a bare CSV, CSV.gz or Parquet file.
    interval
        Seconds between rows (median step).
    keep_counters
        Leave series that are counted up as they are, instead of their rates.
    as_json
        Print the problems as JSON, one line each.
    """
    import msgspec

    from coral.replay.beside import problems_beside
    from coral.report.console import describe_problems
    from coral.report.terminal import console_for
    from streams.recorded import validate as problems_of

    console, failed = console_for(), False
    for path in recordings_among(paths):
        problems = problems_of(path, kpi, interval, keep_counters=keep_counters)
        if not any(problem.severity == "error" for problem in problems):
            problems += problems_beside(path)
        failed |= any(problem.severity == "error" for problem in problems)
        if as_json:
            for problem in problems:
                found = {"path": str(path), **msgspec.to_builtins(problem)}
                sys.stdout.write(json.dumps(found) + "\n")
        else:
            describe_problems(console, str(path), problems)
    return Exit.INVALID if failed else Exit.OK
