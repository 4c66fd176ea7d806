"""Peers and baselines on trees of recorded incidents, told the onset, scored like ours.

Every method runs in the environment of its packages, one process a case with 120 CPU seconds and
4 GB; what fails, names nothing or takes longer scores 0 and is counted. Results are appended case
by case to a journal beside the JSON, so a run that is interrupted goes on where it was.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import numpy as np
from common import finish, options
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from coral.evaluation.backtest import find_cases
from coral.evaluation.metrics import RankScores, rank_scores
from peers.environments import Environment, cache, prepare
from peers.journal import Row, append, load, rewrite
from peers.pool import Answer, Worker, working
from peers.recordings import Labelled, case_list, is_oracle_case, open_case
from peers.registry import CHANCE, METHODS, fingerprint, not_meant_for, view
from peers.scoring import chance, ranking
from peers.summary import best, summary
from peers.worker import CPU_S, MEMORY_BYTES
from streams.recorded import Recording

KEPT_NAMES = 5
# Every n-th case, by sorted path: a pinned part that touches every data set.
QUICK_STEP = 16
Todo = dict[str, list[str]]  # methods by case


def oracle_cases(dirs: Sequence[Path], *, quick: bool) -> dict[str, Path]:
    """Return the folders of the cases by ``<data set>/<case>``."""
    paths = find_cases(dirs)[:: QUICK_STEP if quick else 1]
    metas = [(path, Recording.open(path).meta) for path in paths]
    return {f"{m.dataset}/{m.case}": path for path, m in metas if is_oracle_case(m)}


def spread_out(keys: Sequence[str], most: int | None) -> set[str]:
    """Return at most so many cases of every set, evenly spread over its sorted list."""
    sets: dict[str, list[str]] = defaultdict(list)
    for key in sorted(keys):
        sets[key.partition("/")[0]].append(key)
    chosen: set[str] = set()
    for members in sets.values():
        n = min(most or len(members), len(members))
        chosen.update(members[round(i)] for i in np.linspace(0, len(members) - 1, n))
    return chosen


def answers(
    labelled: Labelled, names: Sequence[str], workers: dict[str, Worker]
) -> Iterator[tuple[str, Answer]]:
    """Yield what every method says; those that share a worker and a view are asked together."""
    dataset = labelled.case.key.partition("/")[0]
    groups: dict[tuple[str, bool, bool], list[str]] = defaultdict(list)
    for name in names:
        method = METHODS[name]
        key = (method.environment, dataset in method.kpi_kind_on, method.takes_gaps)
        groups[key].append(name)
    for (environment, _, _), members in groups.items():
        case = view(METHODS[members[0]], dataset, labelled)
        targets = [METHODS[name].target for name in members]
        yield from zip(members, workers[environment].ask(case, targets), strict=True)


def row_of(name: str, labelled: Labelled, answer: Answer) -> Row:
    """Return the line of the journal: scores, cost, and the first names."""
    ranked = ranking(answer.get("scores", {}), labelled.truth)
    row = {key: answer[key] for key in ("status", "error") if key in answer}
    cost = {key: answer.get(key, 0.0) for key in ("cpu_s", "wall_s", "rss_mb")}
    found = rank_scores(ranked, labelled.truth, any_of=labelled.any_of)
    return _row(name, labelled, found) | row | cost | {"first": ranked[:KEPT_NAMES]}


def chance_row(labelled: Labelled) -> Row:
    """Return the same for a random order of all entities."""
    entities = {name.partition(":")[0] for name in labelled.case.names}
    found = chance(entities, labelled.truth, any_of=labelled.any_of)
    return _row(CHANCE, labelled, found) | {"status": "ok", "cpu_s": 0.0, "rss_mb": 0.0}


def _row(name: str, labelled: Labelled, found: RankScores) -> Row:
    values = {"ac@1": found.ac1, "ac@3": found.ac3, "avg@5": found.avg5, "mrr": found.mrr}
    return {"method": name, "case": labelled.case.key, "fingerprint": fingerprint(name)} | {
        key: round(value, 6) for key, value in values.items()
    }


def work(todo: Todo, paths: dict[str, Path], made: dict[str, Environment], journal: Path) -> None:
    """Run what is to do, case by case, with a progress bar."""
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ExitStack() as stack, Progress(*columns) as progress:
        workers = {}
        for name, environment in made.items():
            wanted = {n for names in todo.values() for n in names} - {CHANCE}
            targets = sorted({METHODS[n].target for n in wanted if METHODS[n].environment == name})
            if environment.python and targets:
                workers[name] = stack.enter_context(working(environment.python, targets))
        bar = progress.add_task("", total=sum(map(len, todo.values())))
        for key, names in todo.items():
            labelled = open_case(paths[key])
            if CHANCE in names:
                append(journal, [chance_row(labelled)])
                progress.advance(bar)
            rest = [n for n in names if n != CHANCE and METHODS[n].environment in workers]
            for name, answer in answers(labelled, rest, workers):
                progress.update(bar, description=f"{key[:40]:40} {name:18}")
                append(journal, [row_of(name, labelled, answer)])
                progress.advance(bar)


def main() -> None:
    """Run, print, write."""
    parser = options(__doc__ or "")
    parser.add_argument("dirs", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--methods", metavar="A,B", help=f"of {', '.join(METHODS)}")
    parser.add_argument("--most", type=int, metavar="N", help="cases of every set, spread evenly")
    chosen = parser.parse_args()
    names = chosen.methods.split(",") if chosen.methods else list(METHODS)
    if set(names) - set(METHODS):
        parser.error(f"no method {', '.join(sorted(set(names) - set(METHODS)))}")
    made = {e: prepare(e) for e in sorted({METHODS[name].environment for name in names})}
    paths = oracle_cases(chosen.dirs, quick=chosen.quick)
    journal = (chosen.json or cache() / "peers.json").with_suffix(".cases.jsonl")
    prints = {name: fingerprint(name) for name in METHODS}
    known = load(journal, prints)
    wanted = spread_out(list(paths), chosen.most)
    todo = {key: _open(key, names, known) for key in sorted(wanted)}
    work({key: rest for key, rest in todo.items() if rest}, paths, made, journal)
    rows = list(load(journal, prints).values())
    rewrite(journal, rows)
    made |= {e: prepare(e) for e in sorted({METHODS[r["method"]].environment for r in rows})}
    report(chosen, [row for row in rows if row["case"] in paths], list(paths), made)


def _open(key: str, names: Sequence[str], known: dict[tuple[str, str], Row]) -> list[str]:
    dataset = key.partition("/")[0]
    able = (name for name in names if not not_meant_for(METHODS[name], dataset))
    return [name for name in able if (name, key) not in known]


def report(
    chosen: Namespace, rows: list[Row], keys: list[str], made: dict[str, Environment]
) -> None:
    """Print the best and write the JSON."""
    methods = summary(rows, Counter(key.partition("/")[0] for key in keys))
    figures = {}
    for measure in ("ac@1", "avg@5"):
        name, value = best(methods, measure)
        figures[f"best_other_macro_{measure.replace('@', '')}"] = value
        print(f"best other by {measure}: {METHODS[name].label if name else 'none ran on all'}")
    environments = {
        name: {"installed": e.python is not None, "error": e.error, "packages": e.packages}
        for name, e in made.items()
        if name
    }
    limits = {"cpu_s": CPU_S, "memory_mb": MEMORY_BYTES >> 20}
    finish(
        chosen,
        figures,
        case_list=case_list(keys),
        limits=limits,
        environments=environments,
        methods=methods,
    )


if __name__ == "__main__":
    main()
