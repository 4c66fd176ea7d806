"""Kills `pipeline.py` at random instants, over and over, and counts what is wrong afterwards.

`make soak` runs it; the history of every run goes to a file, one JSON object a line.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from cluster import Cluster
from jobs import expected, feed, new_job, published, start
from kafkas import Broker

ROWS = 60
START_UP_S = 1.0
WORK_S = 7.0


def run_once(kafka, dice, exactly_once):
    """Kill one job at random instants until it ends by itself; return what was found."""
    job = new_job(kafka) | {"exactly_once": exactly_once}
    feed(kafka.sink(), job, range(ROWS))
    kills, code = [], None
    while code != 0:
        process = start(job)
        instant = START_UP_S + dice.random() * WORK_S
        time.sleep(instant)
        process.kill()
        code = process.wait()
        if code == -signal.SIGKILL:
            kills.append(round(instant, 3))
    wanted, found = expected(ROWS), published(kafka, job)
    ids = Counter(name for name, _ in found)
    return {
        "exactly_once": exactly_once,
        "kills": kills,
        "lost": len(wanted.keys() - ids.keys()),
        "duplicates": sum(ids.values()) - len(ids),
        "two_contents": len(set(found) - set(wanted.items())),
    }


def main():
    """Run until there were enough kills; the exit code says whether anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--history", type=Path, default=Path("soak.ndjson"))
    options = parser.parse_args()
    dice, total = random.Random(options.seed), Counter()
    with tempfile.TemporaryDirectory() as folder, options.history.open("w") as history:
        cluster = Cluster.create(Path(folder) / "kafka")
        try:
            cluster.start()
            kafka = Broker(cluster.bootstrap)
            while total["kills"] < options.kills:
                found = run_once(kafka, dice, exactly_once=dice.random() < 0.5)
                history.write(json.dumps(found) + "\n")
                history.flush()
                total["kills"] += len(found["kills"])
                total["lost"] += found["lost"]
                total["two_contents"] += found["two_contents"]
                total["duplicates"] += found["duplicates"] if found["exactly_once"] else 0
                total["repeated at least once"] += (
                    0 if found["exactly_once"] else found["duplicates"]
                )
                sys.stderr.write(f"{dict(total)}\n")
            kafka.close()
        finally:
            cluster.stop()
    for name in ("kills", "lost", "duplicates", "two_contents", "repeated at least once"):
        sys.stdout.write(f"{name:24} {total[name]}\n")
    return int(total["lost"] + total["duplicates"] + total["two_contents"] > 0)


if __name__ == "__main__":
    sys.exit(main())
