"""What every checkpoint store promises; one suite for all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coral.checkpoint import FileStore
from coral.checkpoint.store import Store
from coral.errors import CorruptCheckpointError


@pytest.fixture(params=["file", pytest.param("kafka", marks=pytest.mark.broker)])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Give a function that opens the store anew, as the next process does."""
    if request.param == "file":
        yield lambda: FileStore(tmp_path)
        return
    from coral.checkpoint.kafka import KafkaStore  # the client takes most of a second to import

    kafka = request.getfixturevalue("kafka")
    topic, opened = kafka.topic(2, cleanup_policy="compact"), []

    def reopen() -> Store:
        opened.append(KafkaStore(kafka.connection, topic))
        return opened[-1]

    yield reopen
    for store in opened:
        store.close()


def accept(data: bytes) -> bytes:
    return data


def no_refusal(name: str, error: Exception) -> None:
    pytest.fail(f"{name} was refused: {error}")


def test_the_newest_is_loaded(reopen: Callable[[], Store]) -> None:
    """In this process and in the next one."""
    store = reopen()
    for data in (b"one", b"two", b"three"):
        store.save("metrics/0", data)
        assert data == store.load("metrics/0", accept, no_refusal)
    assert b"three" == reopen().load("metrics/0", accept, no_refusal)


def test_keys_are_apart(reopen: Callable[[], Store]) -> None:
    """Each key has its own entries; the list of keys is sorted."""
    store = reopen()
    assert [] == store.keys()
    for key in ("b/1", "a.b/0", "b/10", "../b"):
        store.save(key, key.encode())
    assert ["../b", "a.b/0", "b/1", "b/10"] == reopen().keys()
    assert b"b/1" == store.load("b/1", accept, no_refusal)


def test_what_is_not_there(reopen: Callable[[], Store]) -> None:
    """An unknown key has no entry, and may be deleted."""
    store = reopen()
    store.delete("metrics/0")
    assert store.load("metrics/0", accept, no_refusal) is None


def test_deleted(reopen: Callable[[], Store]) -> None:
    """All entries of one key go, the others stay; the key may be used again."""
    store = reopen()
    for key in ("a", "a", "b"):
        store.save(key, b"x")
    store.delete("a")
    assert ["b"] == reopen().keys()
    assert reopen().load("a", accept, no_refusal) is None
    store.save("a", b"y")
    assert b"y" == reopen().load("a", accept, no_refusal)


@pytest.mark.parametrize("size", [0, 1, 1_000_000, 5_000_000])
def test_any_size(reopen: Callable[[], Store], size: int) -> None:
    """Entries come back byte by byte."""
    data = bytes(range(256)) * (size // 256 + 1)
    reopen().save("metrics/0", data[:size])
    assert data[:size] == reopen().load("metrics/0", accept, no_refusal)


def test_what_is_refused_is_not_offered_again(reopen: Callable[[], Store]) -> None:
    """The newest entry that is accepted is the answer; a refusal says which entry, and why."""
    store, refused = reopen(), []
    store.save("a", b"good")
    store.save("a", b"bad")

    def decode(data: bytes) -> bytes | None:
        if data == b"bad":
            raise CorruptCheckpointError("it is bad")
        return data.upper()

    found = reopen().load("a", decode, lambda name, error: refused.append((name, str(error))))
    assert found in (b"GOOD", None)  # a store may keep the newest entry only
    ((name, text),) = refused
    assert name
    assert "it is bad" == text
    assert found == reopen().load("a", decode, no_refusal)
    store.save("a", b"better")
    assert b"BETTER" == reopen().load("a", decode, no_refusal)
