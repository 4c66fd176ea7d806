"""Results of methods by case: one line of JSON each, appended as they come."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["Row", "append", "load", "rewrite"]

Row = dict[str, Any]
Key = tuple[str, str]


def load(file: Path, fingerprints: dict[str, str]) -> dict[Key, Row]:
    """Return the newest row of every method and case that is not stale.

    A last line that was cut off by an interruption is left out.

    Parameters
    ----------
    file : Path
    fingerprints : dict of str
        What the rows of a method must carry; rows of other methods are left out.

    Returns
    -------
    dict
        Rows by (method, ``<data set>/<case>``).
    """
    rows: dict[Key, Row] = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if fingerprints.get(row["method"]) == row["fingerprint"]:
            rows[row["method"], row["case"]] = row
    return rows


def append(file: Path, rows: Iterable[Row]) -> None:
    """Add rows."""
    with file.open("a") as out:
        out.writelines(_line(row) for row in rows)


def rewrite(file: Path, rows: Iterable[Row]) -> None:
    """Leave these rows only, sorted."""
    temporary = file.with_suffix(".part")
    ordered = sorted(rows, key=lambda row: (row["method"], row["case"]))
    temporary.write_text("".join(_line(row) for row in ordered))
    temporary.replace(file)


def _line(row: Row) -> str:
    return json.dumps(row, separators=(",", ":")) + "\n"
