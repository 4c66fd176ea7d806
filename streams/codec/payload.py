"""The bytes of a record to the documents in it, each of its type: all that JSON formats share.

A payload is one document, an array of them, or one a line (NDJSON); Kafka Connect's envelope
``{"schema": ..., "payload": ...}`` is opened. What one strict decoder takes at once, which is all
that sound producers send, is not looked at again; only what it refuses is taken apart, so that
every part that can be read is.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from streams.codec.faults import explained, fail, printable
from streams.codec.recognise import what_bytes_are, what_content_is
from streams.errors import DecodeError
from streams.records import Problem, ProblemKind, Record

T = TypeVar("T")

_ENVELOPE: Final = {"schema", "payload"}
_BOM: Final = b"\xef\xbb\xbf"
_HUGE = 1e308  # stands for a number that is not finite; beyond MAX_ABS_VALUE, so it is missing
_REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)


class Parts(NamedTuple):
    """Elements of a document that stand alone: one that is wrong is left out.

    Parameters
    ----------
    path : tuple of str
        Keys that lead to the array or object that holds them.
    decoder : Decoder
        Of one element.
    inner : tuple of Parts
        Those within an element.
    kind : str
        What an element that is wrong is counted as.
    """

    path: tuple[str, ...]
    decoder: "msgspec.json.Decoder[Any]"
    inner: tuple["Parts", ...] = ()
    kind: ProblemKind = "form"


def opened(record: Record, max_bytes: int) -> Record | None:
    """Return the record without a byte order mark, None if it is empty.

    Raises
    ------
    DecodeError
        If it is longer than `max_bytes`.
    """
    value = record.value
    size = len(value)
    if 0 < size <= max_bytes and value[0] != _BOM[0]:
        return record
    if size > max_bytes:
        fail(record, f"at most {max_bytes} bytes expected, got {size}", kind="limit")
    if not size:
        return None
    if value.startswith(_BOM):
        return msgspec.structs.replace(record, value=value[len(_BOM) :])
    return record


def documents(
    record: Record,
    decoder: "msgspec.json.Decoder[T]",
    parts: tuple[Parts, ...],
    left_out: list[Problem],
) -> Iterable[tuple[T, str]]:
    """Return the documents of a payload, and the start of the paths in each.

    Numbers that are not finite (``1e400``; ``NaN`` and ``Infinity``, which are not JSON but which
    some writers emit) come back as +-1e308, which every codec takes for missing. Of a repeated
    key the last one wins.

    Parameters
    ----------
    record : Record
    decoder : Decoder
        Of one document.
    parts : tuple of Parts
        What may be left out of one.
    left_out : list of Problem
        Gets what is left out: parts of documents, and documents of which there are several.

    Raises
    ------
    DecodeError
        Naming path, rule and value, if no document can be read; no other exception.
    """
    try:
        return ((decoder.decode(record.value), ""),)
    except _REFUSED:
        return _taken_apart(record, decoder, parts, left_out)


def decode_part(record: Record, raw: bytes, decoder: "msgspec.json.Decoder[T]", where: str) -> T:
    """Return the typed content of a part of a JSON payload that was kept raw until now.

    Raises
    ------
    DecodeError
        As `documents`.
    """
    try:
        return decoder.decode(raw)
    except _REFUSED:
        part = Record(record.topic, record.partition, record.offset, record.key, raw)
    try:
        return _typed(part, _loaded(part, raw), decoder, "")
    except DecodeError as e:
        inner = "" if e.where == "$" else e.where if e.where.startswith("[") else f".{e.where}"
        fail(record, e.reason, where + inner)


def _taken_apart(
    record: Record,
    decoder: "msgspec.json.Decoder[T]",
    parts: tuple[Parts, ...],
    left_out: list[Problem],
) -> Iterator[tuple[T, str]]:
    alone, held = _split(record, left_out)
    for tree, where in held:
        inside = where and f"{where}."
        try:
            _leave_out(tree, parts, (inside, ""), left_out)
            found = _typed(record, tree, decoder, where)
        except DecodeError as error:
            if alone:
                raise
            left_out.append(error.problem())
        else:
            yield found, inside


def _split(record: Record, left_out: list[Problem]) -> tuple[bool, list[tuple[Any, str]]]:
    """Return whether the payload is one document, and the content and path of each in it."""
    what = what_bytes_are(record.value)
    if what is not None:
        fail(record, what, kind="not_metrics")
    try:
        tree = _loaded(record, record.value)
    except DecodeError:
        lines = record.value.splitlines()
        if not _is_document(record, lines):
            raise
    else:
        where = ""
        if isinstance(tree, dict) and tree.keys() == _ENVELOPE:
            tree, where = tree["payload"], "payload"
        alone = not isinstance(tree, list)
        return alone, [(tree, where)] if alone else _elements(tree, where)
    held: list[tuple[Any, str]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"line {number}"
        try:
            tree = _loaded(record, line)
        except DecodeError as error:
            left_out.append(error.problem()._replace(where=where))
        else:
            held += _elements(tree, where) if isinstance(tree, list) else [(tree, where)]
    return False, held


def _elements(array: list[Any], where: str) -> list[tuple[Any, str]]:
    """Return the documents in an array, and in arrays within it, with their paths."""
    found: list[tuple[Any, str]] = []
    for i, element in enumerate(array):
        here = f"{where}[{i}]"
        if isinstance(element, list):
            found += [(inner, f"{here}[{j}]") for j, inner in enumerate(element)]
        else:
            found.append((element, here))
    return found


def _is_document(record: Record, lines: list[bytes]) -> bool:
    """Whether there are several lines and the first is an object or an array by itself."""
    held = [line for line in lines if line.strip()]
    try:
        return len(held) > 1 and isinstance(_loaded(record, held[0]), dict | list)
    except DecodeError:
        return False


def _leave_out(
    tree: Any, parts: tuple[Parts, ...], at: tuple[str, str], left_out: list[Problem]
) -> None:
    """Take out of `tree`, in place, the elements that are not of their type.

    Parameters
    ----------
    tree : plain values
    parts : tuple of Parts
    at : (str, str)
        Start of the path, and the metric that all of it belongs to; "" where there is none yet.
    left_out : list of Problem
        Gets one for each.
    """
    for path, decoder, inner, kind in parts:
        held = tree
        for key in path:
            held = held.get(key) if isinstance(held, dict) else None
        keyed = isinstance(held, dict)
        if not keyed and not isinstance(held, list):
            continue
        wrong: set[Any] = set()
        for key, element in [*(held.items() if keyed else enumerate(held))]:
            name = element.get("name") if isinstance(element, dict) else None
            metric = name if isinstance(name, str) else at[1]
            here = f"{at[0]}{'.'.join(path)}" + (f".{printable(key)}" if keyed else f"[{key}]")
            _leave_out(element, inner, (f"{here}.", metric), left_out)
            problem = _problem(element, decoder)
            if problem is not None:
                reason, inside = problem
                left_out.append(Problem(kind, metric, f"{here}.{inside}".rstrip("."), reason))
                wrong.add(key)
        if keyed:
            for key in wrong:
                del held[key]
        elif wrong:
            held[:] = [element for i, element in enumerate(held) if i not in wrong]


def _problem(element: Any, decoder: "msgspec.json.Decoder[Any]") -> tuple[str, str] | None:
    """Return the rule with the value, and the path, of what an element breaks; None: nothing."""
    try:
        decoder.decode(msgspec.json.encode(element))
    except msgspec.MsgspecError as e:
        return explained(element, decoder.type) or (str(e), "")
    except UnicodeEncodeError:
        return "strings that can be written as UTF-8 expected, got a lone surrogate", ""
    except RecursionError:
        return "JSON nested less deeply expected", ""
    return None


def _typed(record: Record, tree: Any, decoder: "msgspec.json.Decoder[T]", where: str) -> T:
    """Return plain values as what they must be; says what they are instead, if that shows."""
    try:
        return decoder.decode(msgspec.json.encode(tree))
    except msgspec.MsgspecError as e:
        # Keys that are missing may be those of something else; a wrong type is the format's own.
        what = what_content_is(tree) if "missing required" in str(e) else None
        if what is not None:
            fail(record, what, where, "not_metrics")
        reason, inside = explained(tree, decoder.type) or (str(e), "")
        fail(record, reason, f"{where}.{inside}".strip("."))
    except UnicodeEncodeError:
        reason = "strings that can be written as UTF-8 expected, got a lone surrogate"
        fail(record, reason, where)
    except RecursionError:
        fail(record, "JSON nested less deeply expected", where)


def _loaded(record: Record, raw: bytes) -> Any:
    """Return the content of JSON as plain values, numbers that are not finite included."""
    try:
        return json.loads(
            raw.decode(),
            parse_int=_integer,
            parse_float=_number,
            parse_constant=lambda text: -_HUGE if text.startswith("-") else _HUGE,
        )
    except UnicodeDecodeError as e:
        fail(record, f"UTF-8 expected, got byte {e.object[e.start]:#04x} at {e.start}")
    except RecursionError:
        fail(record, "JSON nested less deeply expected")
    except ValueError as e:
        fail(record, f"JSON expected: {e}")


def _integer(text: str) -> float | int:
    value = int(text) if len(text) <= 20 else _HUGE
    return value if -(2**63) <= value < 2**64 else _number(text)


def _number(text: str) -> float:
    return min(max(float(text), -_HUGE), _HUGE)
