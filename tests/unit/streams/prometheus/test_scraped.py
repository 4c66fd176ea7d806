"""What a real Prometheus has scraped of a real node exporter, and of a page with odd names."""

import socket
import subprocess
from collections.abc import Iterator

import gates
import numpy as np
import prometheus
import pytest
from debian import program
from gates import Reply
from prometheus import column, rows_of
from served import until

from streams.prometheus import Rows

PAGE = """\
# TYPE queue_count gauge
queue_count 5
# TYPE odd counter
odd 3
# TYPE jobs_done_total gauge
jobs_done_total 7
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    home = tmp_path_factory.mktemp("scraped")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    exporter = program("prometheus-node-exporter", "prometheus-node-exporter")
    command = [exporter, f"--web.listen-address=127.0.0.1:{port}"]
    page = Reply(200, PAGE, {"Content-Type": "text/plain; version=0.0.4"})
    with (
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as process,
        gates.opened(page) as odd,
    ):
        targets = {"node": port, "odd": odd.port}
        jobs = [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{at}"]}]}
            for job, at in targets.items()
        ]
        config = {"global": {"scrape_interval": "250ms"}, "scrape_configs": jobs}
        try:
            with prometheus.running(home, config) as server:
                until(lambda: len(server.query("count_over_time(up[1m]) >= 8")) == len(jobs))
                ((_, newest),) = [held["value"] for held in server.query("max(timestamp(up))")]
                span = (float(newest) - 1.5, float(newest))
                yield rows_of(server, span, '{job=~"node|odd"}')
        finally:
            process.terminate()


def test_the_step_is_that_of_the_scrapes(rows: Rows) -> None:
    """Nobody said it."""
    assert {0.25} == set(np.diff(rows.times).tolist())


def test_a_machine(rows: Rows) -> None:
    """Hundreds of series of it under its name; what is counted is a rate."""
    of_node = [name for name in rows.names if name.startswith("node:node_")]
    idle = column(rows, "node:node_cpu_seconds_total{mode=idle}")

    assert len(of_node) > 100
    assert all(0.0 <= seconds < 1000.0 for seconds in idle[-3:])
    assert column(rows, "node:node_memory_MemTotal_bytes")[-1] > 1e6


def test_types_that_names_do_not_tell(rows: Rows) -> None:
    """The server knows them from its targets: gauges are as they are, a counter is a rate."""
    assert 5.0 == column(rows, "odd:queue_count")[-1]
    assert 7.0 == column(rows, "odd:jobs_done_total")[-1]
    assert 0.0 == column(rows, "odd:odd")[-1]
