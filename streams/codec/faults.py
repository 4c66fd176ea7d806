"""What is wrong with a payload, in words: path, rule and value."""

import json
import re
from typing import Any, NoReturn, TypeVar

import msgspec

from streams.errors import DecodeError
from streams.records import Record

T = TypeVar("T")

_HUGE = 1e308  # stands for a number that is not finite; beyond MAX_ABS_VALUE, so it is missing
_AT = re.compile(r"(.*?)(?: - at `(?:key in )?\$\.?(.*?)`)?", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|(\.\.\.|[^.\[\]]+)")
_KINDS = {
    str: "str",
    bool: "bool",
    int: "float",
    float: "float",
    type(None): "null",
    dict: "object",
    list: "array",
}


def fail(record: Record, reason: str, where: str = "$") -> NoReturn:
    """Raise the error that says `reason` about the place `where` of `record`."""
    raise DecodeError.of(record, reason, where or "$") from None


def show(value: object) -> str:
    """Return type and, where it is short, value; containers may be deep, so only their type."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"str {printable(value[:40])!r}"
    if isinstance(value, bool | int | float):
        return f"{type(value).__name__} {value!r}"
    return type(value).__name__


def printable(text: str) -> str:
    """Return `text`, shortened, with what cannot be written as UTF-8 escaped."""
    return text[:120].encode("utf-8", "backslashreplace").decode()


def check_size(record: Record, max_bytes: int) -> None:
    """Refuse a payload longer than `max_bytes`."""
    if len(record.value) > max_bytes:
        fail(record, f"at most {max_bytes} bytes expected, got {len(record.value)}")


def decode_json(record: Record, decoder: msgspec.json.Decoder[T]) -> T:
    """Return the typed content of a JSON payload.

    Numbers that are not finite (``1e400``; ``NaN`` and ``Infinity``, which are not JSON but which
    some writers emit) come back as +-1e308, which every codec takes for missing. Of a repeated
    key the last one wins.

    Raises
    ------
    DecodeError
        Naming path, rule and value; no other exception for any bytes.
    """
    try:
        return decoder.decode(record.value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _decode_slowly(record, decoder)


def decode_part(record: Record, raw: bytes, decoder: msgspec.json.Decoder[T], where: str) -> T:
    """Return the typed content of a part of a JSON payload that was kept raw until now."""
    part = Record(record.topic, record.partition, record.offset, record.key, raw)
    try:
        return decode_json(part, decoder)
    except DecodeError as e:
        inner = "" if e.where == "$" else e.where if e.where.startswith("[") else f".{e.where}"
        fail(record, e.reason, where + inner)


def _decode_slowly(record: Record, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode what was refused once more: to read non-finite numbers, or to name the fault."""
    raw: Any = None
    try:
        raw = json.loads(
            record.value.decode(),
            parse_int=_integer,
            parse_float=_number,
            parse_constant=lambda text: -_HUGE if text.startswith("-") else _HUGE,
        )
        return decoder.decode(msgspec.json.encode(raw))
    except UnicodeDecodeError as e:
        fail(record, f"UTF-8 expected, got byte {e.object[e.start]:#04x} at {e.start}")
    except UnicodeEncodeError:
        fail(record, "strings that can be written as UTF-8 expected, got a lone surrogate")
    except RecursionError:
        fail(record, "JSON nested less deeply expected")
    except msgspec.MsgspecError as e:
        _explain(record, str(e), raw)
    except ValueError as e:
        fail(record, f"JSON expected: {e}")


def _integer(text: str) -> float | int:
    value = int(text) if len(text) <= 20 else _HUGE
    return value if -(2**63) <= value < 2**64 else _number(text)


def _number(text: str) -> float:
    return min(max(float(text), -_HUGE), _HUGE)


def _explain(record: Record, text: str, raw: object) -> NoReturn:
    """Turn ``Expected `str`, got `int` - at `$.a[0]``` into path, rule and value."""
    match = _AT.fullmatch(text)
    rule, path = (match[1], match[2] or "") if match else (text, "")
    rule = rule.partition(", got ")[0].replace("`", "")
    value, where = raw, ""
    for index, step in _STEP.findall(path):
        key = step
        if step == "..." and isinstance(value, dict):
            key = next((k for k, v in value.items() if _KINDS[type(v)] not in rule), step)
        try:
            value = value[int(index)] if index else value[key]  # type: ignore[index]
        except (LookupError, TypeError):
            fail(record, rule, path)
        where += f"[{index}]" if index else f".{printable(key)}"
    fail(record, f"{rule}, got {show(value)}", where.lstrip("."))
