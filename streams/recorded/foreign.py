"""Files that are no tables of metrics, recognised by what they are, with what makes one of them."""

import re
from typing import Final, NamedTuple


class Foreign(NamedTuple):
    """What a file is, and what to do with it."""

    what: str
    action: str


_CSV: Final = "Save it as CSV: soffice --convert-to csv FILE"
_BY_START: Final = (
    (
        b"PK\x03\x04",
        "a spreadsheet or zip file",
        f"{_CSV}; or unzip it",
    ),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet of old", _CSV),
    (b"ARROW1", "an Arrow file", "Write it as Parquet, or as CSV"),
    (b"SQLite format 3", "a database", "Export a table: sqlite3 -csv -header FILE 'SELECT ...'"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "Unpack it: zstd -d FILE"),
    (b"BZh", "packed with bzip2", "Unpack it: bunzip2 FILE"),
    (b"\xfd7zXZ", "packed with xz", "Unpack it: unxz FILE"),
    (b"%PDF", "a document", "Export the values themselves"),
    (b"\x89PNG", "a picture", "Export the values themselves"),
    (b"# HELP", "one moment of a Prometheus endpoint", "Ask Prometheus for a course: query_range"),
    (b"# TYPE", "one moment of a Prometheus endpoint", "Ask Prometheus for a course: query_range"),
    (b"<", "a web page or XML", "The tool asks for a login, or has another export"),
    (b'{"specversion":', "a file of events", "Those of CORAL are told by: coral explain FILE"),
)
_TOML: Final = re.compile(rb"(#[^\n]*\n\s*)*\[\[?[A-Za-z_]")
_CONFIGURATION: Final = Foreign(
    "a configuration", "Check it: coral config check FILE; a replay takes it with --config FILE"
)


def recognised(start: bytes) -> Foreign | None:
    """Return what a file is by its first bytes, None if it may be a table.

    Examples
    --------
    >>> recognised(b"BZh91AY")
    Foreign(what='packed with bzip2', action='Unpack it: bunzip2 FILE')
    """
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _TOML.match(plain):
        return _CONFIGURATION
    found = (Foreign(what, action) for magic, what, action in _BY_START if plain.startswith(magic))
    return next(found, None)
