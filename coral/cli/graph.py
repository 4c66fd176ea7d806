"""Causal graphs out of recordings and checkpoints: what `coral graph` does."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from coral.checkpoint import envelope
from coral.checkpoint.store import newest, read
from coral.contract.events import timestamp
from coral.engine import Engine
from coral.errors import CheckpointError, CoralError, CorruptCheckpointError, Exit
from coral.graph import CausalGraph
from coral.graph.export import as_nodes_and_edges, difference
from coral.graph.formats import FORMATS, as_text
from coral.replay.driver import NullSink, Progress, replay, system_of
from coral.report.document import Block, Heading, Paragraph, Table, plain
from coral.text import quoted
from streams.clock import SystemClock
from streams.recorded import RecordedSource, Recording

__all__ = ["run"]

Described = dict[str, Any]


def run(options: argparse.Namespace) -> int:
    """Export a graph, or compare two."""
    return _export(options) if options.action == "export" else _diff(options)


def _export(options: argparse.Namespace) -> int:
    form = options.format or _format_of(options.out)
    text = as_text(_described(options.path, options.at, options.system, "--at"), form)
    if options.out is None:
        sys.stdout.write(text)
    else:
        options.out.write_text(text, encoding="utf-8")
    return Exit.OK


def _format_of(out: Path | None) -> str:
    """Tell the format from the name of the file."""
    if out is None:
        return "json"
    form = {"gv": "dot"}.get(out.suffix[1:].lower(), out.suffix[1:].lower())
    if form not in FORMATS:
        raise CoralError(
            f"`-o` tells no format: a name in {', '.join(f'.{f}' for f in FORMATS)} expected, got "
            f"`{out.name}`; or say `--format`."
        )
    return form


def _diff(options: argparse.Namespace) -> int:
    after = options.after
    if after is None:
        if newest(options.before):
            raise CoralError(
                f"`{options.before}` has one time only: give a second checkpoint to compare with."
            )
        if options.since is None:
            raise CoralError("to compare two times of one recording, say `--from TIME`.")
        after = options.before
    one = _described(options.before, options.since, options.system, "--from")
    two = _described(after, options.until, options.system, "--to")
    found = difference(one, two)
    if options.json:
        facts = {"before": one["graph"], "after": two["graph"]}
        sys.stdout.write(json.dumps({**facts, **found}, indent=1) + "\n")
    else:
        sys.stdout.write(plain(_told(one["graph"], two["graph"], found)))
    return Exit.OK


def _told(one: Described, two: Described, found: dict[str, list[Described]]) -> list[Block]:
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


def _described(path: Path, at: float | None, system: str | None, flag: str) -> Described:
    """Describe the graph of a recording after the last row until `at`, or of a checkpoint."""
    entries = newest(path)
    if not entries:
        return _replayed(path, at, system)
    if at is not None:
        raise CoralError(f"`{flag}` is for recordings: `{path}` is a checkpoint, of one time.")
    engines: dict[str, Described] = {}
    for entry in entries:
        engines |= _engines(entry)
    return _restored(path, _chosen(path, system, engines), engines)


def _replayed(path: Path, at: float | None, system: str | None) -> Described:
    recording = Recording.open(path)
    _chosen(path, system, {recording.meta.system: {}})
    if at is not None:
        recording = recording.until(at)
    held: dict[str, Engine] = {}
    time = 0.0

    def observe(step: Progress) -> None:
        nonlocal time
        held["engine"], time = step.engine, step.time

    clock = SystemClock()
    source = RecordedSource(recording, clock)
    replay(source, NullSink(), system_of(recording.meta), clock, observe=observe)
    if not held:
        when = "" if at is None else f" until {timestamp(at)}"
        raise CoralError(f"`{path}` has no row{when}.")
    graph = held["engine"].graph
    graph.causal.solve()
    facts = {"system": recording.meta.system, "time": timestamp(time)}
    return as_nodes_and_edges(graph.causal, graph.names, facts)


def _engines(entry: Path) -> dict[str, Described]:
    """Read what the engines of one checkpoint remember, by system."""
    try:
        snapshot = envelope.decode(None, read(entry))
        held = {name: system["engine"] for name, system in snapshot["systems"].items()}
    except (LookupError, TypeError, AttributeError) as error:
        raise CorruptCheckpointError(f"`{entry}`: a snapshot of systems expected") from error
    except CheckpointError as error:
        raise type(error)(f"`{entry}`: {error}") from error
    return {name: engine for name, engine in held.items() if engine and engine["normal"]}


def _chosen(path: Path, system: str | None, engines: dict[str, Described]) -> str:
    if system is None and len(engines) == 1:
        return next(iter(engines))
    if system in engines:
        return str(system)
    known = ", ".join(f"`{name}`" for name in sorted(engines)) or "none that has seen a row"
    wanted = "say which with `--system`" if system is None else f"not `{system}`"
    raise CoralError(f"`{path}` holds the systems {known}: {wanted}.")


def _restored(path: Path, system: str, engines: dict[str, Described]) -> Described:
    engine = engines[system]
    try:
        normal = engine["normal"]
        places = [int(place) for place in normal["in_graph"]]
        graph = CausalGraph(len(places))
        graph.load_state_dict(normal["graph"])
        names = [engine["names"][place] for place in places]
    except (LookupError, TypeError, ValueError) as error:
        raise CorruptCheckpointError(f"`{path}`: system {system!r}: {error}") from error
    graph.solve()
    facts = {"system": system, "time": timestamp(engine["last_time"])}
    return as_nodes_and_edges(graph, names, facts)
