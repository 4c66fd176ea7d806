"""Writes a recording: metrics.csv.gz row by row, incident.json at the end."""

from __future__ import annotations

import csv
import gzip
import io
import json
import platform
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import postgres
import psutil
from sample import Row


class MetricsFile:
    """The gzipped CSV file of one recording; use as a context manager.

    Parameters
    ----------
    path
        The file to write.
    columns
        Its columns after ``timestamp``.
    """

    def __init__(self, path: Path, columns: list[str]) -> None:
        self._columns = columns
        # Neither a name nor a time in the header of the gzip file, so that it depends only on
        # the rows.
        self._raw = path.open("wb")
        self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0)
        self._text = io.TextIOWrapper(self._gzip, encoding="ascii", newline="")
        self._csv = csv.writer(self._text, lineterminator="\n")
        self._csv.writerow(["timestamp", *columns])
        self.timestamps: list[int] = []

    def add(self, timestamp: int, row: Row) -> None:
        """Add one row; a value that is missing or None becomes an empty cell.

        Parameters
        ----------
        timestamp
            Unix time in whole seconds, above that of the row before.
        row
            Values by column.
        """
        if self.timestamps and timestamp <= self.timestamps[-1]:
            raise ValueError("timestamps must increase")
        values = (row.get(column) for column in self._columns)
        self._csv.writerow([timestamp, *("" if v is None else f"{v:.6g}" for v in values)])
        self.timestamps.append(timestamp)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._text.close()
        self._gzip.close()
        self._raw.close()


def _first_line(command: list[str]) -> str:
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return output.splitlines()[0]


def describe_machine() -> str:
    """Return CPU, memory, operating system and versions of this machine, in words."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    memory_gib = psutil.virtual_memory().total / 2**30
    postgres_version = _first_line([str(postgres.find_program("postgres")), "--version"])
    redis_words = dict(
        word.split("=", 1)
        for word in _first_line(["redis-server", "--version"]).split()
        if "=" in word
    )
    return (
        f"{cpu}, {psutil.cpu_count()} cores, {memory_gib:.0f} GiB, {system}, "
        f"Linux {platform.release()}, Python {platform.python_version()}, "
        f"{postgres_version.replace(' (PostgreSQL)', '')}, redis {redis_words.get('v', '?')}"
    )


def write_incident(path: Path, facts: dict[str, Any]) -> None:
    """Write the labels of a recording as JSON."""
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
