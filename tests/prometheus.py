"""A real Prometheus: the program of Debian's package, fetched where it is not installed."""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from debian import program
from served import until


class Prometheus:
    """A running one, to be asked."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"

    def get(self, path: str, **parameters: str) -> Any:
        """What its API answers."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        with urlopen(f"{self._address}/api/v1/{path}{query}", timeout=60) as answer:  # noqa: S310
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[Any]:
        """The samples that an expression gives now."""
        return list(self.get("query", query=expression)["result"])

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            self.get("status/buildinfo")
        except OSError:
            return False
        return True


@contextmanager
def scraping(home: Path, port: int, rules: Path) -> Iterator[Prometheus]:
    """A Prometheus that asks a port of this machine every half second, with these rules."""
    config = {  # JSON is YAML
        "global": {"scrape_interval": "500ms", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {"job_name": "coral", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        ],
    }
    (home / "prometheus.yml").write_text(json.dumps(config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = free.getsockname()[1]
    command = [
        program("prometheus", "prometheus"),
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]
    log = home / "prometheus.log"
    with log.open("w") as file, subprocess.Popen(command, stderr=file) as process:
        try:
            made = Prometheus(own)
            until(made.is_up)
            yield made
        finally:
            process.terminate()
            process.wait(60)
