"""`coral explain`: a whole case from an events file."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from makers import (
    EDGES,
    NAMES,
    ONSET,
    run,
    shop_config,
    shop_rows,
    unfelt_rows,
    write_recording,
)
from markdown_it import MarkdownIt
from typed import there

from coral.cli.main import main
from coral.contract.events import Artefacts, Course, Event, Felt, RuledOut, Screened, decode, encode
from coral.errors import Exit, IncidentError
from coral.report import event_log, explain, onset_text
from coral.report.document import plain
from coral.report.series_text import sparkline
from detectors import names


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """An incident that the engine noticed, and its end."""
    return run(np.vstack([shop_rows(), shop_rows(seed=1, rows=ONSET)]))


@pytest.fixture
def file(tmp_path: Path, events: list[Event]) -> Path:
    """Its events, one a line."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    return path


def explained(
    capsysbinary: pytest.CaptureFixture[bytes], *arguments: Path | str
) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of `coral explain`."""
    code = main(["explain", *map(str, arguments)])
    captured = capsysbinary.readouterr()
    return code, captured.out.decode(), captured.err.decode()


def test_the_whole_case(
    file: Path, events: list[Event], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Everything the engineer on call asks for, each under its heading."""
    last = events[-1].data
    code, text, err = explained(capsysbinary, last.incident[:4], file, "--verbose")
    assert (Exit.OK, "") == (code, err)
    titles = [a for a, b in zip(text.split("\n"), text.split("\n")[1:], strict=False) if "--" in b]
    assert titles == [
        "What happened",
        "Health signals",
        "Causes",
        "Checked and ruled out",
        "Rank history",
        "Statistics",
        "Strongest learned edges",
    ]
    flat = " ".join(text.split())
    assert last.summary in flat
    assert "Resolved at" in flat
    seen = onset_text.STATISTICS[there(last.trigger.channel)]
    assert f"{seen[0].upper()}{seen[1:]}, from " in flat
    assert "The alarm came" in flat
    assert f"Statistic `{last.trigger.channel}`: {last.trigger.statistic:.3g}, limit" in flat
    assert "The data look sound" in flat
    assert "Limit: 2 false changes a week. This is change 1 in" in flat
    assert "Limit of the other kind: 1 false page a week; " in flat
    assert "1. db: " in text
    for said in (*last.causes[0].evidence_for, *last.causes[1].evidence_against):
        assert said in flat
    assert re.search(r"^           [▁-█]+│[▁-█]+ ", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 100


def test_the_answer_alone(
    file: Path, events: list[Event], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """How it is known is said when it is asked for."""
    last = events[-1].data
    _, text, _ = explained(capsysbinary, last.incident[:4], file)
    titles = [
        a
        for a, b in zip(text.split("\n"), text.split("\n")[1:], strict=False)
        if b.startswith("--")
    ]

    assert ["What happened", "Health signals", "Causes", "Checked and ruled out"] == titles
    assert last.summary in " ".join(text.split())
    assert "as normal rows go" not in text
    assert "--verbose" in text.splitlines()[-2]


def test_nobody_has_a_rank_and_is_ruled_out(events: list[Event]) -> None:
    """Among the first five there are reasons against it, behind them it is ruled out alone."""
    data = events[-1].data
    last = data.causes[-1]
    causes = [*data.causes, *(msgspec.structs.replace(last, entity=f"e{n}") for n in range(5))]
    rank = {cause.entity: place for place, cause in enumerate(causes)}
    both = [RuledOut(entity=name, evidence=1.0, reason="weaker") for name in (last.entity, "e4")]
    data = msgspec.structs.replace(data, causes=causes, ruled_out=both)
    history = event_log.IncidentHistory(msgspec.structs.replace(events[-1], data=data))
    ranked, _, text = plain(explain.case(history)).partition("Checked and ruled out")

    assert rank[last.entity] < explain.CAUSES < rank["e4"]
    assert "`e3` (" in ranked
    assert "`e4` (" not in ranked
    assert "`e4`: weaker" in text
    assert f"`{last.entity}`: weaker" not in text


def test_markdown_for_the_post_mortem(
    file: Path, events: list[Event], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Valid: one title, the sections, the rank history as a table with a column a revision."""
    name = events[-1].data.incident
    code, text, _ = explained(capsysbinary, name, file, "--markdown")
    assert code == Exit.OK
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    headings = [t.tag for t in tokens if t.type == "heading_open"]
    assert headings[:4] == ["h1", "h2", "h2", "h2"]
    assert 1 == sum(t.type == "table_open" for t in tokens)
    rows = [line.split("|") for line in text.splitlines() if line.startswith("|")]
    assert 1 == len({len(row) for row in rows})
    assert " `db` " in [row[1] for row in rows]


def test_json_is_one_document(
    file: Path, events: list[Event], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The newest event whole, every revision in short."""
    code, text, _ = explained(capsysbinary, events[0].subject, file, "--json")
    (found,) = json.loads(text)["incidents"]
    assert code == Exit.OK
    assert msgspec.convert(found["event"], Event) == events[-1]
    assert [r["revision"] for r in found["revisions"]] == [e.data.revision for e in events]
    assert "db" == found["revisions"][-1]["top"][0]


def test_without_an_incident_they_are_listed(
    file: Path, events: list[Event], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """As text, as Markdown and as JSON."""
    name = events[0].subject
    _, text, _ = explained(capsysbinary, file)
    assert [name] == [line.split()[0] for line in text.splitlines()[1:] if line]
    _, text, _ = explained(capsysbinary, file, "--markdown")
    assert f"| `{name}` | incident | `shop` |" in text
    _, text, _ = explained(capsysbinary, file, "--json")
    assert [name] == [c["event"]["subject"] for c in json.loads(text)["incidents"]]


def test_standard_input(
    events: list[Event], capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe from `coral replay --json` does as well as a file."""
    lines = b"".join(encode(event) + b"\n" for event in events)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    code, text, _ = explained(capsysbinary, events[0].subject, "-")
    assert code == Exit.OK
    assert "Causes" in text


def test_a_reader_that_has_seen_enough(file: Path) -> None:
    """`coral explain | head -1` is no failure, and says nothing."""
    command = [sys.executable, "-m", "coral.cli.main", "explain", str(file), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        there(process.stdout).close()
        assert b"" == there(process.stderr).read()
    assert Exit.OK == process.returncode


def test_order_repetition_and_torn_lines(
    tmp_path: Path, events: list[Event], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Any order, any event twice, a torn last line: the same case, and the torn line is named."""
    name = events[0].subject
    good, bad = tmp_path / "good", tmp_path / "bad"
    lines = [encode(event) for event in events]
    good.write_bytes(b"\n".join(lines))
    bad.write_bytes(b"\n".join([*lines[::-1], b"", *lines[3:6], lines[-1][:500]]))
    _, expected, _ = explained(capsysbinary, name, good)
    code, text, err = explained(capsysbinary, name, bad)
    assert (Exit.INVALID, expected) == (code, text)
    assert f"line {len(lines) + 5}: not a CORAL event" in err


def test_the_newest_event_alone_tells_the_case(
    tmp_path: Path, events: list[Event], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """It holds the history of the ranking."""
    path = tmp_path / "last.ndjson"
    path.write_bytes(encode(events[-1]))
    _, text, _ = explained(capsysbinary, events[0].subject, path, "--verbose")
    header = next(line for line in text.splitlines() if line.startswith("rows after"))
    assert len(header.split()) > 8


def test_which_incident(
    tmp_path: Path, file: Path, events: list[Event], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """None, and several, are answered with those that are there; no file with its name."""
    code, text, err = explained(capsysbinary, "zz\x1b", file)
    assert (Exit.NOTHING_FOUND, "") == (code, text)
    assert f"there is no incident `zz\\x1b`; there are: {events[0].subject}." in err
    empty = tmp_path / "empty"
    empty.write_bytes(b"\n")
    code, text, _ = explained(capsysbinary, empty)
    assert (Exit.NOTHING_FOUND, "There is no incident in these events.\n\n") == (code, text)
    code, _, err = explained(capsysbinary, "a", tmp_path / "none")
    assert Exit.FAILURE == code
    assert "there is no file" in err
    one, other = event_log.IncidentHistory(events[0]), event_log.IncidentHistory(events[-1])
    two = event_log.EventLog({"ab1": one, "ab2": other, "ab": one}, [])
    assert one is event_log.find(two, "ab")
    assert other is event_log.find(two, "ab2")
    with pytest.raises(IncidentError, match="`a` is the beginning of 3 incidents: ab1, ab2, ab"):
        event_log.find(two, "a")


@pytest.mark.parametrize("form", [[], ["--markdown"], ["--json"]])
def test_hostile_names_stay_names(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], form: list[str]
) -> None:
    """From the metric's name through the engine to every form of the output."""
    evil = "<script>`[x](//www.e.example)|\x1b[31m\u202e"
    names = tuple(name.replace("db", evil) for name in NAMES)
    shop = write_recording(tmp_path / "shop", shop_rows(), names=names, edges=[])
    assert main(["replay", str(shop), "--json"]) == Exit.OK
    path = tmp_path / "events.ndjson"
    path.write_bytes(capsysbinary.readouterr().out)
    name = decode(path.read_bytes().splitlines()[0]).subject
    code, text, _ = explained(capsysbinary, name, path, *form)
    assert code == Exit.OK
    assert all(c.isprintable() or c == "\n" for c in text)
    if form == ["--json"]:
        assert "<" not in text
        assert evil in {
            e["name"] for e in json.loads(text)["incidents"][0]["event"]["data"]["entities"]
        }
    if form == ["--markdown"]:
        tokens = MarkdownIt("commonmark").enable("table").parse(text)
        kinds = {c.type for t in tokens for c in (t, *(t.children or ()))}
        assert not kinds & {"html_inline", "html_block", "link_open", "image"}


def test_given_unknown_and_older(
    events: list[Event], capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    """A given onset has no statistic; no health signal, no cause and an older event are said."""
    event = run(shop_rows(rows=ONSET + 3), onset=float(ONSET))[-1]
    text = " ".join(text_of(event))
    assert "The onset was given: " in text
    assert "false alarm" not in text
    assert "limit" not in text
    bare = msgspec.structs.replace(event.data, kpi=[], causes=[], ruled_out=[], health=[])
    text = " ".join(text_of(msgspec.structs.replace(event, data=bare)))
    assert "None is configured" in text
    assert "No entity deviates from its normal state" in text
    older = msgspec.to_builtins(events[-1])
    for cause in older["data"]["causes"]:
        for field in ("changed_after_kpi_interval_s", "explains", "evidence_for"):
            del cause[field]
        for metric in cause["metrics"]:
            del metric["course"]
    del older["data"]["health"]
    path = tmp_path / "older.ndjson"
    path.write_bytes(json.dumps(older).encode())
    code, text, _ = explained(capsysbinary, events[0].subject, path)
    assert code == Exit.OK
    assert "`web:latency_p95`. Their values are not in the event." in text
    assert "│" not in text


def told(events: list[Event]) -> str:
    """What `coral explain` says of the one incident of some events."""
    history = event_log.IncidentHistory(events[0])
    for event in events:
        history.add(event)
    return " ".join(plain(explain.case(history)).split())


def test_a_change_is_told_from_an_incident() -> None:
    """By its title, and by who feels it; a promoted one says that it was a change."""
    change, promoted = told(run(unfelt_rows())), told(run(unfelt_rows(felt_at=212)))

    assert change.startswith("Change ")
    assert "felt No health signal has felt it so far: a change, not an incident." in change
    assert promoted.startswith("Incident ")
    assert "felt `web:latency_p95` left its usual range: 0.56" in promoted
    assert re.search(r", usually 0\.0\d+\. It was a change at first\.", promoted)


def test_who_felt_it_is_said_when_it_is_over(events: list[Event]) -> None:
    """Earlier revisions know; the last one alone knows that one did."""
    data = events[-1].data
    assert "felt `web:latency_p95` felt it. No health signal feels it now." in told(events)
    assert "No health signal feels it now; one did before." == onset_text.felt(data)
    over = msgspec.structs.replace(data, kind="change")
    assert "No health signal felt it: a change, not an incident." == onset_text.felt(over)


@pytest.mark.parametrize(
    ("source", "felt", "expected"),
    [
        (
            "health",
            [Felt("web:latency_p95", 0.1, 0.48, None)],
            "`web:latency_p95` left its usual range: 0.48, usually 0.1, from 00:03:20 on",
        ),
        ("health", [], "`web:latency_p95` left its usual range, from 00:03:20 on"),
        (
            "objective",
            [Felt("web:latency_p95", None, 0.48, "above 0.5 for 120 s")],
            "`web:latency_p95` breached its objective: above 0.5 for 120 s (0.48 now), from 00:03",
        ),
        (
            "objective",
            [Felt("web:latency_p95", None, None, "above 0.5")],
            "`web:latency_p95` breached its objective: above 0.5 (no value now), from 00:03:20",
        ),
    ],
)
def test_a_health_signal_that_opened_it(
    events: list[Event], source: Any, felt: list[Felt], expected: str
) -> None:
    """What it did stands first, and no series is called strongest beside it."""
    data = events[0].data
    trigger = msgspec.structs.replace(
        data.trigger,
        source=source,
        onset="1970-01-01T00:03:20Z",
        channel=None,
        statistic=14.0,
        threshold=12.0,
        series=["web:latency_p95"],
    )
    text = onset_text.began(msgspec.structs.replace(data, trigger=trigger, felt=felt))
    limit = {
        "health": "Evidence of `web:latency_p95`: 14, pages from 12 on.",
        "objective": "Reading of `web:latency_p95`: 14, limit 12.",
    }

    assert text.startswith(expected)
    assert "Strongest" not in text
    assert limit[source] == onset_text.detection(trigger)


def test_health_signals_are_recommended_once_where_none_is_named() -> None:
    """Proposed ones and none at all; those that are named need no advice."""
    for edges, expected in ((EDGES, "Proposed health signals decide"), ((), "Every change pages")):
        text = told(run(shop_rows(), config=shop_config(kpi=(), edges=edges)))
        assert 1 == text.count("name the series that your users feel as `kpi`")
        assert expected in text
    assert "as `kpi`" not in told(run(shop_rows()))


PRIVATE = re.compile(
    r"\b(kpi|surpris\w*|silen\w*|told|witness\w*|unaided|standing|views?|new normal)\b",
    re.IGNORECASE,
)


def test_no_private_word_is_read(events: list[Event]) -> None:
    """A reader meets the terms of the field, outside of names."""
    given = run(shop_rows(), onset=float(ONSET))
    for event in (*events, *given):
        data = event.data
        sentences = [data.summary, onset_text.began(data), onset_text.data_quality(data)]
        for cause in data.causes:
            sentences += [cause.text, *cause.evidence_for, *cause.evidence_against]
        sentences += [candidate.reason for candidate in data.ruled_out]
        for text in (*sentences, " ".join(text_of(event)), *onset_text.STATISTICS.values()):
            assert not PRIVATE.search(re.sub(r"`[^`]*`", "", text))


def text_of(event: Event) -> list[str]:
    return plain(explain.case(event_log.IncidentHistory(event))).split()


def test_a_health_signal_that_did_not_change_is_said_to_have_stayed(events: list[Event]) -> None:
    """And one without a value to have none; without a clear cause no entity is called possible."""
    last = events[-1]
    health = msgspec.structs.replace(last.data.health[0], changed_at=None, before=1.0, after=2.0)
    silent = msgspec.structs.replace(health, after=None)
    data = msgspec.structs.replace(last.data, health=[health, silent], tier="no clear cause")
    text = " ".join(text_of(msgspec.structs.replace(last, data=data)))
    assert "`web:latency_p95` stayed in its normal range: 1 before, 2 on average since." in text
    assert "`web:latency_p95` has had no value since; it was 1 before." in text
    assert "1. db: score 0." in text


@pytest.mark.parametrize(
    ("before", "after", "drawn"),
    [
        ([0.0, 1.0], [7.0, 8.0], "▁▂│██"),
        ([5.0, 5.0], [5.0], "▁▁│▁"),
        ([None, 0.0], [None, 1.0], "·▁│·█"),
        ([], [], "│"),
        ([-1.7e308], [1.7e308, 0.0], "▁│█▅"),
    ],
)
def test_sparklines(before: list[float | None], after: list[float | None], drawn: str) -> None:
    """From the least to the greatest value; a point without a value is a dot."""
    assert drawn == sparkline(Course(1, before, after))


def test_every_statistic_has_words() -> None:
    """A new one needs an explanation."""
    assert set(names.STATISTICS) == set(onset_text.STATISTICS)


def test_doubts_about_the_data_come_first(events: list[Event]) -> None:
    """Silence, gaps, a single row and a restarted counter are named; none is said, too."""
    data = events[0].data
    clean = msgspec.structs.replace(
        there(data.trigger.artefacts),
        rows=9,
        missing=0.0,
        usual_missing=0.0,
        silent=[],
        near_zero=[],
    )
    doubtful = msgspec.structs.replace(
        clean, rows=1, missing=0.4, silent=["a:x", "b:x", "c:x", "d:x"], near_zero=["e:total"]
    )

    def said(facts: Artefacts, rows: int) -> str:
        trigger = msgspec.structs.replace(data.trigger, artefacts=facts)
        return onset_text.data_quality(msgspec.structs.replace(data, trigger=trigger, rows=rows))

    assert said(clean, 12).startswith("The data look sound: 12 rows since the onset")
    text = said(doubtful, 1)
    assert "there is only one row so far" in text
    assert "40% of the values are missing, usually 0%" in text
    assert "`a:x`, `b:x`, `c:x` and 1 more stopped sending" in text
    assert "`e:total` fell to almost zero" in text
    assert "only one row" not in said(doubtful, 2)


def test_a_certified_budget(events: list[Event]) -> None:
    """The limit that was reached, and on what it rests."""
    facts = msgspec.structs.replace(
        there(events[0].data.trigger.budget),
        per_week=1.0,
        alarms=1,
        watched_weeks=4.0,
        certified_per_week=0.75,
        calibrated=True,
    )
    assert (
        "Limit: 1 false change a week. This is change 1 in 28 d of normal operation, which shows "
        "at most 0.75 a week (95% confidence, every earlier change counted as false)."
    ) == onset_text.false_alarms(facts)
    pages = msgspec.structs.replace(facts, product="incident", per_week=2.0)
    assert onset_text.false_alarms(pages).startswith("Limit: 2 false pages a week. This is page 1 ")
    assert (
        "Limit of the other kind: 2 false pages a week; 1 page in 28 d, which shows at most 0.75 a "
        "week."
    ) == onset_text.other_alarms(pages)


@pytest.mark.parametrize(("weeks", "doubt"), [(0.1, True), (0.2, False)])
def test_a_budget_that_is_not_certified(events: list[Event], weeks: float, doubt: bool) -> None:
    """Less than a day watched is said to be less than every hour of one."""
    facts = msgspec.structs.replace(
        there(events[0].data.trigger.budget), per_week=1.0, watched_weeks=weeks, calibrated=False
    )
    text = onset_text.false_alarms(facts)

    assert "it takes 21 d to show that the limit holds." in text
    assert ("Daily patterns are not known yet." in text) == doubt


def test_what_the_normal_rows_contradict_is_said(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A forbidden edge that they ask for has a section of its own."""
    rows = np.vstack([shop_rows(seed=1, rows=1000, fault="none"), shop_rows()[ONSET:]])
    events = run(rows, config=shop_config(forbidden_edges=(("pay", "db"),), edges=EDGES[:3]))
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    _, text, _ = explained(capsysbinary, events[-1].data.incident, path, "--verbose")

    assert "Known edges that the normal rows contradict" in text
    assert "`db` -> `pay`: forbidden, but the normal rows show it" in text


def test_what_the_graph_leaves_out_is_said(
    events: list[Event], tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """How many series, and of whom most."""
    last = events[-1]
    screened = Screened(series=5000, in_graph=1000, most_left_out=["node-7", "node-9"])
    data = msgspec.structs.replace(last.data, screened=screened)
    path = tmp_path / "events.ndjson"
    path.write_bytes(encode(msgspec.structs.replace(last, data=data)) + b"\n")
    _, text, _ = explained(capsysbinary, last.data.incident, path, "--verbose")

    assert "The graph holds 1000 of 5000 series" in " ".join(text.split())
    assert "Most series are left out of `node-7`, `node-9`." in " ".join(text.split())


def test_a_signal_that_moved_by_less_than_is_shown(events: list[Event]) -> None:
    """No two values are told apart that read alike."""
    felt = Felt(signal="web:rows", now=50_171.9, usual=50_171.2, objective=None)
    text = onset_text.felt(msgspec.structs.replace(events[-1].data, kind="incident", felt=[felt]))

    assert (
        "`web:rows` left its usual range by less than its values are shown with: 50.17k."
    ) == text


def test_a_health_signal_says_its_mean_since_and_where_it_is_now(events: list[Event]) -> None:
    """While it is felt."""
    last = events[-1]
    name = last.data.health[0].name
    for now, said in ((4.5, "on average since). Now 4.5."), (None, "on average since).")):
        felt = [Felt(signal=name, now=now, usual=0.5, objective=None)]
        data = msgspec.structs.replace(last.data, felt=felt)
        text = " ".join(text_of(msgspec.structs.replace(last, data=data)))
        _, _, signal = text.partition("Health signals")
        assert said in signal
        assert ("Now " in signal) == (now is not None)
