"""What one message tells of one change, before it is known what the metrics call its part."""

from collections.abc import Mapping
from typing import NamedTuple

from coral.contract.changes.event import ChangeKind

__all__ = ["Told"]


class Told(NamedTuple):
    """What one message tells of one change.

    Attributes
    ----------
    kind : str
    time : float
        Unix s.
    labels : mapping of str to str
        For templates, in several conventions at once.
    names : tuple of str
        What its part is called where no template fits; empty = it is all of the system.
    text : str
    system : str
        "" where it does not say.
    """

    kind: ChangeKind
    time: float
    labels: Mapping[str, str]
    names: tuple[str, ...]
    text: str
    system: str = ""
