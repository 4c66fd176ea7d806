"""Kernels that orient instantaneous edges. Layout and constants as in `coral.graph._kernels`.

`parents` of shape (n, features), bool, holds the causes of every node; feature = lag * n + series.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

RIDGE = 1e-4


@nb.njit(cache=True, error_model="numpy")
def sweep(matrix: FloatArray, k: int) -> None:
    """Sweep a symmetric matrix on one pivot; a second time takes it back (sign of row k apart)."""
    size = matrix.shape[0]
    pivot = matrix[k, k]
    for a in range(size):
        if a != k:
            factor = matrix[a, k] / pivot
            for b in range(size):
                if b != k:
                    matrix[a, b] -= factor * matrix[k, b]
    for a in range(size):
        if a != k:
            matrix[a, k] /= pivot
            matrix[k, a] /= pivot
    matrix[k, k] = -1.0 / pivot


@nb.njit(cache=True, error_model="numpy")
def eliminate(
    table: FloatArray, node: int, features: IntArray, rows: float, price: float, kept: BoolArray
) -> float:
    """Score a regression after backward elimination: rows log(variance) + price * causes.

    A cause goes, weakest first, when its squared t value is below `price`; fills `kept`.
    """
    n, size = table.shape[1], features.shape[0]
    p = (table.shape[0] - 1) // 2
    matrix = np.empty((size + 1, size + 1))
    for a in range(size + 1):
        fa = features[a] if a < size else node
        for b in range(size + 1):
            fb = features[b] if b < size else node
            d = fa // n - fb // n
            matrix[a, b] = table[d if d >= 0 else p - d, fb % n, fa % n]
        if a < size:
            matrix[a, a] += RIDGE
    for a in range(size):
        kept[a] = matrix[a, a] > RIDGE
        if kept[a]:
            sweep(matrix, a)
    while True:
        weakest, least = -1, price
        variance = max(float(matrix[size, size]), 1e-9)
        for a in range(size):
            if kept[a]:
                strength = rows * matrix[a, size] ** 2 / (-matrix[a, a] * variance)
                if strength < least:
                    weakest, least = a, strength
        if weakest < 0:
            break
        kept[weakest] = False
        sweep(matrix, weakest)
    return rows * math.log(variance) + price * np.sum(kept[:size])


@nb.njit(cache=True, error_model="numpy")
def has_detour(parents: BoolArray, cause: int, effect: int) -> bool:
    """Whether instantaneous edges lead from cause to effect other than directly."""
    n = parents.shape[0]
    seen = np.zeros(n, dtype=np.bool_)
    stack = np.empty(n, dtype=np.int64)
    top = 0
    for k in range(n):
        if parents[effect, k] and k != cause:
            seen[k] = True
            stack[top] = k
            top += 1
    while top > 0:
        top -= 1
        node = stack[top]
        if node == cause:
            return True
        for k in range(n):
            if parents[node, k] and not seen[k]:
                seen[k] = True
                stack[top] = k
                top += 1
    return False


@nb.njit(cache=True, error_model="numpy")
def with_cause(features: IntArray, cause: int) -> IntArray:
    """Append one feature."""
    more = np.empty(features.shape[0] + 1, dtype=np.int64)
    more[: features.shape[0]] = features
    more[features.shape[0]] = cause
    return more


@nb.njit(cache=True, error_model="numpy")
def weigh_directions(
    table: FloatArray,
    parents: BoolArray,
    cause: int,
    effect: int,
    rows: float,
    price: float,
    turned: BoolArray,
) -> float:
    """How much better cause -> effect fits than effect -> cause, in units of 2 log likelihood.

    Both nodes may take all the causes that either has, so that both directions describe the same
    distribution and only the number of causes needed tells them apart. Fills `turned`, of shape
    (2, features), with the causes of `cause` and of `effect` when the edge is turned round.
    """
    either = parents[effect] | parents[cause]
    either[cause], either[effect] = False, False
    others = np.flatnonzero(either)
    kept = np.empty(others.shape[0] + 1, dtype=np.bool_)
    forward = eliminate(table, cause, others, rows, price, kept)
    forward += eliminate(table, effect, with_cause(others, cause), rows, price, kept)
    turned[:] = False
    backward = eliminate(table, cause, with_cause(others, effect), rows, price, kept)
    for a in range(others.shape[0]):
        turned[0, others[a]] = kept[a]
    turned[0, effect] = kept[others.shape[0]]
    backward += eliminate(table, effect, others, rows, price, kept)
    for a in range(others.shape[0]):
        turned[1, others[a]] = kept[a]
    return backward - forward


@nb.njit(cache=True, error_model="numpy")
def weigh_edges(
    table: FloatArray,
    parents: BoolArray,
    touching: BoolArray,
    rows: float,
    price: float,
    advantage: FloatArray,
) -> None:
    """Fill `advantage[effect, cause]` for the edges that touch some nodes; inf = no edge."""
    n, features = parents.shape
    turned = np.empty((2, features), dtype=np.bool_)
    for effect in range(n):
        for cause in range(n):
            if touching[effect] or touching[cause]:
                advantage[effect, cause] = math.inf
                if parents[effect, cause]:
                    advantage[effect, cause] = weigh_directions(
                        table, parents, cause, effect, rows, price, turned
                    )


@nb.njit(cache=True, error_model="numpy")
def orient(
    table: FloatArray,
    parents: BoolArray,
    bonus: FloatArray,
    rows: float,
    price: float,
    margin: float,
    most: int,
) -> int:
    """Turn instantaneous edges round in place, the one that gains most first; count the turns.

    An edge stays when its turn gains less than `margin` or would close a cycle. `bonus`, of shape
    (n, n) as [effect, cause], is added to the advantage of an edge: what is known beforehand.
    """
    n, features = parents.shape
    advantage = np.empty((n, n))
    turned = np.empty((2, features), dtype=np.bool_)
    touching = np.ones(n, dtype=np.bool_)
    for count in range(most):
        weigh_edges(table, parents, touching, rows, price, advantage)
        effect, cause, least = -1, -1, -margin
        for i in range(n):
            for j in range(n):
                value = advantage[i, j] + bonus[i, j]
                if value < least and not has_detour(parents, j, i):
                    effect, cause, least = i, j, value
        if effect < 0:
            return count
        weigh_directions(table, parents, cause, effect, rows, price, turned)
        parents[cause], parents[effect] = turned[0], turned[1]
        touching[:] = False
        touching[cause], touching[effect] = True, True
    return most
