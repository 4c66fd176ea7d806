"""An incident as one HTML file that needs nothing beside it, for a ticket.

The file is opened years later, from a mail, where no network is reached: everything is in it,
nothing is fetched, and its own policy allows only the style and the script that it was written
with. What is drawn are the components of the page; where no script runs, the case is read in words.
"""

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

import msgspec

from coral.http.page.bundle import bundled
from coral.report.document import Heading, html
from coral.report.event_log import IncidentHistory
from coral.report.explain import case
from coral.report.incident_view import IncidentView, incident_view
from coral.report.incident_window import IncidentWindow
from coral.text import printable

__all__ = ["report_file"]

_ENTRY: Final = "report.js"
_STYLE: Final = "style.css"
_LICENCES: Final = ("vendor/htm-3.1.1/LICENSE-preact",)
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="CORAL">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{heading}<div id="incident">
{content}</div>
</main>
<script id="view" type="application/json">{view}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def report_file(history: IncidentHistory, window: IncidentWindow | None = None) -> bytes:
    """Return the file, as UTF-8.

    Parameters
    ----------
    history : IncidentHistory
    window : IncidentWindow, optional
        Rows around the incident, which a running process remembers; without it the means in its
        event are drawn.
    """
    heading, *blocks = case(history)
    title = heading.text if isinstance(heading, Heading) else ""
    style, script = _read(_STYLE), _script()
    page = _PAGE.format(
        policy=_policy(style, script),
        title=escape(printable(title.replace("`", ""))),
        style=style,
        heading=html([heading]),
        content=html(blocks),
        view=_data(incident_view(history, window)),
        script=script,
    )
    return page.encode()


def _policy(style: str, script: str) -> str:
    """Return a policy that allows what is in the file, by its hash, and nothing else."""
    allowed = f"style-src {_hash(style)}; script-src {_hash(script)}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _data(view: IncidentView) -> str:
    """Return JSON in ASCII that no parser of HTML takes for anything else.

    What is escaped occurs inside of strings only, where JSON allows it.
    """
    text = json.dumps(msgspec.to_builtins(view), separators=(",", ":"))
    return text.translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&\x7f"})


@cache
def _script() -> str:
    licences = "".join(f"/* {_read(name).strip()} */\n" for name in _LICENCES)
    return f"{licences}{bundled(_ENTRY, _read)}"


def _read(path: str) -> str:
    return files("coral.http.page").joinpath("static", path).read_text("utf-8")
