"""Rows that wait before they are learned, and the newest that can be unlearned."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.baseline.baseline import Baseline
from coral.baseline.learning import learn
from coral.baseline.policy import QUARANTINE, QuarantinePolicy
from coral.graph.system_graph import SystemGraph
from detectors.places import Indices, take

__all__ = ["Quarantine", "TimedRow", "moved", "packed", "rows_to_keep", "unpacked"]

Floats = NDArray[np.float64]

# So many of the newest learned rows are remembered by their time, to be unlearned.
RECALLED_ROWS = 2048


class TimedRow(NamedTuple):
    """One tick of a system."""

    time: float  # event time, unix s
    x: Floats  # shape (n_series,), raw units, NaN = missing
    adjacent: bool  # whether it directly follows the row before


class Quarantine:
    """Newest rows of the normal state, which are learned some rows late.

    Baseline and graph are given to each method that changes them: whoever owns them may begin anew.

    Parameters
    ----------
    policy : QuarantinePolicy

    Attributes
    ----------
    rows : deque of TimedRow
        Not learned yet, oldest first.
    learned_at : deque of float
        Event times of the newest rows learned, unix s.
    gap : bool
        Whether rows of an incident lie between the last row learned and the next.
    """

    def __init__(self, policy: QuarantinePolicy = QUARANTINE) -> None:
        self._policy = policy
        self.rows: deque[TimedRow] = deque()
        self.learned_at: deque[float] = deque(maxlen=RECALLED_ROWS)
        self.gap = False

    def learn(self, baseline: Baseline, graph: SystemGraph, keep: int) -> None:
        """Learn all but the newest rows; the first one after an incident follows none.

        Parameters
        ----------
        baseline, graph : Baseline, SystemGraph
        keep : int
            How many rows wait on.
        """
        while len(self.rows) > keep:
            row = self.rows.popleft()
            adjacent = row.adjacent and not self.gap
            self.learn_row(baseline, graph, row._replace(adjacent=adjacent))
            self.gap = False

    def learn_row(self, baseline: Baseline, graph: SystemGraph, row: TimedRow) -> None:
        """Learn a row that does not wait."""
        learn(baseline, graph, row.x, adjacent=row.adjacent)
        self.learned_at.append(row.time)

    def recalled_from(self, baseline: Baseline) -> float:
        """Event time of the first row that could be unlearned, or is not learned yet, unix s."""
        most = min(len(self.learned_at), baseline.n_rows // self._policy.recalled_share)
        if most:
            return self.learned_at[-most]
        return self.rows[0].time if self.rows else -np.inf

    def recall(self, baseline: Baseline, since: float) -> None:
        """Unlearn the rows since an event time, at most a part of the base: back to quarantine.

        The graph learns the rest of the base anew when an incident opens (`freeze`).
        """
        times = [*self.learned_at]
        most = baseline.n_rows // self._policy.recalled_share
        n_rows = min(len(times) - bisect_left(times, since), most)
        if n_rows == 0:
            return
        if self.gap and self.rows:
            self.rows[0] = self.rows[0]._replace(adjacent=False)
            self.gap = False
        rows, adjacent = baseline.unlearn(n_rows)
        for x, follows in zip(rows[::-1], adjacent[::-1].tolist(), strict=True):
            self.rows.appendleft(TimedRow(self.learned_at.pop(), x, follows))


def rows_to_keep(n_rows: int, policy: QuarantinePolicy = QUARANTINE, *, given: bool) -> int:
    """Count the rows that wait when so many normal rows are learned.

    Parameters
    ----------
    n_rows : int
    policy : QuarantinePolicy
    given : bool
        Whether the onset is given, which may be late.
    """
    share = policy.share_given if given else policy.share
    return max(policy.least_rows, min(policy.most_rows, n_rows // share))


def moved(rows: Iterable[TimedRow], index: Indices) -> list[TimedRow]:
    """Rows whose series have changed their places, as `take` wants them; new ones are missing."""
    return [row._replace(x=take(row.x, index, (0,), np.nan)) for row in rows]


def packed(rows: Iterable[TimedRow], n_series: int) -> dict[str, Any]:
    """Rows as three arrays, for the checkpoint."""
    listed = list(rows)
    return {
        "time": np.array([row.time for row in listed], dtype=np.float64),
        "x": np.array([row.x for row in listed], dtype=np.float64).reshape(len(listed), n_series),
        "adjacent": np.array([row.adjacent for row in listed], dtype=np.bool_),
    }


def unpacked(state: Mapping[str, Any]) -> Iterable[TimedRow]:
    """Rows that `packed` described."""
    return map(TimedRow, state["time"].tolist(), np.array(state["x"]), state["adjacent"].tolist())
