"""Regions of a Markdown page that are generated: from `<!-- NAME -->` to `<!-- /NAME -->`."""

import re

__all__ = ["has_region", "replace_region"]


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)


def has_region(page: str, name: str) -> bool:
    """Whether a page has a region of that name."""
    return _pattern(name).search(page) is not None


def replace_region(page: str, name: str, text: str) -> str:
    """Return the page with `text` in its region of that name."""
    return _pattern(name).sub(lambda found: f"{found[1]}{text}{found[2]}", page)
