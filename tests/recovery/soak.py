"""Kills `coral run` at random instants and at every step of a commit, and counts what is wrong.

`make soak` runs it. What was done to every job goes to a history, one JSON object a line; with
``--add`` the kills of a history that is there are counted too.
"""

import argparse
import contextlib
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from chaos import MOMENTS, Chaos
from cluster import Cluster
from kafkas import Broker

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from common import commit, machine, versions

START_UP_S = 2.5  # before it nothing has happened that a kill could hurt
WORK_S = 6.0
SIDE_BY_SIDE = 2  # jobs: most of the time each waits for a session to end
REACHED_S = 20.0  # a moment that does not come within is replaced by this instant


def run_job(kafka: Broker, home: Path, way: tuple[str, str], dice: random.Random) -> dict[str, Any]:
    """Kill members of one job while its rows arrive; return what was done and found."""
    chaos = Chaos(kafka, home, way)
    moments = dice.sample(MOMENTS[way], len(MOMENTS[way]))
    kills = 0
    try:
        while chaos.feeding:
            at_moment = bool(moments) and dice.random() < 0.6
            process = chaos.start(kill=moments.pop() if at_moment else "")
            if at_moment:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(REACHED_S)
            else:
                time.sleep(START_UP_S + dice.random() * WORK_S)
            kills += chaos.kill(process)
        code = chaos.finish()
        found = chaos.verdict()
    finally:
        chaos.close()
    facts = {"store": way[0], "publish": way[1], "kills": kills, "ended_well": code == 0}
    return facts | found | {"history": chaos.history}


def summary(jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Totals over all jobs, and over those of each way of publishing."""
    names = ("kills", "lost", "duplicates", "two_contents", "unexpected", "repeated_at_least_once")
    total = {name: sum(job[name] for job in jobs) for name in names}
    moments = Counter(
        done["kill_at"]
        for job in jobs
        for done, after in zip(job["history"], job["history"][1:], strict=False)
        if "kill_at" in done and after["op"] == "killed"
    )
    total |= {"jobs": len(jobs), "events": sum(job["events"] for job in jobs)}
    total["not_ended_well"] = sum(not job["ended_well"] for job in jobs)
    ways: Counter[str] = Counter()
    for job in jobs:
        ways[f"{job['store']}, {job['publish']}"] += job["kills"]
    return {
        "figures": total,
        "kills_by_way": ways,
        "kills_by_moment": dict(sorted(moments.items())),
    }


def numbered(bootstrap: str, home: Path, number: int, seed: int) -> dict[str, Any]:
    """The job of this number: what is done to it depends on the seed alone."""
    kafka = Broker(bootstrap)
    try:
        way = list(MOMENTS)[number % len(MOMENTS)]
        return run_job(kafka, home / f"job{number}", way, random.Random(f"{seed}/{number}"))
    finally:
        kafka.close()


def soak(
    bootstrap: str, home: Path, first: int, options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Yield jobs, some of which run side by side, until there were enough kills."""
    numbers, killed = itertools.count(first), 0
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        running: set[Future[dict[str, Any]]] = set()
        while killed < options.kills or running:
            while killed < options.kills and len(running) < SIDE_BY_SIDE:
                arguments = (bootstrap, home, next(numbers), options.seed)
                running.add(pool.submit(numbered, *arguments))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for job in done:
                killed += job.result()["kills"]
                yield job.result()


def main() -> int:
    """Run until there were enough kills; the exit code says whether anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=Path("soak.json"))
    parser.add_argument("--add", action="store_true", help="to the history that is there")
    options = parser.parse_args()
    history = options.json.with_suffix(".history.jsonl")
    kept = history.read_text().splitlines() if options.add and history.exists() else []
    jobs = [json.loads(line) for line in kept]
    facts = {"machine": machine(), "versions": versions(), "commit": commit()}
    with tempfile.TemporaryDirectory() as folder, history.open("a" if kept else "w") as file:
        cluster = Cluster.create(Path(folder) / "kafka")
        try:
            cluster.start()
            for job in soak(cluster.bootstrap, Path(folder), len(jobs), options):
                jobs.append(job)
                file.write(json.dumps(job) + "\n")
                file.flush()
                options.json.write_text(json.dumps(summary(jobs) | facts, indent=1) + "\n")
                told = {name: value for name, value in job.items() if name != "history"}
                sys.stderr.write(f"{told}\n")
        finally:
            cluster.stop()
    figures = summary(jobs)["figures"]
    for name, value in figures.items():
        sys.stdout.write(f"{name:24} {value}\n")
    wrong = ("lost", "duplicates", "two_contents", "unexpected", "not_ended_well")
    return int(any(figures[name] for name in wrong))


if __name__ == "__main__":
    sys.exit(main())
