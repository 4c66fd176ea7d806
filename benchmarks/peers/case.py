"""What a method sees of an incident, and how it travels to the process that runs the method."""

import json
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Case", "entity_of", "fill", "kind_of", "of_kinds"]

Floats = NDArray[np.float64]


class Case(NamedTuple):
    """An incident whose onset is told; no labels.

    Parameters
    ----------
    key : str
        ``<data set>/<case>``, for messages only.
    names : tuple of str, length n
        ``<entity>:<metric>``.
    base, anomalous : ndarray of shape (rows, n), float64
        Rows before the onset, and from it to the end of the fault; NaN = missing, only for the
        methods that take gaps.
    kpi : tuple of str
        Names of the metrics that show the health of the system; may be empty.
    edges : tuple of (str, str)
        Known relations between entities, (cause, effect); may be empty.
    interval_s : float
        Seconds between rows.
    """

    key: str
    names: tuple[str, ...]
    base: Floats
    anomalous: Floats
    kpi: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    interval_s: float

    def encode(self) -> dict[str, Any]:
        """Return what JSON can carry."""
        return self._asdict() | {"base": self.base.tolist(), "anomalous": self.anomalous.tolist()}

    @classmethod
    def decode(cls, fields: dict[str, Any]) -> "Case":
        """Return the case that was encoded."""
        n = len(fields["names"])
        return cls(
            key=fields["key"],
            names=tuple(fields["names"]),
            base=np.array(fields["base"], dtype=np.float64).reshape(-1, n),
            anomalous=np.array(fields["anomalous"], dtype=np.float64).reshape(-1, n),
            kpi=tuple(fields["kpi"]),
            edges=tuple((cause, effect) for cause, effect in fields["edges"]),
            interval_s=fields["interval_s"],
        )

    def line(self) -> str:
        """Return the case as one line of JSON."""
        return json.dumps(self.encode(), separators=(",", ":"))


def entity_of(name: str) -> str:
    """Return the entity of ``<entity>:<metric>``; an entity is its own."""
    return name.partition(":")[0]


def kind_of(name: str) -> str:
    """Return the metric of ``<entity>:<metric>``."""
    return name.partition(":")[2]


def of_kinds(case: Case, kinds: set[str]) -> Case:
    """Return the case with the metrics of these kinds only."""
    kept = [i for i, name in enumerate(case.names) if kind_of(name) in kinds]
    return case._replace(
        names=tuple(case.names[i] for i in kept),
        base=case.base[:, kept],
        anomalous=case.anomalous[:, kept],
        kpi=tuple(name for name in case.kpi if kind_of(name) in kinds),
    )


def fill(x: Floats) -> Floats:
    """Return the rows without gaps: filled forward, then backward; a metric without values is 0.

    Parameters
    ----------
    x : ndarray of shape (rows, n), float64, NaN = missing
        All rows of a recording, so that a value from before the onset reaches into the fault.
    """
    forward = _fill_forward(x)
    both = _fill_forward(forward[::-1])[::-1]
    return np.nan_to_num(np.ascontiguousarray(both), nan=0.0)


def _fill_forward(x: Floats) -> Floats:
    rows = np.arange(len(x))[:, None]
    newest = np.maximum.accumulate(np.where(np.isnan(x), 0, rows), axis=0)
    return np.take_along_axis(x, newest, axis=0)
