"""Payment: signs a receipt, waits for the bank and writes a journal."""

from __future__ import annotations

import asyncio
import hashlib

from aiohttp import web

from services.base import Service, main


class Payment(Service):
    """Has no store; the bank is a random wait (the only part of the shop that is not real)."""

    BANK_S = 0.008

    async def open(self) -> None:
        """Open the journal."""
        self.journal = (self.workdir / "payments.log").open("a", buffering=1)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the service."""
        return [web.post("/pay/{customer}", self.pay)]

    async def pay(self, request: web.Request) -> web.Response:
        """Take a payment and return its receipt."""
        text = f"{request.match_info['customer']}:{request.query['cents']}"
        salt = self.rng.randbytes(16)
        receipt = hashlib.pbkdf2_hmac("sha256", text.encode(), salt, 2000).hex()
        await asyncio.sleep(self.BANK_S * self.rng.lognormvariate(0.0, 0.3))
        self.journal.write(f"{text}:{receipt}\n")
        return web.json_response({"receipt": receipt})


if __name__ == "__main__":
    main("payment", Payment)
