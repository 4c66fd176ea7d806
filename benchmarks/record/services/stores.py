"""Clients of the two stores, with the time limits the services use."""

from __future__ import annotations

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from topology import DATABASE, HOST, Ports

POOL_SIZE = 8
POOL_TIMEOUT_S = 1.0


async def open_pool(ports: Ports, caller: str) -> asyncpg.Pool:
    """Open a pool of `POOL_SIZE` connections of a caller to postgres, through the relay."""
    return await asyncpg.create_pool(
        host=HOST,
        port=ports.between(caller, "postgres"),
        user=DATABASE,
        database=DATABASE,
        ssl=False,
        min_size=POOL_SIZE,
        max_size=POOL_SIZE,
        command_timeout=3.0,
        # Connections live as long as the service; their number must not depend on the load.
        max_inactive_connection_lifetime=0.0,
    )


def open_redis(ports: Ports, caller: str, timeout_s: float) -> Redis:
    """Return a redis client of a caller that gives up after `timeout_s`, and tries but once."""
    return Redis(
        host=HOST,
        port=ports.between(caller, "redis"),
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )
