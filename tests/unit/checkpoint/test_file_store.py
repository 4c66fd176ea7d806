"""The directory of checkpoints: what survives which death, and what a broken entry costs."""

import errno
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typed import there

from coral.checkpoint import FileStore, envelope
from coral.errors import CheckpointError, CorruptCheckpointError, StoreError

KEY = "coral.metrics.v1/0"
SYSCALLS = ("open", "write", "fsync", "close", "rename", "mkdir", "unlink")


def state(number: int) -> bytes:
    """A checkpoint that can be told from others."""
    return envelope.encode(KEY, {"number": number, "text": "x" * 1000})


def newest(store: FileStore, key: str = KEY) -> tuple[int | None, list[CheckpointError]]:
    """Return the number of the newest valid checkpoint and the reasons of refusals."""
    refused = []
    found = store.load(
        key, lambda data: envelope.decode(key, data), lambda _, why: refused.append(why)
    )
    return None if found is None else found["number"], refused


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*/*"))


def test_the_newest_comes_back(tmp_path: Path) -> None:
    """The newest of each key; older ones are kept up to the limit."""
    store = FileStore(tmp_path, keep=3)
    for number in range(5):
        store.save(KEY, state(number))
    assert (4, []) == newest(store)
    assert [f"{n:010d}.checkpoint" for n in (3, 4, 5)] == files(tmp_path)
    assert (4, []) == newest(FileStore(tmp_path))


def test_an_empty_store(tmp_path: Path) -> None:
    """No directory, no entry, no complaint."""
    store = FileStore(tmp_path / "none")
    store.delete(KEY)
    assert (None, []) == newest(store)
    assert [] == store.keys()
    with pytest.raises(ValueError, match="keep >= 1, got keep=0"):
        FileStore(tmp_path, keep=0)


@pytest.mark.parametrize("key", ["..", ".", "a/b/../c", "p.1", "köln\n", "%2F", "x" * 80])
def test_any_key_is_a_folder(tmp_path: Path, key: str) -> None:
    """A key never leaves the directory, and comes back as it was."""
    store = FileStore(tmp_path)
    store.save(key, envelope.encode(key, {"number": 7}))
    assert ([key], (7, [])) == (store.keys(), newest(store, key))
    assert [tmp_path] == [path.parent.parent for path in tmp_path.rglob("*.checkpoint")]
    store.delete(key)
    assert ([], []) == (store.keys(), list(tmp_path.iterdir()))


@pytest.mark.parametrize("damage", [b"", b"CORALCKP", b"\0" * 4096, state(9)[:-1], state(9) + b"!"])
def test_a_broken_entry_is_set_aside(tmp_path: Path, damage: bytes) -> None:
    """The one before it is loaded; the broken one is named, kept, and never offered again."""
    store = FileStore(tmp_path)
    store.save(KEY, state(1))
    store.save(KEY, state(2))
    max(tmp_path.glob("*/*")).write_bytes(damage)
    number, refused = newest(store)
    assert 1 == number
    assert [CorruptCheckpointError] == [type(why) for why in refused]
    assert ["0000000001.checkpoint", "0000000002.checkpoint.refused"] == files(tmp_path)
    assert (1, []) == newest(store)
    store.save(KEY, state(3))
    assert (3, []) == newest(store)
    assert "0000000003.checkpoint" in files(tmp_path)


def test_nothing_but_broken_entries(tmp_path: Path) -> None:
    """All are named and set aside; then there is no state, and no crash loop."""
    store = FileStore(tmp_path, keep=2)
    for number in range(4):
        store.save(KEY, state(number))
    for path in tmp_path.glob("*/*"):
        path.write_bytes(b"")
    found, refused = newest(store)
    assert (None, 2) == (found, len(refused))
    assert (None, []) == newest(store)


def test_an_entry_of_absurd_size_is_not_read(tmp_path: Path) -> None:
    """Its size is looked at before memory is taken."""
    store = FileStore(tmp_path)
    store.save(KEY, state(1))
    with max(tmp_path.glob("*/*")).open("r+b") as file:
        file.truncate(2**40)
    number, (why,) = newest(store)
    assert number is None
    assert "bytes expected, got 1099511627776" in str(why)


def fail_at(monkeypatch: pytest.MonkeyPatch, number: int, code: int) -> list[str]:
    """Let the n-th system call of the store fail."""
    calls: list[str] = []

    def failing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            if len(calls) == number:
                raise OSError(code, os.strerror(code))
            return real(*arguments, **options)

        return call

    for name in SYSCALLS:
        monkeypatch.setattr(os, name, failing(name, getattr(os, name)))
    return calls


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("fresh", [True, False])
def test_a_failing_system_call_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, fresh: bool
) -> None:
    """Whichever call fails: a typed error or success, the old one intact, and the next works."""
    calls, number, failed = [""], 0, list[str]()
    while len(calls) >= number:
        number += 1
        store = FileStore(tmp_path / str(number), keep=1)
        if not fresh:
            store.save(KEY, state(1))
        with monkeypatch.context() as patch:
            calls = fail_at(patch, number, code)
            try:
                store.save(KEY, state(2))
            except StoreError as error:
                failed.append(str(error))
        before = None if fresh else 1
        possible: list[tuple[int | None, list[CheckpointError]]] = [(2, [])]
        if len(failed) == number:
            possible.append((before, []))
        assert newest(store) in possible
        store.save(KEY, state(3))
        assert (3, []) == newest(store)
        assert 1 == len(files(tmp_path / str(number)))
    assert all(os.strerror(code) in text for text in failed)
    # All but the deletion of an older entry must have worked: open, write, fsync, close, rename,
    # open, fsync, close. For a new folder: mkdir three times, and two directories synced.
    assert (17 if fresh else 8) == len(failed)


KILLED = """
import os, sys
from pathlib import Path
from coral.checkpoint.store import FileStore
number, calls = int(sys.argv[2]), 0
def dying(real):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == number:
            os._exit(9)
        return real(*arguments, **options)
    return call
store = FileStore(Path(sys.argv[1]), keep=1)
for name in {syscalls!r}:
    setattr(os, name, dying(getattr(os, name)))
store.save({key!r}, sys.stdin.buffer.read())
"""


def test_death_at_every_system_call_loses_nothing(tmp_path: Path) -> None:
    """Killed before each call in turn: the old or the new one is there, and both are valid."""
    script = KILLED.format(syscalls=SYSCALLS, key=KEY)
    found, number, code = [], 0, 9
    while code == 9:
        number += 1
        store = FileStore(tmp_path / str(number), keep=1)
        store.save(KEY, state(1))
        command = [sys.executable, "-c", script, str(tmp_path / str(number)), str(number)]
        code = subprocess.run(command, input=state(2), check=False).returncode
        found.append(newest(store))
        store.save(KEY, state(3))
        assert (3, []) == newest(store)
    assert 0 == code
    assert {(1, ()), (2, ())} == {(n, tuple(refused)) for n, refused in found}
    assert sorted(found) == found


def test_a_full_disk(tmp_path: Path) -> None:
    """A file that may not grow: the save fails by name, the old one stays, room makes it work."""
    store = FileStore(tmp_path)
    store.save(KEY, state(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(StoreError, match="File too large"):
            store.save(KEY, state(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (1, []) == newest(store)
    assert ["0000000001.checkpoint"] == files(tmp_path)
    store.save(KEY, state(2))
    assert (2, []) == newest(store)


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    """A file where the directory should be is an error of the store, for every call."""
    file = tmp_path / "file"
    file.write_text("")
    store = FileStore(file)
    for call in (lambda: store.save(KEY, b""), store.keys):
        with pytest.raises(StoreError, match=r"file.*: Not a directory"):
            call()


def test_entries_that_cannot_be_renamed_are_still_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a read-only disk a broken entry is refused at each start, and the one before it used."""
    store = FileStore(tmp_path)
    store.save(KEY, state(1))
    store.save(KEY, state(2))
    max(tmp_path.glob("*/*")).write_bytes(b"")

    def refuse(*_: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "rename", refuse)
    for _ in range(2):
        number, refused = newest(store)
        assert (1, 1) == (number, len(refused))
        assert isinstance(refused[0], CheckpointError)


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """A directory has one process, by name; when that is killed, the next one may have it."""
    code = (
        "import sys; from pathlib import Path; from coral.checkpoint import FileStore\n"
        "with FileStore(Path(sys.argv[1])).lock(): print('mine', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "s")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as first:
        there(first.stdout).readline()
        store = FileStore(tmp_path / "s")
        with pytest.raises(StoreError, match=f"process {first.pid} has it"), store.lock():
            pytest.fail("two processes have one directory")
        shutil.rmtree(tmp_path / "s")
        with pytest.raises(StoreError, match="before it was removed has it"), store.lock():
            pytest.fail("whoever removes the directory does not end its process")
        first.kill()
        first.wait()
    with store.lock():
        store.save(KEY, state(1))

    assert (1, []) == newest(store)
    assert [KEY] == store.keys()
