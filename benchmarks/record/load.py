"""Open-loop load generator: customers arrive at random and do not wait for each other.

Each customer follows one of four journeys of three requests with short thinking times. The
arrival rate varies slowly (a wave of seven minutes and a random walk around it).
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import time

import aiohttp
from aiohttp import web
from topology import HOST, Ports

JOURNEYS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.35, ("browse", "item", "item")),
    (0.25, ("browse", "item", "add")),
    (0.28, ("item", "add", "checkout")),
    (0.12, ("history", "browse", "cart")),
)
JOURNEYS_PER_S = 12.0
THINK_S = 0.3
TIMEOUT_S = 6.0
CUSTOMERS = 3000
ITEMS = 20000
CATEGORIES = 40


class Load:
    """The customers of one shop.

    Parameters
    ----------
    ports
        Ports of the stack.
    seed
        Seed of all random choices.
    """

    def __init__(self, ports: Ports, seed: int) -> None:
        self.url = f"http://{HOST}:{ports.direct('gateway')}"
        self.rng = random.Random(seed)
        self.factor = 1.0
        self.requests_total = 0
        self.drift = 0.0
        self.tasks: set[asyncio.Task[None]] = set()

    def rate(self, now: float) -> float:
        """Return the arrival rate in journeys per second at time `now` (s)."""
        wave = 0.12 * math.sin(2.0 * math.pi * now / 420.0)
        return JOURNEYS_PER_S * self.factor * max(0.3, 1.0 + wave + self.drift)

    def _path(self, step: str, customer: int) -> tuple[str, str]:
        # A product of draws makes low numbers popular, so that the cache is of use.
        item = int(ITEMS * self.rng.random() * self.rng.random() ** 2) + 1
        category = int(CATEGORIES * self.rng.random() * self.rng.random())
        return {
            "browse": ("GET", f"/browse/{category}"),
            "item": ("GET", f"/item/{item}"),
            "add": ("POST", f"/cart/{customer}/{item}"),
            "cart": ("GET", f"/cart/{customer}"),
            "checkout": ("POST", f"/checkout/{customer}"),
            "history": ("GET", f"/history/{customer}"),
        }[step]

    async def _journey(self, http: aiohttp.ClientSession) -> None:
        customer = self.rng.randrange(CUSTOMERS)
        weights = [weight for weight, _ in JOURNEYS]
        (_, steps), *_rest = self.rng.choices(JOURNEYS, weights)
        for step in steps:
            method, path = self._path(step, customer)
            self.requests_total += 1
            try:
                async with http.request(method, self.url + path) as response:
                    await response.read()
            except (aiohttp.ClientError, TimeoutError):
                pass  # The gateway's own metrics count what failed.
            await asyncio.sleep(self.rng.expovariate(1.0 / THINK_S))

    async def run(self) -> None:
        """Send customers until cancelled."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=10.0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
            due = time.monotonic()
            while True:
                gap = self.rng.expovariate(self.rate(due))
                # A random walk that forgets within about a minute.
                self.drift *= math.exp(-gap / 60.0)
                self.drift += self.rng.gauss(0.0, 0.012 * math.sqrt(gap))
                due += gap
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                task = asyncio.create_task(self._journey(http))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)


async def serve(ports: Ports, seed: int) -> None:
    """Run the load and its control port until killed."""
    load = Load(ports, seed)

    async def metrics(_: web.Request) -> web.Response:
        return web.json_response({"requests_total": load.requests_total})

    async def factor(request: web.Request) -> web.Response:
        load.factor = float((await request.json())["factor"])
        return web.json_response({"factor": load.factor})

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.post("/factor", factor)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, ports.load_control).start()
    await load.run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    asyncio.run(serve(Ports(arguments.base_port), arguments.seed))
