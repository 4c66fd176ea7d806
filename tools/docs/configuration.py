"""Write the generated parts of configuration.md, notifications.md and input-formats.md.

`python tools/docs/configuration.py` replaces what stands between `<!-- NAME -->` and
`<!-- /NAME -->`; `--check` only says whether that would change something.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec
from regions import replace_region
from troubles import troubles

from coral.contract.notice import FIELDS, Notice
from coral.settings import Settings, kinds
from coral.settings.show import toml_value
from streams.codec import DEFAULT_MAPPINGS

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def keys() -> str:
    """One table a section: key, type, default, meaning."""
    lines: list[str] = []
    for name, kind in kinds.fields(Settings).items():
        item = kinds.item(kind)
        if item is not None:
            lines += _section(f"[{name}.<id>]", item)
            for key, inner in kinds.fields(item).items():
                listed = kinds.listed(inner)
                if listed is not None:
                    lines += _section(f"[[{name}.<id>.{key}]]", listed)
            continue
        lines += _section(f"[{name}]", kind)
        for key, inner in kinds.fields(kind).items():
            held = kinds.item(inner)
            if held is not None:
                lines += _section(f"[{name}.{key}.<name>]", held)
            elif kinds.fields(inner):
                lines += _section(f"[{name}.{key}]", inner)
    return "\n".join(lines).strip()


def _section(title: str, kind: type[msgspec.Struct]) -> list[str]:
    summary, told = kinds.described(kind)
    own = [key for key, inner in kinds.fields(kind).items() if not _is_section(inner)]
    if not own:
        return []
    lines = ["", f"## {title}", "", summary, "", "| key | value | default | |", "|---|---|---|---|"]
    defaults = {field.encode_name: _default(field) for field in msgspec.structs.fields(kind)}
    for key in own:
        inner, value = kinds.fields(kind)[key], defaults[key]
        shown = "" if value is None else f"`{toml_value(value)}`"
        lines.append(f"| `{key}` | {_type(inner)} | {shown} | {told[key].replace('|', '/')} |")
    return lines


def _is_section(kind: Any) -> bool:
    """Whether a key has a table, or tables, of its own."""
    return kinds.item(kind) is not None or bool(kinds.fields(kind))


def _default(field: msgspec.structs.FieldInfo) -> Any:
    """Return what a key is if it is not set; None for nothing, and where it has to be set."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.required else field.default


def _type(kind: Any) -> str:
    if kinds.is_secret(kind):
        return "secret"
    return ", ".join(f"`{choice}`" for choice in kinds.choices(kind)) or kinds.words(kind)


def texts() -> str:
    """Say what a template may name, one row a text."""
    _, told = kinds.described(Notice)
    lines = ["| name | |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{name}` | {told.get(name, '')} |" for name in FIELDS)])


def mappings() -> str:
    """How each format names series unless configured otherwise, one row a format."""
    lines = ["| format | `entity` | `split` | `counters` |", "|---|---|---|---|"]
    for name, mapping in DEFAULT_MAPPINGS.items():
        held = (mapping.entity, mapping.split, mapping.counters)
        cells = (", ".join(f"`{word}`" for word in words) or "-" for words in held)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


PARTS = {
    "configuration.md": {"keys": keys},
    "notifications.md": {"texts": texts},
    "input-formats.md": {"mappings": mappings, "troubles": troubles},
}


def main() -> int:
    """Replace every part; return 1 if `--check` finds a difference."""
    changed = False
    for file, parts in PARTS.items():
        path = REFERENCE / file
        before = text = path.read_text()
        for name, make in parts.items():
            text = replace_region(text, name, make())
        changed |= text != before
        if "--check" not in sys.argv:
            path.write_text(text)
    return int(changed and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
