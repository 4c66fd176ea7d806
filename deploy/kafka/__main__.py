"""`python deploy/kafka start|stop`: a Kafka on this host for tests and for trying things out."""

import argparse
import shutil
import sys
from pathlib import Path

import artifacts
from cluster import PASSWORD, USER, Cluster

FIRST_PORT = 19092


def start(nodes: int) -> None:
    """Start a cluster, in place of the one that was started before."""
    stop()
    cluster = Cluster.create(home(), nodes, FIRST_PORT)
    cluster.start()
    print(f"Kafka serves at {cluster.bootstrap}")
    print(f"with TLS and SASL at {cluster.secure_bootstrap}: PLAIN or SCRAM-SHA-512,")
    print(f"user {USER}, password {PASSWORD}, trusted certificate {cluster.ca}")
    print("`make kafka-stop` ends it and deletes its data.")


def stop() -> None:
    """Stop the cluster and delete its data; does nothing if there is none."""
    if (home() / "cluster.json").exists():
        Cluster(home()).stop()
    shutil.rmtree(home(), ignore_errors=True)


def home() -> Path:
    """Return the folder of the one cluster that this command manages."""
    return artifacts.cache() / "run"


def main() -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python deploy/kafka", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("start", help="start it; the data of a former one are deleted")
    starting.add_argument("--nodes", type=int, choices=(1, 3), default=1)
    commands.add_parser("stop", help="stop it and delete its data")
    options = parser.parse_args()
    try:
        if options.command == "start":
            start(options.nodes)
        else:
            stop()
    except (artifacts.MissingToolError, RuntimeError) as error:
        print(f"kafka: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
