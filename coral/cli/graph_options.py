"""The options of `coral graph`; what it does is in `graphs`."""

import argparse
import datetime as dt
import math
from pathlib import Path

__all__ = ["EXAMPLES", "add_graph_options"]

EXAMPLES = (
    "coral graph export incidents/checkout --at 2026-11-22T12:40:00Z -o graph.dot\n"
    "  coral graph export state --system shop --format graphml -o shop.graphml\n"
    "  coral graph diff incidents/checkout --from 2026-11-22T12:30:00Z\n"
    "  coral graph diff state/coral.metrics%2Ev1%2F0/00000000{11,12}.checkpoint"
)
_PATH = (
    "a recorded incident, a table, a checkpoint or a directory of them (of each partition the "
    "newest counts)"
)


def add_graph_options(parser: argparse.ArgumentParser) -> None:
    """Add actions and options to the parser of the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    summary = "write the graph for other tools: the two parts differ in `part`, or in colour"
    export = actions.add_parser("export", help=summary, description=f"{summary}.")
    export.add_argument("path", metavar="PATH", type=Path, help=_PATH)
    export.add_argument(
        "--at", type=_time, metavar="TIME", help="of a recording: after the last row until then"
    )
    export.add_argument(
        "--format", choices=("json", "dot", "graphml"), help="(that of FILE's name, else json)"
    )
    export.add_argument("-o", "--out", type=Path, metavar="FILE", help="(standard output)")
    summary = "compare two graphs: edges added, removed, and of another strength"
    diff = actions.add_parser("diff", help=summary, description=f"{summary}.")
    diff.add_argument("before", metavar="BEFORE", type=Path, help=_PATH)
    diff.add_argument(
        "after", metavar="AFTER", type=Path, nargs="?", help="likewise (the same recording)"
    )
    diff.add_argument("--from", dest="since", type=_time, metavar="TIME", help="`--at` of BEFORE")
    diff.add_argument("--to", dest="until", type=_time, metavar="TIME", help="`--at` of AFTER")
    diff.add_argument("--json", action="store_true", help="print the edges in full as JSON")
    for action in (export, diff):
        action.add_argument(
            "--system", metavar="NAME", help="which one, where a checkpoint holds several"
        )


def _time(text: str) -> float:
    """Unix seconds of a number or an RFC 3339 time with its zone."""
    try:
        value = float(text)
    except ValueError:
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            moment = None
        value = math.nan if moment is None or moment.tzinfo is None else moment.timestamp()
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(
            f"unix seconds or a time such as 2026-11-22T12:40:00Z expected, got {text!r}"
        )
    return value
