"""A live run: real services, a real agent pipeline, a real Kafka, `coral run`, real faults.

It starts the recorder's shop with services instrumented as Prometheus clients, a real Prometheus
with its exporters that writes remotely into a real Kafka, and `coral run` with two health signals
at the gateway; injects faults at some minutes of the system's life; and tells for each whether
CORAL noticed it, how soon, what it put first, and what it told without a fault.

    python benchmarks/live.py --schedule 5,10        # two faults, a quarter of an hour
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from common import ROOT, options, save

# Scripts of other folders, which are no packages.
sys.path += [str(ROOT / part) for part in ("benchmarks/record", "benchmarks/live", "deploy/kafka")]

try:
    import pipeline
    from cluster import Cluster
    from faults import KINDS
    from journal import Journal
    from outcome import Injection, cases_of, judge, outside, table
    from stack import missing_programs, raise_priority
    from topology import Ports
    from usage import Usage
    from watcher import KPI, Watcher
except ModuleNotFoundError as missing:
    sys.exit(f"{missing}; run: pip install -r {ROOT / 'benchmarks/live/requirements.txt'}")

# In this order: every one of them is to be felt at the gateway.
FAULTS = (
    ("crash", "payment"),
    ("cpu-hog", "orders"),
    ("network-delay", "cart"),
    ("db-lock", "postgres"),
    ("cache-outage", "redis"),
    ("pool-leak", "orders"),
)
MINUTES = (5.0, 10.0, 20.0, 30.0, 45.0, 60.0)
STEP_S = 1.0
TELL_S = 60.0


class Run:
    """All parts of one live run.

    Parameters
    ----------
    chosen
        The command line.
    journal
        The raw log.
    """

    def __init__(self, chosen: argparse.Namespace, journal: Journal) -> None:
        self.chosen = chosen
        self.journal = journal
        self.usage = Usage()
        self.injections: list[Injection] = []
        self.loads: list[float] = []

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """Start everything, and end it whatever happens."""
        async with AsyncExitStack() as stack:
            ports = Ports(self.chosen.base_port)
            workdir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="live-")))
            self.journal.hide(workdir, "RUN")
            self.journal.hide(ROOT, "CORAL")
            self.say("starting Kafka")
            cluster = await asyncio.to_thread(Cluster.create, workdir / "kafka")
            stack.push_async_callback(asyncio.to_thread, cluster.stop)
            await asyncio.to_thread(cluster.start)
            broker = int((cluster.home / "node-1.pid").read_text())
            raise_priority(broker)
            self.watcher = Watcher(cluster.bootstrap, workdir, self.journal)
            stack.push_async_callback(self.watcher.stop)
            await self.watcher.create_topics()
            self.say("starting the shop and the agents")
            self.shop = pipeline.LiveShop(ports, self.chosen.seed)
            stack.callback(self.shop.stop)
            await self.shop.start()
            agents = pipeline.Agents(
                pipeline.AgentPorts(ports), workdir / "agents", cluster.bootstrap
            )
            stack.callback(agents.stop)
            await agents.start()
            self.say("starting coral run")
            await self.watcher.start()
            self._pipeline = {"kafka": [broker], "run": [os.getpid()]}
            self._pipeline |= {name: [found.pid] for name, found in agents.processes.items()}
            yield

    def say(self, text: str) -> None:
        """Add a line of the run itself."""
        self.journal.write("run", text, tell=True)

    def groups(self) -> dict[str, list[int]]:
        """Return the processes of each part; those of the shop come and go."""
        shop = [process.pid for process in self.shop.processes.values()]
        return {**self._pipeline, "shop": shop, "coral": [self.watcher.pid]}

    async def until(self, minute: float) -> None:
        """Wait until so many minutes of life, telling the load of the machine every minute."""
        while (left := self.start + 60.0 * minute - time.time()) > 0:
            self.watcher.check()
            if time.time() - self._told >= TELL_S:
                self._told += TELL_S
                mine, others = self.usage.read(self.groups())
                self.loads.append(others)
                life = (time.time() - self.start) / 60
                self.journal.write(
                    "machine", f"minute {life:.0f}: this run {mine:.2f} cores, others {others:.2f}"
                )
            await asyncio.sleep(min(left, STEP_S))

    async def live(self) -> None:
        """Inject every fault in its minute; the last one is followed by the same time without."""
        self.start = self._told = time.time()
        self.usage.start(self.groups())
        self.say("life begins")
        lasts = self.chosen.fault_s / 60
        for minute, (kind, target) in zip(self.chosen.schedule, FAULTS, strict=False):
            await self.until(minute)
            fault = KINDS[kind](target)
            start = time.time()
            await fault.start(self.shop)
            self.say(f"injected {kind} at {target}: {fault.notes}")
            try:
                await self.until((start - self.start) / 60 + lasts)
            finally:
                await fault.stop(self.shop)
            self.injections.append(Injection(kind, target, minute, start, time.time()))
            self.say(f"ended {kind} at {target}")
        await self.until((time.time() - self.start) / 60 + self.chosen.rest_s / 60)
        self.usage.read(self.groups())
        self.end = time.time()


async def run(chosen: argparse.Namespace, journal: Journal) -> None:
    """Do the run, print its table and write its results."""
    here = Run(chosen, journal)
    async with here.started():
        await here.live()
    cases = cases_of(here.watcher.arrivals)
    results = [judge(injection, cases) for injection in here.injections]
    rest = outside(here.injections, cases, here.start, here.end)
    seen = here.watcher.seen
    text = table(results, rest)
    print(text)
    journal.write("run", "the table:\n" + text)
    noticed = [result for result in results if result["noticed"]]
    watching = round(seen["watching"] - here.start, 1) if "watching" in seen else None
    figures = {
        "faults": len(results),
        "noticed": len(noticed),
        "paged": sum(result["page_s"] is not None for result in noticed),
        "right_first": sum(result["right_first"] for result in noticed),
        "false_pages": rest["false_pages"],
        "false_changes": rest["false_changes"],
    }
    save(
        chosen,
        figures,
        results=results,
        rest=rest,
        minutes=round((here.end - here.start) / 60, 1),
        watching_s=watching,
        scrape_s=pipeline.SCRAPE_S,
        kpi=list(KPI),
        cores=here.usage.cores(),
        cores_of_others=round(sum(here.loads) / len(here.loads), 2) if here.loads else None,
        agents=agent_versions(),
    )


def agent_versions() -> dict[str, str]:
    """Return the versions of the programs of the pipeline."""
    names = ["prometheus", *(f"prometheus-{name}-exporter" for name in pipeline.EXPORTERS)]
    found = {}
    for name in names:
        done = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
        version = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
        found[name] = version[0] if version else "unknown"
    return found


def parse(argv: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = options("a live run of CORAL on a real pipeline with real faults")
    parser.add_argument(
        "--schedule",
        type=lambda text: [float(word) for word in text.split(",")],
        help="minutes at which faults begin (default: 5,10,20,30,45,60; with --quick: 5,10)",
    )
    parser.add_argument("--fault-s", type=float, default=180.0, help="seconds of each fault")
    parser.add_argument("--rest-s", type=float, default=180.0, help="seconds after the last one")
    parser.add_argument("--log", type=Path, metavar="FILE", help="raw log (default: terminal)")
    parser.add_argument("--base-port", type=int, default=23000, help="first of 40 ports")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31), help="of the load")
    chosen = parser.parse_args(argv)
    chosen.schedule = chosen.schedule or list(MINUTES[:2] if chosen.quick else MINUTES)
    gaps = zip(chosen.schedule, chosen.schedule[1:], strict=False)
    if any(60 * (later - earlier) <= chosen.fault_s for earlier, later in gaps):
        parser.error("--schedule: each fault must have ended when the next one begins")
    if len(chosen.schedule) > len(FAULTS):
        parser.error(f"--schedule: there are {len(FAULTS)} faults")
    return chosen


def main(argv: list[str]) -> int:
    """Run from the command line and return the exit code."""
    chosen = parse(argv)
    for missing, install in (
        (missing_programs(), "apt-get install -y --no-install-recommends postgresql redis-server"),
        (pipeline.missing_programs(), pipeline.INSTALL),
    ):
        if missing:
            print(f"not installed: {', '.join(missing)}; run: {install}", file=sys.stderr)
            return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with chosen.log.open("w") if chosen.log else open(1, "w", closefd=False) as file:
        try:
            asyncio.run(run(chosen, Journal(file)))
        except KeyboardInterrupt:
            print("interrupted; everything is stopped", file=sys.stderr)
            return 130
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
