"""Prediction of a row from the row before it, as the normal state would have it."""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from coral.baseline.policy import SCALE, ScalePolicy

__all__ = ["OneStepPredictor"]

Floats = NDArray[np.float64]


class OneStepPredictor(NamedTuple):
    """State-invariant prediction of the next row, in raw units.

    Attributes
    ----------
    center, scale : ndarray of shape (n,), float64, raw units
        As `center_and_scale` gives them for the normal state; scale 0 = no scale is known.
    coefficients : ndarray of shape (n, n) or (k, k), float64
        `coefficients[i, j]` is the effect of series i on series j one row later, in scaled units.
    places : ndarray of shape (k,), int, or None
        Series that the coefficients are about, when not all.
    own : ndarray of shape (n,), float64, or None
        Effect of every series on itself, for those that the coefficients are not about.
    leverage : float, 0 .. 1
        Share of the rows of the normal state that the coefficients know by heart.
    """

    center: Floats
    scale: Floats
    coefficients: Floats
    places: NDArray[np.intp] | None = None
    own: Floats | None = None
    leverage: float = 0.0

    def detached(self, series: NDArray[np.bool_], center: Floats, scale: Floats) -> Self:
        """Predict some series by a center of their own, and nothing else by them.

        Parameters
        ----------
        series : ndarray of shape (n,), bool
        center, scale : ndarray of shape (n,), float64
            Used where `series` is true.
        """
        coefficients = self.coefficients.copy()
        apart = series if self.places is None else series[self.places]
        coefficients[apart] = 0.0
        coefficients[:, apart] = 0.0
        return self._replace(
            center=np.where(series, center, self.center),
            scale=np.where(series, scale, self.scale),
            coefficients=coefficients,
            own=None if self.own is None else np.where(series, 0.0, self.own),
        )

    def predict(self, previous: Floats, policy: ScalePolicy = SCALE) -> Floats:
        """Predict the rows after `previous`; a missing cell counts as its center.

        Parameters
        ----------
        previous : ndarray of shape (n,) or (m, n), float64, raw units, NaN = missing
        policy : ScalePolicy

        Returns
        -------
        ndarray of the same shape, never NaN
        """
        unit = np.where(self.scale > 0.0, self.scale, 1.0)
        z = (previous - self.center) / unit
        z = np.clip(np.where(np.isnan(z), 0.0, z), -policy.clip_units, policy.clip_units)
        predicted: Floats = self.center + unit * self.ahead(z)
        return predicted

    def ahead(self, z: Floats) -> Floats:
        """Return the scaled rows after others, both about the center.

        Parameters
        ----------
        z : ndarray of shape (n,) or (m, n), float64, scaled units, no NaN
        """
        if self.places is None or self.own is None:
            future: Floats = z @ self.coefficients
            return future
        future = z * self.own
        future[..., self.places] = z[..., self.places] @ self.coefficients
        return future
