"""Why a selector matches nothing, and what may have been meant."""

import datetime as dt
import difflib
import re
from collections.abc import Collection
from typing import Final
from urllib.parse import quote

from streams.prometheus.server import PrometheusServer

SHOWN: Final = 8
_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)")
_EQUAL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"')


def nothing_matches(server: PrometheusServer, selector: str, span: tuple[float, float]) -> str:
    """Return in words why a selector matches no series between two moments.

    Parameters
    ----------
    server : PrometheusServer
    selector : str
    span : (float, float)
        Unix seconds.
    """
    between = " and ".join(
        dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for at in span
    )
    nothing = f"no series matches {selector} between {between}"
    labels = _names(server, "labels", span)
    if not labels:
        return f"{nothing}: the server has no series at all then; choose another --since or --until"
    named = _NAME.match(selector)
    asked = [("__name__", named[1])] if named else []
    for label, value in (*asked, *_EQUAL.findall(selector)):
        if label not in labels:
            return f"{nothing}: no series has a label `{label}`{_hint(label, labels)}"
        address = f"label/{quote(label, safe='')}/values"
        known = _names(server, address, span)
        if value in known:
            continue
        what = "metric" if label == "__name__" else label
        if value in _names(server, address, None):
            return f'{nothing}: {what} "{value}" has series at other times only; see --since'
        return f'{nothing}: no {what} is "{value}"{_hint(value, known)}'
    return f"{nothing}: what it asks for is there, but not in one series; ask for less at once"


def jobs_of(server: PrometheusServer, span: tuple[float, float]) -> str:
    """Return the jobs of a server in words, empty if it has none."""
    return _shown(_names(server, "label/job/values", span))


def _names(server: PrometheusServer, path: str, span: tuple[float, float] | None) -> list[str]:
    asked = {} if span is None else {"start": span[0], "end": span[1]}
    names = server.get(path, object, asked)  # some servers write null for none
    return [str(name) for name in names] if isinstance(names, list) else []


def _hint(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; there are {_shown(known)}" if known else ""


def _shown(names: Collection[str]) -> str:
    shown = ", ".join(f"`{name[:80]}`" for name in sorted(names)[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
