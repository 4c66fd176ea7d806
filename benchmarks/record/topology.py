"""The shop: who calls whom, which port each part listens on, which columns are recorded."""

from __future__ import annotations

import socket
from dataclasses import dataclass

HOST = "127.0.0.1"
DATABASE = "shop"

SERVICES = ("gateway", "catalogue", "cart", "orders", "payment")
STORES = ("postgres", "redis")
ENTITIES = SERVICES + STORES

EDGES = (
    ("clients", "gateway"),
    ("gateway", "catalogue"),
    ("gateway", "cart"),
    ("gateway", "orders"),
    ("orders", "cart"),
    ("orders", "payment"),
    ("orders", "postgres"),
    ("catalogue", "redis"),
    ("catalogue", "postgres"),
    ("cart", "redis"),
)

CALLS = tuple(edge for edge in EDGES if edge[0] != "clients")
"""The calls within the shop: each is timed by its caller and has a way of its own."""

KPI = ("gateway:latency_p95", "gateway:errors_per_s")

LATENCY_WINDOW_S = 5.0
"""Width of the sliding window of all latency quantiles and of the pool wait, in seconds."""

_SERVICE_METRICS = (
    "cpu",
    "memory",
    "open_fds",
    "context_switches_per_s",
    "requests_per_s",
    "errors_per_s",
    "latency_p50",
    "latency_p95",
    "probe_latency",
    "up",
)
_EXTRA_METRICS = {
    "orders": ("pool_in_use", "pool_wait"),
    "payment": ("disk_write_bytes_per_s",),
    "postgres": (
        "cpu",
        "memory",
        "disk_write_bytes_per_s",
        "connections",
        "active_queries",
        "locks_waiting",
        "transactions_per_s",
        "probe_latency",
        "up",
    ),
    "redis": (
        "cpu",
        "memory",
        "commands_per_s",
        "hit_ratio",
        "connected_clients",
        "probe_latency",
        "up",
    ),
}
_CALL_METRICS = ("latency_p50", "latency_p95", "errors_per_s")


def edge(caller: str, callee: str) -> str:
    """Return the name of the way from a caller to what it calls."""
    return f"{caller}->{callee}"


def columns() -> list[str]:
    """Return all recorded columns, ``<entity>:<metric>``, in file order."""
    names = ["clients:requests_per_s"]
    for entity in ENTITIES:
        common = _SERVICE_METRICS if entity in SERVICES else ()
        metrics = (*common, *_EXTRA_METRICS.get(entity, ()))
        names += [f"{entity}:{metric}" for metric in metrics]
    return names + [f"{edge(*call)}:{metric}" for call in CALLS for metric in _CALL_METRICS]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: connections of an earlier stack that are closing are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@dataclass(frozen=True)
class Ports:
    """All TCP ports of one stack, derived from one base port.

    Parameters
    ----------
    base
        First port of the stack; it uses ports up to ``base + 39``, on loopback only.
    """

    base: int

    def direct(self, entity: str) -> int:
        """Port the process of `entity` itself listens on."""
        return self.base + ENTITIES.index(entity)

    def entry(self, entity: str) -> int:
        """Port of the relay in front of `entity` that the probe uses."""
        return self.base + 20 + ENTITIES.index(entity)

    def between(self, caller: str, callee: str) -> int:
        """Port of the relay between a caller and what it calls."""
        return self.base + 30 + CALLS.index((caller, callee))

    @property
    def load_control(self) -> int:
        """Port on which the load generator reports and takes its rate factor."""
        return self.base + 10

    @property
    def relay_control(self) -> int:
        """Port on which the relay takes disturbances."""
        return self.base + 11

    def taken(self) -> list[int]:
        """Return those ports of the stack that some other process listens on."""
        ports = [self.load_control, self.relay_control]
        ports += [port(entity) for entity in ENTITIES for port in (self.direct, self.entry)]
        ports += [self.between(*call) for call in CALLS]
        return sorted(port for port in ports if not _is_free(port))
