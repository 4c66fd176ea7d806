"""The incremental disentangled causal graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from coral.graph._arrays import FloatArray, IndexArray, check_places, grown_places, read_only, take
from coral.graph.edges import Edge, collect_edges
from coral.graph.moments import LaggedMoments
from coral.graph.order import Doubling, moved, peeled
from coral.graph.orient import orient
from coral.graph.predictor import RIDGE_ROWS, fit_predictor
from coral.graph.prior import effect_weights
from coral.graph.solver import Fitted, Plan, changed_ratio, solve_dependent, solve_invariant
from coral.graph.states import StateMemory, from_sparse, to_sparse

if TYPE_CHECKING:
    from coral.graph.prior import Prior
    from coral.graph.states import StateSignature


_ORIENT_ROUNDS: Final = 3
"""Times that edges are turned and all is solved again, each time the rows have doubled."""


class CausalGraph:
    """Structural VAR in two parts: what always holds, and what the present state changed.

    ``z[t] = sum over l = 0..lags of z[t-l] (B_l + S_l) + e[t]``: B, state-invariant, is learned
    from the rows of the normal state; S, state-dependent, from the rows since `open_state`. Both
    are sparse, their instantaneous part is acyclic, missing cells contribute nothing. A row costs
    O(n^2 lags) and a solve does not depend on how many rows were seen.

    Parameters
    ----------
    n_series : int, >= 1
        Number of series (columns of a row).
    lags : int, >= 1
        Largest lag, in rows.
    prior : Prior or None
        Known topology.
    half_life_rows : float, > 0, or None
        Rows after which a normal row weighs half; None keeps plain sums.
    instantaneous : bool
        False drops the lag-0 part: cheaper, and all directions are identified.
    max_states : int, >= 0
        Number of state signatures kept, newest last.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    Per node the 'dirty model' [1]_: minimise half the quadratic form in the moments at b + s, plus
    lambda_B |W b|_1 + lambda_S |W s|_1, by coordinate descent with covariance updates over the
    active set [2]_. We deviate in three places. The normal state is frozen while a state is open,
    so b is solved from its rows alone and s from the state's alone: the limit of the joint problem
    for a normal state with far more rows. The penalty is sigma sqrt(2 log(features) / rows), with
    the noise sigma of the node estimated along (scaled lasso [3]_), so there is nothing to tune.
    The support is refitted without penalty, and coefficients the refit finds weak are dropped.

    The instantaneous order starts from equal-variance peeling; then edges are turned round where
    that needs fewer causes (`coral.graph.orient`), so it does not rest on equal noise where series
    have a past of their own. Where they have none the direction is **not identified**: read
    `Edge.direction_identified`. The direction of lagged edges is time.

    Rows should be scaled about their median and cut where they are absurd: heavy tails make any
    second moment useless. The class itself stands any scale and any pattern of missing cells.

    References
    ----------
    .. [1] Jalali, A., Ravikumar, P., Sanghavi, S. (2010). A dirty model for multi-task learning.
       NIPS 23, equation 2.
    .. [2] Friedman, J., Hastie, T., Tibshirani, R. (2010). Regularization paths for generalized
       linear models via coordinate descent. J. Stat. Software 33, section 2.2.
    .. [3] Sun, T., Zhang, C.-H. (2012). Scaled sparse linear regression. Biometrika 99.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(400, 2))
    >>> rows[1:, 1] += 0.8 * rows[:-1, 0]
    >>> graph = CausalGraph(n_series=2, lags=1)
    >>> graph.update_block(rows)
    >>> _ = graph.solve()
    >>> [(edge.cause, edge.effect, edge.lag) for edge in graph.edges()]
    [(0, 1, 1)]
    """

    def __init__(
        self,
        n_series: int,
        lags: int = 1,
        prior: Prior | None = None,
        *,
        half_life_rows: float | None = None,
        instantaneous: bool = True,
        max_states: int = 16,
    ) -> None:
        if lags < 1:
            raise ValueError(f"`CausalGraph` requires lags >= 1, got lags={lags}.")
        self._base = LaggedMoments(n_series, lags, half_life_rows)
        self._state: LaggedMoments | None = None
        self._memory = StateMemory(max_states)
        self._b = np.zeros((n_series, lags + 1, n_series))
        self._s: FloatArray | None = None
        self._noise = np.zeros(n_series)
        self._state_noise = np.zeros(n_series)
        self._order: IndexArray = np.arange(n_series if instantaneous else 0)
        self._doubling = Doubling()
        self._state_doubling = Doubling()
        self._weights = effect_weights(prior, n_series)

    @property
    def n_series(self) -> int:
        """Number of series."""
        return self._base.n_series

    @property
    def lags(self) -> int:
        """Largest lag, in rows."""
        return self._base.lags

    @property
    def moments(self) -> LaggedMoments:
        """Moments of the normal state; to be read, not updated."""
        return self._base

    @property
    def state_open(self) -> bool:
        """Whether rows go to a state-dependent part at present."""
        return self._state is not None

    @property
    def states(self) -> tuple[StateSignature, ...]:
        """Signatures of the closed states, oldest first, at most `max_states`."""
        return self._memory.signatures

    @property
    def order(self) -> IndexArray:
        """Order of the invariant instantaneous part, causes first, (n_series,) or empty.

        With an open state, series whose mechanism changed come as late as that part allows.
        """
        return read_only(self._order)

    @property
    def invariant(self) -> FloatArray:
        """B, shape (lags + 1, n_series, n_series) as [lag, cause, effect]; read-only view."""
        return read_only(self._b.transpose(1, 2, 0))

    @property
    def dependent(self) -> FloatArray:
        """S of the open state, same shape as `invariant`, zero without one; read-only."""
        if self._s is None:
            shape = (self.lags + 1, self.n_series, self.n_series)
            return np.broadcast_to(np.zeros(()), shape)
        return read_only(self._s.transpose(1, 2, 0))

    def update(self, z: FloatArray) -> None:
        """Learn from one row: of the open state when there is one, else of the normal state.

        Parameters
        ----------
        z : ndarray of shape (n_series,), float64, NaN = missing
            Scaled values. Not modified, not kept.
        """
        (self._base if self._state is None else self._state).update(z)

    def update_block(self, rows: FloatArray) -> None:
        """Learn from consecutive rows; the same as row by row.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_series), float64, NaN = missing
            Scaled values. Not modified, not kept.
        """
        (self._base if self._state is None else self._state).update_block(rows)

    def break_lags(self) -> None:
        """Say that the next row follows a gap in time: it has no known predecessors."""
        (self._base if self._state is None else self._state).break_lags()

    def open_state(self) -> None:
        """Start a state: solve and freeze the invariant part; rows go to a fresh dependent part.

        Without effect when a state is open already.
        """
        if self._state is not None:
            return
        self.solve()
        self._state_doubling = Doubling()
        self._state = LaggedMoments(self.n_series, self.lags, anchor_first=True)
        self._state.follow(self._base)
        self._s = np.zeros_like(self._b)
        self._state_noise = np.zeros(self.n_series)

    def close_state(self, *, keep: bool = True) -> None:
        """End the state; the next row is normal and has no known predecessors.

        Parameters
        ----------
        keep : bool
            Keep the state's signature. The oldest one beyond `max_states` is forgotten.
        """
        if self._state is None or self._s is None:
            return
        changed = self.changed_nodes()
        self._memory.close(self._state, self._base, changed, self._s, keep=keep)
        self._state = None
        self._s = None
        self._base.break_lags()

    def solve(self) -> float:
        """Bring the graph up to date, warm-started from the previous one.

        Without an open state the invariant part is solved, with one the dependent part.

        Returns
        -------
        float
            Summed absolute change of the part's coefficients over their summed absolute value,
            in standard deviations: 0 = settled; 0 as well for an empty part that stays empty.
        """
        base = Fitted(self._base, self._b, self._noise)
        if self._state is not None and self._s is not None:
            state = Fitted(self._state, self._s, self._state_noise)
            fresh = self._state_doubling.due(self._state)
            return solve_dependent(state, base, Plan(self._weights, self._order, fresh))
        if not self._doubling.due(self._base):
            return solve_invariant(base, Plan(self._weights, self._order, fresh=False))
        if not self._order.size:
            return solve_invariant(base, Plan(self._weights, self._order, fresh=True))
        return self._solve_and_orient(base)

    def _solve_and_orient(self, base: Fitted) -> float:
        """Solve from the peeled order; turn edges and solve again while that pays."""
        self._order = peeled(self._base, self._weights)
        change = 0.0
        for _ in range(_ORIENT_ROUNDS):
            change += solve_invariant(base, Plan(self._weights, self._order, fresh=True))
            better = orient(self._base, self._b, self._weights, self._order)
            if better is None:
                return change
            self._order = better
        return change + solve_invariant(base, Plan(self._weights, self._order, fresh=True))

    def changed_nodes(self) -> FloatArray:
        """How much worse the shared mechanism explains each series in the state than before.

        Returns
        -------
        ndarray of shape (n_series,), float64
            Mean square of the node's residual under B about the normal means, state over normal;
            1 = as before, all ones without an open state. Bounded by 1e12.

        Notes
        -----
        A shift of level that the causes do not explain counts like a change of a coefficient. Two
        rows of 'as before' are mixed in. A series without variation in the normal state is measured
        against a thousandth of the typical residual (rms).
        """
        if self._state is None:
            return np.ones(self.n_series)
        return changed_ratio(self._state, Fitted(self._base, self._b, self._noise))

    def predictor(self, ridge_rows: float = RIDGE_ROWS) -> FloatArray:
        """Fit the one-step predictor of the normal rows; see `coral.graph.predictor`.

        Parameters
        ----------
        ridge_rows : float, > 0
            Ridge as rows of one squared unit.

        Returns
        -------
        ndarray of shape (lags * n_series, n_series), float64
            Row (lag - 1) * n_series + cause, column effect.
        """
        return fit_predictor(self._base, ridge_rows)

    def edges(self) -> list[Edge]:
        """Edges of both parts, sorted by effect, cause, lag and part."""
        found = collect_edges(self._base, self._b, None, self._noise, part="invariant")
        if self._state is not None and self._s is not None:
            found += collect_edges(
                self._state, self._s, self._b, self._state_noise, part="dependent"
            )
        return sorted(found, key=lambda edge: (edge.effect, edge.cause, edge.lag, edge.part))

    def grow(self, n_series: int, prior: Prior | None = None) -> None:
        """Append series that have not been seen yet; the others keep their place and edges.

        Parameters
        ----------
        n_series : int, >= the present number
            New number of series.
        prior : Prior or None
            Prior over all of them; None keeps the present one, neutral for the new series.
        """
        self.select(grown_places(self.n_series, n_series), prior)

    def select(self, index: IndexArray, prior: Prior | None = None) -> None:
        """Keep, reorder and append series, in all states and parts.

        Parameters
        ----------
        index : ndarray of shape (n_new,), int
            Present place of each series of the new row, -1 for a series not seen yet. A place that
            does not occur leaves the graph.
        prior : Prior or None
            Prior over the new series; None carries the present one along.

        Raises
        ------
        ValueError
            If a place occurs twice or does not exist, or the prior has another number of series.
        """
        index = np.asarray(index, dtype=np.intp)
        check_places(index, self.n_series)
        weights = effect_weights(prior, index.size)
        self._base.select(index)
        self._b = take(self._b, index, (0, 2), 0.0)
        self._noise = take(self._noise, index, (0,), 0.0)
        self._state_noise = take(self._state_noise, index, (0,), 0.0)
        if self._state is not None and self._s is not None:
            self._state.select(index)
            self._s = take(self._s, index, (0, 2), 0.0)
        self._memory.select(index)
        if self._order.size:
            self._order = moved(self._order, index)
        carried = take(self._weights, index, (0, 1), 1.0) if self._weights.size else weights
        self._weights = carried if prior is None else weights

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on identically, the prior included: no object of ours."""
        return {
            "base": self._base.state_dict(),
            "state": None if self._state is None else self._state.state_dict(),
            "invariant": to_sparse(self._b),
            "dependent": None if self._s is None else to_sparse(self._s),
            "noise": self._noise.copy(),
            "state_noise": self._state_noise.copy(),
            "order": self._order.copy(),
            "doublings": [self._doubling.rows, self._state_doubling.rows],
            "weights": self._weights.copy(),
            "memory": self._memory.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Raises
        ------
        ValueError
            If the state has another number of lags.
        """
        self._base.load_state_dict(state["base"])
        self._state = None
        if state["state"] is not None:
            self._state = LaggedMoments(self.n_series, self.lags, anchor_first=True)
            self._state.load_state_dict(state["state"])
        self._b = from_sparse(state["invariant"])
        self._s = None if state["dependent"] is None else from_sparse(state["dependent"])
        self._noise = np.array(state["noise"], dtype=np.float64)
        self._state_noise = np.array(state["state_noise"], dtype=np.float64)
        self._order = np.array(state["order"], dtype=np.intp)
        self._doubling.rows, self._state_doubling.rows = map(int, state["doublings"])
        self._weights = np.array(state["weights"], dtype=np.float64)
        self._memory.load_state_dict(state["memory"])
