"""Components that were restarted or replaced of late, and come to a level of their own."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from coral.contract.changes import ChangeEvent, ChangeKind
from coral.incident.change_log import part_of
from coral.localise.layout import metric_of
from coral.localise.policy import RANKING, ChangePolicy
from coral.localise.roles import Role, role_of
from streams.codec.labelled.readable import workload
from streams.series import entity_of

__all__ = ["Settling"]

Bools = NDArray[np.bool_]

# What leaves a component at another level by itself; of all else somebody should hear.
_EXPECTED: Final[frozenset[ChangeKind]] = frozenset(
    ("deployed", "upgraded", "rolled back", "removed", "restarted", "scaled")
)


_NONE: Final = np.zeros(0, dtype=np.intp)


class _Span(msgspec.Struct):
    """When a component settles, event time in unix s."""

    first: float
    last: float
    gone: bool  # it was removed
    over: bool = False
    felt: bool = False  # a health signal was, before it was over


class Settling:
    """Knows which series of a system come to a new level because of a change event.

    A component is an entity, and its replicas (pods) where these are entities of their own. What
    it does to itself is expected to come to a new level when it was restarted or replaced: memory,
    files, caches, its processor. Its latency, its errors and its traffic are judged as ever, and
    so is all of it once a health signal is felt, or once its time is over.

    Parameters
    ----------
    interval_s : float
        Of the rows.
    policy : ChangePolicy

    Attributes
    ----------
    levels : ndarray of shape (n_series,), bool
        Series whose level is not judged on the newest row.
    gaps : ndarray of shape (n_series,), bool
        Series that may be missing in it: all of a component.
    settled : ndarray of shape (n_series,), bool
        Series that have settled with it.
    left : ndarray of shape (n_series,), bool
        Series that, if they are missing in it, have left.
    rows : int
        Newest rows of a series that has settled that tell its level: the later half of its time.
    """

    def __init__(self, interval_s: float, policy: ChangePolicy = RANKING.changes) -> None:
        self._length = max(policy.settle_s, policy.settle_rows * interval_s)
        self._most = max(policy.settle_most_s, self._length)
        self._again = max(policy.settle_again_s, 2.0 * self._most)
        self.rows = max(int(self._length / interval_s) // 2, policy.settle_rows // 2)
        self._spans: dict[str, _Span] = {}
        self._now = -np.inf
        self.follow((), ())

    @property
    def active(self) -> bool:
        """Whether anything settles on the newest row, or has settled with it."""
        return self._touched

    def follow(self, series: Sequence[str], health: Sequence[str]) -> None:
        """Follow the series of the system; its health signals are always judged."""
        judged, owner = set(health), dict[str, list[int]]()
        for place, name in enumerate(series):
            owner.setdefault(entity_of(name), []).extend([place] * (name not in judged))
        self._own = {entity: np.array(own, dtype=np.intp) for entity, own in owner.items()}
        replicas: dict[str, list[int]] = {}
        for entity, own in owner.items():
            if (whole := workload(entity)) != entity:
                replicas.setdefault(whole, []).extend(own)
        self._replicas = {whole: np.array(own, dtype=np.intp) for whole, own in replicas.items()}
        self._internal = np.array([_is_internal(name) for name in series], dtype=np.bool_)
        self._clear()

    def begin(self, change: ChangeEvent) -> None:
        """Let the component that a change event is about settle, if it is one that does that to it.

        A component settles for as long as changes of it go on, at most for a bounded time, and
        not again before two hours have passed since the first.
        """
        known = self._own.keys() | self._replicas.keys()
        part = part_of(change, known) if change.kind in _EXPECTED else None
        if part is None:
            return
        end, gone = change.time + self._length, change.kind == "removed"
        if end <= self._now:
            return
        span = self._spans.get(part)
        if span is None or change.time >= span.first + self._again:
            self._spans[part] = _Span(change.time, end, gone)
        elif not span.over and span.first <= change.time <= span.last:
            span.last = max(span.last, min(end, span.first + self._most))
            span.gone |= gone

    def update(self, time: float, *, felt: bool) -> None:
        """Take the time of the newest row.

        Parameters
        ----------
        time : float
            Event time, unix s.
        felt : bool
            Whether a health signal is felt: what it feels is not to be explained away.
        """
        self._now = time
        if self._touched:
            self._clear()
        for part, span in list(self._spans.items()):
            if span.over or time < span.first:
                if time >= span.first + self._again:
                    del self._spans[part]
                continue
            span.felt, span.over = felt, felt or time >= span.last
            if not felt:
                self._mark(part, span)

    def _mark(self, part: str, span: _Span) -> None:
        """Mark the series of a component that settles, or has settled."""
        self._touched = True
        own, replicas = self._own.get(part, _NONE), self._replicas.get(part, _NONE)
        whole = np.concatenate([own, replicas])
        internal = whole[self._internal[whole]]
        if not span.over:
            self.gaps[whole] = self.levels[internal] = True
            return
        self.settled[internal] = True
        self.left[own] |= span.gone
        self.left[replicas] = True  # others have taken the places of those that are gone

    def explains(self, series: str, onset: float) -> bool:
        """Whether a series moved at an onset because its component came to a new level.

        The change event may come only when it is done: as long before it as it may take after it.

        Parameters
        ----------
        series : str
        onset : float
            Unix s.
        """
        entity = entity_of(series)
        span = self._spans.get(entity) or self._spans.get(workload(entity))
        if span is None or span.felt or not _is_internal(series):
            return False
        return span.first - self._length <= onset <= span.last

    def state_dict(self) -> dict[str, Any]:
        """Plain values, for the checkpoint."""
        return {part: msgspec.to_builtins(span) for part, span in self._spans.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._spans = msgspec.convert(dict(state), dict[str, _Span])

    def _clear(self) -> None:
        self._touched = False
        marks = np.zeros((4, len(self._internal)), dtype=np.bool_)
        self.levels, self.gaps, self.settled, self.left = marks


def _is_internal(series: str) -> bool:
    """Whether a series is about what a component does to itself."""
    return role_of(metric_of(series)) in {Role.OTHER, Role.WAITING}
