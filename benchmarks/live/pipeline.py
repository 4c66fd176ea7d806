"""The shop with instrumented services, and the agents that watch it: Prometheus, exporters."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instrumented import PATH
from stack import Stack, raise_priority, wait_for_port
from topology import DATABASE, HOST, SERVICES, Ports

HERE = Path(__file__).resolve().parent
EXPORTERS = ("node", "redis", "postgres", "blackbox")
INSTALL = "apt-get install -y --no-install-recommends prometheus " + " ".join(
    f"prometheus-{name}-exporter" for name in EXPORTERS
)
SCRAPE_S = 5
TOPIC = "prometheus"
# What Debian's package has as its default, and a module for redis from the exporter's examples.
_MODULES = {
    "http_2xx": {"prober": "http"},
    "tcp_connect": {"prober": "tcp"},
    "redis_ping": {
        "prober": "tcp",
        "tcp": {"query_response": [{"send": "PING"}, {"expect": "\\+PONG"}]},
    },
}


class LiveShop(Stack):
    """The recorder's shop with instrumented services."""

    def service(self, name: str) -> list[str]:
        """Return the program of a service, without its options."""
        return ["env", f"PYTHONPATH={HERE}", sys.executable, "-m", "instrumented", name]


@dataclass(frozen=True)
class AgentPorts:
    """Ports of the agents, above those of the shop."""

    shop: Ports

    def of(self, name: str) -> int:
        """Return the port that one of them listens on."""
        return self.shop.base + 40 + ("prometheus", "adapter", *EXPORTERS).index(name)


def missing_programs() -> list[str]:
    """Return the names of needed programs that are not installed."""
    names = ["prometheus", *(f"prometheus-{name}-exporter" for name in EXPORTERS)]
    return [name for name in names if shutil.which(name) is None]


def configuration(ports: AgentPorts) -> dict[str, Any]:
    """Return Prometheus' configuration; a job is an entity, probes belong to what they probe."""

    def static(name: str, port: int, path: str = "/metrics") -> dict[str, Any]:
        targets = [{"targets": [f"{HOST}:{port}"]}]
        return {"job_name": name, "metrics_path": path, "static_configs": targets}

    def probes(module: str, targets: dict[str, str]) -> dict[str, Any]:
        return {
            "job_name": f"blackbox-{module}",
            "metrics_path": "/probe",
            "params": {"module": [module]},
            "static_configs": [
                {"targets": [target], "labels": {"job": name}} for name, target in targets.items()
            ],
            "relabel_configs": [
                {"source_labels": ["__address__"], "target_label": "__param_target"},
                {"source_labels": ["__param_target"], "target_label": "instance"},
                {"target_label": "__address__", "replacement": f"{HOST}:{ports.of('blackbox')}"},
            ],
        }

    entry = ports.shop.entry
    jobs = [static(name, ports.of(name)) for name in ("prometheus", "node", "redis", "postgres")]
    jobs += [static(name, ports.shop.direct(name), PATH) for name in SERVICES]
    jobs += [
        probes("http_2xx", {name: f"http://{HOST}:{entry(name)}/health" for name in SERVICES}),
        probes("redis_ping", {"redis": f"{HOST}:{entry('redis')}"}),
        probes("tcp_connect", {"postgres": f"{HOST}:{entry('postgres')}"}),
    ]
    every = f"{SCRAPE_S}s"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every},
        "scrape_configs": jobs,
        "remote_write": [{"url": f"http://{HOST}:{ports.of('adapter')}/receive"}],
    }


class Agents:
    """The processes from the services' metrics to the topic.

    Parameters
    ----------
    ports
        Where they listen.
    workdir
        For their files.
    brokers
        The Kafka to write to.
    """

    def __init__(self, ports: AgentPorts, workdir: Path, brokers: str) -> None:
        self._ports = ports
        self._workdir = workdir
        self._brokers = brokers
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    async def start(self) -> None:
        """Start all of them; returns when they listen."""
        self._workdir.mkdir()
        config = self._workdir / "prometheus.yml"  # JSON is YAML
        config.write_text(json.dumps(configuration(self._ports), indent=1))
        modules = self._workdir / "blackbox.yml"
        modules.write_text(json.dumps({"modules": _MODULES}))
        shop = self._ports.shop
        adapter = [sys.executable, str(HERE / "adapter.py"), "--brokers", self._brokers]
        adapter += ["--topic", TOPIC, "--port", str(self._ports.of("adapter"))]
        self._spawn("adapter", adapter)
        options = {
            "node": [],
            "redis": [f"--redis.addr=redis://{HOST}:{shop.direct('redis')}"],
            "postgres": [],
            "blackbox": [f"--config.file={modules}"],
        }
        for name, more in options.items():
            program = [f"prometheus-{name}-exporter", *more]
            self._spawn(name, [*program, f"--web.listen-address={HOST}:{self._ports.of(name)}"])
        for name in ("adapter", *EXPORTERS):
            await wait_for_port(self._ports.of(name), self.processes[name], 20.0)
        program = ["prometheus", "--enable-feature=agent", f"--config.file={config}"]
        program += [f"--storage.agent.path={self._workdir / 'wal'}", "--log.level=warn"]
        listen = f"--web.listen-address={HOST}:{self._ports.of('prometheus')}"
        self._spawn("prometheus", [*program, listen])
        await wait_for_port(self._ports.of("prometheus"), self.processes["prometheus"], 20.0)

    def _spawn(self, name: str, command: list[str]) -> None:
        port = self._ports.shop.direct("postgres")
        source = f"postgresql://{DATABASE}@{HOST}:{port}/{DATABASE}?sslmode=disable"
        with (self._workdir / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=self._workdir,
                env=os.environ | {"DATA_SOURCE_NAME": source},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        raise_priority(self.processes[name].pid)

    def stop(self) -> None:
        """End all of them."""
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
