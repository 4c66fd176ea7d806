"""The bytes of a message to the change events in it, whatever form each of them has.

CDEvents, bare or in a CloudEvent; events of Kubernetes as exporters write them; and CORAL's own:
``{"kind": "deployed", "entity": "orders", "timestamp": "2026-11-22T12:40:00Z", "text": "1.42"}``.
A message is one of them, an array, or one a line.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from coral.contract.changes.cdevents import from_cdevent
from coral.contract.changes.event import ChangeEvent, ChangeKind
from coral.contract.changes.kubernetes import from_kubernetes
from coral.contract.changes.naming import Naming
from coral.contract.changes.told import Told, time_at
from streams.codec.payload import documents, opened
from streams.codec.values import time_problem
from streams.errors import DecodeError
from streams.records import Problem, Record
from streams.series import MAX_NAME, canonical

__all__ = ["MadeOut", "changes_in", "encode"]

MAX_BYTES: Final = 1 << 20
MAX_TEXT: Final = 300
"""Characters of a text that are kept: it is to be read, not to be processed."""

_DECODER: Final = msgspec.json.Decoder(dict[str, Any])
_WRAPPED: Final = ("event", "object", "body")
_FORMS: Final = "a CDEvent, an event of Kubernetes, or `kind` and `timestamp`, expected"


class MadeOut(NamedTuple):
    """What a message holds.

    Attributes
    ----------
    changes : list of ChangeEvent
        One for each system that it may concern; none for events that are no change.
    problems : list of str
        What could not be used, and why: place, rule, value.
    """

    changes: list[ChangeEvent]
    problems: list[str]


class _Own(msgspec.Struct, frozen=True, omit_defaults=True):
    kind: ChangeKind
    timestamp: float | str
    entity: str = ""
    system: str = ""
    text: str = ""


def changes_in(record: Record, naming: Naming) -> MadeOut:
    """Return the change events in a message; raises nothing, whatever it holds.

    Parameters
    ----------
    record : Record
    naming : Naming
    """
    found = MadeOut([], [])
    left_out: list[Problem] = []
    try:
        held = opened(record, MAX_BYTES)
        trees = [] if held is None else [*documents(held, _DECODER, (), left_out)]
    except DecodeError as error:
        return MadeOut([], [f"{error.where}: {error.reason}"])
    found.problems.extend(map(str, left_out))
    key = (record.key or b"").decode(errors="replace")
    for tree, where in trees:
        try:
            found.changes.extend(_named(_told(tree), naming, key))
        except (ValueError, RecursionError, msgspec.MsgspecError) as error:
            found.problems.append(f"{where.rstrip('.') or '$'}: {error}")
    return found


def encode(change: ChangeEvent, entity: str | None = None) -> bytes:
    """Return a change event in CORAL's own form.

    Parameters
    ----------
    change : ChangeEvent
    entity : str, optional
        What its part is called, where that is known; else the last of its names.
    """
    own = _Own(
        kind=change.kind,
        timestamp=change.time,
        entity=entity or next(reversed(change.entities), ""),
        system=change.system,
        text=change.text,
    )
    return msgspec.json.encode(own)


def _told(tree: Mapping[str, Any]) -> Told | None:
    """Return what one document tells, None if that is no change.

    Raises
    ------
    ValueError, msgspec.ValidationError
        If it is of no known form, or breaks a rule of its form.
    """
    tree = _unwrapped(tree)
    if "context" in tree and "subject" in tree:
        return from_cdevent(tree)
    if "involvedObject" in tree or "regarding" in tree:
        return from_kubernetes(tree)
    if "kind" in tree and "timestamp" in tree:
        return _from_own(tree)
    listed = ", ".join(sorted(map(str, tree))[:8])[:120] or "no key"
    raise ValueError(f"{_FORMS}, got {listed}")


def _unwrapped(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a message is about, without what CloudEvents and exporters put around it."""
    data = tree.get("data") if "specversion" in tree else None
    if isinstance(data, dict):
        return data
    value = tree.get("EventValue")  # kube-eventer: the event as text
    if isinstance(value, str):
        return _DECODER.decode(value)
    for key in _WRAPPED:  # eventrouter, a watch, and the collector of OpenTelemetry
        inner = tree.get(key)
        if isinstance(inner, dict) and ("involvedObject" in inner or "regarding" in inner):
            return inner
    return tree


def _from_own(tree: Mapping[str, Any]) -> Told:
    own = msgspec.convert(tree, _Own)
    stamp = own.timestamp
    time = time_at("timestamp", stamp) if isinstance(stamp, str) else stamp
    if ":" in own.entity:
        raise ValueError(f"entity: name without `:` expected, got {own.entity[:40]!r}")
    return Told(
        kind=own.kind,
        time=time,
        labels={},
        names=(own.entity,) if own.entity else (),
        text=own.text,
        system=own.system,
    )


def _named(told: Told | None, naming: Naming, key: str) -> Iterator[ChangeEvent]:
    """Yield a change event for each system that it may concern."""
    if told is None:
        return
    problem = time_problem(told.time)
    if problem is not None:
        raise ValueError(f"timestamp: {problem}")
    systems = (canonical(told.system),) if told.system else naming.systems_of(told.labels, key)
    entities = naming.entities_of(told.labels, told.names) if told.names else ()
    longest = max((*systems, *entities), key=len)
    if len(longest) > MAX_NAME:
        raise ValueError(f"names of at most {MAX_NAME} characters expected, got {len(longest)}")
    for system in systems:
        yield ChangeEvent(
            system=system,
            entities=entities,
            kind=told.kind,
            time=told.time,
            text=told.text[:MAX_TEXT],
        )
