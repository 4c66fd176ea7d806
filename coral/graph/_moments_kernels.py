"""Kernel over lagged sums; in place on C-contiguous float64, trusts its caller."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@nb.njit(cache=True, error_model="numpy")
def sum_about_zero(
    products: FloatArray,
    pairs: FloatArray,
    offsets: FloatArray,
    row_weight: FloatArray,
    means: FloatArray,
    weight_to_rows: float,
    sums: FloatArray,
) -> None:
    """Fill `sums`, of the shape of `products`, with sums of products about zero, in rows.

    The others as of `LaggedMoments.kernel_arrays`. Zero for a pair that fewer than two rows share,
    and where a sum is beyond all floats.
    """
    n = products.shape[1]
    for lag in range(products.shape[0]):
        whole = row_weight[lag]
        for i in range(n):
            for j in range(n):
                weight = pairs[lag, i, j] if pairs.shape[0] > 0 else whole
                moment = products[lag, i, j] / max(weight, 1e-300)
                moment -= offsets[0, lag, i] * offsets[1, lag, j]
                if weight * weight_to_rows < 1.5:
                    moment = 0.0
                total = (moment + means[i] * means[j]) * weight * weight_to_rows
                sums[lag, i, j] = total if np.isfinite(total) else 0.0


@nb.njit(cache=True, error_model="numpy")
def convert(
    products: FloatArray,
    sums: FloatArray,
    row_weight: FloatArray,
    unit: FloatArray,
    shift: FloatArray,
) -> None:
    """Turn the sums of products of complete series z into those of unit x z + shift, in place.

    `products` : (lags + 1, n, n); `sums` : (2, lags + 1, n), of the later and of the earlier row of
    a pair, those of z; `row_weight` : (lags + 1,), the pairs.
    """
    n = products.shape[1]
    for lag in range(products.shape[0]):
        later, earlier = sums[0, lag], sums[1, lag]
        for i in range(n):
            for j in range(n):
                crossed = unit[i] * later[i] * shift[j] + shift[i] * (unit[j] * earlier[j])
                once = unit[i] * unit[j] * products[lag, i, j]
                products[lag, i, j] = once + crossed + shift[i] * shift[j] * row_weight[lag]
