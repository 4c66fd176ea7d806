"""What is known at one revision: the ranking, what it rests on, and when series changed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.contract.events import Artefacts, NearbyChange, SeenBefore, SeriesKind
from coral.localise.layout import Layout
from coral.localise.ranking import Ranking
from coral.localise.sparklines import Sparklines
from streams.records import Late

__all__ = ["Situation"]

Floats = NDArray[np.float64]


class Situation(NamedTuple):
    """One revision of an incident, before it is put into words.

    Attributes
    ----------
    layout : Layout
    ranking : Ranking
    sparklines : Sparklines
    center, scale : ndarray of shape (n_series,), float64, raw units
        Of the normal state; scale 0 = none is known. Of counters, those of their growth in a row.
    counter : ndarray of shape (n_series,), bool
    interval_s : float
        Of the rows.
    times : sequence of float
        Event times of the first rows since the onset, unix s; `InnovationScores.first` indexes it.
    normal_until : float
        Event time until which everything was normal for certain, unix s.
    base_rows : int
        Rows of normal state that the evidence rests on.
    seen : SeenBefore or None
        Confirmed incident that looked like this one.
    rejected : SeenBefore or None
        One that looked like this one and whose answer was rejected.
    changes : sequence of NearbyChange
        What was done to the system around the onset.
    late : mapping of str to Late
        Entities whose values came too late since the onset.
    artefacts : Artefacts or None
        What could be a problem of the data, as the alarm found it; None: nobody looked.
    """

    layout: Layout
    ranking: Ranking
    sparklines: Sparklines
    center: Floats
    scale: Floats
    counter: NDArray[np.bool_]
    interval_s: float
    times: Sequence[float]
    normal_until: float
    base_rows: int
    seen: SeenBefore | None
    rejected: SeenBefore | None = None
    changes: Sequence[NearbyChange] = ()
    late: Mapping[str, Late] = MappingProxyType({})
    artefacts: Artefacts | None = None

    def series_of(self, entity: int) -> list[int]:
        """Series of an entity, best first."""
        order = np.array(self.ranking.metric_order)
        series: list[int] = order[self.layout.owner[order] == entity].tolist()
        return series

    def kind_of(self, series: int) -> SeriesKind:
        """Return what a series is, by what it did in the normal state."""
        if self.counter[series]:
            return "counter"
        return "level" if self.ranking.series.varied[series] else "constant"

    def levels(self, series: int) -> tuple[float, float]:
        """Return the level of a series in the normal state, and since: NaN = no value since.

        Of a counter, its growth a second.
        """
        unit = self.interval_s if self.counter[series] else 1.0
        return float(self.center[series]) / unit, float(self.ranking.series.after[series]) / unit

    def artefact_of(self, series: int) -> str | None:
        """Return what of the data could have made a series change; None if nothing is known."""
        name, found = self.layout.names[series], self.artefacts
        if found is None:
            return None
        if name in found.silent:
            return "sent nothing in the row of the alarm"
        if name in found.near_zero:
            return "fell to near zero at the onset, as a counter that begins anew or a restart does"
        return None

    def was_rejected(self, entity: int) -> bool:
        """Whether an entity was said not to be the cause of an incident that looked like this."""
        return self.rejected is not None and self.rejected.entity == self.layout.entities[entity]

    @property
    def health_is_normal(self) -> bool:
        """Whether there are health signals and none has left its normal range."""
        first = self.ranking.series.first[self.layout.health_series]
        return bool(first.size and (first < 0).all())

    @property
    def first_health(self) -> int | None:
        """Health signal that left its normal range first; None if none has, or nobody knows when.

        Of those in the same row the first by place.
        """
        changed = [(self.changed_at(s), s) for s in self.layout.health_series]
        known = [(time, series) for time, series in changed if time is not None]
        return min(known)[1] if known else None

    def changed_at(self, series: int) -> float | None:
        """Event time at which a series left its normal range, unix s; None if it did not."""
        return self.ranking.changed_at(series, self.times)

    def after_health(self, series: int) -> tuple[float | None, list[float] | None]:
        """How long after the first health signal a series changed, s, and within which limits.

        A change falls between two rows, and one at the onset within the interval of the onset.
        """
        changed, health = self.changed_at(series), self.first_health
        at = None if health is None else self.changed_at(health)
        if changed is None or health is None or at is None:
            return None, None
        if series == health:
            return 0.0, [0.0, 0.0]
        low, high = self._unchanged_until(series) - at, changed - self._unchanged_until(health)
        return round(changed - at, 3), [round(low, 3), round(high, 3)]

    def _unchanged_until(self, series: int) -> float:
        """Event time of the last row before a series changed, if it did."""
        first = int(self.ranking.series.first[series])
        return self.times[first - 1] if first > 0 else self.normal_until
