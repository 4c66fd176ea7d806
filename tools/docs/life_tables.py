"""The tables of docs/evaluation/life.md from `benchmarks/results/life.json`."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

Life = Mapping[str, Any]
_LIVES = {"weeks": "minutes", "seconds": "seconds", "year": "five minutes"}


def bars(result: Life) -> str:
    """Hold the weeks against what is asked for."""
    f, part = result["figures"], result["parts"]["weeks"]
    felt, unfelt = (_a_week(f, name) for name in ("felt", "unfelt"))
    rows = [
        ("false incidents that were felt, first week", f"{f['weeks_felt_first_week']:.1f}", "2"),
        ("the same, a week, from the second on", felt, ".3"),
        ("false changes that nobody felt, a week, from the second on", unfelt, "1"),
        (
            "visible faults found",
            _found(f),
            "95 %",
        ),
        ("right cause first, of those found", f"{f['weeks_ac@1']:.2f}", ".75"),
        ("in the first three", f"{f['weeks_ac@3']:.2f}", ".92"),
        (
            "told three minutes after an objective was breached: first, first three",
            f"{f['weeks_told_ac@1']:.2f}, {f['weeks_told_ac@3']:.2f} of {f['weeks_told']:.0f}",
            ".75, .92",
        ),
        ("*likely* is right", _of(f["weeks_likely_right"], f["weeks_likely"]), "90 %"),
        (
            "decoy blamed, of visible faults that follow one and were found",
            _of(f["weeks_decoy_blamed"], f["weeks_decoyed_found"]),
            "",
        ),
        ("median delay, s", f"{f['weeks_median_delay_s']:.0f}", ""),
        ("share of the time in alarm, outside of faults", f"{f['weeks_in_alarm']:.1%}", ""),
        (
            "rows a CPU second, first week and last",
            f"{f['weeks_rows_per_s_first']:.0f}, {f['weeks_rows_per_s_last']:.0f}",
            "95 %",
        ),
    ]
    lines = ["| measure | shipped | bar |", "|---|--:|--:|"]
    lines += [f"| {name} | {value} | {bar} |" for name, value, bar in rows]
    rule = (
        "The rule is a rolling median and six MAD of the health signals alone, two rows in a row: "
        f"{f['weeks_rule_false_a_week']:.1f} false pages a week."
    )
    return "\n".join([*lines, "", f"{_lived(part)} {rule}"])


def weeks(result: Life) -> str:
    """Tell every week of life, all lives of minutes together."""
    head = (
        "| week | felt | unfelt | time in alarm | visible | found | first | rows/s | RSS, MB "
        "| checkpoint, MB | series known | alive |"
    )
    lines = [head, "|" + "--:|" * 12]
    for row in result["parts"]["weeks"]["weeks"]:
        cells = (
            f"{row['week']:.0f}",
            *(f"{row[name]:.0f}" for name in ("felt", "unfelt")),
            f"{row['in_alarm']:.1%}",
            *(f"{row[name]:.0f}" for name in ("visible", "found", "first")),
            *(f"{row[name]:.0f}" for name in ("rows_per_s", "rss_mb", "checkpoint_mb")),
            *(f"{row[name]:.0f}" for name in ("series_known", "series_alive")),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def faults(result: Life) -> str:
    """Tell what became of visible faults, by kind and by severity."""
    lived = [f for life in result["parts"]["weeks"]["lives"] for f in life["faults"]]
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for fault in lived:
        for name in (fault["kind"], f"*{fault['severity']}*"):
            groups[name].append(fault)
    order = sorted(groups, key=lambda name: (name.startswith("*"), name))
    lines = [
        "| kind, *severity* | faults | visible | found | by the rule | first | first three |",
        "|---|" + "--:|" * 6,
    ]
    for name in order:
        seen = [f for f in groups[name] if f["visible"]]
        counts = (
            len(groups[name]),
            len(seen),
            sum(f["found"] for f in seen),
            sum(f["found_by_rule"] for f in seen),
            sum(f["place"] == 1 for f in seen),
            sum(f["place"] is not None and f["place"] <= 3 for f in seen),
        )
        lines.append(f"| {name} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(lines)


def false(result: Life) -> str:
    """Tell what was opened outside of faults, by the benign change shortly before."""
    lives = result["parts"]["weeks"]["lives"]
    opened = [o for life in lives for o in life["false"]]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    minutes: dict[str, float] = defaultdict(float)
    for one in opened:
        kinds = sorted({near.partition(" of ")[0] for near in one["near"]})
        name = ", ".join(kinds) or "nothing"
        counts[name]["felt" if one["felt"] else "unfelt"] += 1
        minutes[name] += one["minutes"]
    lines = ["| shortly before | felt | unfelt | hours open |", "|---|--:|--:|--:|"]
    for name in sorted(counts, key=lambda name: -minutes[name]):
        held = counts[name]
        lines.append(f"| {name} | {held['felt']} | {held['unfelt']} | {minutes[name] / 60.0:.1f} |")
    return "\n".join(lines)


_TOLD = {"weeks": "none", "half_changes": "half of them", "changes": "all"}


def changes(result: Life) -> str:
    """Hold the same lives against each other, told of none, of half, and of all that was done."""
    parts = {name: result["parts"][name] for name in _TOLD if name in result["parts"]}
    f = result["figures"]
    rows = [
        ("visible faults found", [_count(f, name, "found", "visible") for name in parts]),
        ("right cause first, of those found", [f"{f[f'{name}_ac@1']:.2f}" for name in parts]),
        ("*likely* is right", [_count(f, name, "likely_right", "likely") for name in parts]),
        ("decoy blamed", [_count(f, name, "decoy_blamed", "decoyed_found") for name in parts]),
        ("false incidents that were felt", [_falsely(part, felt=True) for part in parts.values()]),
        ("false changes", [_falsely(part, felt=False) for part in parts.values()]),
        (
            "of these, shortly after a deployment",
            [_falsely(part, felt=False, near="deployment") for part in parts.values()],
        ),
        ("time in alarm, outside of faults", [f"{f[f'{name}_in_alarm']:.1%}" for name in parts]),
    ]
    lines = ["| told of changes | " + " | ".join(_TOLD[name] for name in parts) + " |"]
    lines += ["|---|" + "--:|" * len(parts)]
    lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows]
    return "\n".join([*lines, "", *dict.fromkeys(_lived(part) for part in parts.values())])


def _count(figures: Mapping[str, float], name: str, part: str, whole: str) -> str:
    return f"{figures[f'{name}_{part}']:.0f} of {figures[f'{name}_{whole}']:.0f}"


def _falsely(part: Mapping[str, Any], *, felt: bool, near: str = "") -> str:
    """Count what was opened outside of faults, perhaps shortly after a benign change of a kind."""
    opened = [one for life in part["lives"] for one in life["false"] if one["felt"] == felt]
    return str(sum(any(near in kind for kind in one["near"]) or not near for one in opened))


def others(result: Life) -> str:
    """Tell of the lives on other grids, as far as they were lived."""
    head = (
        "| grid | days | felt | unfelt | found of visible | first | rows/s, first and last "
        "| RSS, MB | checkpoint, MB | series known, alive |"
    )
    lines = [head, "|---|" + "--:|" * 9]
    for name in ("seconds", "year"):
        part = result["parts"].get(name)
        if part is None:
            continue
        f = {k.removeprefix(f"{name}_"): v for k, v in result["figures"].items()}
        weeks_, lived = part["weeks"], part["lives"]
        found = [one for life in lived for one in life["false"]]
        cells = (
            _LIVES[name],
            f"{part['days']:g}",
            str(sum(one["felt"] for one in found)),
            str(sum(not one["felt"] for one in found)),
            f"{f['found']:.0f} of {f['visible']:.0f}",
            str(sum(x["place"] == 1 for life in lived for x in life["faults"] if x["visible"])),
            f"{weeks_[0]['rows_per_s']:.0f}, {weeks_[-1]['rows_per_s']:.0f}",
            f"{weeks_[-1]['rss_mb']:.0f}",
            f"{weeks_[-1]['checkpoint_mb']:.0f}",
            f"{weeks_[-1]['series_known']:.0f}, {weeks_[-1]['series_alive']:.0f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    parts = {k: result["parts"][k] for k in ("seconds", "year") if k in result["parts"]}
    notes = [f"{_LIVES[k]}: {_lived(part)}" for k, part in parts.items()]
    return "\n".join([*lines, "", *notes])


def _a_week(figures: Mapping[str, float], name: str) -> str:
    value = figures.get(f"weeks_{name}_a_week")
    return "-" if value is None else f"{value:.2f}"


def _found(figures: Mapping[str, float]) -> str:
    visible, paged = figures["weeks_visible"], figures["weeks_paged"]
    found, rule = _of(figures["weeks_found"], visible), figures["weeks_found_by_rule"]
    return f"{found}; paged {paged:.0f}; the rule {rule:.0f}"


def _of(part: float, whole: float) -> str:
    share = f" ({part / whole:.0%})" if whole else ""
    return f"{part:.0f} of {whole:.0f}{share}"


def _lived(part: Mapping[str, Any]) -> str:
    """Say what was lived, and whether that is all of it."""
    lives: Sequence[Any] = part["lives"]
    rest = "" if part["full"] else " (fewer than the whole measurement)"
    what = "lives" if len(lives) > 1 else "life"
    return (
        f"{len(lives)} {what} of {part['days']:g} days{rest}, a row every "
        f"{part['interval_s']:g} s, {part['jobs']} at a time; commit {part['commit']}."
    )
