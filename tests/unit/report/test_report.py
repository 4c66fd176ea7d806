"""`coral report`: one file that any name, and any ticket system, leaves as it is."""

import base64
import hashlib
import importlib.util
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hostile import HOSTILE
from incidents import incident_event
from markdown_it import MarkdownIt
from matplotlib import image
from matplotlib.figure import Figure
from matplotlib.text import Text

from coral.cli.main import main
from coral.contract.events import Event, encode
from coral.errors import Exit
from coral.http.page.report_file import report_file
from coral.report.document import markdown
from coral.report.event_log import IncidentHistory
from coral.report.explain import case
from coral.report.incident_view import IncidentView, incident_view
from coral.report.picture import picture

EVIL = (
    *HOSTILE,
    "</script><script>evil()</script>",
    "--><script>evil()</script><!--",
    "</style><img src=x onerror=evil()>",
    "</title>'\"><svg/onload=evil()>",
    "a`](javascript:evil())`b",
    "| a | b |\n|---|---|",
    "``` \n# heading\n",
    "$\\frac{1}{0}$ {0} {policy}",
    "\u05e9\u05dc\u05d5\u05dd \u5317\u4eac",
    "x" * 4096,
)
INERT = {"text", "code_inline", "softbreak", "text_special"}


class Elements(HTMLParser):
    """Elements with their attributes, and the text outside of styles and scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.texts: list[str] = []
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.found.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside.removesuffix(tag)

    def handle_data(self, data: str) -> None:
        self.raw.get(self._inside, self.texts).append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def history(name: str = "db") -> IncidentHistory:
    """An incident in which everything is called `name`."""
    return IncidentHistory(incident_event(name, name))


def page(name: str = "db") -> str:
    return report_file(history(name)).decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The events of two incidents."""
    path = tmp_path / "events.ndjson"
    events = (incident_event(), incident_event(incident="77aa"))
    path.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    return path


def reported(
    capsysbinary: pytest.CaptureFixture[bytes], *words: Path | str
) -> tuple[int, bytes, str]:
    """Return exit code, standard output and standard error of `coral report`."""
    code = main(["report", *map(str, words)])
    captured = capsysbinary.readouterr()
    return code, captured.out, captured.err.decode()


@pytest.mark.parametrize("name", EVIL, ids=range(len(EVIL)))
def test_no_name_becomes_an_element(name: str) -> None:
    """The page has the same elements and attributes as with a harmless name."""
    harmless, hostile = Elements(page()), Elements(page(name))
    kept = [one for one in hostile.found if one[0] != "code"]

    assert [one for one in harmless.found if one[0] != "code"] == kept
    assert harmless.raw["style"] == hostile.raw["style"]
    view, script = hostile.raw["script"]
    assert harmless.raw["script"][1] == script
    assert msgspec.json.decode(view, type=IncidentView) == incident_view(history(name))
    assert view.isascii()
    assert not set("<>&") & set(view)
    assert all(c.isprintable() or c == "\n" for text in hostile.texts for c in text)
    assert max(map(len, hostile.texts)) < 1000


@pytest.mark.parametrize("name", EVIL, ids=range(len(EVIL)))
def test_no_name_becomes_markdown(name: str) -> None:
    """The same structure as with a harmless name; no link, image or HTML."""
    parser = MarkdownIt("commonmark").enable("table").enable("strikethrough")
    kinds = [
        [
            one.type
            for token in parser.parse(markdown(case(history(which))))
            for one in (token, *(token.children or ()))
            if one.type not in INERT
        ]
        for which in ("db", name)
    ]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("name", EVIL, ids=range(len(EVIL)))
def test_no_name_leaves_its_place_in_a_picture(name: str, figures: list[Figure]) -> None:
    """Letters that the font has, in no more lines than there is room for; never a formula."""
    assert picture(history(name)).startswith(b"\x89PNG\r\n\x1a\n")

    (figure,) = figures
    texts = [t for t in figure.findobj(Text) if t.get_text()]
    assert all(c.isprintable() or c == "\n" for text in texts for c in text.get_text())
    assert not [t for t in texts if t.get_parse_math() and re.search(r"(?<!\\)\$", t.get_text())]
    assert max(len(line) for text in texts for line in text.get_text().split("\n")) <= 120
    assert figure.get_size_inches()[1] < 12


def test_the_page_allows_what_is_in_it_alone() -> None:
    """By its hash; nothing is fetched, and nothing leads away."""
    elements = Elements(page())
    (policy,) = (
        dict(attributes)["content"] or ""
        for tag, attributes in elements.found
        if tag == "meta" and ("http-equiv", "content-security-policy") in attributes
    )
    (style,), (_, script) = elements.raw["style"], elements.raw["script"]
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    ]

    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"@import|url\(", style)
    assert not re.search(r"\b(fetch|import|eval|Function|XMLHttpRequest)\(", script)
    assert not {"a", "img", "link", "iframe", "form"} & {tag for tag, _ in elements.found}


def test_a_page_is_small_enough_for_a_mail() -> None:
    """With all that it needs, and with the longest names."""
    assert len(page().encode()) < 100_000
    assert len(page("x" * 4096).encode()) < 200_000


def test_the_page_says_what_the_markdown_says() -> None:
    """Word for word: it can be read where no script runs."""
    text = " ".join("".join(Elements(page()).texts).split())
    for said in ("Possible cause: db.", "changed first", "2 s to 6 s before", "strength +0.80"):
        assert said in text


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (("-o", "case.html"), b"<!doctype html>"),
        (("-o", "case.HTM"), b"<!doctype html>"),
        (("-o", "case.md"), b"# Incident `3f2a`"),
        (("--markdown", "-o", "case"), b"# Incident `3f2a`"),
        (("-o", "case.png"), b"\x89PNG"),
    ],
)
def test_the_name_of_the_file_says_what_is_written(
    file: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    words: tuple[str, ...],
    begins: bytes,
) -> None:
    """And an option where the name does not."""
    *options, name = words
    out = file.parent / name
    assert (Exit.OK, b"", "") == reported(capsysbinary, "3f", file, *options, out)
    assert out.read_bytes().startswith(begins)


def test_standard_output(file: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """HTML unless something else is asked for; Markdown is that of `coral explain`."""
    assert reported(capsysbinary, "3f", file)[1].startswith(b"<!doctype html>")
    assert reported(capsysbinary, "3f", file, "--png")[1].startswith(b"\x89PNG")
    told = reported(capsysbinary, "3f", file, "--markdown")[1]
    assert main(["explain", "3f", str(file), "--markdown"]) == Exit.OK
    assert told == capsysbinary.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--markdown", "--png"), "--markdown or --png, got both"),
        (("-o", "case.docx"), "-o tells no format: a name in .html, .htm, .md, .png expected"),
        (("--png", "-o", "case.html"), "--png or -o case.html, got both"),
    ],
)
def test_what_makes_no_sense(
    file: Path, capsysbinary: pytest.CaptureFixture[bytes], words: tuple[str, ...], told: str
) -> None:
    """Is said before anything is read."""
    code, _, err = reported(capsysbinary, "3f", file, *words)
    assert Exit.USAGE == code
    assert told in err


def test_a_terminal_shows_no_page(
    file: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But Markdown."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    code, _, err = reported(capsysbinary, "3f", file)
    assert (Exit.USAGE, True) == (code, "-o FILE expected, or --markdown" in err)
    assert Exit.OK == reported(capsysbinary, "3f", file, "--markdown")[0]


def test_a_picture_needs_matplotlib(
    file: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to install is said before anything is read."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else found(name)
    )
    code, out, err = reported(capsysbinary, "3f", file, "--png")
    assert (Exit.FAILURE, b"") == (code, out)
    command = f"{sys.executable} -m pip install"
    assert f"`--png` needs matplotlib, which is not installed: {command}" in err


def test_which_incident(file: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """The only one needs no name; of several, those that are there are said."""
    code, out, err = reported(capsysbinary, file, "--markdown")
    assert (Exit.NOTHING_FOUND, b"") == (code, out)
    assert "INCIDENT is missing, one of 2: 3f2a, 77aa" in err
    code, _, err = reported(capsysbinary, "ab", file)
    assert (Exit.NOTHING_FOUND, True) == (code, "there is no incident `ab`" in err)
    file.write_bytes(encode(incident_event()) + b"\n{")
    code, out, err = reported(capsysbinary, file, "--markdown")
    assert (Exit.INVALID, True) == (code, "line 2: not a CORAL event" in err)
    assert out.startswith(b"# Incident `3f2a`")


def bare(event: Event) -> Event:
    """The first revision of a change of which nothing is known yet."""
    data = msgspec.structs.replace(
        event.data,
        kind="change",
        kpi=[],
        causes=[],
        ruled_out=[],
        health=[],
        history=[],
        felt=[],
        graph=[],
        patterns=[],
        seen_before=None,
        tier="no clear cause",
    )
    return msgspec.structs.replace(event, data=data)


def test_of_an_incident_without_causes(tmp_path: Path) -> None:
    """There is a page, and a picture with the sentence alone."""
    found = IncidentHistory(bare(incident_event()))
    file = tmp_path / "bare.png"
    file.write_bytes(picture(found))

    assert "No entity deviates from its normal state." in report_file(found).decode()
    assert 1080 == image.imread(file).shape[1]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("now",), "today", "RFC 3339 time expected, got `today`"),
        (("trigger", "onset"), "2026-11-22T12:44:46", "RFC 3339 time expected"),
        (("trigger", "onset_interval"), [], "two times as `onset_interval` expected"),
        (("rows",), 0, "rows >= 1 expected"),
        (("health", 0, "course", "rows"), 0, "rows >= 1 expected"),
        (("causes", 0, "metrics"), [], "metrics of each cause expected"),
        (("causes", 0, "changed_after_kpi_interval_s"), [1.0], "two numbers"),
    ],
)
def test_an_event_that_somebody_made_up(
    file: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    path: tuple[str | int, ...],
    value: Any,
    told: str,
) -> None:
    """Is no event, with its line and the rule; those beside it are told."""
    event = msgspec.to_builtins(incident_event(incident="77aa"))
    *above, last = path
    place = event["data"]
    for key in above:
        place = place[key]
    place[last] = value
    file.write_bytes(encode(incident_event()) + b"\n" + msgspec.json.encode(event))
    code, out, err = reported(capsysbinary, file, "--markdown")

    assert (Exit.INVALID, True) == (code, out.startswith(b"# Incident `3f2a`"))
    assert f"line 2: not a CORAL event: {told}" in err
