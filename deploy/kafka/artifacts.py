"""What a broker needs before it can start: Java 17, Maven, Kafka's jars."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

POM = Path(__file__).with_name("pom.xml")
JAVA_AT_LEAST = 17


class MissingToolError(Exception):
    """Something is not installed and may not be installed by us; the text says what to do."""


def cache() -> Path:
    """Return the folder for everything that is downloaded, made or written by a broker."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(root) / "coral-kafka"
    path.mkdir(parents=True, exist_ok=True)
    return path


def java() -> str:
    """Return the path of a Java >= 17, installing one where that is possible."""
    return _tool("java", "openjdk-17-jre-headless", _is_recent)


def jars() -> Path:
    """Return the folder of the broker's jars, downloaded by Maven the first time.

    Its name holds a digest of `pom.xml`: another version never meets the jars of this one.
    """
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    path = cache() / f"jars-{digest}"
    if path.exists():
        return path
    maven = _tool("mvn", "maven")
    partial = cache() / f"jars-{digest}-{os.getpid()}"
    _run(
        [maven, "-B", "-q", "-f", str(POM), "dependency:copy-dependencies"]
        + ["-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
    )
    partial.rename(path)  # complete or not there at all
    return path


def _is_recent(java: str) -> bool:
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', shown)
    return found is not None and int(found[1]) >= JAVA_AT_LEAST


def _tool(name: str, package: str, usable: Callable[[str], bool] = lambda _: True) -> str:
    path = shutil.which(name)
    if path and usable(path):
        return path
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        _run(["apt-get", "update", "-qq"], env=quiet)
        _run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", package], env=quiet)
        path = shutil.which(name)
        if path and usable(path):
            return path
    raise MissingToolError(
        f"the test broker needs `{name}` (Java {JAVA_AT_LEAST}+ and Maven). On Debian or Ubuntu: "
        f"sudo apt-get install openjdk-17-jre-headless maven. Or use a broker of yours: "
        f"CORAL_TEST_KAFKA=host:port. Or leave its tests out: make test-fast."
    )


def _run(command: list[str], **options: Any) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-10:])
        raise MissingToolError(f"`{' '.join(command)}` failed:\n{tail}")
