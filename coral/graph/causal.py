"""The incremental disentangled causal graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from coral.graph._arrays import (
    BoolArray,
    FloatArray,
    IndexArray,
    check_places,
    read_only,
)
from coral.graph.contradiction import Contradiction, contradictions
from coral.graph.edges import Edge, collect_edges
from coral.graph.order import moved
from coral.graph.part import Part
from coral.graph.predictor import Predictor, fit_predictor
from coral.graph.prior import effect_weights, with_prior
from coral.graph.search import search
from coral.graph.solver import Plan, changed_ratio, solve_dependent, solve_invariant
from coral.graph.states import StateMemory, signature_of
from coral.graph.window_moments import WindowMoments
from detectors.places import take

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coral.graph.prior import Prior
    from coral.graph.states import StateSignature


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
        Number of state signatures kept; the state not seen for longest is forgotten first.

    Attributes
    ----------
    unsolved : bool
        Whether a state was opened on an invariant part that is not up to date.

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
    that needs fewer causes (`coral.graph.orientation`), so it does not rest on equal noise where
    series have a past of their own. Where they have none the direction is **not identified**: read
    `Edge.direction_identified`. The direction of lagged edges is time.

    Rows should be scaled about their median and cut where they are absurd: heavy tails make second
    moments useless. The class itself stands any scale and any pattern of missing cells.

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
        self._base = Part(WindowMoments(n_series, lags, half_life_rows))
        self._state: Part | None = None
        self.unsolved = False
        self._memory = StateMemory(max_states)
        self._recalled: StateSignature | None = None
        self._order: IndexArray = np.arange(n_series if instantaneous else 0)
        self._weights = effect_weights(prior, n_series)

    @property
    def n_series(self) -> int:
        """Number of series."""
        return self._base.moments.n_series

    @property
    def lags(self) -> int:
        """Largest lag, in rows."""
        return self._base.moments.lags

    @property
    def moments(self) -> WindowMoments:
        """Moments of the normal rows; rows are added by `update`."""
        return self._base.moments

    @property
    def state_open(self) -> bool:
        """Whether rows go to a state-dependent part at present."""
        return self._state is not None

    @property
    def states(self) -> tuple[StateSignature, ...]:
        """Signatures of the closed states, oldest first, at most `max_states`."""
        return self._memory.signatures

    @property
    def recalled(self) -> StateSignature | None:
        """Earlier state that the open one is a return of, as of the last solve; None if it is new.

        Its dependent edges then need a quarter of the evidence.
        """
        return self._recalled

    @property
    def order(self) -> IndexArray:
        """Order of the invariant instantaneous part, causes first, (n_series,) or empty.

        With an open state, series whose mechanism changed come as late as that part allows.
        """
        return read_only(self._order)

    @property
    def invariant(self) -> FloatArray:
        """B, shape (lags + 1, n_series, n_series) as [lag, cause, effect]; read-only view."""
        return read_only(self._base.coefs.transpose(1, 2, 0))

    @property
    def dependent(self) -> FloatArray:
        """S of the open state, same shape as `invariant`, zero without one; read-only."""
        if self._state is None:
            shape = (self.lags + 1, self.n_series, self.n_series)
            return np.broadcast_to(np.zeros(()), shape)
        return read_only(self._state.coefs.transpose(1, 2, 0))

    def update(self, z: FloatArray) -> None:
        """Learn from one row: of the open state when there is one, else of the normal state.

        Parameters
        ----------
        z : ndarray of shape (n_series,), float64, NaN = missing
            Scaled values. Not modified, not kept.
        """
        self._learning.update(z)

    def update_block(self, rows: FloatArray) -> None:
        """Learn from consecutive rows, shape (n_rows, n_series); the same as row by row."""
        self._learning.update_block(rows)

    def break_lags(self) -> None:
        """Say that the next row follows a gap in time: it has no known predecessors."""
        self._learning.break_lags()

    @property
    def _learning(self) -> WindowMoments:
        """Moments that rows go to at present."""
        return (self._base if self._state is None else self._state).moments

    def open_state(self, *, solve: bool = True) -> None:
        """Freeze the invariant part, solved; rows go to a fresh dependent part, if none is open.

        Parameters
        ----------
        solve : bool
            False leaves it to the next `solve` to bring the invariant part up to date.
        """
        if self._state is not None:
            return
        if solve:
            self.solve()
        self.unsolved = not solve
        self._recalled = None
        moments = WindowMoments(self.n_series, self.lags, anchor_first=True)
        moments.follow(self._base.moments)
        self._state = Part(moments)

    def close_state(self, *, keep: bool = True, name: str = "", time: float = math.nan) -> None:
        """End the state; the next row is normal and has no known predecessors.

        Parameters
        ----------
        keep : bool
            Keep the state's signature, under `name` and `time` (event time of its last row, unix
            s). It replaces that of the state it is a return of; beyond `max_states` the one not
            seen for longest is forgotten.
        """
        if self._state is None:
            return
        if keep:
            changed = self.changed_nodes()
            state = signature_of(self._state, self._base, changed, name=name, time=time)
            self._memory.keep(state)
        self._state, self._recalled, self.unsolved = None, None, False
        self._base.moments.break_lags()

    def solve(self) -> float:
        """Bring the graph up to date, warm-started from the previous one.

        It solves the dependent part if a state is open, else the invariant part; both when the
        invariant part was left unsolved.

        Returns
        -------
        float
            Summed absolute change of the part's coefficients over their summed absolute value,
            in standard deviations: 0 = settled; 0 as well for an empty part that stays empty.
        """
        if self._state is None or self.unsolved:
            self.unsolved = False
            change = self._solve_base()
        return change if self._state is None else self._solve_state(self._state)

    def _solve_base(self) -> float:
        """Solve the invariant part, searched anew when that is due."""
        fresh = self._base.doubling.due(self._base.moments)
        if fresh and self._order.size:
            change, self._order = search(self._base, self._weights)
        else:
            change = solve_invariant(self._base, Plan(self._weights, self._order, fresh))
        self._base.note_edges()
        return change

    def _solve_state(self, state: Part) -> float:
        """Solve the dependent part, with what is remembered of a state that returns."""
        weights = self._weights
        if self._memory.signatures:
            now = signature_of(state, self._base, self.changed_nodes())
            self._recalled = self._memory.recall(now)
        if self._recalled is not None:
            weights = with_prior(weights, self._recalled.place, self.n_series)
        plan = Plan(weights, self._order, state.doubling.due(state.moments))
        change = solve_dependent(state, self._base, plan)
        state.note_edges()
        return change

    def changed_nodes(self) -> FloatArray:
        """How much worse the shared mechanism explains each series in the state than before.

        Returns
        -------
        ndarray of shape (n_series,), float64
            Mean square of the node's residual under B about the normal means, state over normal;
            1 = as before, all ones without an open state. Bounded by 1e12.

        Notes
        -----
        A shift of level that the causes do not explain counts too. Two rows of 'as before' are
        mixed in. A series that never varied is held against a thousandth of the typical residual.
        """
        if self._state is None:
            return np.ones(self.n_series)
        return changed_ratio(self._state.moments, self._base)

    def predictor(self, ridge_rows: float) -> Predictor:
        """Fit the one-step predictor of the normal rows; see `coral.graph.predictor`."""
        return fit_predictor(self._base.moments, ridge_rows)

    def edges(self, between: BoolArray | None = None) -> list[Edge]:
        """Edges of both parts, sorted by effect, cause, lag and part.

        `between` chooses pairs as of `collect_edges`; None = all.
        """
        found = collect_edges(self._base, None, part="invariant", between=between)
        if self._state is not None and self._state.coefs.any():
            found += collect_edges(self._state, self._base, part="dependent", between=between)
        return sorted(found, key=lambda edge: (edge.effect, edge.cause, edge.lag, edge.part))

    def contradicted(self, entities: Sequence[str]) -> list[Contradiction]:
        """Hold the prior against B; `entities` are those of its series, (n_series,)."""
        return contradictions(self._base, self._weights, self._order, entities)

    def expect(self, prior: Prior | None) -> None:
        """Replace the prior; it counts from the next solve on."""
        self._weights = effect_weights(prior, self.n_series)

    def relearn(self, segments: Iterable[FloatArray], unit: FloatArray) -> None:
        """Replace the normal rows by others in other units; coefficients and memory follow.

        For a caller whose scale has changed: moments of rows that were cut cannot be converted.

        Parameters
        ----------
        segments : iterable of ndarrays of shape (n_rows, n_series), float64, NaN = missing
            Rows in the new units; rows of different segments do not follow each other.
        unit : ndarray of shape (n_series,), float64
            New value of what was one. Zero and infinity count as one: there was no old scale.

        Raises
        ------
        ValueError
            If a state is open.
        """
        if self._state is not None:
            raise ValueError("`relearn` requires that no state is open.")
        unit = np.where((unit > 0.0) & np.isfinite(unit), unit, 1.0)
        before = self._base.moments
        moments = WindowMoments(self.n_series, self.lags, before.half_life_rows)
        for rows in segments:
            moments.break_lags()
            moments.update_block(rows)
        moments.rows_seen = max(before.rows_seen, moments.rows_seen)
        self._base.moments = moments
        self._base.rescale(unit)
        self._memory.rescale(unit)

    def convert(self, unit: FloatArray, shift: FloatArray) -> None:
        """Follow the normal rows to other units: what `relearn` does, without the rows.

        For those series alone that have a value in each; the others are to be told anew.

        Parameters
        ----------
        unit, shift : ndarray of shape (n_series,), float64
        """
        self._base.moments.convert(unit, shift)
        unit = np.where((unit > 0.0) & np.isfinite(unit), unit, 1.0)
        self._base.rescale(unit)
        self._memory.rescale(unit)

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
        if self._state is not None:
            self._state.select(index)
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
            "order": self._order.copy(),
            "weights": self._weights.copy(),
            "memory": self._memory.state_dict(),
            "recalled": None if self._recalled is None else self._recalled.name,
            "unsolved": self.unsolved,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; raises ValueError for another number of lags."""
        self._base.load_state_dict(state["base"])
        self._state = None
        if state["state"] is not None:
            self._state = Part(WindowMoments(self.n_series, self.lags, anchor_first=True))
            self._state.load_state_dict(state["state"])
        self._order = np.array(state["order"], dtype=np.intp)
        self._weights = np.array(state["weights"], dtype=np.float64)
        self._memory.load_state_dict(state["memory"])
        named = {signature.name: signature for signature in self._memory.signatures}
        self._recalled = named.get(state["recalled"])
        self.unsolved = state.get("unsolved", False)  # older checkpoints left nothing unsolved
