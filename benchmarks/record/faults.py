"""The faults: what they do, where, and what the honest label is."""

from __future__ import annotations

import asyncio
import os
import signal
from abc import ABC, abstractmethod
from typing import Any

import aiohttp
import postgres
import relay
from stack import Stack
from topology import CALLS, ENTITIES, HOST, edge

WAYS = tuple(edge(*call) for call in CALLS)
"""The ways within the shop that a fault of the network can lie on."""


async def post(port: int, path: str, body: dict[str, Any]) -> None:
    """Send a command to a process of the stack."""
    url = f"http://{HOST}:{port}{path}"
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as response:
        response.raise_for_status()


class Fault(ABC):
    """One kind of fault, on one target.

    Parameters
    ----------
    target
        The part of the shop to disturb; one of `targets`.

    Attributes
    ----------
    kind
        Name on the command line and in the label.
    targets
        Possible targets, the default first.
    root_metrics
        The metrics of the target that show the cause itself.
    is_fault
        False for disturbances that nobody in the shop is to blame for.
    """

    kind: str
    targets: tuple[str, ...]
    root_metrics: tuple[str, ...]
    summary: str
    is_fault = True

    def __init__(self, target: str) -> None:
        self.target = target

    @abstractmethod
    async def start(self, stack: Stack) -> None:
        """Begin the fault."""

    @abstractmethod
    async def stop(self, stack: Stack) -> None:
        """End the fault and repair what it broke."""

    @property
    @abstractmethod
    def notes(self) -> str:
        """What exactly is done, in words."""


class InProcess(Fault):
    """A fault inside a service process, switched over HTTP."""

    options: dict[str, Any]

    async def start(self, stack: Stack) -> None:
        """Switch it on."""
        body = {"kind": self.kind, "on": True, **self.options}
        await post(stack.ports.direct(self.target), "/fault", body)

    async def stop(self, stack: Stack) -> None:
        """Switch it off."""
        await post(stack.ports.direct(self.target), "/fault", {"kind": self.kind, "on": False})


class CpuHog(InProcess):
    """See `summary`."""

    kind = "cpu-hog"
    targets = ("orders", "catalogue", "cart", "payment", "gateway")
    root_metrics = ("cpu",)
    summary = "a thread in the service's process burns CPU and holds the interpreter lock"
    options = {"duty": 0.85}

    @property
    def notes(self) -> str:
        """What exactly is done."""
        return (
            f"A second thread in the {self.target} process burns 0.85 of a core in slices of "
            "50 ms and holds the interpreter lock meanwhile; it starts at full strength."
        )


class MemoryLeak(InProcess):
    """See `summary`."""

    kind = "memory-leak"
    targets = ("cart", "catalogue", "orders", "payment", "gateway")
    root_metrics = ("memory",)
    summary = "the service keeps records of every request for ever and searches them each time"
    # Busier services must leak less per request to grow equally fast.
    records = {"cart": 110, "catalogue": 40, "orders": 280, "payment": 400, "gateway": 35}

    @property
    def options(self) -> dict[str, Any]:  # type: ignore[override]
        """How much to leak."""
        return {"records_per_request": self.records[self.target]}

    @property
    def notes(self) -> str:
        """What exactly is done."""
        return (
            f"Every request to {self.target} leaves {self.records[self.target]} records of about "
            "1.3 kB behind and searches all records left so far, so memory and latency grow "
            "slowly from nothing; all records are dropped at the end, but the resident memory need "
            "not shrink then."
        )


class PoolLeak(InProcess):
    """See `summary`."""

    kind = "pool-leak"
    targets = ("orders",)
    root_metrics = ("pool_in_use", "pool_wait")
    summary = "orders forgets to give connections back to its pool"
    options = {"every": 25}

    @property
    def notes(self) -> str:
        """What exactly is done."""
        return (
            "Every 25th use of orders' pool of 8 postgres connections does not give the "
            "connection back, so the pool runs dry step by step within about a minute; requests "
            "then wait 1 s for a connection and fail. The connections are freed at the end."
        )


class DatabaseLock(Fault):
    """See `summary`."""

    kind = "db-lock"
    targets = ("postgres",)
    root_metrics = ("locks_waiting", "active_queries")
    summary = "a session keeps locking the tables items and orders, as a bad migration does"
    HOLD_S, PAUSE_S = 1.2, 0.6

    async def _lock(self, port: int) -> None:
        connection = await postgres.connect(port)
        try:
            while True:
                async with connection.transaction():
                    await connection.execute("LOCK TABLE items, orders IN ACCESS EXCLUSIVE MODE")
                    await asyncio.sleep(self.HOLD_S)
                await asyncio.sleep(self.PAUSE_S)
        finally:
            connection.terminate()

    async def start(self, stack: Stack) -> None:
        """Start the locking session."""
        self._task = asyncio.create_task(self._lock(stack.ports.direct("postgres")))

    async def stop(self, stack: Stack) -> None:
        """End the session; its lock ends with it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @property
    def notes(self) -> str:
        """What exactly is done."""
        return (
            "A session of its own runs LOCK TABLE items, orders IN ACCESS EXCLUSIVE MODE, holds "
            f"the lock {self.HOLD_S:g} s, commits, pauses {self.PAUSE_S:g} s and starts again."
        )


class CacheOutage(Fault):
    """See `summary`."""

    kind = "cache-outage"
    targets = ("redis",)
    root_metrics = ("up", "commands_per_s")
    summary = "redis hangs (SIGSTOP); the catalogue falls back to postgres, the cart fails"

    async def start(self, stack: Stack) -> None:
        """Freeze redis."""
        pid = stack.pid("redis")
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)

    async def stop(self, stack: Stack) -> None:
        """Let redis go on."""
        pid = stack.pid("redis")
        assert pid is not None
        os.kill(pid, signal.SIGCONT)

    @property
    def notes(self) -> str:
        """What exactly is done."""
        return (
            "The redis process is frozen with SIGSTOP and goes on with SIGCONT at the end. "
            "catalogue gives up after 0.25 s and asks postgres, cart gives up after 0.5 s and "
            "fails. redis' own statistics cannot be read meanwhile (empty cells)."
        )


class Crash(Fault):
    """See `summary`."""

    kind = "crash"
    targets = ("payment", "cart", "catalogue", "orders")
    root_metrics = ("up",)
    summary = "the service's process is killed (SIGKILL) and started again at the end"

    async def start(self, stack: Stack) -> None:
        """Kill the process."""
        pid = stack.pid(self.target)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    async def stop(self, stack: Stack) -> None:
        """Start it again."""
        await stack.start_part(self.target)

    @property
    def notes(self) -> str:
        """What exactly is done."""
        return (
            f"The {self.target} process is killed with SIGKILL and started again at the end of "
            "the fault; its metrics cannot be read meanwhile (empty cells, up = 0)."
        )


class Network(Fault):
    """A fault of the network, on all ways into the target or on one way, ``caller->callee``."""

    disturbance: dict[str, float]
    what: str

    async def start(self, stack: Stack) -> None:
        """Disturb it."""
        await relay.disturb(stack.ports, self.target, **self.disturbance)

    async def stop(self, stack: Stack) -> None:
        """Leave it alone again."""
        await relay.disturb(stack.ports, self.target)

    @property
    def root_metrics(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the probe sees of a target, or the caller of a way."""
        return ("latency_p50", "latency_p95") if "->" in self.target else ("probe_latency",)

    @property
    def notes(self) -> str:
        """What exactly is done."""
        if "->" in self.target:
            caller, callee = self.target.split("->")
            where = f"between {caller} and {callee} {self.what}, for this caller alone"
            seen = f"only what {caller} measures of its calls does: {self.target}:latency_*"
        else:
            where = f"in front of {self.target} {self.what}, for all callers and for the probe"
            seen = "its probe_latency does"
        return (
            f"The relay {where}. The process itself is healthy: its own latency does not show "
            f"it, {seen}."
        )


class NetworkDelay(Network):
    """See `summary`."""

    kind = "network-delay"
    targets = (*ENTITIES[1:], *WAYS)
    summary = "all bytes on the way, or between the target and its callers, are delayed, both ways"
    disturbance = {"delay_s": 0.06, "jitter_s": 0.02}
    what = "delays all bytes by 60 +- 20 ms (uniform) in each direction"


class NetworkLoss(Network):
    """See `summary`."""

    kind = "network-loss"
    targets = (*WAYS, *ENTITIES[1:])
    summary = "one chunk of bytes in ten is lost, both ways, and sent again 0.2 s and more later"
    disturbance = {"loss": 0.1}
    what = (
        "loses one chunk of bytes in ten, in each direction; as in TCP, it arrives when it is "
        "sent again after 0.2 s (0.4 s, 0.8 s, ... when that is lost too), and all that follows "
        "waits behind it"
    )


class LoadSpike(Fault):
    """See `summary`."""

    kind = "load-spike"
    targets = ("clients",)
    root_metrics = ()
    summary = "four times the customers; not a fault, nothing is broken"
    is_fault = False
    FACTOR = 4.0

    async def _set(self, stack: Stack, factor: float) -> None:
        await post(stack.ports.load_control, "/factor", {"factor": factor})

    async def start(self, stack: Stack) -> None:
        """Let more customers come."""
        await self._set(stack, self.FACTOR)

    async def stop(self, stack: Stack) -> None:
        """Back to the normal rate."""
        await self._set(stack, 1.0)

    @property
    def notes(self) -> str:
        """What exactly is done."""
        return "Customers arrive 4 times as often; nothing in the shop is broken."


KINDS: dict[str, type[Fault]] = {
    kind.kind: kind
    for kind in (
        CpuHog,
        MemoryLeak,
        DatabaseLock,
        CacheOutage,
        PoolLeak,
        Crash,
        NetworkDelay,
        NetworkLoss,
        LoadSpike,
    )
}
