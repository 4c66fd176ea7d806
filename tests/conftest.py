"""Settings that hold for all tests, and the one real Kafka they share."""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cluster import Cluster
from hypothesis import settings
from kafkas import Broker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# No deadline: a test must not fail because the machine is busy. Derandomised: the same examples
# in every run, so that a red build is a change of the code.
settings.register_profile("coral", deadline=None, derandomize=True)
settings.load_profile("coral")

RUN_DIRECTORY = "CORAL_TEST_RUN"


def pytest_configure(config: pytest.Config) -> None:
    """Choose a folder that all worker processes of this run inherit."""
    if not hasattr(config, "workerinput"):
        os.environ[RUN_DIRECTORY] = tempfile.mkdtemp(prefix="coral-test-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the Kafka of this run, if any test started it, when all workers are done."""
    if not hasattr(config, "workerinput"):
        directory = Path(os.environ[RUN_DIRECTORY])
        for made in directory.glob("*/cluster.json"):
            Cluster(made.parent).stop()
        shutil.rmtree(directory, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a broker."""
    for item in items:
        if {"kafka", "cluster"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.broker)


def started_cluster(home: Path) -> Cluster:
    """The cluster in `home`; the first process that asks starts it, the others wait."""
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (home / "cluster.json").exists():
            return Cluster(home)
        try:
            return new_cluster(home)
        except RuntimeError:  # somebody took one of the ports in between
            Cluster(home).stop()
            shutil.rmtree(home)
            return new_cluster(home)


def new_cluster(home: Path, nodes: int = 1) -> Cluster:
    """A cluster of so many nodes, started."""
    cluster = Cluster.create(home, nodes)
    cluster.start()
    return cluster


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Put the process's logging back: commands set it up, on a stream that a test has captured."""
    root, ours = logging.getLogger(), logging.getLogger("coral")
    handlers, levels = [*root.handlers], (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """One node that serves all tests of this run, with TLS and SASL; it is never stopped."""
    return started_cluster(Path(os.environ[RUN_DIRECTORY]) / "shared")


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator["Broker"]:
    """The shared node, or the broker at `CORAL_TEST_KAFKA`."""
    from kafkas import Broker  # the client takes most of a second to import

    theirs = os.environ.get("CORAL_TEST_KAFKA")
    broker = Broker(theirs or request.getfixturevalue("cluster").bootstrap)
    yield broker
    broker.close()


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> "list[Figure]":
    """Figures that the test saves, in their order."""
    from matplotlib.figure import Figure

    kept: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *arguments: object, **options: object) -> None:
        kept.append(figure)
        save(figure, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", keep)
    return kept
