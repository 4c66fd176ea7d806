"""Range queries over a window, in as many parts as the server allows."""

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.errors import TooMuchAskedError
from streams.prometheus.server import PrometheusServer

MOST_POINTS: Final = 11_000
"""Most points of one series in an answer of Prometheus."""

MOST_VALUES: Final = 250_000
"""Most values that are asked for at once; each takes about 150 bytes until it is a number."""

_SNAP: Final = 1e-6


class Window(NamedTuple):
    """The moments that are asked for: whole multiples of the step.

    Attributes
    ----------
    first : int
        Number of the first step.
    n : int
        How many there are.
    step_s : float
    """

    first: int
    n: int
    step_s: float

    @classmethod
    def between(cls, since: float, until: float, step_s: float) -> "Window":
        """Return the moments from `since` to `until`, unix seconds; steps are whole milliseconds.

        Examples
        --------
        >>> Window.between(1000.0, 1060.0, 15.0).times.tolist()
        [1005.0, 1020.0, 1035.0, 1050.0]
        """
        step_s = max(round(step_s, 3), 0.001)
        first = math.ceil(since / step_s - _SNAP)
        return cls(first, max(math.floor(until / step_s + _SNAP) - first + 1, 0), step_s)

    @property
    def times(self) -> NDArray[np.float64]:
        """Shape (n,), unix seconds."""
        return np.round((self.first + np.arange(self.n)) * self.step_s, 3)

    def part(self, at: int, n: int) -> "Window":
        """Return `n` of the moments from number `at` on."""
        return Window(self.first + at, n, self.step_s)

    def number_of(self, time: float) -> int:
        """Return which of the moments a time is."""
        return round(time / self.step_s) - self.first


class SeriesValues(msgspec.Struct):
    """One series of an answer.

    Parameters
    ----------
    metric : dict of str to str
        Its labels.
    values : list of (float, str)
        Unix seconds, and a number as Prometheus writes it.
    histograms : list
        In place of numbers, where the series is a native histogram.
    """

    metric: dict[str, str]
    values: list[tuple[float, str]] = []
    histograms: list[tuple[float, msgspec.Raw]] = []


class _RangeAnswer(msgspec.Struct):
    result: list[SeriesValues]


def answers(
    server: PrometheusServer, expression: str, window: Window, width: int
) -> Iterator[list[SeriesValues]]:
    """Yield the answers to an expression, which together cover a window.

    Where the server allows less at once it is asked for half as much.

    Parameters
    ----------
    server : PrometheusServer
    expression : str
    window : Window
    width : int
        Series that are expected in an answer.

    Raises
    ------
    PrometheusError
        As `PrometheusServer.get`; if a single moment is too much, a `TooMuchAskedError`.
    """
    at, most = 0, min(MOST_POINTS, max(MOST_VALUES // max(width, 1), 1))
    while at < window.n:
        part = window.part(at, min(most, window.n - at))
        asked = {
            "query": expression,
            "start": part.times[0],
            "end": part.times[-1],
            "step": window.step_s,
        }
        try:
            yield server.get("query_range", _RangeAnswer, asked).result
        except TooMuchAskedError:
            if part.n == 1:
                raise
            most = part.n // 2
        else:
            at += part.n
