"""The cart: what a customer is about to buy, kept in redis."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from aiohttp import web
from redis.exceptions import RedisError

from services.base import Service, Unavailable, main
from services.stores import open_redis

CART_TTL_S = 600


class Cart(Service):
    """Redis is its only store, so it fails when redis does."""

    async def open(self) -> None:
        """Connect to redis."""
        self.redis = open_redis(self.ports, self.name, 0.5)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the service."""
        return [
            web.get("/cart/{customer}", self.show),
            web.post("/cart/{customer}/{item}", self.add),
            web.delete("/cart/{customer}", self.clear),
        ]

    async def _ask(self, answer: Awaitable[Any]) -> Any:
        try:
            with self.calling("redis"):
                return await answer
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable(f"redis: {type(error).__name__}") from error

    async def show(self, request: web.Request) -> web.Response:
        """Return the items and their prices in cents."""
        key = f"cart:{request.match_info['customer']}"
        items = await self._ask(self.redis.hgetall(key))
        return web.json_response({"items": {item: int(cents) for item, cents in items.items()}})

    async def add(self, request: web.Request) -> web.Response:
        """Put one item into the cart."""
        key = f"cart:{request.match_info['customer']}"
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, request.match_info["item"], request.query["cents"])
            pipe.expire(key, CART_TTL_S)
            pipe.hlen(key)
            *_, count = await self._ask(pipe.execute())
        return web.json_response({"items": count})

    async def clear(self, request: web.Request) -> web.Response:
        """Empty the cart."""
        key = f"cart:{request.match_info['customer']}"
        return web.json_response({"removed": await self._ask(self.redis.delete(key))})


if __name__ == "__main__":
    main("cart", Cart)
