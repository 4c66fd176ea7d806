"""Checkpoints: state and offsets, versioned, checksummed, never pickled; and their stores."""

from coral.checkpoint.saver import Saver
from coral.checkpoint.snapshot import capture, load, restore, save
from coral.checkpoint.store import FileStore, Store

__all__ = ["FileStore", "Saver", "Store", "capture", "load", "restore", "save"]
