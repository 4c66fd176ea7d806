"""A real Prometheus: the program of Debian's package, fetched where it is not installed."""

import json
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from debian import program
from served import until

from streams.clock import ManualClock
from streams.codec import DEFAULT_MAPPINGS, SeriesMapping
from streams.prometheus import (
    Access,
    PrometheusServer,
    Rows,
    Window,
    WindowNamer,
    catalogue,
    first_series,
    read_rows,
    scrape_intervals,
    types_of,
    usual_interval,
    with_types,
)


class Prometheus:
    """A running one, to be asked."""

    def __init__(self, port: int, path: str = "") -> None:
        self.port = port
        self._address = f"http://127.0.0.1:{port}{path}"

    def get(self, path: str, **parameters: str) -> Any:
        """What its API answers."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        with urlopen(f"{self._address}/api/v1/{path}{query}", timeout=60) as answer:  # noqa: S310
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[Any]:
        """The samples that an expression gives now."""
        return list(self.get("query", query=expression)["result"])

    def is_up(self) -> bool:
        """Whether it answers; what wants TLS or a log-in says so in the place of an answer."""
        try:
            self.get("status/buildinfo")
        except HTTPError as error:
            with error:
                return error.code in (400, 401)
        except OSError:
            return False
        return True


@contextmanager
def scraping(home: Path, port: int, rules: Path) -> Iterator[Prometheus]:
    """A Prometheus that asks a port of this machine every half second, with these rules."""
    targets = [f"127.0.0.1:{port}"]
    config = {
        "global": {"scrape_interval": "500ms", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "coral", "static_configs": [{"targets": targets}]}],
    }
    with running(home, config) as made:
        yield made


@contextmanager
def holding(home: Path, metrics: str, *flags: str, path: str = "") -> Iterator[Prometheus]:
    """A Prometheus that holds what a text in the OpenMetrics format says, of whatever time."""
    home.mkdir(exist_ok=True)
    (home / "metrics.txt").write_text(metrics)
    make = [program("promtool", "prometheus"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run(
        [*make, str(home / "metrics.txt"), str(home / "data")], check=True, capture_output=True
    )
    with running(home, {}, *flags, path=path) as made:
        yield made


@contextmanager
def running(
    home: Path, config: Mapping[str, Any], *flags: str, path: str = ""
) -> Iterator[Prometheus]:
    """A Prometheus with this configuration, perhaps behind a path; it forgets nothing."""
    (home / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = free.getsockname()[1]
    command = [
        program("prometheus", "prometheus"),
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'data'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{own}",
        f"--web.route-prefix={path or '/'}",
        *flags,
    ]
    log = home / "prometheus.log"
    with log.open("w") as file, subprocess.Popen(command, stderr=file) as process:
        try:
            made = Prometheus(own, path)
            until(made.is_up)
            yield made
        finally:
            process.terminate()
            process.wait(60)


def rows_of(
    server: Prometheus,
    span: tuple[float, float],
    *selectors: str,
    step_s: float | None = None,
    mapping: SeriesMapping = DEFAULT_MAPPINGS["prometheus_json"],
) -> Rows:
    """What `streams.prometheus` reads of a server."""
    api = PrometheusServer(Access(f"http://127.0.0.1:{server.port}"), ManualClock())
    metrics, types = catalogue(api, selectors, span, 20_000), types_of(api)
    intervals = scrape_intervals(api, metrics, span)
    step_s = step_s or usual_interval(metrics, intervals)
    assert step_s is not None
    namer = WindowNamer(with_types(mapping, types, metrics), "shop", 64)
    namer.look(first_series(api, selectors, span), metrics)
    found = read_rows(api, metrics, namer, Window.between(*span, step_s), intervals)
    assert set(found.names) <= namer.possible(metrics, types)
    return found


def column(rows: Rows, name: str) -> list[float]:
    """The values of one series."""
    return [float(value) for value in rows.values[:, rows.names.index(name)]]
