"""The chart by way of a registry, as `oci://`: a real one, the program of Debian's package."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from charts import BROKERS, CHART
from clients import helm
from debian import program
from served import until

import coral


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Address of an empty one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = tmp_path / "registry.yml"
    file.write_text(
        "version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path / 'registry'}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    served = [program("docker-registry", "docker-registry"), "serve", str(file)]
    with (
        (tmp_path / "registry.log").open("w") as log,
        subprocess.Popen(served, stdout=log, stderr=log) as process,
    ):
        try:
            until(lambda: "listening on" in (tmp_path / "registry.log").read_text())
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def test_what_was_pushed_is_the_chart(registry: str, tmp_path: Path) -> None:
    """Packed, pushed and fetched again it makes the same objects, tests and files included."""
    (tmp_path / "coral.toml").write_text(BROKERS)
    values = ("--set-file", f"config={tmp_path / 'coral.toml'}", "--set", "image.repository=coral")
    packed = tmp_path / f"coral-{coral.__version__}.tgz"
    charts = f"oci://{registry}/charts"
    for words in (
        ("package", str(CHART), "--destination", str(tmp_path)),
        ("push", str(packed), charts, "--plain-http"),
    ):
        done = helm(*words)
        assert 0 == done.returncode, done.stderr

    fetched = helm("template", "coral", f"{charts}/coral", "--plain-http", *values)

    assert 0 == fetched.returncode, fetched.stderr
    assert helm("template", "coral", str(CHART), *values).stdout == fetched.stdout
