"""The simulated shop: who calls whom, what a request costs, which node it runs on."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CONFIGURED_EDGES",
    "DATABASES",
    "EDGES",
    "KPI",
    "NODES",
    "SERVICES",
    "STATIONS",
    "Plant",
    "edge_of",
    "plant",
    "station_of",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Station(NamedTuple):
    """Anything that serves requests.

    Parameters
    ----------
    name : str
    work : float
        CPU seconds of one request.
    replicas : int
        With one core each; of a database the cores.
    node : int
    heap : float
        MB of live data; the limit is four times as much. 0 = nothing is collected.
    pool : int
        Connections to its database; 0 = it has none.
    disk : float
        GB; 0 = no data of its own.
    scaled : bool
        Whether replicas follow the load.
    """

    name: str
    work: float
    replicas: int
    node: int
    heap: float = 0.0
    pool: int = 0
    disk: float = 0.0
    scaled: bool = False


# Callers first: arrivals are told along this order, latencies against it.
_STATIONS = (
    Station("gateway", 0.008, 3, 0, heap=120.0),
    Station("catalog", 0.015, 2, 1, heap=200.0, pool=8, scaled=True),
    Station("search", 0.040, 3, 2, heap=300.0, pool=6),
    Station("checkout", 0.050, 2, 0, heap=160.0, scaled=True),
    Station("cart", 0.015, 2, 1, heap=140.0),
    Station("payment", 0.050, 2, 2, heap=120.0),
    Station("orders", 0.050, 2, 0, heap=180.0, pool=6),
    Station("shipping", 0.060, 2, 2, heap=150.0, pool=6),
    Station("recommend", 0.020, 2, 1, heap=260.0),
    Station("catalogdb", 0.025, 2, 2, disk=200.0),
    Station("ordersdb", 0.010, 3, 0, disk=120.0),
    Station("cache", 0.001, 1, 1),
)


class Call(NamedTuple):
    """An edge of the call graph.

    Parameters
    ----------
    caller, callee : str
    calls : float
        Of one request of the caller.
    timeout : float
        Seconds.
    retries : int
    cached : bool
        Only what the cache does not have is asked for.
    pooled : bool
        Takes a connection of the caller's pool.
    needed : float
        Share of its failures that fail the caller's request.
    """

    caller: str
    callee: str
    calls: float
    timeout: float = 1.0
    retries: int = 1
    cached: bool = False
    pooled: bool = False
    needed: float = 1.0


_CALLS = (
    Call("gateway", "catalog", 0.6, 2.0),
    Call("gateway", "search", 0.2, 2.0),
    Call("gateway", "checkout", 0.1, 4.0, retries=0),
    Call("gateway", "cart", 0.3, 2.0),
    Call("catalog", "recommend", 0.5, 0.5, retries=0, needed=0.0),
    Call("catalog", "catalogdb", 1.0, cached=True, pooled=True),
    Call("catalog", "cache", 1.0, 0.1, retries=0, needed=0.0),
    Call("search", "catalogdb", 0.5, pooled=True),
    Call("checkout", "cart", 1.0),
    Call("checkout", "payment", 1.0, 2.0),
    Call("checkout", "orders", 1.0, 2.0),
    Call("cart", "cache", 2.0, 0.2, retries=1),
    Call("orders", "ordersdb", 3.0, pooled=True),
    Call("shipping", "ordersdb", 2.0, pooled=True, needed=0.0),
    Call("recommend", "cache", 1.0, 0.1, retries=0, needed=0.0),
)

STATIONS = tuple(station.name for station in _STATIONS)
DATABASES = tuple(station.name for station in _STATIONS if station.disk)
SERVICES = STATIONS[:9]
"""What is deployed, and may be restarted."""
NODES = ("node1", "node2", "node3")
EDGES = tuple((call.caller, call.callee) for call in _CALLS)
KPI = ("gateway:latency_p95", "gateway:error_ratio")
"""Health signals."""
CONFIGURED_EDGES = (
    *EDGES,
    ("orders", "queue"),
    ("shipping", "queue"),
    *((station.name, NODES[station.node]) for station in _STATIONS),
)
"""The topology as a user would write it: a calls b, or runs on b."""

NODE_CORES = 6.0
HEAP_LIMIT = 4.0  # times the live data


class Plant(NamedTuple):
    """The topology as arrays, one value a station, edge or node."""

    work: Floats
    replicas: Floats
    node: Ints
    heap: Floats
    pool: Floats
    disk: Floats
    scaled: NDArray[np.bool_]
    caller: Ints
    callee: Ints
    calls: Floats
    timeout: Floats
    retries: Floats
    cached: NDArray[np.bool_]
    pooled: NDArray[np.bool_]
    needed: Floats
    cores: Floats
    producer: int  # whose requests put a message into the queue ...
    consumer: int  # ... and who takes it out
    outside: int  # who asks an external dependency


def plant() -> Plant:
    """Return the topology as arrays."""
    return Plant(
        work=np.array([s.work for s in _STATIONS]),
        replicas=np.array([s.replicas for s in _STATIONS], dtype=np.float64),
        node=np.array([s.node for s in _STATIONS], dtype=np.int64),
        heap=np.array([s.heap for s in _STATIONS]),
        pool=np.array([s.pool for s in _STATIONS], dtype=np.float64),
        disk=np.array([s.disk for s in _STATIONS]),
        scaled=np.array([s.scaled for s in _STATIONS]),
        caller=np.array([station_of(c.caller) for c in _CALLS], dtype=np.int64),
        callee=np.array([station_of(c.callee) for c in _CALLS], dtype=np.int64),
        calls=np.array([c.calls for c in _CALLS]),
        timeout=np.array([c.timeout for c in _CALLS]),
        retries=np.array([c.retries for c in _CALLS], dtype=np.float64),
        cached=np.array([c.cached for c in _CALLS]),
        pooled=np.array([c.pooled for c in _CALLS]),
        needed=np.array([c.needed for c in _CALLS]),
        cores=np.full(len(NODES), NODE_CORES),
        producer=station_of("orders"),
        consumer=station_of("shipping"),
        outside=station_of("payment"),
    )


def station_of(name: str) -> int:
    """Return the place of a station."""
    return STATIONS.index(name)


def edge_of(caller: str, callee: str) -> int:
    """Return the place of an edge."""
    return EDGES.index((caller, callee))
