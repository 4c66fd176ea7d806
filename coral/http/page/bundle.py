"""Modules of the browser as one script, for a file that may fetch none.

A policy that names a script by its hash allows it no import. So each module becomes the body of a
function, and what it exports a constant; the modules stay what the page serves.
"""

import posixpath
import re
from collections.abc import Callable
from typing import Final

__all__ = ["BundleError", "bundled"]

# The only forms that our modules have; anything else is an error.
_IMPORT: Final = re.compile(r'^import \{([^{}]*)\} from "(\.[^"]+)";$', re.MULTILINE)
_FORWARD: Final = re.compile(r'^export \{([^{}]*)\} from "(\.[^"]+)";$', re.MULTILINE)
_DECLARED: Final = re.compile(
    r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE
)
# A vendored module is one line that ends so.
_LISTED: Final = re.compile(r"\bexport ?\{([^{}]*)\};?\s*\Z")
_LEFT: Final = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
# What would end the element that the script stands in, or hide that end.
_CLOSING: Final = re.compile(r"</script|<!--|<script", re.IGNORECASE)


class BundleError(ValueError):
    """A module has a form that is not known here: a defect of the page, never of what it shows."""


def bundled(entry: str, read: Callable[[str], str]) -> str:
    """Return a module and all that it imports as one script.

    Parameters
    ----------
    entry : str
        Path of the module.
    read : callable
        Returns the text of a module by its path.

    Raises
    ------
    BundleError
        If a module imports or exports in another way than ours do, or they import in a circle.
    """
    places: dict[str, int] = {}
    parts: list[str] = []

    def add(path: str, above: tuple[str, ...]) -> int:
        if path in above:
            raise BundleError(f"modules import in a circle: {' -> '.join((*above, path))}")
        if path not in places:
            body = _body(path, read(path), lambda name: add(name, (*above, path)))
            places[path] = len(places)
            parts.append(f"// {path}\nconst $${places[path]} = (() => {{\n{body}}})();\n")
        return places[path]

    add(entry, ())
    script = "".join(parts)
    if found := _CLOSING.search(script):
        raise BundleError(f"no script in a page may hold {found[0]}")
    return script


def _body(path: str, text: str, place: Callable[[str], int]) -> str:
    """Return the body of the function that a module becomes: it returns what it exports."""
    folder, exported = posixpath.dirname(path), list[str]()

    def imported(found: re.Match[str]) -> str:
        other = place(posixpath.normpath(posixpath.join(folder, found[2])))
        return f"const {{ {_pairs(found[1], ': ')} }} = $${other};"

    def forwarded(found: re.Match[str]) -> str:
        exported.append(", ".join(name for _, name in _names(found[1])))
        return imported(found)

    def declared(found: re.Match[str]) -> str:
        exported.append(found[1])
        return ""

    def listed(found: re.Match[str]) -> str:
        exported.append(", ".join(f"{name}: {inner}" for inner, name in _names(found[1])))
        return ""

    for pattern, become in (
        (_IMPORT, imported),
        (_FORWARD, forwarded),
        (_DECLARED, declared),
        (_LISTED, listed),
    ):
        text = pattern.sub(become, text)
    if left := _LEFT.search(text):
        raise BundleError(f"{path}: `{left[0][:80]}` is no form of import or export that is known")
    return f"{text.rstrip()}\nreturn {{ {', '.join(exported)} }};\n"


def _pairs(text: str, between: str) -> str:
    return ", ".join(
        inner if inner == name else f"{inner}{between}{name}" for inner, name in _names(text)
    )


def _names(text: str) -> list[tuple[str, str]]:
    """Return what `{a, b as c}` names, and under which names."""
    found = []
    for part in text.split(","):
        inner, _, name = part.strip().partition(" as ")
        if inner:
            found.append((inner, name or inner))
    return found
