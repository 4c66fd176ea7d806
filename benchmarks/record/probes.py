"""Reads the services, the stores and the load generator, and probes them from outside.

A reader returns what it could read and nothing else: a part that is dead or too slow leaves
its cells empty.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

import aiohttp
import asyncpg
import postgres
from procstat import Rate
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from topology import HOST

TIMEOUT_S = 0.8
"""Time limit of one reading, in seconds; a row must be complete before the next one is due."""

Values = dict[str, float | None]

_ACTIVITY = """
    SELECT count(*) AS connections,
        count(*) FILTER (WHERE state = 'active' AND pid <> pg_backend_pid()) AS active_queries,
        count(*) FILTER (WHERE wait_event_type = 'Lock') AS locks_waiting,
        (SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database) AS transactions
    FROM pg_stat_activity WHERE backend_type = 'client backend'
"""


class HttpReader:
    """Reads JSON metrics of a service or of the load generator."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self._http = http
        self._url = f"http://{HOST}:{port}/metrics"
        self._rates: defaultdict[str, Rate] = defaultdict(Rate)

    async def read(self) -> Values:
        """Return the metrics; counters ``x_total`` become ``x_per_s``."""
        try:
            async with self._http.get(self._url) as response:
                data: Values = await response.json()
        except (aiohttp.ClientError, TimeoutError):
            return {}
        for counter in [name for name in data if name.endswith("_total")]:
            if (total := data.pop(counter)) is not None:
                name = counter.removesuffix("_total")
                data[f"{name}_per_s"] = self._rates[name].per_s(total)
        return data


class HttpProbe:
    """Asks a service for its health, through the relay, as any caller would."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self._http = http
        self._url = f"http://{HOST}:{port}/health"

    async def read(self) -> Values:
        """Return ``up`` (1 or 0) and ``probe_latency`` (s)."""
        start = time.monotonic()
        try:
            async with self._http.get(self._url) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return {"up": 0.0}
        return {"up": 1.0, "probe_latency": time.monotonic() - start}


class PostgresReader:
    """One connection to postgres, made again when it breaks.

    Parameters
    ----------
    port
        Port to connect to.
    probe
        True: only measure a round trip; false: read the statistics views.
    """

    def __init__(self, port: int, probe: bool) -> None:
        self._port = port
        self._probe = probe
        self._connection: asyncpg.Connection | None = None
        self._transactions = Rate()

    async def read(self) -> Values:
        """Return the values, or only ``up`` = 0 from a probe that failed."""
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await postgres.connect(self._port)
            start = time.monotonic()
            row = await self._connection.fetchrow("SELECT 1" if self._probe else _ACTIVITY)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            return {"up": 0.0} if self._probe else {}
        if self._probe:
            return {"up": 1.0, "probe_latency": time.monotonic() - start}
        values = {name: float(value) for name, value in dict(row or {}).items()}
        transactions = self._transactions.per_s(values.pop("transactions"))
        return {**values, "transactions_per_s": transactions}

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.terminate()


class RedisReader:
    """One connection to redis; parameters as for postgres."""

    def __init__(self, port: int, probe: bool) -> None:
        self._probe = probe
        self._redis = Redis(
            host=HOST,
            port=port,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._commands, self._hits, self._misses = Rate(), Rate(), Rate()

    async def read(self) -> Values:
        """Return the values, or only ``up`` = 0 from a probe that failed."""
        start = time.monotonic()
        try:
            if self._probe:
                await self._redis.ping()
                return {"up": 1.0, "probe_latency": time.monotonic() - start}
            info: dict[str, Any] = await self._redis.info()
        except (RedisError, OSError, TimeoutError):
            return {"up": 0.0} if self._probe else {}
        hits = self._hits.per_s(info["keyspace_hits"])
        misses = self._misses.per_s(info["keyspace_misses"])
        lookups = (hits or 0.0) + (misses or 0.0)
        return {
            "commands_per_s": self._commands.per_s(info["total_commands_processed"]),
            "connected_clients": float(info["connected_clients"]),
            # Of no lookup there is no ratio.
            "hit_ratio": hits / lookups if hits is not None and lookups > 0 else None,
        }

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
