"""Rules every codec and every reader of recordings shares: values, times."""

import datetime as dt
from typing import Annotated, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

MAX_ABS_VALUE: Final = 1e100
"""Larger magnitudes, infinity included, count as missing: the square of a larger one, over any
sensible scale, is no float64 any more."""

MAX_TIME: Final = 1e11
"""First unix second (in the year 5138) that is no event time; milliseconds are beyond it."""

_AwareDatetime = Annotated[dt.datetime, msgspec.Meta(tz=True)]


def parse_rfc3339(text: str) -> float | None:
    """Return the unix seconds of an RFC 3339 time with its zone, None if it is none."""
    try:
        return msgspec.convert(text, _AwareDatetime).timestamp()
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return None


def time_problem(time: float) -> str | None:
    """Return why `time` cannot be unix seconds, None if it can."""
    if 0.0 <= time < MAX_TIME:
        return None
    if MAX_TIME <= time < 1e20:
        unit = "milliseconds" if time < 1e14 else "microseconds" if time < 1e17 else "nanoseconds"
        return f"unix seconds expected, got {time:.6g}, which looks like {unit}"
    return f"unix seconds in 0..{MAX_TIME:.0e} expected, got {time!r}"


def drop_extreme(values: NDArray[np.float64]) -> int:
    """Make extreme values missing, in place, and return how many there were.

    Parameters
    ----------
    values : ndarray of any shape, float64, NaN = missing
        Infinite values and those beyond `MAX_ABS_VALUE` become NaN.
    """
    extreme = np.abs(values) > MAX_ABS_VALUE
    if not extreme.any():
        return 0
    values[extreme] = np.nan
    return int(np.count_nonzero(extreme))
