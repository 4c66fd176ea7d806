"""Where a group without state begins to read, in words."""

import datetime as dt
import re
from typing import Final, Literal

__all__ = ["PATTERN", "Start", "start_of"]

Start = Literal["earliest", "latest"] | float

PATTERN: Final = (
    r"^(earliest|latest|-[0-9]{1,9}[smhd]|[0-9]{4}-[0-9-]{5}T[0-9:.]{5,15}(Z|[+-][0-9:]{5}))$"
)
_ENDS: Final[dict[str, Start]] = {"earliest": "earliest", "latest": "latest"}
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def start_of(text: str, now: float) -> Start:
    """Return what a setting of the form `PATTERN` means: one of two ends, or unix s.

    Raises
    ------
    ValueError
        If it is a time that there is not.

    Examples
    --------
    >>> start_of("latest", 1e9), start_of("-2h", 1e9), start_of("2001-09-09T01:46:40Z", 0.0)
    ('latest', 999992800.0, 1000000000.0)
    """
    if text in _ENDS:
        return _ENDS[text]
    ago = re.fullmatch(r"-([0-9]+)([smhd])", text)
    if ago:
        return max(now - int(ago[1]) * _UNITS[ago[2]], 0.0)
    return dt.datetime.fromisoformat(text).timestamp()
