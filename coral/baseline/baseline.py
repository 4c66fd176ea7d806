"""The baseline: recent rows of the normal state, and the unit of every series in them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coral.baseline.policy import SCALE, ScalePolicy
from coral.baseline.row_buffer import RowBuffer
from coral.baseline.scaling import center_and_scale
from coral.config import EngineConfig
from detectors.places import take

__all__ = ["Baseline"]

Floats = NDArray[np.float64]


class Baseline:
    """Rows of the normal state, kept for exact medians and ranges, and a reference scale.

    The scale is taken again each time the number of rows has doubled and at the latest after one
    buffer: an amortised constant cost per row however long the daemon runs.

    Parameters
    ----------
    n_series : int
    config : EngineConfig
        `base_rows` and `base_cells` bound the rows that are kept.
    policy : ScalePolicy

    Attributes
    ----------
    in_order : bool
        Whether rows have only come, and left as the oldest, since the scale was taken.
    """

    def __init__(self, n_series: int, config: EngineConfig, policy: ScalePolicy = SCALE) -> None:
        self._config = config
        self.policy = policy
        self._rows = RowBuffer(n_series, self._capacity_for(n_series))
        self._learned = 0  # rows, those that have left the buffer included
        self._rescale_at = policy.first_rows
        self.in_order = False
        self.center: Floats = np.zeros(n_series)
        self.scale: Floats = np.zeros(n_series)

    @property
    def n_series(self) -> int:
        """Number of series."""
        return self._rows.n_series

    @property
    def n_rows(self) -> int:
        """Rows that are kept."""
        return len(self._rows)

    @property
    def has_scale(self) -> bool:
        """Whether there were rows enough to take a scale."""
        return self._learned > self.policy.first_rows

    def learn(self, x: Floats, *, adjacent: bool) -> bool:
        """Keep one row of the normal state; return whether the scale is due to be taken again.

        Parameters
        ----------
        x : ndarray of shape (n_series,), float64, raw units, NaN = missing
        adjacent : bool
            Whether it directly follows the row learned before.
        """
        self._rows.append(x, adjacent=adjacent)
        self._learned += 1
        if self._learned != self._rescale_at:
            return False
        self._rescale_at += min(self._rescale_at, self._rows.capacity)
        return True

    def unlearn(self, n_rows: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Give the newest rows back, as if they had not come; the scale stays until the next one.

        Parameters
        ----------
        n_rows : int
            At most `self.n_rows`.

        Returns
        -------
        rows : ndarray of shape (n_rows, n_series), float64, raw units, NaN = missing
            Oldest first.
        adjacent : ndarray of shape (n_rows,), bool
            As they were learned.
        """
        rows, adjacent = self._rows.rows()
        kept = len(rows) - n_rows
        given = rows[kept:].copy(), adjacent[kept:].copy()
        self._rows = self._rows.without_newest(n_rows)
        self._learned -= n_rows
        self.in_order = False
        return given

    def rescale(self, rows: Floats) -> Floats:
        """Take center and scale from the rows; return the old scale in units of the new one.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_series), float64, raw units, NaN = missing
            Those that `rows` returns.

        Returns
        -------
        ndarray of shape (n_series,), float64
            1 where there is no new scale.
        """
        before, self.in_order = self.scale, True
        self.center, self.scale = center_and_scale(rows, self.policy)
        return np.divide(before, self.scale, out=np.ones_like(before), where=self.scale > 0)

    def rows(self) -> tuple[Floats, NDArray[np.bool_]]:
        """Rows, oldest first, and whether each follows the one before it; not to be written."""
        return self._rows.rows()

    def left(self, n_rows: int, after: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Rows that left the base last, and the oldest that have not; see `RowBuffer.left`."""
        return self._rows.left(n_rows, after)

    def newest(self, n_rows: int) -> Floats:
        """Last rows, at most `n_rows`, oldest first; not to be written."""
        return self._rows.newest(n_rows)

    def scaled(self, x: Floats) -> Floats:
        """Row(s) in reference units, cut; a series that was constant at zero gives zero."""
        most, deviation = self.policy.learned_units, self.in_units(x)
        return np.clip(deviation, -most, most, out=deviation)

    def in_units(self, x: Floats) -> Floats:
        """Row(s) in reference units, however far out."""
        unit = np.where(self.scale > 0, self.scale, np.inf)
        with np.errstate(over="ignore"):  # what is beyond all floats is infinitely far out
            deviation: Floats = x - self.center
            deviation /= unit
        return deviation

    def select(self, index: NDArray[np.intp]) -> None:
        """Keep, reorder and append series; new ones have no scale until it is taken again.

        Parameters
        ----------
        index : ndarray of shape (n_new,), int
            Present place of each series of the next row, -1 for a new one.
        """
        self._rows = self._rows.selected(index, self._capacity_for(len(index)))
        self.in_order = False
        self.center = take(self.center, index, (0,), 0.0)
        self.scale = take(self.scale, index, (0,), 0.0)

    def state_dict(self) -> dict[str, Any]:
        """Rows and scale, for the checkpoint: plain values and arrays."""
        return {
            "ring": self._rows.state_dict(),
            "absorbed": self._learned,
            "rescale_at": self._rescale_at,
            "in_order": self.in_order,
            "center": self.center.copy(),
            "scale": self.scale.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; series and configuration are those of then."""
        self._rows.load_state_dict(state["ring"])
        self._learned = state["absorbed"]
        self._rescale_at = state["rescale_at"]
        self.in_order = state.get("in_order", False)  # older checkpoints do not know
        self.center, self.scale = np.array(state["center"]), np.array(state["scale"])

    def _capacity_for(self, n_series: int) -> int:
        cells = self._config.base_cells // max(n_series, 1)
        return max(64, min(self._config.base_rows, cells))
