"""Regions of a Markdown page that are generated, `<!-- NAME -->` to `<!-- /NAME -->`; tables."""

import re
from collections.abc import Sequence

__all__ = ["has_region", "replace_region", "table"]


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)


def has_region(page: str, name: str) -> bool:
    """Whether a page has a region of that name."""
    return _pattern(name).search(page) is not None


def replace_region(page: str, name: str, text: str) -> str:
    """Return the page with `text` in its region of that name."""
    return _pattern(name).sub(lambda found: f"{found[1]}{text}{found[2]}", page)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first column is text, and the others numbers."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "--:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
