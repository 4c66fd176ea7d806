"""The gateway: the only service customers talk to."""

from __future__ import annotations

import hashlib
from typing import Any

from aiohttp import web

from services.base import Service, main


class Gateway(Service):
    """Passes requests on to catalogue, cart and orders."""

    CHECK_ROUNDS = 3500

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the service."""
        return [
            web.get("/browse/{category}", self.browse),
            web.get("/item/{item}", self.item),
            web.post("/cart/{customer}/{item}", self.add),
            web.get("/cart/{customer}", self.cart),
            web.post("/checkout/{customer}", self.checkout),
            web.get("/history/{customer}", self.history),
        ]

    async def ask(self, request: web.Request, method: str, entity: str, path: str) -> Any:
        """Check the customer's session, then call a service.

        The check costs real CPU (about 2 ms a request), so the gateway becomes busy when many
        customers come.
        """
        hashlib.pbkdf2_hmac("sha256", request.path.encode(), b"session", self.CHECK_ROUNDS)
        return await self.call(method, entity, path)

    async def browse(self, request: web.Request) -> web.Response:
        """List a category."""
        category = request.match_info["category"]
        return web.json_response(
            await self.ask(request, "GET", "catalogue", f"/category/{category}")
        )

    async def item(self, request: web.Request) -> web.Response:
        """Show one item."""
        item = request.match_info["item"]
        return web.json_response(await self.ask(request, "GET", "catalogue", f"/item/{item}"))

    async def add(self, request: web.Request) -> web.Response:
        """Look up the price of an item, then put it into the cart."""
        customer, item = request.match_info["customer"], request.match_info["item"]
        details = await self.ask(request, "GET", "catalogue", f"/item/{item}")
        path = f"/cart/{customer}/{item}?cents={details['cents']}"
        return web.json_response(await self.call("POST", "cart", path))

    async def cart(self, request: web.Request) -> web.Response:
        """Show the cart."""
        customer = request.match_info["customer"]
        return web.json_response(await self.ask(request, "GET", "cart", f"/cart/{customer}"))

    async def checkout(self, request: web.Request) -> web.Response:
        """Order and pay what is in the cart."""
        customer = request.match_info["customer"]
        return web.json_response(await self.ask(request, "POST", "orders", f"/orders/{customer}"))

    async def history(self, request: web.Request) -> web.Response:
        """Show the last orders of a customer."""
        customer = request.match_info["customer"]
        return web.json_response(await self.ask(request, "GET", "orders", f"/orders/{customer}"))


if __name__ == "__main__":
    # Longer than the time limits of the services behind it.
    main("gateway", Gateway, timeout_s=5.0)
