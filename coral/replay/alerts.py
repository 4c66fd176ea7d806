"""Alerts of others beside a recording: `alerts.json` of its folder."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from coral.contract.alerts import Addresses, Alert, decode
from coral.errors import EventError
from coral.replay.file_beside import read_beside
from streams.codec.payload import documents, opened
from streams.errors import DecodeError
from streams.recorded import Recording, RecordingProblem
from streams.recorded.problem import ProblemLog
from streams.records import Problem, Record

__all__ = ["ALERTS", "recorded_alerts"]

ALERTS: Final = "alerts.json"
MAX_BYTES: Final = 8 << 20
_DECODER: Final = msgspec.json.Decoder(dict[str, Any])


def recorded_alerts(recording: Recording) -> tuple[list[Alert], list[RecordingProblem]]:
    """Return the alerts of a recording by their beginning, and what is wrong with them.

    The file holds webhooks, as an array or one a line, as such or as CloudEvents. The label
    `system` names the system of an alert; without it, it is that of the recording. Those of other
    systems are left out; without the file there are none. Of what is said of an alert again and
    again its end holds.

    Parameters
    ----------
    recording : Recording

    Raises
    ------
    RecordingError
        If there is a file, and nothing of it can be used.
    """
    log, system = ProblemLog(ALERTS), recording.meta.system
    addresses = Addresses(("{system}",), (system,))
    found = read_beside(recording, ALERTS, log, lambda record: _alerts_in(record, addresses))
    return last_words(one for one in found if one.system == system), log.problems()


def last_words(alerts: Iterable[Alert]) -> list[Alert]:
    """Return alerts by their beginning, each once, with its end where one was told.

    Parameters
    ----------
    alerts : iterable of Alert
        Of one system, in the order in which they came.
    """
    known: dict[tuple[float, str], Alert] = {}
    for one in alerts:
        if one.ends is not None or (one.starts, one.key) not in known:
            known[one.starts, one.key] = one
    return [known[place] for place in sorted(known)]


def _alerts_in(record: Record, addresses: Addresses) -> tuple[list[Alert], list[str]]:
    """Return the alerts of a file, and what of it cannot be used."""
    found, problems, left_out = list[Alert](), list[str](), list[Problem]()
    try:
        held = opened(record, MAX_BYTES)
        trees = [] if held is None else [*documents(held, _DECODER, (), left_out)]
    except DecodeError as error:
        return [], [f"{error.where}: {error.reason}"]
    problems += map(str, left_out)
    for tree, where in trees:

        def refuse(reason: str, place: str = where.rstrip(".") or "$") -> None:
            problems.append(f"{place}: {reason}")

        try:
            found += decode(msgspec.json.encode(tree), addresses, refuse)
        except EventError as error:
            refuse(str(error))
    return found, problems
