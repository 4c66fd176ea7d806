"""Faults of the network, with and without what callers measure of their calls.

The recordings in `benchmarks/recordings` whose root is an edge: the network between one caller and
what it calls. Each is answered as it is, and without the series of edges, told the onset and
noticing by itself. Right is the edge; without its series it cannot be named, and the callee is
right.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import csv
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
from common import ROOT, finish, options

from coral.evaluation.case import Mode, Skipped, score_case
from streams.recorded.recording import LABELS
from streams.series import entity_of
from streams.topology import ends_of

TABLE = "metrics.csv.gz"
MODES: tuple[Mode, ...] = ("oracle", "online")


class Answer(NamedTuple):
    """What is said of one recording at the end of its fault."""

    case: str
    mode: Mode
    edges: bool  # with what callers measure
    right: str
    found: bool
    first: str | None
    place: int | None  # of what is right, from 1 on
    delay_s: float | None


def edge_cases(folder: Path = ROOT / "benchmarks" / "recordings") -> list[Path]:
    """Return the recordings whose root is an edge."""
    found = []
    for file in sorted(folder.glob(f"*/{LABELS}")):
        roots = msgspec.json.decode(file.read_bytes())["root_cause_entities"]
        found += [file.parent] if any(ends_of(root) for root in roots) else []
    return found


def without_edges(case: Path, folder: Path) -> Path:
    """Write a recording again without the series of edges; the callee is its root."""
    made = folder / case.name
    made.mkdir()
    with gzip.open(case / TABLE, "rt") as read, gzip.open(made / TABLE, "wt") as written:
        rows = csv.reader(read)
        header = next(rows)
        kept = [n for n, name in enumerate(header) if ends_of(entity_of(name)) is None]
        table = csv.writer(written)
        table.writerows([row[n] for n in kept] for row in (header, *rows))
    labels: dict[str, Any] = msgspec.json.decode((case / LABELS).read_bytes())
    labels["root_cause_entities"] = [_callee(root) for root in labels["root_cause_entities"]]
    labels |= {"root_cause_metrics": [], "n_metrics": len(kept) - 1}
    (made / LABELS).write_bytes(msgspec.json.encode(labels))
    return made


def _callee(root: str) -> str:
    ends = ends_of(root)
    return root if ends is None else ends[1]


def answer(case: Path, mode: Mode, *, edges: bool) -> Answer:
    """Replay a recording and say what came of it."""
    found = score_case(case, mode)
    assert not isinstance(found, Skipped)  # noqa: S101 - they have a fault, and history
    (row,) = found
    (right,) = msgspec.json.decode((case / LABELS).read_bytes())["root_cause_entities"]
    named: Sequence[str] = row["entities"]
    place = named.index(right) + 1 if right in named else None
    return Answer(
        case.name, mode, edges, right, bool(row["detected"]), next(iter(named), None), place,
        row["delay_s"],
    )  # fmt: skip


def answers(cases: Sequence[Path]) -> Iterator[Answer]:
    """Yield the answers to all of them, with and without edges, in both modes."""
    with TemporaryDirectory() as folder:
        for case in cases:
            bare = without_edges(case, Path(folder))
            for mode in MODES:
                yield answer(case, mode, edges=True)
                yield answer(bare, mode, edges=False)


def main() -> None:
    """Run, print, write."""
    chosen = options(__doc__ or "").parse_args()
    rows = [*answers(edge_cases())]
    figures = {
        f"first_{mode}_{'edges' if edges else 'bare'}": float(
            sum(row.place == 1 for row in rows if (row.mode, row.edges) == (mode, edges))
        )
        for mode in MODES
        for edges in (True, False)
    }
    finish(chosen, figures, answers=[row._asdict() for row in rows])


if __name__ == "__main__":
    main()
