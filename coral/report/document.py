r"""Documents of a few kinds of blocks, as plain text, as Markdown and as HTML.

A document says what is to be read; how it is set, and that nothing in it can leave its place, is
decided here alone. Sentences are prose with names between backticks, as in the events.
"""

import html as markup
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from coral.text import printable

__all__ = [
    "WIDTH",
    "Block",
    "Definitions",
    "Heading",
    "Items",
    "Paragraph",
    "Table",
    "html",
    "markdown",
    "plain",
]

WIDTH = 100
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


class Heading(NamedTuple):
    """Title of what follows; 1 is that of the document."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """Sentences."""

    text: str


class Items(NamedTuple):
    """An unordered list."""

    items: Sequence[str]


class Definitions(NamedTuple):
    """Labels, and one or more things to say under each."""

    rows: Sequence[tuple[str, Sequence[str]]]


class Table(NamedTuple):
    """A table; columns of numbers are set to the right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()


Block = Heading | Paragraph | Items | Definitions | Table


def plain(document: Iterable[Block], width: int = WIDTH, *, bold: bool = False) -> str:
    """Return a document for a terminal, wrapped to `width` columns; tables keep their own.

    Parameters
    ----------
    document : iterable of blocks
    width : int
    bold : bool
        Whether headings are emphasised by control sequences, for terminals alone.
    """
    lines: list[str] = []
    for block in document:
        added = _plain(block, width)
        if bold and isinstance(block, Heading):
            added = [f"{BOLD}{line}{PLAIN}" for line in added]
        lines += added
    return "\n".join(lines) + "\n"


def _plain(block: Block, width: int) -> list[str]:
    match block:
        case Heading(level, text):
            title = printable(text.replace("`", ""))
            rule = {1: "=", 2: "-"}.get(level)
            return [title, rule * cell_len(title)] if rule else [title]
        case Paragraph(text):
            return [*_wrapped(text, width, "", ""), ""]
        case Items(items):
            return [*(line for item in items for line in _wrapped(item, width, "- ", "  ")), ""]
        case Definitions(rows):
            return [*_plain_definitions(rows, width), ""]
        case Table(header, rows, right):
            return [*_plain_table(header, rows, right), ""]


def _wrapped(text: str, width: int, first: str, then: str) -> list[str]:
    return textwrap.wrap(
        printable(_bare_marks(text)),
        width,
        initial_indent=first,
        subsequent_indent=then,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _plain_definitions(rows: Sequence[tuple[str, Sequence[str]]], width: int) -> list[str]:
    indent = 4 + max((len(label) for label, _ in rows), default=0)
    lines: list[str] = []
    for label, values in rows:
        for i, value in enumerate(values):
            first = f"  {label if i == 0 else '':<{indent - 2}}"
            lines += _wrapped(value, width, first, " " * indent)
    return lines


def _plain_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int]
) -> list[str]:
    table = [[printable(cell.replace("`", "")) for cell in row] for row in (header, *rows)]
    widths = [max(cell_len(row[i]) for row in table) for i in range(len(header))]
    lines = []
    for row in table:
        cells = []
        for i, cell in enumerate(row):
            space = " " * (widths[i] - cell_len(cell))
            cells.append(space + cell if i in right else cell + space)
        lines.append("  ".join(cells).rstrip())
    return lines


def _bare_marks(text: str) -> str:
    """Take drawings out of their backticks; names keep theirs."""
    return re.sub(r"`([▁-█·│ ]+)`", r"\1", text)


def markdown(document: Iterable[Block]) -> str:
    """Return a document as GitHub-flavoured Markdown.

    Names stand in code spans, where nothing is interpreted; everything else is escaped, and a
    word that a renderer might turn into a link becomes code.
    """
    return "\n".join(line for block in document for line in _markdown(block)) + "\n"


def _markdown(block: Block) -> list[str]:
    match block:
        case Heading(level, text):
            return [f"{'#' * level} {_inline(text)}", ""]
        case Paragraph(text):
            return [_line(text), ""]
        case Items(items):
            return [*(f"- {_line(item)}" for item in items), ""]
        case Definitions(rows):
            return [*(line for label, values in rows for line in _definition(label, values)), ""]
        case Table(header, rows, right):
            rule = ["---:" if i in right else "---" for i in range(len(header))]
            cells = ([_inline(cell, table=True) for cell in row] for row in (header, *rows))
            head, *body = (f"| {' | '.join(row)} |" for row in cells)
            return [head, f"| {' | '.join(rule)} |", *body, ""]


def _definition(label: str, values: Sequence[str]) -> list[str]:
    if len(values) == 1:
        return [f"- **{_inline(label)}**: {_inline(values[0])}"]
    return [f"- **{_inline(label)}**:", *(f"  - {_line(value)}" for value in values)]


_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\S*(?:://|www\.|@)\S*", re.IGNORECASE)
_SPECIAL = re.compile(r"[\\`*_\[\]<|~&$#]")
# What begins a list, a quotation or a rule where it begins a line; the rest is escaped anywhere.
_LEADING = re.compile(r"^(\d*)([-+=.)>])")


def _line(text: str) -> str:
    """Escape prose that begins a line."""
    return _LEADING.sub(r"\1\\\2", _inline(text))


def _inline(text: str, *, table: bool = False) -> str:
    """Escape prose; code spans stay code spans."""
    parts = []
    for i, part in enumerate(_CODE.split(printable(text))):
        parts.append(_code(part, table=table) if i % 2 else _prose(part, table=table))
    return "".join(parts).strip()


def _prose(text: str, *, table: bool) -> str:
    at, parts = 0, []
    for found in _LINK.finditer(text):
        parts += [_escaped(text[at : found.start()]), _code(found.group(), table=table)]
        at = found.end()
    return "".join([*parts, _escaped(text[at:])])


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _code(text: str, *, table: bool) -> str:
    text = text.replace("`", "'")
    # In a code span a pipe has no escape that all renderers of tables agree on.
    return f"`{text.replace('|', chr(92) + 'x7c') if table else text}`"


def html(document: Iterable[Block]) -> str:
    """Return a document as elements of HTML, without what stands around them.

    Names are text in `code` elements, never in an attribute or an address.
    """
    return "\n".join(map(_html, document)) + "\n"


def _html(block: Block) -> str:
    match block:
        case Heading(level, text):
            return _element(f"h{level}", _text(text))
        case Paragraph(text):
            return _element("p", _text(text))
        case Items(items):
            return _html_items(items)
        case Definitions(rows):
            return _element("dl", *(_html_definition(*row) for row in rows))
        case Table(header, rows, right):
            body = _element("tbody", *(_row("td", row, right) for row in rows))
            return _element("table", _element("thead", _row("th", header, right)), body)


def _html_items(items: Sequence[str]) -> str:
    return _element("ul", *(_element("li", _text(item)) for item in items))


def _html_definition(label: str, values: Sequence[str]) -> str:
    said = _text(values[0]) if len(values) == 1 else _html_items(values)
    return _element("div", _element("dt", _text(label)), _element("dd", said))


def _row(tag: str, cells: Sequence[str], right: frozenset[int]) -> str:
    numbers = (' class="number"' if i in right else "" for i in range(len(cells)))
    parts = zip(cells, numbers, strict=True)
    return _element("tr", *(f"<{tag}{number}>{_text(cell)}</{tag}>" for cell, number in parts))


def _element(tag: str, *parts: str) -> str:
    return f"<{tag}>{''.join(parts)}</{tag}>"


def _text(text: str) -> str:
    """Return prose as text, and its code spans as `code`, none of it as markup."""
    parts = (markup.escape(part) for part in _CODE.split(printable(text)))
    return "".join(_element("code", part) if i % 2 else part for i, part in enumerate(parts))
