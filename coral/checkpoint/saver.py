"""Saving beside the loop: it stands still for a snapshot, not for the disk."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from coral.checkpoint.snapshot import State, save
from coral.checkpoint.store import Store
from coral.errors import StoreError
from streams.records import TopicPartition

__all__ = ["Saver"]


class Saver:
    """Encodes and stores snapshots in one thread, one at a time; for use by one thread.

    A store that fails is reported and tried again with the next snapshot: the loop lives on, and
    the last checkpoint that was stored stays valid.

    Parameters
    ----------
    store : Store

    Attributes
    ----------
    saved, failed : int
        Snapshots stored, and not, so far.
    size : int
        Bytes of the newest one that was stored.
    error : StoreError or None
        Why the newest one was not stored; None when it was.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._job: Future[int] | None = None
        self.saved = self.failed = self.size = 0
        self.error: StoreError | None = None

    @property
    def busy(self) -> bool:
        """Whether a snapshot is still being stored: then another one need not be taken."""
        return self._job is not None and not self._job.done()

    def submit(self, snapshots: Mapping[TopicPartition, State]) -> None:
        """Store snapshots, after those before them; returns at once unless it is busy."""
        self.wait()
        self._job = self._thread.submit(save, self._store, snapshots)

    def wait(self) -> None:
        """Return when everything submitted is stored, or has failed.

        To be called before a partition is given away, and at the end.
        """
        if self._job is None:
            return
        job, self._job = self._job, None
        self.error = None
        try:
            self.size = job.result()
            self.saved += 1
        except StoreError as error:
            self.failed += 1
            self.error = error

    def close(self) -> None:
        """Wait, and end the thread."""
        self.wait()
        self._thread.shutdown()
