"""Checkpoints: state and offsets, versioned, checksummed, never pickled; and their stores."""

from coral.checkpoint.snapshot import capture, load, restore, save
from coral.checkpoint.store import FileStore, Store

__all__ = ["FileStore", "Store", "capture", "load", "restore", "save"]
