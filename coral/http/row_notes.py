"""What is noted of each row for whoever looks at an incident later."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from coral.config import SystemConfig
from coral.http.timelines import NotedRow, WatchedSeries
from coral.localise.aggregates import Aggregates
from detectors.places import places
from detectors.trigger import Trigger
from streams.records import Frame

__all__ = ["RowNotes"]

# Health signals of which readings are noted, the first ones of the configuration.
MOST_WATCHED: Final = 6


class RowNotes:
    """Readings of the health signals, missing cells and the trigger's evidence, row by row.

    Parameters
    ----------
    config : SystemConfig

    Attributes
    ----------
    watched : tuple of WatchedSeries
    """

    def __init__(self, config: SystemConfig) -> None:
        objectives = {one.name: one for one in reversed(config.objectives)}
        self.watched = tuple(
            WatchedSeries(name, objectives[name].limit, objectives[name].text)
            if name in objectives
            else WatchedSeries(name)
            for name in config.health_names[:MOST_WATCHED]
        )
        self._aggregates = Aggregates([one.name for one in self.watched])
        self._names: tuple[str, ...] = ()
        self._at: list[int] = []  # place of each watched series in a row; -1: it is not there

    def of(self, frame: Frame, trigger: Trigger | None) -> NotedRow:
        """Return what is noted of a row.

        Parameters
        ----------
        frame : Frame
        trigger : Trigger or None
            After the row.
        """
        frame = self._aggregates.of(frame)
        if frame.names is not self._names:
            self._names = frame.names
            wanted = [one.name for one in self.watched]
            self._at = places(wanted, frame.names).tolist() if wanted else []
        values: NDArray[np.float64] = frame.values
        shown = [float(values[i]) if i >= 0 else math.nan for i in self._at]
        missing = 0.0
        if trigger is not None:
            gone = trigger.missing
            missing = float(np.count_nonzero(gone) / max(gone.size, 1))
            shown.append(trigger.evidence)
        else:
            shown.append(math.nan)
        noted = tuple(shown)
        return NotedRow(float(frame.time), 1, missing, noted, noted)
