"""`coral graph`: causal graphs out of recordings and checkpoints."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from cyclopts import App, Parameter

from coral.cli.options import File, Time, written
from coral.errors import CoralError, Exit
from coral.text import quoted

if TYPE_CHECKING:
    from coral.report.document import Block

__all__ = ["graph"]

graph = App(
    "graph",
    help="""Export the learned causal graph, or say what changed between two.

    For example:
      coral graph export incidents/checkout --at 2026-11-22T12:40:00Z -o graph.dot
      coral graph diff incidents/checkout --from 2026-11-22T12:30:00Z
    """,
)

Described: TypeAlias = dict[str, Any]
System = Annotated[
    str | None,
    Parameter(metavar="NAME", help="Which one, where a checkpoint holds several."),
]
HOLDER = (
    "A recorded incident, a table, a checkpoint or a directory of them (of each partition the "
    "newest counts)."
)


@graph.command
def export(
    path: Annotated[Path, Parameter(name="PATH", help=HOLDER)],
    /,
    *,
    at: Time | None = None,
    form: Annotated[Literal["json", "dot", "graphml"] | None, Parameter(name="--format")] = None,
    out: Annotated[File | None, Parameter(alias="-o")] = None,
    system: System = None,
) -> int:
    """Write the graph for other tools: the two parts differ in `part`, or in colour.

    For example:
      coral graph export incidents/checkout --at 2026-11-22T12:40:00Z -o graph.dot
      coral graph export state --system shop --format graphml -o shop.graphml

    Parameters
    ----------
    at
        Of a recording: after the last row until then.
    form
        Without it that of FILE's name, else json.
    out
        Without it standard output.
    """
    from coral.graph.formats import as_text
    from coral.replay.saved_graph import describe

    chosen = form or _format_of(out)
    text = as_text(describe(path, at, system, "--at"), chosen)
    if out is None:
        sys.stdout.write(text)
    else:
        with written(out) as file:
            file.write(text.encode())
    return Exit.OK


@graph.command
def diff(
    before: Annotated[Path, Parameter(name="BEFORE", help=HOLDER)],
    after: Annotated[Path | None, Parameter(name="AFTER")] = None,
    /,
    *,
    since: Annotated[Time | None, Parameter(name="--from")] = None,
    until: Annotated[Time | None, Parameter(name="--to")] = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    system: System = None,
) -> int:
    """Compare two graphs: edges added, removed, and of another strength.

    For example:
      coral graph diff incidents/checkout --from 2026-11-22T12:30:00Z
      coral graph diff state/coral.metrics%2Ev1%2F0/00000000{11,12}.checkpoint

    Parameters
    ----------
    after
        Likewise; without it the same recording.
    since
        `--at` of BEFORE.
    until
        `--at` of AFTER.
    as_json
        Print the edges in full as JSON.
    """
    from coral.checkpoint.store import newest
    from coral.graph.export import difference
    from coral.replay.saved_graph import describe
    from coral.report.document import plain

    if after is None:
        if newest(before):
            raise CoralError(
                f"`{before}` has one time only: give a second checkpoint to compare with."
            )
        if since is None and before.exists():
            raise CoralError("to compare two times of one recording, say `--from TIME`.")
        after = before
    one = describe(before, since, system, "--from")
    two = describe(after, until, system, "--to")
    found = difference(one, two)
    if as_json:
        facts = {"before": one["graph"], "after": two["graph"]}
        sys.stdout.write(json.dumps({**facts, **found}, indent=1) + "\n")
    else:
        sys.stdout.write(plain(_told(one["graph"], two["graph"], found)))
    return Exit.OK


def _format_of(out: Path | None) -> str:
    """Tell the format from the name of the file."""
    from coral.graph.formats import FORMATS

    if out is None:
        return "json"
    form = {"gv": "dot"}.get(out.suffix[1:].lower(), out.suffix[1:].lower())
    if form not in FORMATS:
        raise CoralError(
            f"`-o` tells no format: a name in {', '.join(f'.{f}' for f in FORMATS)} expected, got "
            f"`{out.name}`; or say `--format`."
        )
    return form


def _told(one: Described, two: Described, found: dict[str, list[Described]]) -> list[Block]:
    from coral.report.document import Heading, Paragraph, Table

    title = f"{quoted(one['system'])} at {one['time']}"
    other = "" if two["system"] == one["system"] else f"{quoted(two['system'])} at "
    blocks: list[Block] = [Heading(1, f"{title} -> {other}{two['time']}"), Paragraph("")]
    rows = [
        [
            sign,
            edge["source"],
            edge["target"],
            str(edge["lag"]),
            edge["part"],
            "" if before is None else f"{before:+.2f}",
            "" if now is None else f"{now:+.2f}",
        ]
        for sign, edge, before, now in (
            *(("+", edge, None, edge["strength"]) for edge in found["added"]),
            *(("-", edge, edge["strength"], None) for edge in found["removed"]),
            *(("~", edge, edge["before"], edge["strength"]) for edge in found["changed"]),
        )
    ]
    if not rows:
        return [*blocks, Paragraph("No edge differs.")]
    header = ("", "cause", "effect", "lag", "part", "before", "after")
    return [*blocks, Table(header, rows, frozenset({3, 5, 6}))]
