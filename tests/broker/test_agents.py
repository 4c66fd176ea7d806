"""Agents of Debian with the configurations that docs/reference/input-formats.md shows."""

import subprocess
from pathlib import Path

from debian import installed
from kafkas import Broker
from served import until
from shown import run_by

from streams.codec import make_codec
from streams.grid import Grid

PAGE = "docs/reference/input-formats.md"


def test_collectd(kafka: Broker, tmp_path: Path) -> None:
    """Its messages are read without a rest."""
    topic = kafka.topic(1)
    (shown,) = run_by("tests/broker/test_agents.py", PAGE)
    configuration = shown.replace("localhost:9092", kafka.connection.bootstrap)
    here = f'BaseDir "{tmp_path}"\nPIDFile "{tmp_path}/pid"\nInterval 1\nHostname "web1"\n'
    (tmp_path / "collectd.conf").write_text(
        here + configuration.replace('"collectd"', f'"{topic}"')
    )
    collectd = installed("collectd", "collectd-core", "libyajl2", "librdkafka1")
    command = [collectd, "-f", "-C", str(tmp_path / "collectd.conf")]
    log = tmp_path / "collectd.log"
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            until(lambda: len(kafka.records(topic)) >= 100 or process.poll() is not None)
            assert process.poll() is None, log.read_text()
        finally:
            process.terminate()
            process.wait(60)
    records = kafka.records(topic)
    codec = make_codec("collectd_json", grid=lambda _: Grid(2.0))
    decoded = [codec.decode(record) for record in records]
    names = {name for each in decoded for samples in each.samples for name in samples.names}

    assert [] == [problem for each in decoded for problem in each.problems]
    assert {"web1:load.load.shortterm", "web1:memory.memory{type_instance=used}"} <= names
    assert {"web1"} == {name.partition(":")[0] for name in names}
