"""What the cases of a cluster work on."""

from collections.abc import Callable, Mapping
from typing import Any

from cluster import Cluster
from kafkas import Broker
from release import Release
from waves import Load

Facts = dict[str, Any]


class Lab:
    """What the cases work on.

    Parameters
    ----------
    release : Release
    load : Load
    kafka : Cluster
    broker : Broker
    other : callable
        Makes a further release, by name and with further sections of the configuration.
    """

    def __init__(
        self,
        release: Release,
        load: Load,
        kafka: Cluster,
        broker: Broker,
        other: Callable[[str, Mapping[str, Any]], Release],
    ) -> None:
        self.release, self.load, self.kafka, self.broker = release, load, kafka, broker
        self.other = other
