"""Header of a recording: which column is what."""

from typing import Final, NamedTuple

from streams.recorded import legend
from streams.recorded.problem import ProblemLog
from streams.series import name_problem

TIME_COLUMNS: Final = ("timestamp", "time", "_time")
_OTHER_TIME_COLUMNS: Final = ("datetime", "@timestamp", "date", "ts")


class Columns(NamedTuple):
    """Meaning of a header.

    Parameters
    ----------
    width : int
        Number of columns in the file.
    time : int
        Position of the time column.
    kept : list of int, length n
        Positions of the series.
    names : tuple of str, length n
        ``<entity>:<metric>`` of each series.
    headers : list of str, length n
        The same columns as they are called in the file.
    """

    width: int
    time: int
    kept: list[int]
    names: tuple[str, ...]
    headers: list[str]


def series_name(header: str) -> str:
    """Return the series name of a column: ``foo`` alone is metric ``value`` of entity ``foo``."""
    return header if ":" in header else f"{header}:value"


def read_header(header: list[str], log: ProblemLog) -> Columns | None:
    """Return what the columns mean, None (and an error in `log`) if they cannot be used."""
    cells = [cell.strip() for cell in header]
    times = time_columns(cells)
    if len(times) != 1:
        got = ", ".join(f"`{c}`" for c in cells[:8]) if not times else f"{len(times)} of them"
        log.add(
            "error",
            "time-column",
            f"one column `timestamp` or `time` expected, got {got or 'an empty line'}",
            "The first line must name the columns; name the one that holds the time `timestamp`",
            line=1,
        )
        return None
    kept = [i for i, cell in enumerate(cells) if i not in times and _is_series(cell, log)]
    headers = [cells[i] for i in kept]
    names = _named(headers, log)
    check_names(names, headers, log)
    return Columns(len(cells), times[0], kept, names, headers)


def time_columns(header: list[str]) -> list[int]:
    """Return the positions of the columns that hold times: by the usual names, else by others."""
    cells = [cell.strip().lower() for cell in header]
    for names in (TIME_COLUMNS, _OTHER_TIME_COLUMNS):
        if found := [i for i, cell in enumerate(cells) if cell in names]:
            return found
    return []


def _named(headers: list[str], log: ProblemLog) -> tuple[str, ...]:
    """Return the series names of columns, of legends by their labels."""
    labels = {i: found for i, header in enumerate(headers) if (found := legend.parsed(header))}
    names = [series_name(header) for header in headers]
    for i, name in zip(labels, legend.series_names(list(labels.values())), strict=True):
        names[i] = name
    if labels:
        first = next(iter(labels))
        message = f"{len(labels)} columns are named by labels, e.g. `{headers[first]}`"
        log.add("info", "legend", message, f"This one is read as `{names[first]}`", line=1)
    return tuple(names)


def _is_series(header: str, log: ProblemLog) -> bool:
    if header and not header.startswith("Unnamed:"):
        return True
    action = "The column is ignored; write the file without a row index"
    log.add("warning", "unnamed-column", "column without a name", action, line=1, column=header)
    return False


def check_names(names: tuple[str, ...], headers: list[str], log: ProblemLog) -> None:
    """Note names that break a rule or repeat, and columns whose name is all there is."""
    if not names:
        action = "Add one column `<entity>:<metric>` per series"
        log.add("error", "no-series", "no column besides the time", action, line=1)
    seen: set[str] = set()
    for name, header in zip(names, headers, strict=True):
        problem = name_problem(name)
        if problem is not None:
            log.add("error", "name", problem, "Rename the column", line=1, column=header)
        if name in seen:
            message = f"series `{name}` appears twice"
            log.add(
                "error", "duplicate-column", message, "Rename or drop one", line=1, column=header
            )
        seen.add(name)
    bare = [h for h, name in zip(headers, names, strict=True) if name == f"{h}:value"]
    if bare:
        log.add(
            "info",
            "bare-column",
            f"{len(bare)} columns have no `:` in their name, e.g. `{bare[0]}`",
            f"Each is taken as metric `value` of an entity of its own: `{bare[0]}:value`",
            line=1,
            column=bare[0],
        )
