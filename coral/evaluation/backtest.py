"""The scorecard over a tree of recorded incidents, in parallel processes."""

import hashlib
import statistics
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from coral import __version__
from coral.config import EngineConfig, digest
from coral.errors import CoralError
from coral.evaluation.case import Mode, Row, Skipped, crashed_case, score_case
from coral.evaluation.metrics import mean
from streams.recorded import RecordingError

__all__ = ["Failed", "backtest", "find_cases", "scorecard"]

MEANS = (
    *("ac@1", "ac@3", "ac@5", "avg@5", "mrr"),
    *("strict_ac@1", "strict_pages_ac@1", "detected", "paged"),
)


class Failed(NamedTuple):
    """A recording that cannot be used."""

    path: str
    reason: str


Outcome = list[Row] | Skipped | Failed
_Work = tuple[int, Path, Mode, bool, EngineConfig | None]


def find_cases(paths: Iterable[Path]) -> list[Path]:
    """Return all folders with an `incident.json` at or below the paths, sorted, each once.

    Raises
    ------
    CoralError
        If a path does not exist or holds no recorded incident.
    """
    found: set[Path] = set()
    for path in paths:
        below = {file.parent for file in path.rglob("incident.json")}
        if not below:
            raise CoralError(f"`{path}` holds no recorded incident (no incident.json below it).")
        found |= below
    return sorted(found)


def backtest(
    cases: Sequence[Path],
    mode: Mode,
    *,
    jobs: int = -1,
    topology: bool = True,
    config: EngineConfig | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Outcome]:
    """Score all cases; the order of the outcomes is that of the cases.

    Parameters
    ----------
    cases : sequence of Path
    mode : str
    jobs : int
        Processes; -1 = as many as there are cores.
    topology, config
        As in `score_case`.
    progress : callable
        Gets the number of finished cases.
    """
    work = [(index, path, mode, topology, config) for index, path in enumerate(cases)]
    outcomes: list[Outcome | None] = [None] * len(cases)
    for done, (index, outcome) in enumerate(_finished(work, jobs), start=1):
        outcomes[index] = outcome
        progress(done)
    return [outcome for outcome in outcomes if outcome is not None]


def _finished(work: Sequence[_Work], jobs: int) -> Iterator[tuple[int, Outcome]]:
    """Yield what each case gave, as soon as it is done."""
    if jobs == 1 or len(work) < 2:
        yield from (_outcome(*case) for case in work)
        return
    # Not forked: a copy of a process with threads may hang in what they held.
    context = get_context("spawn")
    with ProcessPoolExecutor(None if jobs < 0 else jobs, context) as pool:
        for future in as_completed([pool.submit(_outcome, *case) for case in work]):
            yield future.result()


def _outcome(
    index: int, path: Path, mode: Mode, topology: bool, config: EngineConfig | None
) -> tuple[int, Outcome]:
    try:
        try:
            return index, score_case(path, mode, topology=topology, config=config)
        except RecordingError:
            raise
        except Exception:  # noqa: BLE001 - a crash of ours scores 0 and stops no other case
            return index, crashed_case(path, mode, traceback.format_exc(limit=-3))
    except RecordingError as error:
        return index, Failed(str(path), str(error))


def scorecard(
    outcomes: Sequence[Outcome], mode: Mode, config: EngineConfig | None = None
) -> dict[str, Any]:
    """Means over cases, per data set and over data sets (macro).

    A case that crashed scores 0 everywhere; a recording that cannot be used is listed.
    """
    config = config or EngineConfig()
    rows = [row for outcome in outcomes if isinstance(outcome, list) for row in outcome]
    skipped = [outcome for outcome in outcomes if isinstance(outcome, Skipped)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    datasets = {
        name: _dataset([row for row in rows if row["dataset"] == name])
        for name in sorted({row["dataset"] for row in rows})
    }
    names = sorted(f"{row['dataset']}/{row['case']}/{row['mode']}" for row in rows)
    return {
        "version": __version__,
        "config_digest": digest(config, __version__),
        "mode": mode,
        "budget_per_day": round(config.false_alarms_per_week / 7.0, 6),
        "changes_budget_per_day": round(config.changes_per_week / 7.0, 6),
        "artefacts": sum(row.get("artefacts", 0) for row in rows),
        "case_list": {
            "n": len(names),
            "sha256": hashlib.sha256("\n".join(names).encode()).hexdigest(),
        },
        "cases": rows,
        "skipped": dict(Counter(f"{s.dataset}: {s.reason}" for s in skipped)),
        "failed": [failure._asdict() for failure in failed],
        "warnings": _warnings(rows),
        "tiers": _tiers(rows),
        "datasets": datasets,
        "macro": _macro(list(datasets.values())),
    }


def _warnings(rows: Sequence[Row]) -> dict[str, Any]:
    """Return what was not read as it is written: by rule the number of cases, and one of them."""
    found: dict[str, Any] = {}
    for row in rows:
        for rule, text in row.get("warnings", {}).items():
            known = found.setdefault(rule, {"n": 0, "case": row["case"], "text": text})
            known["n"] += 1
    return found


def _dataset(rows: list[Row]) -> dict[str, Any]:
    """Means over the rows that have a value; rates over all."""
    result: dict[str, Any] = {"n": len(rows)}
    for name in MEANS:
        values = [float(row[name]) for row in rows if row[name] is not None]
        result[name] = round(mean(values), 6) if values else None
    delays = [row["delay_rows"] for row in rows if row["delay_rows"] is not None]
    result["delay_rows_median"] = statistics.median(delays) if delays else None
    days = sum(row["clean_days"] for row in rows)
    result["false_alarm_cases"] = sum(row["false_alarms"] > 0 for row in rows)
    for name in ("false_alarms", "false_pages", "false_changes"):
        result[name] = sum(row[name] for row in rows)
        result[f"{name}_per_day"] = round(result[name] / days, 6) if days > 0 else None
    result["seconds"] = round(sum(row["seconds"] for row in rows), 3)
    return result


def _tiers(rows: list[Row]) -> dict[str, Any]:
    """How often the first cause was true, by the trust that the answer claimed."""
    named = [row for row in rows if row.get("tier")]
    result = {}
    for tier in sorted({row["tier"] for row in named}):
        right = [row["ac@1"] for row in named if row["tier"] == tier]
        result[tier] = {"n": len(right), "ac@1": round(mean(right), 6)}
    return result


def _macro(datasets: list[dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {"n": len(datasets)}
    for name in MEANS:
        values = [d[name] for d in datasets if d[name] is not None]
        result[name] = round(mean(values), 6) if values else None
    return result
