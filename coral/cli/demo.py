"""`coral demo`: a bundled incident through the in-memory broker."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from coral.cli.options import File, Port, Speed, written
from coral.errors import CoralError, Exit

if TYPE_CHECKING:
    from rich.console import Console

    from streams.recorded import Recording

__all__ = ["demo"]

CASE = "pool-leak__orders"


def demo(
    *,
    case: Annotated[str, Parameter(metavar="NAME")] = CASE,
    listed: Annotated[bool, Parameter(name="--list")] = False,
    speed: Speed = 120.0,
    out: File = Path("events.ndjson"),
    serve: bool = False,
    port: Port = 8080,
) -> int:
    """Replay a bundled incident of a real system through the in-memory broker.

    For example:
      coral demo
      coral demo --list
      coral demo --case NAME --speed max
      coral demo --serve --speed 20

    Parameters
    ----------
    case
        Which bundled incident.
    listed
        List the bundled incidents.
    speed
        N x real time, or max.
    out
        Events go there.
    serve
        Show the page meanwhile, and afterwards until Ctrl-C.
    port
        Of the page; 0 is a free one.
    """
    bundled = _bundled()
    if listed:
        return _list(bundled)
    if case not in bundled:
        raise CoralError(f"there is no bundled incident `{case}`; there are: {', '.join(bundled)}.")
    from coral.contract.events import INCIDENTS
    from coral.replay.driver import METRICS
    from coral.report.console import print_problems
    from coral.report.terminal import console_for
    from streams.recorded import Recording

    console, recording = console_for(), Recording.open(bundled[case])
    meta = recording.meta
    console.print(
        f"Replaying [bold]{case}[/], recorded from a real system: {len(recording.names)} series, "
        f"a row every {meta.interval_s:g} s, through the in-memory broker ({METRICS} -> "
        f"{INCIDENTS}). CORAL knows the health signals ({', '.join(meta.kpi)}) and the call graph; "
        "it is not told that or when anything happens.",
        highlight=False,
    )
    print_problems(console, recording.problems)
    run = partial(_served, port=port) if serve else _watched
    found = run(recording, speed, out, console)
    truth = ", ".join(meta.root_cause_entities)
    done = f"{meta.fault_type} in {truth}" if truth else "no fault at all"
    console.print(f"What was really done: {done}.")
    console.print(f"Events written to {out}; `coral explain {out}` tells the case.")
    return Exit.OK if found else Exit.NOTHING_FOUND


def _watched(recording: Recording, speed: float | None, out: Path, console: Console) -> bool:
    """Replay until an incident has settled; return whether there was one."""
    from coral.cli.progress import watched_replay
    from coral.replay.driver import METRICS, BrokerFed, system_of
    from streams.clock import SystemClock
    from streams.memory.broker import MemoryBroker
    from streams.recorded.ndjson import NdjsonSink

    broker, clock = MemoryBroker(), SystemClock()
    broker.create_topic(METRICS)
    with written(out) as file:
        source = BrokerFed(recording, broker, clock, speed)
        events, system = NdjsonSink(file), system_of(recording.meta)
        last = watched_replay(source, events, recording, console, system, until_settled=True)
    return last is not None


def _served(
    recording: Recording, speed: float | None, out: Path, console: Console, *, port: int
) -> bool:
    """Run the daemon over all of the recording, and its page until Ctrl-C; as `_watched`."""
    from coral.cli.demo_page import shown_recording
    from coral.daemon.signals import Stop

    with Stop() as stop, written(out) as file:
        stop.begun = True  # there is nothing to lose
        return shown_recording(recording, speed, file, console, port, stop)


def _bundled() -> dict[str, Path]:
    """Return the folders of the bundled incidents, by name."""
    from importlib.resources import files

    root = Path(str(files("coral") / "recordings"))
    return {path.parent.name: path.parent for path in sorted(root.glob("*/incident.json"))}


def _list(bundled: dict[str, Path]) -> Exit:
    from rich.console import Console

    from streams.recorded import Recording

    console = Console()
    for name, path in bundled.items():
        console.print(
            f"{name}: {Recording.open(path).meta.fault_type or 'no fault'}", highlight=False
        )
    return Exit.OK
