"""Write the table of docs/reference/helm-values.md from the chart's values.yaml and its schema.

`python tools/docs/helm_values.py`; what a value is for stands in the comment above it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from regions import replace_region

__all__ = ["PAGE", "table"]

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "coral"
PAGE = ROOT / "docs" / "reference" / "helm-values.md"


def table() -> str:
    """One row a value: key, what it must be, default, meaning."""
    text = (CHART / "values.yaml").read_text()
    schema = json.loads((CHART / "values.schema.json").read_text())
    lines = ["| value | type | default | |", "|---|---|---|---|"]
    for path, value, comment in _values(yaml.compose(text), text.splitlines(), ()):
        held = schema
        for key in path:
            held = held["properties"][key]
        default = json.dumps(value) if value not in ("", [], {}) else ""
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{'.'.join(path)}` | {_type(held, schema)} | {shown} | {comment} |")
    return "\n".join(lines)


def _values(
    node: Any, lines: list[str], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Yield path, default and comment of every value that has a comment."""
    for key, value in node.value:
        at = (*path, key.value)
        comment = _above(lines, key.start_mark.line)
        if comment:
            yield at, _plain(value), comment
        else:
            yield from _values(value, lines, at)


def _above(lines: list[str], number: int) -> str:
    """Return the comment that ends right above a line."""
    found: list[str] = []
    while number and (line := re.match(r" *# (.*)", lines[number - 1])):
        found.insert(0, line[1])
        number -= 1
    return " ".join(found).replace("|", "/")


def _plain(node: Any) -> Any:
    return yaml.safe_load(yaml.serialize(node))


def _type(held: dict[str, Any], schema: dict[str, Any]) -> str:
    """Say what a value must be."""
    if "$ref" in held:
        name = held["$ref"].rpartition("/")[2]
        if name in ("texts", "quantity"):
            return {"texts": "table of text", "quantity": "quantity"}[name]
        held = schema["definitions"][name]
    if "enum" in held:
        return ", ".join(f"`{choice}`" for choice in held["enum"])
    noun = {
        "array": "list",
        "boolean": "true or false",
        "integer": "integer",
        "object": "table",
        "string": "text",
    }[held["type"]]
    return f"{noun} >= {held['minimum']}" if "minimum" in held else noun


def main() -> None:
    """Replace the table."""
    PAGE.write_text(replace_region(PAGE.read_text(), "values", table()))


if __name__ == "__main__":
    main()
