"""Orders: takes the cart, has it paid and stores the order in postgres."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from aiohttp import web

from services.base import Service, Unavailable, Window, main
from services.stores import POOL_SIZE, POOL_TIMEOUT_S, open_pool

_HISTORY = """
    SELECT id, cents, receipt FROM orders WHERE customer = $1 ORDER BY id DESC LIMIT 5
"""


class Orders(Service):
    """Owns a connection pool, which it can be told to leak."""

    async def open(self) -> None:
        """Connect to postgres."""
        self.pool = await open_pool(self.ports, self.name)
        self.pool_waits = Window()
        self.leak_every = 0
        self.uses = 0
        self.leaked: list[Any] = []

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the service."""
        return [
            web.post("/orders/{customer}", self.order),
            web.get("/orders/{customer}", self.history),
        ]

    def gauges(self) -> dict[str, float | None]:
        """Return the connections taken from the pool and the mean wait for one (s)."""
        taken = POOL_SIZE - self.pool.get_idle_size()
        return {"pool_in_use": float(taken), "pool_wait": self.pool_waits.mean()}

    def set_fault(self, kind: str, options: dict[str, Any]) -> None:
        """Add the pool leak to the faults all services know."""
        if kind != "pool-leak":
            super().set_fault(kind, options)
            return
        self.leak_every = int(options.get("every", 0)) if options["on"] else 0
        while not options["on"] and self.leaked:
            connection = self.leaked.pop()
            connection.terminate()
            self.release(connection)

    def release(self, connection: Any) -> None:
        """Give a connection back to the pool in the background."""
        self.returning = asyncio.ensure_future(self.pool.release(connection))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Borrow a connection; with the leak on, some are never given back."""
        start = time.monotonic()
        try:
            connection = await self.pool.acquire(timeout=POOL_TIMEOUT_S)
        except TimeoutError as error:
            raise Unavailable("no free connection to postgres") from error
        finally:
            self.pool_waits.add(time.monotonic() - start)
        try:
            with self.calling("postgres"):
                yield connection
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise Unavailable(f"postgres: {type(error).__name__}") from error
        finally:
            self.uses += 1
            if self.leak_every and self.uses % self.leak_every == 0:
                self.leaked.append(connection)
            else:
                await self.pool.release(connection)

    async def order(self, request: web.Request) -> web.Response:
        """Order everything in the cart of a customer."""
        customer = request.match_info["customer"]
        items = (await self.call("GET", "cart", f"/cart/{customer}"))["items"]
        if not items:
            raise web.HTTPConflict(text="the cart is empty")
        cents = sum(items.values())
        paid = await self.call("POST", "payment", f"/pay/{customer}?cents={cents}", retries=2)
        async with self.connection() as connection:
            order = await self._store(connection, int(customer), cents, paid["receipt"], items)
        await self.call("DELETE", "cart", f"/cart/{customer}")
        return web.json_response({"order": order})

    async def _store(
        self, connection: Any, customer: int, cents: int, receipt: str, items: dict[str, int]
    ) -> int:
        async with connection.transaction():
            order: int = await connection.fetchval(
                "INSERT INTO orders (customer, cents, receipt) VALUES ($1, $2, $3) RETURNING id",
                customer,
                cents,
                receipt,
            )
            await connection.executemany(
                "INSERT INTO order_lines (order_id, item, cents) VALUES ($1, $2, $3)",
                [(order, int(item), price) for item, price in items.items()],
            )
        return order

    async def history(self, request: web.Request) -> web.Response:
        """Return the last orders of a customer."""
        customer = int(request.match_info["customer"])
        async with self.connection() as connection:
            rows = [dict(row) for row in await connection.fetch(_HISTORY, customer)]
        return web.json_response({"orders": rows})


if __name__ == "__main__":
    main("orders", Orders, timeout_s=3.0)
