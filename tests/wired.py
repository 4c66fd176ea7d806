"""The chain of docs/howto/wire-it-up.md on this machine: real programs, with their configurations.

`python tests/wired.py` makes the host busy and writes what the page shows into
`deploy/results/wired.log`; a test runs it faster. In the place of prometheus-kafka-adapter, which
Debian does not have, stands the one of `benchmarks/live`: the same messages.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from uuid import uuid4

import cramjam
import yaml
from alertmanager import Alertmanager, alertmanager
from daemons import Member
from debian import program
from kafkas import Broker
from prometheus import Prometheus, running

ROOT = Path(__file__).parents[1]
WIRED = ROOT / "deploy" / "wired"
# Of docs/howto/wire-it-up.md; on this machine each part listens elsewhere.
PORTS = {"node": 9100, "prometheus": 9090, "adapter": 8081, "manager": 9093, "coral": 8080}
KAFKA = "localhost:19092"


class Wired(NamedTuple):
    """A running chain."""

    prometheus: Prometheus
    manager: Alertmanager
    coral: Member
    config: Path
    ports: Mapping[str, int]


@contextmanager
def wired(home: Path, broker: Broker, faster: Mapping[str, str]) -> Iterator[Wired]:
    """Run the chain; `faster` names texts of the configurations and what stands in their place."""
    ports = dict(zip(PORTS, _free(len(PORTS)), strict=True))
    texts = {file.name: _moved(file.read_text(), ports, faster) for file in WIRED.iterdir()}
    (home / "rules.yaml").write_text(texts["rules.yaml"])
    config = home / "coral.toml"
    config.write_text(texts["coral.toml"].replace(KAFKA, broker.connection.bootstrap))
    scraping = yaml.safe_load(texts["prometheus.yaml"]) | {"rule_files": [str(home / "rules.yaml")]}
    topics = {name: broker.topic(1) for name in ("samples", "alerts", "events", "letters")}
    with ExitStack() as stack:
        routing = yaml.safe_load(texts["alertmanager.yaml"])
        manager = stack.enter_context(alertmanager(home, config=routing, port=ports["manager"]))
        stack.enter_context(_adapter(ports["adapter"], broker, topics["samples"]))
        stack.enter_context(_node_exporter(home, ports["node"]))
        (home / "prometheus").mkdir()
        prometheus = stack.enter_context(running(home / "prometheus", scraping))
        coral = stack.enter_context(_coral(home, config, topics, ports["coral"]))
        yield Wired(prometheus, manager, coral, config, ports)


def _free(count: int) -> list[int]:
    """Ports that nobody listens at."""
    with ExitStack() as held:
        taken = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in taken]


def _moved(text: str, ports: Mapping[str, int], faster: Mapping[str, str]) -> str:
    for old, new in faster.items():
        text = text.replace(old, new)
    for name, port in PORTS.items():
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{ports[name]}")
    return text


@contextmanager
def _adapter(port: int, broker: Broker, topic: str) -> Iterator[None]:
    """Take what Prometheus writes remotely and put it into a topic, one sample a message."""
    sys.path.append(str(ROOT / "benchmarks" / "live"))
    from remote_write import messages

    sink = broker.sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for message in messages(bytes(cramjam.snappy.decompress_raw(body))):
                sink.send(topic, None, message)
            sink.flush(60)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", port), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        sink.close()


@contextmanager
def _node_exporter(home: Path, port: int) -> Iterator[None]:
    name = "prometheus-node-exporter"
    command = [program(name, name), f"--web.listen-address=127.0.0.1:{port}"]
    with (home / "node.log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def _coral(home: Path, config: Path, topics: Mapping[str, str], port: int) -> Iterator[Member]:
    settings = {
        "kafka.group_id": f"wired-{uuid4()}",
        "input.feedback": f"none-{uuid4()}",
        "input.changes": f"none-{uuid4()}",
        "alerts.topic": topics["alerts"],
        "output.incidents": topics["events"],
        "output.dead_letters": topics["letters"],
        "state.directory": str(home / "state"),
        "http.port": str(port),
    }
    text = config.read_text().replace("topics.prometheus]", f"topics.{topics['samples']}]")
    config.write_text(text)
    flags = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "coral.cli.main", "run", "--config", str(config), *flags]
    with (home / "coral.log").open("w") as log, Member(command, stderr=log) as process:
        process.log = home / "coral.log"
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def run_for_the_page(log: Path, normal_s: float, busy_s: float) -> None:
    """Run the chain with its own configurations, make the host busy, and write what is seen."""
    sys.path.append(str(ROOT / "deploy" / "kafka"))
    from cluster import Cluster

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        cluster = Cluster.create(home / "kafka", 1, _free(1)[0])
        cluster.start()
        stack.callback(cluster.stop)
        broker = stack.enter_context(closing(Broker(cluster.bootstrap)))
        chain = stack.enter_context(wired(home, broker, {}))
        time.sleep(normal_s)
        busy = [sys.executable, "-c", "import os\nos.nice(19)\nwhile True: pass"]
        hogs = [subprocess.Popen(busy) for _ in range(os.cpu_count() or 1)]
        for hog in hogs:
            stack.callback(hog.kill)
        time.sleep(busy_s)
        log.write_text(seen(chain))


def seen(chain: Wired) -> str:
    """What the commands of the page print, as if each part listened where the page says."""
    amtool = program("amtool", "prometheus-alertmanager")
    coral = [sys.executable, "-m", "coral.cli.main"]
    shown = {
        "coral status --config deploy/wired/coral.toml": [
            *coral, "status", "--config", str(chain.config),
            "--set", f"http.port={chain.ports['coral']}",
        ],
        "amtool --alertmanager.url=http://127.0.0.1:9093 alert query": [
            amtool, f"--alertmanager.url={chain.manager.url}", "alert", "query",
        ],
        "amtool --alertmanager.url=http://127.0.0.1:9093 alert query --inhibited": [
            amtool, f"--alertmanager.url={chain.manager.url}", "alert", "query", "--inhibited",
        ],
    }  # fmt: skip
    told = []
    for words, command in shown.items():
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        told.append(f"$ {words}\n{done.stdout}{done.stderr}".rstrip())
    text = "\n\n".join(told)
    for name, port in PORTS.items():
        text = text.replace(f"127.0.0.1:{chain.ports[name]}", f"127.0.0.1:{port}")
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--normal-s", type=float, default=240.0)
    parser.add_argument("--busy-s", type=float, default=200.0)
    parser.add_argument("--log", type=Path, default=ROOT / "deploy" / "results" / "wired.log")
    chosen = parser.parse_args()
    run_for_the_page(chosen.log, chosen.normal_s, chosen.busy_s)


if __name__ == "__main__":
    main()
