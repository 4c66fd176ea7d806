"""What is wrong with a recording, in words a user can act on."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from streams.errors import StreamsError

Severity = Literal["error", "warning", "info"]

_SHOWN_PER_RULE: Final = 5


class RecordingProblem(msgspec.Struct, frozen=True):
    """One thing worth knowing about a recording.

    Parameters
    ----------
    severity : {"error", "warning", "info"}
        error: CORAL cannot use the recording. warning: it can, but not all of it, or an answer
        may suffer. info: a remark.
    file : str
        Name of the file.
    line : int or None
        Line in a text file, the header being 1; row in a Parquet file, from 1; None = the file.
    column : str or None
        Name of the column as written in the file.
    rule : str
        Short constant name of the rule, e.g. "ragged-row".
    message : str
        What is wrong, with the value.
    action : str
        What CORAL does about it, or what the user should do.
    """

    severity: Severity
    file: str
    line: int | None
    column: str | None
    rule: str
    message: str
    action: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        column = "" if self.column is None else f" column `{self.column}`"
        return f"{self.severity}: {place}{column}: {self.message}. {self.action}. [{self.rule}]"


class RecordingError(StreamsError):
    """A recording cannot be used; `problems` say why.

    Operator action: repair the recording as each problem says; `coral validate` lists all.

    Parameters
    ----------
    problems : sequence of RecordingProblem
        All that was found up to now, at least one of them an error.
    """

    def __init__(self, problems: Sequence[RecordingProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(p) for p in self.problems if p.severity == "error")


class ProblemLog:
    """Collects problems; of each rule the first five in full, of the rest the number."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[RecordingProblem] = []
        self._count: Counter[str] = Counter()

    def add(
        self,
        severity: Severity,
        rule: str,
        message: str,
        action: str,
        *,
        line: int | None = None,
        column: str | None = None,
    ) -> None:
        """Note one problem of the current file."""
        self._count[rule] += 1
        if self._count[rule] <= _SHOWN_PER_RULE:
            self._found.append(
                RecordingProblem(severity, self.file, line, column, rule, message, action)
            )

    def count(self, rule: str) -> int:
        """Return how often a rule was broken."""
        return self._count[rule]

    def take(self, other: "ProblemLog") -> None:
        """Note all that another log holds."""
        self._found += other._found  # noqa: SLF001 - of our own kind
        self._count += other._count  # noqa: SLF001

    @property
    def failed(self) -> bool:
        """Whether there is an error among the problems."""
        return any(p.severity == "error" for p in self._found)

    def problems(self) -> list[RecordingProblem]:
        """Return what was found in order, errors first, with a count where there was more."""
        found = list(self._found)
        for rule, count in self._count.items():
            more = count - _SHOWN_PER_RULE
            if more > 0:
                last = next(p for p in reversed(found) if p.rule == rule)
                message = f"{more} more like the {_SHOWN_PER_RULE} above, {count} in all"
                rest = msgspec.structs.replace(last, line=None, column=None, message=message)
                found.insert(found.index(last) + 1, rest)
        return sorted(found, key=lambda p: ("error", "warning", "info").index(p.severity))

    def raise_if_failed(self) -> None:
        """Raise what was found if CORAL cannot go on.

        Raises
        ------
        RecordingError
            If there is an error among the problems.
        """
        if self.failed:
            raise RecordingError(self.problems())
