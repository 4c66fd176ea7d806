"""Where checkpoints are kept: what every store promises, and the store that is a directory."""

import contextlib
import errno
import fcntl
import hashlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol, TypeVar
from urllib.parse import quote, unquote

from coral.checkpoint.envelope import MAX_BYTES
from coral.errors import CheckpointError, CorruptCheckpointError, StoreError

__all__ = ["FileStore", "Refused", "Store", "newest", "read"]

Refused = Callable[[str, CheckpointError], None]
"""Gets the name of an entry that was refused, and why."""

_T = TypeVar("_T")
_KEPT: Final = ".checkpoint"
_ASIDE: Final = ".refused"
_TEMPORARY: Final = "new.tmp"
_LOCK: Final = "lock.pid"  # no key has a folder with a dot in its name


class Store(Protocol):
    """Keeps bytes under keys, through crashes at any instant.

    A key has one writer at a time: the owner of the partition it is named after.
    """

    def save(self, key: str, data: bytes) -> None:
        """Keep `data` as the newest entry of `key`; durable when this returns.

        Raises
        ------
        StoreError
            If it is not known to be durable. The entries before it are untouched, and the next
            `save` starts afresh.
        """

    def load(self, key: str, decode: Callable[[bytes], _T], refused: Refused) -> _T | None:
        """Return what `decode` makes of the newest entry that it accepts; None if there is none.

        An entry for which `decode` raises `CheckpointError` is reported, never offered again, and
        never deleted at once.

        Raises
        ------
        StoreError
            If the store as a whole cannot be read.
        """

    def delete(self, key: str) -> None:
        """Drop all entries of `key`; without effect when there is none.

        Raises
        ------
        StoreError
            If that failed.
        """

    def keys(self) -> list[str]:
        """Return the keys that have an entry, sorted.

        Raises
        ------
        StoreError
            If the store cannot be read.
        """


class FileStore:
    """A directory with one folder per key, and in it the newest entries, numbered.

    An entry is written under another name, synced, renamed, and the folder synced; only then is an
    older one deleted. One process writes to a directory: whoever does holds its `lock`.

    Parameters
    ----------
    directory : Path
        Is created when something is saved.
    keep : int, >= 1
        Entries kept per key; as many refused ones are kept for inspection.
    """

    def __init__(self, directory: Path, keep: int = 3) -> None:
        if keep < 1:
            raise ValueError(f"`FileStore` requires keep >= 1, got keep={keep}.")
        self._directory = directory
        self._keep = keep
        self._durable: set[Path] = set()  # folders whose names are known to be on the disk

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep the directory for this process; the system gives it up when the process ends.

        Raises
        ------
        StoreError
            If another process has it, or it cannot be made.
        """
        with _reported(self._directory):
            self._directory.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _take(handle, self._directory)
            with _claimed(self._directory):
                yield
        finally:
            os.close(handle)

    def save(self, key: str, data: bytes) -> None:
        """Keep `data` as the newest entry; see `Store.save`."""
        folder = self._folder(key)
        with _reported(folder):
            self._make(folder)
            newest = max((_number(path) for path in _entries(folder, "")), default=0)
            temporary = folder / _TEMPORARY
            _write(temporary, data)
            temporary.rename(folder / f"{newest + 1:010d}{_KEPT}")
            _sync(folder)
        self._prune(folder, _KEPT)

    def load(self, key: str, decode: Callable[[bytes], _T], refused: Refused) -> _T | None:
        """Return the newest entry that `decode` accepts; see `Store.load`."""
        folder = self._folder(key)
        with _reported(folder):
            found = _entries(folder, _KEPT)
        for path in reversed(found):
            try:
                return decode(read(path))
            except CheckpointError as error:
                refused(str(path), error)
                with contextlib.suppress(OSError):  # a read-only store is refused once a start
                    path.rename(path.with_name(path.name + _ASIDE))
                self._prune(folder, _ASIDE)
        return None

    def delete(self, key: str) -> None:
        """Drop all entries of `key`; see `Store.delete`."""
        folder = self._folder(key)
        with _reported(folder):
            for path in _entries(folder, ""):
                path.unlink(missing_ok=True)
            if folder.exists():
                folder.rmdir()

    def keys(self) -> list[str]:
        """Return the keys that have an entry; see `Store.keys`."""
        with _reported(self._directory):
            folders = list(self._directory.iterdir()) if self._directory.exists() else []
            return sorted(unquote(path.name) for path in folders if _entries(path, _KEPT))

    def _folder(self, key: str) -> Path:
        # No key may name the directory itself or its parent.
        return self._directory / quote(key, safe="").replace(".", "%2E")

    def _make(self, folder: Path) -> None:
        """Create a folder that survives a crash."""
        if folder not in self._durable or not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _sync(self._directory.parent)
            _sync(self._directory)
            self._durable.add(folder)

    def _prune(self, folder: Path, suffix: str) -> None:
        """Delete the oldest entries; one that stays for now does no harm."""
        with contextlib.suppress(OSError):
            for path in _entries(folder, suffix)[: -self._keep]:
                path.unlink()


def newest(path: Path) -> list[Path]:
    """Return the newest entry of every key of a file store, sorted by folder; nothing is changed.

    Parameters
    ----------
    path : Path
        The store's directory, the folder of one key, or an entry itself.
    """
    if path.is_file() and path.suffix == _KEPT:
        return [path]
    folders = [path, *path.iterdir()] if path.is_dir() else []
    return sorted(found[-1] for found in (_entries(folder, _KEPT) for folder in folders) if found)


def read(path: Path) -> bytes:
    """Read an entry that is not absurdly large.

    Raises
    ------
    CorruptCheckpointError
        If it is, or cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise CorruptCheckpointError(f"at most {MAX_BYTES} bytes expected, got {size}")
        return path.read_bytes()
    except OSError as error:
        raise CorruptCheckpointError(f"cannot be read: {error.strerror}") from error


def _take(handle: int, directory: Path) -> None:
    """Lock a file and write down who has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(handle, 20).decode(errors="replace") or "unknown"
        raise _second(directory, f"process {owner} has it") from error
    os.ftruncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())


@contextlib.contextmanager
def _claimed(directory: Path) -> Iterator[None]:
    """Hold the name of a directory, which outlives the file if somebody removes the directory.

    Names of sockets that are no files are Linux's; elsewhere the file alone is locked.
    """
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()
    with socket.socket(socket.AF_UNIX) as claim:
        if sys.platform == "linux":
            try:
                claim.bind(f"\0coral-state-{name}")
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                owner = "a process that began before it was removed has it"
                raise _second(directory, owner) from error
        yield


def _second(directory: Path, owner: str) -> StoreError:
    return StoreError(
        f"checkpoint store {directory}: one process at a time expected, got a second one; {owner}. "
        "Give each replica a `state.directory` of its own"
    )


def _entries(folder: Path, suffix: str) -> list[Path]:
    """Files of a folder with numbered names, oldest first."""
    if not folder.is_dir():
        return []
    paths = (path for path in folder.iterdir() if path.name.endswith(suffix))
    return sorted(paths, key=lambda path: (_number(path), path.name))


def _number(path: Path) -> int:
    digits = path.name.partition(".")[0]
    return int(digits) if digits.isdecimal() else 0


def _write(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk; half a file is taken away."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()  # a full disk needs the room
        raise
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _reported(folder: Path) -> Iterator[None]:
    """Turn errors of the system into the store's."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"checkpoint store {folder}: {error.strerror or error}") from error
