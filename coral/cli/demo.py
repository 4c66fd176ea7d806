"""`coral demo`: a bundled incident through the in-memory broker."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from coral.cli.options import File, Speed
from coral.errors import CoralError, Exit

__all__ = ["demo"]

CASE = "pool-leak__orders"


def demo(
    *,
    case: Annotated[str, Parameter(metavar="NAME")] = CASE,
    listed: Annotated[bool, Parameter(name="--list")] = False,
    speed: Speed = 120.0,
    out: File = Path("events.ndjson"),
) -> int:
    """Replay a bundled incident of a real system through the in-memory broker.

    For example:
      coral demo
      coral demo --list
      coral demo --case NAME --speed max

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
    """
    bundled = _bundled()
    if listed:
        return _list(bundled)
    if case not in bundled:
        raise CoralError(f"there is no bundled incident `{case}`; there are: {', '.join(bundled)}.")
    from coral.cli.progress import watched_replay
    from coral.contract.events import INCIDENTS
    from coral.replay.driver import METRICS, BrokerFed, system_of
    from coral.report.console import console_for, print_problems
    from streams.clock import SystemClock
    from streams.memory.broker import MemoryBroker
    from streams.recorded import Recording
    from streams.recorded.ndjson import NdjsonSink

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
    broker, clock = MemoryBroker(), SystemClock()
    broker.create_topic(METRICS)
    with out.open("wb") as file:
        source = BrokerFed(recording, broker, clock, speed)
        events, system = NdjsonSink(file), system_of(meta)
        last = watched_replay(source, events, recording, console, system, until_settled=True)
    truth = ", ".join(meta.root_cause_entities)
    done = f"{meta.fault_type} in {truth}" if truth else "no fault at all"
    console.print(f"What was really done: {done}.")
    console.print(f"Events written to {out}; `coral explain {out}` tells the case.")
    return Exit.OK if last is not None else Exit.NOTHING_FOUND


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
