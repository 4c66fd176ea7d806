"""Documents as text and as Markdown; what a name cannot do."""

from collections.abc import Callable, Iterator

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from coral.report.document import (
    Block,
    Definitions,
    Heading,
    Items,
    Paragraph,
    Table,
    markdown,
    plain,
)
from coral.text import quoted

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](http://evil.example)",
    "![x](http://evil.example/x.png)",
    "a`](http://evil.example)`b",
    "``` \n# heading\n",
    "| a | b |\n|---|---|",
    "a|b\\|c",
    "https://evil.example www.evil.example me@evil.example",
    "<https://evil.example>",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "\u202eelpmis\u2066",
    "*bold* _it_ ~~gone~~ $x$ &lt; [^1] - # > 1.",
    "\\",
    "1. one",
    "=====",
)


def blocks(name: str) -> list[Block]:
    """Every kind of block, with the name as a name and, from a foreign writer, as it is."""
    return [
        Heading(1, f"Incident in {quoted(name)}"),
        Heading(2, name),
        Paragraph(name),
        Items([name, f"it is {quoted(name)}, said `twice"]),
        Definitions([("one", [name]), ("two", [quoted(name), name])]),
        Table(("name", "n"), [[quoted(name), "1"], [name, "2"]], frozenset({1})),
    ]


def tokens(text: str) -> Iterator[Token]:
    parser = MarkdownIt("commonmark").enable("table").enable("strikethrough")
    for token in parser.parse(text):
        yield token
        yield from token.children or ()


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_markup(name: str) -> None:
    """The same structure as with a harmless name; no link, image or HTML, in no place."""
    structural = {"text", "code_inline", "softbreak", "text_special"}
    harmless = [t.type for t in tokens(markdown(blocks("db"))) if t.type not in structural]
    rendered = list(tokens(markdown(blocks(name))))
    assert harmless == [t.type for t in rendered if t.type not in structural]
    kinds = {t.type for t in rendered}
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "em_open", "s_open"}
    loose = " ".join(t.content for t in rendered if t.type == "text")
    assert not [word for word in ("://", "www.", "@") if word in loose]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", [plain, markdown])
def test_no_name_reaches_the_terminal(form: Callable[[list[Block]], str], name: str) -> None:
    """Nothing but printable characters and our own line feeds, and no line more than usual."""
    text = form(blocks(name))
    assert all(c.isprintable() or c == "\n" for c in text)
    if form is markdown:
        assert markdown(blocks("db")).count("\n") == text.count("\n")


def test_text_is_wrapped_and_aligned() -> None:
    """Labels stand apart, long sentences go on below, numbers are set to the right."""
    document: list[Block] = [
        Heading(2, "Causes of `db`"),
        Definitions(
            [("for", ["one two three four five six seven", "eight"]), ("against", ["nine"])]
        ),
        Table(("name", "n"), [["`db`", "1"], ["`größe`", "10"]], frozenset({1})),
    ]
    assert """\
Causes of db
------------
  for      one two three
           four five six
           seven
           eight
  against  nine

name    n
db      1
größe  10

""" == plain(document, 25)


def test_markdown_reads_well() -> None:
    """What needs no escape has none."""
    document: list[Block] = [
        Heading(3, "1. `db`: likely"),
        Paragraph("`db:cpu` rose 2.5x, 4 s before web; cart -> web (between 1 s and 2 s)."),
        Definitions([("for", ["`▁▁│██` 0 .. 1"]), ("against", ["one", "two"])]),
        Table(("name", "n"), [["`db`", "1"]], frozenset({1})),
    ]
    assert """\
### 1. `db`: likely

`db:cpu` rose 2.5x, 4 s before web; cart -> web (between 1 s and 2 s).

- **for**: `▁▁│██` 0 .. 1
- **against**:
  - one
  - two

| name | n |
| --- | ---: |
| `db` | 1 |

""" == markdown(document)


def test_headings_stand_out_on_a_terminal() -> None:
    """And nothing else: a name brings no control sequence of its own."""
    blocks: list[Block] = [Heading(2, "`a\x1b[31m`"), Paragraph("text")]

    assert "\x1b[1ma\\x1b[31m\x1b[0m" == plain(blocks, bold=True).splitlines()[0]
    assert "text" in plain(blocks, bold=True).splitlines()
    assert "\x1b" not in plain(blocks)
