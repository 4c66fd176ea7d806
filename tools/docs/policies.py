"""Write the tables of policies.md from the code: every choice, its default and the reason.

A reason stands as a docstring under its field or as a comment above it. `python
tools/docs/policies.py` replaces what stands between `<!-- policies -->` and `<!-- /policies -->`;
`--check` only says whether that would change something.
"""

import ast
import inspect
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

from regions import replace_region

from coral.graph.policy import GRAPH
from coral.incident.policy import VERDICT
from coral.localise.policy import RANKING
from detectors.health.policy import HEALTH
from detectors.policy import TRIGGER

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "policies.md"


class Choice(NamedTuple):
    """A field as its class writes it."""

    default: str
    reason: str


def tables() -> str:
    """One table a class: field, default, reason; a class follows the one that holds it."""
    lines: list[str] = []
    for policy in (TRIGGER, HEALTH, GRAPH, RANKING, VERDICT):
        lines += _section(policy, "##")
    return "\n".join(lines).strip()


def _section(policy: Any, level: str) -> list[str]:
    kind = type(policy)
    lines = ["", f"{level} {kind.__name__}", "", inspect.getdoc(kind) or "", "", *table(policy)]
    for one in fields(kind):
        value = getattr(policy, one.name)
        if is_dataclass(value):
            lines += _section(value, "###")
    return lines


def table(policy: Any) -> list[str]:
    """Lines of the table of one policy.

    Raises
    ------
    ValueError
        If a field has no reason.
    """
    lines = ["| field | default | reason |", "|---|---|---|"]
    for name, (default, reason) in _choices(type(policy)).items():
        value = getattr(policy, name)
        shown, why = f"`{default}`", reason
        if is_dataclass(value):
            part = type(value)
            shown = f"[`{part.__name__}`](#{part.__name__.lower()})"
            why = reason or (inspect.getdoc(part) or "").partition("\n")[0]
        elif isinstance(value, tuple):
            shown = ", ".join(f"`{word}`" for word in value)
        if not why:
            raise ValueError(f"{type(policy).__name__}.{name} has no reason in the source")
        lines.append(f"| `{name}` | {shown} | {why.replace('|', '/')} |")
    return lines


def _choices(kind: type) -> dict[str, Choice]:
    """Return the fields of a policy by name; a class's own stand before those it inherits."""
    found: dict[str, Choice] = {}
    for base in reversed(kind.__mro__):
        if is_dataclass(base):
            found |= dict(_own_choices(base))
    return found


def _own_choices(kind: type) -> Iterator[tuple[str, Choice]]:
    source = inspect.getsource(kind)
    (body,) = [node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    comments, reason, last = _comments(source), "", 0
    names = {one.name for one in fields(kind)}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.AnnAssign) or node.value is None:
            continue
        name = ast.unparse(node.target)
        if name not in names:
            continue  # a constant of the class
        above = _above(comments, node.lineno)
        # A field on the next line without words of its own shares those of the one before it.
        if above or node.lineno != last + 1:
            reason = above
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            reason = str(after.value.value)
        last = node.end_lineno or node.lineno
        text = re.sub(r"\s+", " ", reason).strip()
        yield name, Choice(ast.unparse(node.value), text)


def _above(comments: dict[int, str], line: int) -> str:
    """Text of the comment that ends on the line before."""
    text: list[str] = []
    while (line := line - 1) in comments:
        text.insert(0, comments[line])
    return " ".join(text)


def _comments(source: str) -> dict[int, str]:
    """Comments that have a line to themselves, by its number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.removeprefix("#").strip()
        for token in tokens
        if token.type == tokenize.COMMENT and token.line.lstrip().startswith("#")
    }


def main() -> int:
    """Replace the tables; return 1 if `--check` finds a difference."""
    before = PAGE.read_text()
    text = replace_region(before, "policies", tables())
    if "--check" not in sys.argv:
        PAGE.write_text(text)
    return int(text != before and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
