#!/usr/bin/env python3
"""Record one incident: run a small real shop, break one thing, sample it every second."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # At run time these come later, so that a missing library gets a helpful message.
    from faults import Fault
    from sample import Sampler
    from stack import Stack
    from writer import MetricsFile

EXAMPLES = """
examples:
  python record.py --list
  python record.py cpu-hog --target catalogue --out recordings
  python record.py load-spike --base-port 24000        # a second shop on the same machine
  python record.py crash --normal-s 8 --fault-s 5 --recovery-s 2      # a quick test
"""
WARM_UP_S = 15.0
"""Time between the start of the load and the first row, in seconds; caches fill meanwhile."""


def parse(argv: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("fault", nargs="?", metavar="FAULT", help="kind of fault, see --list")
    parser.add_argument("--list", action="store_true", help="list the kinds of fault and exit")
    parser.add_argument("--target", help="part of the shop to disturb (default: see --list)")
    parser.add_argument("--out", type=Path, default=Path("recordings"), help="output directory")
    parser.add_argument("--case", help="name of the recording (default: FAULT__TARGET, - for ->)")
    parser.add_argument("--normal-s", type=int, default=600, help="seconds before the fault")
    parser.add_argument("--fault-s", type=int, default=300, help="seconds of the fault")
    parser.add_argument("--recovery-s", type=int, default=60, help="seconds after the fault")
    parser.add_argument("--warm-up-s", type=float, default=None, help="unrecorded seconds first")
    parser.add_argument("--base-port", type=int, default=23000, help="first of 40 ports")
    parser.add_argument("--seed", type=int, help="seed of all random choices (default: random)")
    args = parser.parse_args(argv)
    if not args.list and args.fault is None:
        parser.error("say which FAULT to record, or --list")
    if min(args.normal_s, args.fault_s) < 2 or args.recovery_s < 0:
        parser.error("--normal-s and --fault-s must be at least 2, --recovery-s at least 0")
    return args


def log(text: str) -> None:
    """Report progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def facts(fault: Fault, args: argparse.Namespace, rows: list[int], columns: int) -> dict[str, Any]:
    """Return the content of incident.json."""
    from topology import EDGES, KPI
    from writer import describe_machine

    start, end = rows[args.normal_s], rows[args.normal_s + args.fault_s - 1]
    gaps = sum(later - earlier - 1 for earlier, later in pairwise(rows))
    result: dict[str, Any] = {
        "dataset": "coral_shop",
        "case": args.case,
        "system": "shop",
        "interval_s": 1,
        "n_rows": len(rows),
        "n_metrics": columns,
        "fault_start": start if fault.is_fault else None,
        "fault_end": end if fault.is_fault else None,
        "kpi": list(KPI),
        "root_cause_entities": [fault.target] if fault.is_fault else [],
        "root_cause_metrics": [f"{fault.target}:{name}" for name in fault.root_metrics],
        "fault_type": fault.kind if fault.is_fault else None,
        "edges": [list(edge) for edge in EDGES],
        "edge_semantics": "a calls b",
        "source": f"benchmarks/record, recorded on one machine: {describe_machine()}",
        "license": "Apache-2.0",
        "notes": f"{fault.notes} {args.normal_s} s normal, {args.fault_s} s with it, "
        f"{args.recovery_s} s after it; the times are those of the first and the last row with "
        f"it, it was switched right after the rows before them. Missing seconds: {gaps}. "
        "Latency quantiles and pool_wait are over the last 5 s, rates over the last second.",
        "label_quality": "source",
        "root_cause_semantics": "any-of",
        "modes": ["oracle", "online"] if fault.is_fault else ["false-alarms"],
        "history_rows": args.normal_s if fault.is_fault else len(rows),
        "join_at": None,
        "seed": args.seed,
    }
    if not fault.is_fault:
        what = fault.kind.replace("-", " ")
        result["events"] = [{"start": start, "end": end, "what": what}]
    return result


async def timeline(
    stack: Stack, sampler: Sampler, fault: Fault, table: MetricsFile, args: argparse.Namespace
) -> None:
    """Sample every whole second and switch the fault right after the rows where it is due."""
    total = args.normal_s + args.fault_s + args.recovery_s
    switches = {args.normal_s - 1: fault.start, args.normal_s + args.fault_s - 1: fault.stop}
    switching: asyncio.Task[None] | None = None
    second = int(time.time()) + 1
    for index in range(total):
        # A row that took too long must not shift the ones after it.
        second = max(second, int(time.time()))
        await asyncio.sleep(max(0.0, second - time.time()))
        row = await sampler.read()
        table.add(second, row)
        if switching is not None and switching.done():
            switching.result()
        if index in switches:
            log(f"{args.case}: {switches[index].__name__} {fault.kind} at {fault.target}")
            switching = asyncio.create_task(switches[index](stack))
        if (index + 1) % 60 == 0:
            p95 = row.get("gateway:latency_p95")
            log(f"{args.case}: {index + 1}/{total} s, gateway p95 {p95 or float('nan'):.4f} s")
        second += 1
    if switching is not None:
        await switching


async def record(args: argparse.Namespace) -> None:
    """Run the whole recording; the output directory appears only when it is complete."""
    from faults import KINDS
    from sample import Sampler
    from stack import Stack
    from topology import Ports, columns
    from writer import MetricsFile, write_incident

    fault = KINDS[args.fault](args.target)
    stack = Stack(Ports(args.base_port), args.seed)
    final: Path = args.out / args.case
    partial: Path = args.out / f".{args.case}.partial"
    try:
        log(f"{args.case}: starting the shop at port {args.base_port}, seed {args.seed}")
        await stack.start()
        sampler = Sampler(stack)
        await asyncio.sleep(args.warm_up_s)
        await sampler.read()  # Rates need a reading before the first row.
        partial.mkdir(parents=True)
        names = columns()
        try:
            with MetricsFile(partial / "metrics.csv.gz", names) as table:
                await timeline(stack, sampler, fault, table, args)
        finally:
            await sampler.close()
        info = facts(fault, args, table.timestamps, len(names))
        write_incident(partial / "incident.json", info)
        partial.rename(final)
        log(f"{args.case}: done, {len(table.timestamps)} rows in {final}")
    finally:
        stack.stop()
        shutil.rmtree(partial, ignore_errors=True)


def check(args: argparse.Namespace) -> int:
    """Check programs and arguments; fill in defaults; return an exit code, 0 to go on."""
    from faults import KINDS
    from stack import INSTALL, missing_programs
    from topology import Ports

    if args.list:
        for kind in KINDS.values():
            print(f"{kind.kind:14} {kind.summary}\n{'':14} targets: {', '.join(kind.targets)}")
        return 0
    missing = missing_programs()
    if missing:
        log(f"not installed: {', '.join(missing)}; run: {INSTALL}")
        return 2
    if args.fault not in KINDS:
        log(f"unknown fault {args.fault}; known: {', '.join(KINDS)}")
        return 2
    targets = KINDS[args.fault].targets
    args.target = args.target or targets[0]
    if args.target not in targets:
        log(f"{args.fault} cannot be injected into {args.target}; targets: {', '.join(targets)}")
        return 2
    args.case = args.case or f"{args.fault}__{args.target}".replace("->", "-")
    args.seed = random.randrange(2**31) if args.seed is None else args.seed
    if args.warm_up_s is None:
        args.warm_up_s = min(WARM_UP_S, args.normal_s / 4.0)
    taken = Ports(args.base_port).taken()
    if taken:
        log(f"port {taken[0]} is in use; choose another --base-port")
        return 2
    if (args.out / args.case).exists():
        log(f"{args.out / args.case} exists already")
        return 2
    return 0


def main(argv: list[str]) -> int:
    """Run from the command line and return the exit code."""
    args = parse(argv)
    try:
        from stack import raise_priority

        code = check(args)
    except ModuleNotFoundError as error:
        log(f"{error}; run: pip install -r {Path(__file__).parent / 'requirements.txt'}")
        return 2
    if code or args.list:
        return code
    # Being told to end must clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    raise_priority(os.getpid())  # The niceness is inherited by the whole shop.
    try:
        asyncio.run(record(args))
    except KeyboardInterrupt:
        log("interrupted; everything is stopped")
        return 130
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        log(f"failed: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
