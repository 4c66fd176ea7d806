"""What z-scores do: now, for two rows in a row, in a short mean, in a long mean."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from detectors._validate import check_integer, check_real
from detectors.base import FloatArray, Stateful
from detectors.statistics._moving_averages_kernels import averages_step

__all__ = ["MovingAverages"]


class MovingAverages(Stateful):
    """Persistence and moving means of every series, and the four statistics made of them.

    Parameters
    ----------
    n_series : int
        Number of series.
    short, long : int
        Rows of the two windows, short < long.
    clip : float
        Cells count in the means up to this size: one spike must not fill a window.

    Attributes
    ----------
    persistence : ndarray of shape (n,)
        Smaller of the newest two absolute values where they have the same sign, else 0: what a
        single spike, however large, does not move. NaN where the newest is missing.
    means : ndarray of shape (2, n)
        Of the short and of the long window: absolute sum of its cells over the root of their
        number, so that independent cells of unit variance give unit variance; NaN while less than
        half a window is present.
    top : int
        How many series the largest of them are: sqrt(n).

    Examples
    --------
    >>> import numpy as np
    >>> averages, statistics = MovingAverages(n_series=1, short=2, long=4), np.empty(4)
    >>> for value in (3.0, 5.0):
    ...     averages.push(np.array([value]), np.ones(1), statistics)
    >>> statistics.round(3)
    array([3.258, 3.   , 5.657, 5.657])
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "_ring",
        "_position",
        "_sums",
        "_counts",
        "_last",
        "persistence",
        "means",
    )
    _SAVED_AS: ClassVar[Mapping[str, str]] = {"persistence": "pair"}

    def __init__(
        self, n_series: int, *, short: int = 12, long: int = 96, clip: float = 20.0
    ) -> None:
        who = "MovingAverages"
        n = check_integer(who, "n_series", n_series, 0)
        self.short = check_integer(who, "short", short, 2)
        self.long = check_integer(who, "long", long, self.short + 1)
        self.clip = check_real(who, "clip", clip, 0.0)
        self._ring: FloatArray = np.full((self.long, n), np.nan)
        self._position = 0
        self._sums: FloatArray = np.zeros((2, n))
        self._counts: FloatArray = np.zeros((2, n))
        self._last: FloatArray = np.full(n, np.nan)
        self.persistence: FloatArray = np.full(n, np.nan)
        self.means: FloatArray = np.full((2, n), np.nan)
        self._allocate()

    def push(self, z: FloatArray, peak: FloatArray, out: FloatArray) -> None:
        """Append a row of z-scores and write its statistics.

        Parameters
        ----------
        z : ndarray of shape (n,), float64, NaN = missing
        peak : ndarray of shape (n,), float64, NaN = not known
            Mean peak of each series, in z-scores.
        out : ndarray of shape (>= 4,), float64
            Its first four get, NaN where no series says anything: the mean of log(1 + u^2), u = z
            in mean peaks; the mean of ``persistence``; the largest short mean; the mean of the
            ``top`` largest long means.
        """
        averages_step(
            z,
            peak,
            self.clip,
            self.short,
            self._position,
            self._ring,
            self._sums,
            self._counts,
            self._last,
            self.persistence,
            self.means,
            self.top,
            self._work,
            out,
        )
        self._position = (self._position + 1) % self.long

    def recent(self) -> FloatArray:
        """Return the clipped rows of the long window, shape (long, n), oldest first."""
        return np.roll(self._ring, -self._position, axis=0)

    def clear(self) -> None:
        """Forget the rows: the next one does not follow the last one."""
        self._ring.fill(np.nan)
        self._sums.fill(0.0)
        self._counts.fill(0)
        self._last.fill(np.nan)

    def grow(self, n_series: int) -> None:
        """Append series behind the present ones; their windows start empty."""
        extra = n_series - self._last.shape[0]
        self._ring = np.pad(self._ring, ((0, 0), (0, extra)), constant_values=np.nan)
        self._sums = np.pad(self._sums, ((0, 0), (0, extra)))
        self._counts = np.pad(self._counts, ((0, 0), (0, extra)))
        self.means = np.pad(self.means, ((0, 0), (0, extra)), constant_values=np.nan)
        for name in ("_last", "persistence"):
            setattr(self, name, np.append(getattr(self, name), np.full(extra, np.nan)))
        self._allocate()

    def _allocate(self) -> None:
        """Make the scratch space of the kernel."""
        n = self._last.shape[0]
        self.top = int(np.ceil(np.sqrt(n)))
        self._work: FloatArray = np.empty(n)
