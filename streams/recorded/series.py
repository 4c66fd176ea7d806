"""Which series of a table take part, which of them as rates, and which are health signals."""

import difflib
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.recorded.columns import Columns, series_name
from streams.recorded.problem import ProblemLog, Severity
from streams.recorded.survey import Survey
from streams.series import parts_of

# From so many cells in a row on that are no numbers a series would look as if it were silent.
_UNREAD_RUN: Final = 2


class Selection(NamedTuple):
    """The series of a table that take part.

    Attributes
    ----------
    names : tuple of str, length n_kept
    kept : ndarray of shape (n_kept,), intp
        Their columns, as positions in `Columns.names`.
    rates : ndarray of shape (n_series,), bool
        Columns that are counted up and read as rates.
    values : ndarray of shape (n_kept,), int64
        Number of their values.
    columns : Columns
        Of the table.
    """

    names: tuple[str, ...]
    kept: NDArray[np.intp]
    rates: NDArray[np.bool_]
    values: NDArray[np.int64]
    columns: Columns

    def health_signals(self, kpi: Sequence[str], log: ProblemLog) -> tuple[str, ...]:
        """Return the series names of health signals; what is wrong with them goes to `log`."""
        found, empty = dict[str, None](), list[str]()
        headers = dict(zip(self.columns.headers, self.columns.names, strict=True))
        for given in kpi:
            name = headers.get(given, series_name(given))
            if name in self.names:
                found[name] = None
                empty += [name] if not self.values[self.names.index(name)] else []
            elif parts := parts_of(name, self.names):
                found[name] = None
                empty += [name] if not self.values[parts].any() else []
                message = (
                    f"KPI `{given}` stands for {len(parts)} columns, e.g. `{self.names[parts[0]]}`"
                )
                action = "Counts and rates are added up; of anything else the worst counts"
                log.add("info", "kpi-parts", message, action)
            elif name in self.columns.names:
                message = f"KPI `{given}` holds cells that are no numbers"
                log.add("error", "kpi", message, "Write numbers, or name another series")
            else:
                near = difflib.get_close_matches(given, self.names, n=1)
                action = f"Perhaps `{near[0]}` is meant" if near else "Name one of the columns"
                log.add("error", "kpi", f"KPI `{given}` is no column", action)
        severity: Severity = "error" if len(empty) == len(found) else "warning"
        for name in empty:
            action = "Name a series that has values: nothing is felt by this one"
            log.add(severity, "kpi-empty", f"KPI `{name}` has no value in any row", action)
        return tuple(found)


def select(columns: Columns, facts: Survey, log: ProblemLog, *, keep_counters: bool) -> Selection:
    """Return which series take part; what is left out or read otherwise goes to `log`."""
    names = columns.names
    broken = (facts.unread >= _UNREAD_RUN) & (facts.present > 0)
    for at in np.flatnonzero(broken):
        message = f"{facts.unread[at]} cells in a row are no numbers"
        action = "The series takes no part: without them it would look as if it had fallen silent"
        log.add("warning", "unread-column", message, action, column=columns.headers[at])
    rates = facts.cumulative & ~broken & (not keep_counters)
    if rates.any():
        first = names[int(np.flatnonzero(rates)[0])]
        counted = int(rates.sum())
        message = f"{counted} of {len(names)} series are counted up, e.g. `{first}`"
        action = "They are read as rates a second; --keep-counters leaves them as they are"
        log.add("info", "counters", message, action)
    kept = np.flatnonzero(~broken)
    return Selection(tuple(names[i] for i in kept), kept, rates, facts.present[kept], columns)
