"""Kernels that orient instantaneous edges. Layout and constants: `coral.graph._solver_kernels`.

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
def gather(table: FloatArray, features: IntArray, n_causes: int) -> FloatArray:
    """Moments of some features, the first `n_causes` of them with the ridge."""
    n, size = table.shape[1], features.shape[0]
    p = (table.shape[0] - 1) // 2
    matrix = np.empty((size, size))
    lags, series = features // n, features % n
    for a in range(size):
        for b in range(size):
            d = lags[a] - lags[b]
            matrix[a, b] = table[d if d >= 0 else p - d, series[b], series[a]]
        if a < n_causes:
            matrix[a, a] += RIDGE
    return matrix


@nb.njit(cache=True, error_model="numpy")
def sweep(matrix: FloatArray, k: int, alive: BoolArray) -> None:
    """Sweep a symmetric matrix on one pivot; a second time takes it back (sign of row k apart).

    Rows that are not alive are left as they are: nobody reads them.
    """
    size = matrix.shape[0]
    pivot = matrix[k, k]
    for a in range(size):
        if a != k and alive[a]:
            factor = matrix[a, k] / pivot
            for b in range(size):
                matrix[a, b] -= factor * matrix[k, b]
            matrix[a, k] = factor
    for b in range(size):
        matrix[k, b] /= pivot
    matrix[k, k] = -1.0 / pivot


@nb.njit(cache=True, error_model="numpy")
def eliminate(matrix: FloatArray, alive: BoolArray, rows: float, bic_penalty: float) -> float:
    """Score a regression after backward elimination: rows log(variance) + bic_penalty * causes.

    `matrix` is swept on the causes that are alive; the node is the last one. A cause goes, weakest
    first, when its squared t value is below `bic_penalty`: `alive` says in the end which are left.
    """
    last = matrix.shape[0] - 1
    while True:
        weakest, least = -1, bic_penalty
        variance = max(float(matrix[last, last]), 1e-9)
        for a in range(last):
            if alive[a]:
                strength = rows * matrix[a, last] ** 2 / (-matrix[a, a] * variance)
                if strength < least:
                    weakest, least = a, strength
        if weakest < 0:
            return rows * math.log(variance) + bic_penalty * np.sum(alive[:last])
        sweep(matrix, weakest, alive)
        alive[weakest] = False


@nb.njit(cache=True, error_model="numpy")
def enter(matrix: FloatArray, alive: BoolArray, first: int, end: int) -> None:
    """Sweep on the causes first..end-1; one that the others determine is not alive any more."""
    for a in range(first, end):
        alive[a] = matrix[a, a] > RIDGE
        if alive[a]:
            sweep(matrix, a, alive)


@nb.njit(cache=True, error_model="numpy")
def score(
    joint: FloatArray,
    common: BoolArray,
    ends: IntArray,
    rows: float,
    bic_penalty: float,
    kept: BoolArray,
) -> float:
    """Score one regression of a joint matrix that is swept on the common causes.

    `ends` are its other rows, the node last; fills `kept` with the causes that are left.
    """
    m = common.shape[0]
    size = m + ends.shape[0]
    places = np.arange(size)
    places[m:] = ends
    matrix, alive = np.empty((size, size)), np.ones(size, dtype=np.bool_)
    for a in range(size):
        for b in range(size):
            matrix[a, b] = joint[places[a], places[b]]
    alive[:m] = common
    enter(matrix, alive, m, size - 1)
    result = eliminate(matrix, alive, rows, bic_penalty)
    kept[: size - 1] = alive[: size - 1]
    return result


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
def weigh_directions(
    table: FloatArray,
    parents: BoolArray,
    cause: int,
    effect: int,
    rows: float,
    bic_penalty: float,
    turned: BoolArray,
) -> float:
    """How much better cause -> effect fits than effect -> cause, in units of 2 log likelihood.

    Both nodes may take all the causes that either has, so that both directions describe the same
    distribution and only the number of causes needed tells them apart. Fills `turned`, of shape
    (2, features), with the causes of `cause` and of `effect` when the edge is turned round.
    Infinite, and `turned` left alone, where there is no such edge.
    """
    if not parents[effect, cause]:
        return math.inf
    either = parents[effect] | parents[cause]
    either[cause], either[effect] = False, False
    others = np.flatnonzero(either)
    m = others.shape[0]
    # Both as a cause, with the ridge, and as a node, without: every regression is a part of this.
    both = np.array([cause, effect, cause, effect])
    joint, alive = gather(table, np.append(others, both), m + 2), np.ones(m + 4, dtype=np.bool_)
    enter(joint, alive, 0, m)
    common, kept = alive[:m], np.empty(m + 1, dtype=np.bool_)
    forward = score(joint, common, np.array([m + 2]), rows, bic_penalty, kept)
    forward += score(joint, common, np.array([m, m + 3]), rows, bic_penalty, kept)
    turned[:] = False
    backward = score(joint, common, np.array([m + 1, m + 2]), rows, bic_penalty, kept)
    for a in range(m):
        turned[0, others[a]] = kept[a]
    turned[0, effect] = kept[m]
    backward += score(joint, common, np.array([m + 3]), rows, bic_penalty, kept)
    for a in range(m):
        turned[1, others[a]] = kept[a]
    return backward - forward


@nb.njit(cache=True, error_model="numpy")
def weigh_edges(
    table: FloatArray,
    parents: BoolArray,
    wanted: BoolArray,
    rows: float,
    bic_penalty: float,
    advantage: FloatArray,
) -> None:
    """Fill `advantage[effect, cause]` where there is an edge and it is wanted; the rest stays."""
    n, features = parents.shape
    turned = np.empty((2, features), dtype=np.bool_)
    for effect in range(n):
        for cause in range(n):
            if wanted[effect, cause] and parents[effect, cause]:
                advantage[effect, cause] = weigh_directions(
                    table, parents, cause, effect, rows, bic_penalty, turned
                )


@nb.njit(cache=True, error_model="numpy")
def best_turn(
    parents: BoolArray,
    gain: FloatArray,
    margin: float,
    blocked: BoolArray,
    lowest: IntArray,
    stale: BoolArray,
) -> tuple[int, int]:
    """Effect and cause of the edge whose turn gains most and closes no cycle; -1, -1 if none.

    `gain` is what the edge gains over its reverse: the least one is turned. Edges that close a
    cycle are noted in `blocked` and passed over; `lowest` caches the best cause of every effect,
    but for those in `stale`.
    """
    n = gain.shape[0]
    while True:
        effect, least = -1, -margin
        for i in range(n):
            if stale[i]:
                stale[i], lowest[i] = False, 0
                for j in range(n):
                    if blocked[i, lowest[i]] or (
                        gain[i, j] < gain[i, lowest[i]] and not blocked[i, j]
                    ):
                        lowest[i] = j
            if gain[i, lowest[i]] < least and not blocked[i, lowest[i]]:
                effect, least = i, gain[i, lowest[i]]
        if effect < 0 or not has_detour(parents, lowest[effect], effect):
            return effect, lowest[effect] if effect >= 0 else -1
        blocked[effect, lowest[effect]], stale[effect] = True, True


@nb.njit(cache=True, error_model="numpy")
def orient(
    table: FloatArray,
    parents: BoolArray,
    bonus: FloatArray,
    rows: float,
    bic_penalty: float,
    margin: float,
    most: int,
) -> int:
    """Turn instantaneous edges round in place, the one that gains most first; count the turns.

    An edge stays when its turn gains less than `margin` or would close a cycle. `bonus`, of shape
    (n, n) as [effect, cause], is added to the advantage of an edge: what is known beforehand.
    """
    n, features = parents.shape
    gain, turned = bonus.copy(), np.empty((2, features), dtype=np.bool_)
    lowest, stale = np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.bool_)
    blocked = np.zeros((n, n), dtype=np.bool_)
    for effect in range(n):
        for cause in range(n):
            gain[effect, cause] += weigh_directions(
                table, parents, cause, effect, rows, bic_penalty, turned
            )
    for count in range(most):
        effect, cause = best_turn(parents, gain, margin, blocked, lowest, stale)
        if effect < 0:
            # What closed a cycle may close none after the turns since.
            blocked[:], stale[:] = False, True
            effect, cause = best_turn(parents, gain, margin, blocked, lowest, stale)
        if effect < 0:
            return count
        weigh_directions(table, parents, cause, effect, rows, bic_penalty, turned)
        parents[cause], parents[effect] = turned[0], turned[1]
        for node in (cause, effect):
            for other in range(n):
                before = gain[other, node]
                for i, j in ((node, other), (other, node)):
                    advantage = weigh_directions(table, parents, j, i, rows, bic_penalty, turned)
                    gain[i, j] = advantage + bonus[i, j]
                stale[other] |= gain[other, node] != before
            stale[node] = True
    return most
