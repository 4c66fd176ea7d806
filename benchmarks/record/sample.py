"""Reads one row of all metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from probes import TIMEOUT_S, HttpProbe, HttpReader, PostgresReader, RedisReader, Values
from procstat import ProcessGroup
from stack import Stack
from topology import ENTITIES, SERVICES

Row = dict[str, float | None]


class Sampler:
    """Samples one stack; must be made inside a running event loop.

    Parameters
    ----------
    stack
        The running stack.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        ports = stack.ports
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        self._stores = [
            PostgresReader(ports.direct("postgres"), probe=False),
            PostgresReader(ports.entry("postgres"), probe=True),
        ]
        self._caches = [
            RedisReader(ports.direct("redis"), probe=False),
            RedisReader(ports.entry("redis"), probe=True),
        ]
        self._readers: list[tuple[str, Callable[[], Awaitable[Values]]]] = [
            ("clients", HttpReader(self._http, ports.load_control).read)
        ]
        for name in SERVICES:
            self._readers.append((name, HttpReader(self._http, ports.direct(name)).read))
            self._readers.append((name, HttpProbe(self._http, ports.entry(name)).read))
        self._readers += [("postgres", reader.read) for reader in self._stores]
        self._readers += [("redis", reader.read) for reader in self._caches]
        self._groups = {name: ProcessGroup(name == "postgres") for name in ENTITIES}

    async def read(self) -> Row:
        """Return one row; what could not be read within the time limit is missing in it."""
        row: Row = {}
        for name, group in self._groups.items():
            values = group.read(self._stack.pid(name))
            row |= {f"{name}:{metric}": value for metric, value in values.items()}
        answers = await asyncio.gather(*(self._limited(read) for _, read in self._readers))
        for (name, _), answer in zip(self._readers, answers, strict=True):
            # What a service measures of its calls names the callee: `->redis:latency_p50`.
            row |= {
                f"{name}{metric}" if metric.startswith("->") else f"{name}:{metric}": value
                for metric, value in answer.items()
            }
        return row

    async def _limited(self, read: Callable[[], Awaitable[Values]]) -> Values:
        try:
            return await asyncio.wait_for(read(), TIMEOUT_S + 0.05)
        except TimeoutError:
            return {}

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()
        for store in self._stores:
            await store.close()
        for cache in self._caches:
            await cache.close()
