"""What a person sees of a replay: progress, causes, scorecards. Data goes to stdout as JSON."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from coral.contract.events import Event, Incident
from coral.incident.budgets import Budgets
from coral.incident.sight import Sight
from coral.report.onset_text import (
    ENDED,
    WEEK_S,
    advice,
    alerts,
    allowed,
    began,
    clock,
    data_quality,
    felt,
)
from coral.report.series_text import what_changed
from coral.report.terminal import console_for
from coral.text import done, named, printable, quoted, seconds
from streams.recorded import RecordingProblem

__all__ = [
    "RevisionPrinter",
    "describe_problems",
    "describe_quiet",
    "print_incident",
    "print_problems",
    "print_scorecard",
]

SHOWN_CAUSES = 5
SHOWN_NAMES = 5
SHOWN_CHANGES = 5
_ONLINE = ("strict", "pages", "found", "paged", "false", "pages/d", "changes/d", "delay")
OPENED = "io.coral.incident.opened.v1"


class RevisionPrinter:
    """Prints the revisions that are news: another order, another state, or twice the rows."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed: tuple[str, list[str]] | None = None
        self._next_rows = 0
        self._day = ""
        self._kind = ""

    def __call__(self, event: Event) -> None:
        """Print one revision, if it is news, as one line."""
        data = event.data
        names = [cause.entity for cause in data.causes[:3]]
        if event.type == OPENED:
            self._printed = None
            self._console.print(f"{self._when(event)}  [bold]{data.kind} {data.incident} opened[/]")
            own = data.trigger.source in ("health", "objective", "alert")
            said = "" if own else felt(data)
            self._say(began(data), said, data_quality(data))
        elif self._kind == "change" and data.kind == "incident":
            self._printed = None
            self._console.print(f"{self._when(event)}  [bold]the change became an incident[/]")
            self._say(felt(data))
        self._kind = data.kind
        if self._printed == (data.state, names) and data.rows < self._next_rows:
            return
        self._printed, self._next_rows = (data.state, names), 2 * data.rows
        word: str = "ranking" if data.state == "diagnosing" else data.state
        if data.state == "settled" and data.convergence.corrected:
            word = "corrected"
        ranked = escape(printable(" > ".join(names)) or "nothing stands out")
        self._console.print(
            f"{self._when(event)}  {word:9} after {data.rows:4d} rows: {ranked}", highlight=False
        )
        if data.resolution:
            self._console.print(f"          {ENDED[data.resolution]}")

    def _say(self, *texts: str) -> None:
        """Print sentences below the line of their event."""
        self._console.print(Padding(Text(" ".join(filter(None, texts))), (0, 0, 0, 10)))

    def _when(self, event: Event) -> str:
        """Return the time of day, with the date where another day has begun."""
        moment, self._day = clock(event.time, self._day), event.time[:10]
        return moment


def describe_quiet(sight: Sight | None) -> str:
    """Return what it means that nothing was noticed, and what could have been."""
    if sight is None or sight.budgets is None or sight.phase == "warming":
        shown = "No incident: the recording is shorter than the warm-up, so nothing was watched."
        return shown if sight is None else " ".join([shown, *_limits_of_sight(sight)])
    if sight.phase == "blind":
        seen = ["No incident, but few changes could have been seen."]
    else:
        seen = [_watched(sight.budgets)]
    return " ".join([*seen, *_limits_of_sight(sight)])


def _watched(budgets: Budgets) -> str:
    """Say for how long nothing was raised, and what that shows."""
    facts, changes = budgets.pages, budgets.changes
    certified = facts.certified_per_week
    if certified is not None and certified <= facts.per_week:
        shown = f"That shows at most {certified:.2g} false pages a week (95% confidence)."
    else:
        needed = seconds(3.0 / facts.per_week * WEEK_S)
        shown = f"It takes {needed} to show that the limit of {allowed(facts.per_week)} holds."
    weeks = max(facts.watched_weeks, 0.0 if changes is None else changes.watched_weeks)
    what = "No incident" if changes is None else "No incident and no change"
    return f"{what} in {seconds(weeks * WEEK_S)} of normal operation. {shown}"


def _limits_of_sight(sight: Sight) -> list[str]:
    """Say what could be noticed, what not, and what has never occurred, one sentence each."""
    said = [f"{text[0].upper()}{text[1:]}." for text in sight.needed]
    if sight.reach:
        said.append(f"What would be noticed: {'; '.join(sight.reach)}.")
    said += [f"{text}." for text in sight.aggregated]
    absent = (("Health signals", sight.absent_signals), ("Entities", sight.absent_entities))
    for what, names in absent:
        if names:
            listed = ", ".join(_absent(name, sight) for name in names[:SHOWN_NAMES])
            more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
            said.append(f"{what} of the configuration that have never occurred: {listed}{more}.")
    return said


def _absent(name: str, sight: Sight) -> str:
    """Return a name that has never occurred, with the one that may be meant."""
    other = sight.meant.get(name)
    return quoted(name) if other is None else f"{quoted(name)} (perhaps {quoted(other)})"


def print_incident(console: Console, data: Incident) -> None:
    """Print the answer: summary, ranked causes with their strongest change, what was ruled out."""
    console.print()
    console.print(Text(printable(data.summary), style="bold"))
    if data.kind == "change":
        console.print(Text(felt(data)))
    table = Table(box=None, padding=(0, 1), show_edge=False)
    for name in ("#", "cause", "tier", "score", "strongest change"):
        table.add_column(name, justify="right" if name in ("#", "score") else "left")
    for cause in data.causes[:SHOWN_CAUSES]:
        score, changed = f"{cause.score:.2f}", what_changed(cause.metrics[0])
        entity = Text(printable(cause.entity))
        table.add_row(str(cause.rank), entity, cause.tier, score, Text(changed))
    console.print(table)
    shown = {cause.entity for cause in data.causes[:SHOWN_CAUSES]}
    if rest := [candidate for candidate in data.ruled_out if candidate.entity not in shown]:
        console.print("Checked and ruled out:")
        for candidate in rest:
            reason = Text(printable(f"{candidate.entity}: {candidate.reason}"))
            console.print(Padding(reason, (0, 0, 0, 2)))
    _print_beside(console, data)
    settled = data.convergence
    if settled.converged:
        since = ", and was corrected later" if settled.corrected else ""
        console.print(
            f"The ranking settled {settled.rows} rows after the onset{since}.", highlight=False
        )
    else:
        console.print(f"The ranking had not settled after {data.rows} rows.", highlight=False)
    if text := advice(data):
        console.print(text, highlight=False)


def _print_beside(console: Console, data: Incident) -> None:
    """Print what others say of the incident: alerts, and what was done to the system."""
    if data.alerts:
        console.print("Alerts of others:")
        for said in alerts(data):
            console.print(Padding(Text(said), (0, 0, 0, 2)))
    if data.change_events:
        console.print("Done to the system around the onset:")
        for change in data.change_events[:SHOWN_CHANGES]:
            told = done(change.entity, change.kind, change.before_onset_s)
            text = f"{told}: {named(change.text)}" if change.text else told
            console.print(Padding(Text(text), (0, 0, 0, 2)))


def describe_problems(console: Console, path: str, problems: Iterable[RecordingProblem]) -> None:
    """Print what is wrong with a recording, one line a problem."""
    listed = list(problems)
    console.print(f"[bold]{escape(path)}[/]")
    print_problems(console, listed)
    if not listed:
        console.print("  no problem found")


def print_problems(console: Console, problems: Iterable[RecordingProblem]) -> None:
    """Print problems alone, one line each; nothing where there are none."""
    styles = {"error": "bold red", "warning": "yellow", "info": "dim"}
    for problem in problems:
        line = Text("  ")
        line.append(problem.severity, style=styles[problem.severity])
        line.append(str(problem).removeprefix(problem.severity))
        console.print(line, soft_wrap=True)


def print_scorecard(card: dict[str, Any]) -> None:
    """Print the scorecard to standard output as a table, one row a data set."""
    console = console_for(width=120)
    table = Table(title=f"coral {card['version']}, {card['mode']} mode", box=None, padding=(0, 1))
    columns = ("data set", "n", "AC@1", "AC@3", "AC@5", "Avg@5", "MRR")
    online = card["mode"] == "online"
    more = _ONLINE if online else ()
    for name in (*columns, *more):
        table.add_column(name, justify="left" if name == "data set" else "right", no_wrap=True)
    for name, values in card["datasets"].items():
        table.add_row(name, *_cells(values, online=online))
    table.add_row("macro", *_cells(card["macro"], online=online), style="bold")
    console.print(table)
    if online:
        console.print(
            "strict: AC@1 with 0 for every miss and false event; pages: with 0 for every miss and "
            "false page; found: share of faults, by a change or an incident; paged: by an "
            "incident; false: cases with a false event; pages/d, changes/d: false ones a day; "
            f"delay: median rows; the budgets are {card['budget_per_day']:.2f} pages and "
            f"{card['changes_budget_per_day']:.2f} changes a day; {card['artefacts']} alarms at "
            "joins of recordings were left out",
            style="dim",
        )
    for reason, count in card["skipped"].items():
        console.print(f"skipped {count}: {escape(reason)}", style="dim")
    for warning in card["warnings"].values():
        several = "one case" if warning["n"] == 1 else f"{warning['n']} cases"
        console.print(
            f"[yellow]{several}[/], e.g. {escape(warning['case'])}: {escape(warning['text'])}"
        )
    for failure in card["failed"]:
        console.print(
            f"[bold red]unusable[/] {escape(failure['path'])}: {escape(failure['reason'])}"
        )
    crashed = [row for row in card["cases"] if row.get("error")]
    for row in crashed:
        console.print(f"[bold red]crashed[/] {escape(row['case'])}: {escape(row['error'])}")


def _cells(values: dict[str, Any], *, online: bool) -> list[str]:
    names = ["ac@1", "ac@3", "ac@5", "avg@5", "mrr"]
    cells = [str(values["n"])] + [_number(values.get(name), 3) for name in names]
    if online:
        cells += [_number(values.get(f"strict{of}_ac@1"), 3) for of in ("", "_pages")]
        cells += [_number(values.get(name), 2) for name in ("detected", "paged")]
        cells += [_number(values.get("false_alarm_cases"), 0)]
        cells += [_number(values.get(f"false_{of}_per_day"), 2) for of in ("pages", "changes")]
        cells += [_number(values.get("delay_rows_median"), 0)]
    return cells


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
