"""Bodies of messages for other services: JSON in which `{name}` stands for a text of a notice."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from coral.contract.notice import FIELDS, Notice
from coral.errors import TemplateError
from coral.text import hint

__all__ = ["BUILT_IN", "KEY", "Template"]

BUILT_IN: Final = ("pagerduty", "slack")
KEY: Final = "key"
"""Name in templates of the secret that goes into the body, such as a routing key."""
LONGEST_MRKDWN: Final = 2900
"""Characters of a text after escaping; the longest section of Slack has 3,000."""

_FOLDER: Final = Path(__file__).parent / "templates"
_NAME: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")
_MAX_BYTES: Final = 64 << 10
_DEEPEST: Final = 32


def _mrkdwn(text: str) -> str:
    """Escape what Slack would take for a mention or a link, and do not cut through an escape."""
    escaped: list[str] = []
    length = 0
    for character in text:
        piece = _ENTITIES.get(character, character)
        length += len(piece)
        if length > LONGEST_MRKDWN:
            break
        escaped.append(piece)
    return "".join(escaped)


_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_FORMS: Final[dict[str, Callable[[str], str]]] = {"mrkdwn": _mrkdwn}


class Template:
    """A message to be filled in.

    Names stand inside of the strings of a JSON document, so what they are replaced by cannot leave
    its string. Where a text is empty, the key is left out that holds it, or the whole item of the
    innermost list. `{name:mrkdwn}` is the text as Slack wants it escaped.

    Parameters
    ----------
    text : str
        JSON.
    place : str
        Where that comes from, for messages.

    Raises
    ------
    TemplateError
        If it is not JSON, is too large or too deep, or names what there is not.

    Examples
    --------
    >>> Template('{"text": "{title}", "url": "{link}"}').names == {"title", "link"}
    True
    """

    def __init__(self, text: str, place: str = "template") -> None:
        if len(text) > _MAX_BYTES:
            raise TemplateError(
                f"{place}: at most {_MAX_BYTES} characters expected, got {len(text)}"
            )
        try:
            self._body = json.loads(text)
            found = list(_strings(self._body))
        except (ValueError, RecursionError) as error:
            raise TemplateError(f"{place}: JSON expected, got {error}") from error
        known = (*FIELDS, KEY)
        self.names: set[str] = set()
        for name, form in (match.groups() for string in found for match in _NAME.finditer(string)):
            if name not in known:
                raise TemplateError(
                    f"{place}: {{name}} of a known text expected, got {{{name}}}{hint(name, known)}"
                )
            if form is not None and form not in _FORMS:
                raise TemplateError(f"{place}: {{{name}:mrkdwn}} expected, got {{{name}:{form}}}")
            self.names.add(name)

    @classmethod
    def of(cls, name: str) -> "Template":
        """Return the template of this name, or of a file.

        Raises
        ------
        TemplateError
            Also if the file cannot be read.
        """
        path = _FOLDER / f"{name}.json" if name in BUILT_IN else Path(name)
        try:
            return cls(path.read_text(encoding="utf-8"), name)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            told = f"one of {', '.join(BUILT_IN)} or a file that can be read expected"
            raise TemplateError(f"{name}: {told}, got: {reason}") from error

    def filled(self, notice: Notice, key: str = "") -> bytes:
        """Return the body for a notice.

        Parameters
        ----------
        notice : Notice
        key : str
            What `{key}` stands for.
        """
        texts = {name: getattr(notice, name) for name in FIELDS} | {KEY: key}
        return json.dumps(_filled(self._body, texts, in_list=False)).encode()


class _Empty:
    """Stands for what is left out."""


_EMPTY: Final = _Empty()


def _filled(node: Any, texts: Mapping[str, str], *, in_list: bool) -> Any:
    """Return a node with its names replaced; `_EMPTY` if it is to be left out where it stands."""
    if isinstance(node, str):
        return _string(node, texts)
    if isinstance(node, list):
        items = [_filled(item, texts, in_list=True) for item in node]
        return [item for item in items if item is not _EMPTY]
    if isinstance(node, dict):
        held = {key: _filled(value, texts, in_list=in_list) for key, value in node.items()}
        if in_list and any(value is _EMPTY for value in held.values()):
            return _EMPTY
        return {key: value for key, value in held.items() if value is not _EMPTY}
    return node


def _string(text: str, texts: Mapping[str, str]) -> str | _Empty:
    empty = False

    def replaced(match: re.Match[str]) -> str:
        nonlocal empty
        value = texts[match[1]]
        empty |= not value
        return _FORMS[match[2]](value) if match[2] else value

    filled = _NAME.sub(replaced, text)
    return _EMPTY if empty else filled


def _strings(node: Any, depth: int = 0) -> Iterator[str]:
    """Yield all strings of a document but its keys."""
    if depth > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} levels")
    if isinstance(node, str):
        yield node
    elif isinstance(node, (list, dict)):
        for held in node.values() if isinstance(node, dict) else node:
            yield from _strings(held, depth + 1)
