"""What all pictures share: whether they can be drawn, and how a name is lettered in them."""

import importlib.util
from functools import cache
from typing import Final

from coral.errors import CoralError
from coral.text import escaped, named, printable
from streams.errors import to_install

__all__ = ["LONGEST_LABEL", "check_drawing", "label", "lettered"]

LONGEST_LABEL: Final = 40


def check_drawing(option: str) -> None:
    """Raise before a long replay what would fail after it.

    Parameters
    ----------
    option : str
        That asks for a picture.

    Raises
    ------
    CoralError
        If matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise CoralError(
            f"`{option}` needs matplotlib, which is not installed: {to_install('plots')}"
        )


def label(name: str, most: int = LONGEST_LABEL) -> str:
    """Return a name as matplotlib shows it: no formula, no control character, not too long."""
    text = lettered(named(name)).replace("$", r"\$")
    return text if len(text) <= most else f"{text[: most - 1]}…"


def lettered(text: str) -> str:
    """Return text in letters that the font has: others are escaped, not boxes without a meaning."""
    return "".join(c if ord(c) in _letters() else escaped(c) for c in printable(text))


@cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import (  # noqa: PLC0415 - an extra, slow to import
        FontProperties,
        findfont,
        get_font,
    )

    return frozenset(get_font(findfont(FontProperties())).get_charmap())
