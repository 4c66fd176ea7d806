"""An incident as one HTML file that needs nothing beside it, for a ticket.

The file is opened years later, from a mail, where no network is reached: everything is in it,
nothing is fetched, and its own policy allows only the styles and scripts that it was written with.
"""

import base64
import hashlib
from html import escape
from importlib.resources import files
from typing import Final

from coral.report.document import Heading, html
from coral.report.event_log import IncidentHistory
from coral.report.explain import case
from coral.text import printable

__all__ = ["html_page"]

_STYLE: Final = "report.css"
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
{content}</main>
</body>
</html>
"""


def html_page(history: IncidentHistory) -> str:
    """Return the file.

    Parameters
    ----------
    history : IncidentHistory
    """
    blocks = case(history)
    title = next(block.text for block in blocks if isinstance(block, Heading))
    style = files("coral.report").joinpath(_STYLE).read_text("utf-8")
    return _PAGE.format(
        policy=_policy(style),
        title=escape(printable(title.replace("`", ""))),
        style=style,
        content=html(blocks),
    )


def _policy(style: str) -> str:
    """Return a policy that allows what is in the file, by its hash, and nothing else."""
    return f"default-src 'none'; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
