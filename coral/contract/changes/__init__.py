"""Change events that come in: their forms, and which entity of the metrics each is about."""

from coral.contract.changes.event import ChangeEvent, ChangeKind
from coral.contract.changes.naming import Naming
from coral.contract.changes.reading import MadeOut, changes_in, encode

__all__ = ["ChangeEvent", "ChangeKind", "MadeOut", "Naming", "changes_in", "encode"]
