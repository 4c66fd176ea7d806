"""The catalogue: items and categories from postgres, with a cache in redis."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from aiohttp import web
from redis.exceptions import RedisError

from services.base import Service, Unavailable, main
from services.stores import POOL_TIMEOUT_S, open_pool, open_redis

_CATEGORY = """
    SELECT id, name, cents FROM items WHERE category = $1 ORDER BY popularity DESC LIMIT 20
"""
_ITEM = "SELECT id, name, cents FROM items WHERE id = $1"


class Catalogue(Service):
    """Reads through the cache; works without it, only slower."""

    CACHE_TIMEOUT_S = 0.25

    async def open(self) -> None:
        """Connect to both stores."""
        self.pool = await open_pool(self.ports, self.name)
        self.redis = open_redis(self.ports, self.name, self.CACHE_TIMEOUT_S)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the service."""
        return [web.get("/category/{category}", self.category), web.get("/item/{item}", self.item)]

    async def _cached(self, key: str, ttl_s: int, load: Callable[[], Awaitable[Any]]) -> Any:
        cache_works = True
        try:
            with self.calling("redis"):
                text = await self.redis.get(key)
            if text is not None:
                return json.loads(text)
        except (RedisError, OSError, TimeoutError):
            cache_works = False
        value = await load()
        if cache_works:
            # The answer is known; when storing it fails the next request asks postgres again.
            with contextlib.suppress(RedisError, OSError, TimeoutError), self.calling("redis"):
                await self.redis.set(key, json.dumps(value), ex=ttl_s)
        return value

    async def _query(self, sql: str, number: int) -> list[dict[str, Any]]:
        try:
            async with self.pool.acquire(timeout=POOL_TIMEOUT_S) as connection:
                with self.calling("postgres"):
                    return [dict(row) for row in await connection.fetch(sql, number)]
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise Unavailable(f"postgres: {type(error).__name__}") from error

    async def category(self, request: web.Request) -> web.Response:
        """List the 20 most popular items of a category."""
        number = int(request.match_info["category"])
        items = await self._cached(f"category:{number}", 3, lambda: self._query(_CATEGORY, number))
        return web.json_response({"items": items})

    async def item(self, request: web.Request) -> web.Response:
        """Show one item."""
        number = int(request.match_info["item"])
        items = await self._cached(f"item:{number}", 60, lambda: self._query(_ITEM, number))
        if not items:
            raise web.HTTPNotFound
        return web.json_response(items[0])


if __name__ == "__main__":
    main("catalogue", Catalogue)
