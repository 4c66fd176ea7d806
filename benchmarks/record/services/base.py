"""What all services share: HTTP server and client, own metrics, fault switches."""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from topology import CALLS, HOST, LATENCY_WINDOW_S, Ports

from services.inject import CpuHog, MemoryLeak

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OWN_PATHS = ("/metrics", "/health", "/fault")


class Unavailable(Exception):
    """Something this service needs does not work; the caller gets status 503."""


class Window:
    """Values of the last seconds.

    Parameters
    ----------
    width_s
        Width of the window in seconds.
    """

    def __init__(self, width_s: float = LATENCY_WINDOW_S) -> None:
        self.width_s = width_s
        self.values: deque[tuple[float, float]] = deque()

    def add(self, value: float) -> None:
        """Add a value that became known now."""
        self.values.append((time.monotonic(), value))

    def current(self) -> list[float]:
        """Return the values in the window, sorted."""
        oldest = time.monotonic() - self.width_s
        while self.values and self.values[0][0] < oldest:
            self.values.popleft()
        return sorted(value for _, value in self.values)

    def quantile(self, share: float) -> float | None:
        """Return the quantile at `share` (0 to 1), or None of an empty window."""
        values = self.current()
        return values[min(len(values) - 1, int(share * len(values)))] if values else None

    def mean(self) -> float | None:
        """Return the mean, or None of an empty window."""
        values = self.current()
        return sum(values) / len(values) if values else None


class Service(ABC):
    """One service process.

    Parameters
    ----------
    name
        Name of the service.
    ports
        Ports of the stack.
    workdir
        Directory for files of the service.
    seed
        Seed of its random choices.
    """

    def __init__(self, name: str, ports: Ports, workdir: Path, seed: int) -> None:
        self.name = name
        self.ports = ports
        self.workdir = workdir
        self.rng = random.Random(f"{name}/{seed}")
        self.latency = Window()
        self.requests_total = 0
        self.errors_total = 0
        callees = [callee for caller, callee in CALLS if caller == name]
        self.call_latency = {callee: Window() for callee in callees}
        self.call_errors = dict.fromkeys(callees, 0)
        self.hog = CpuHog()
        self.leak = MemoryLeak()
        self._http: aiohttp.ClientSession | None = None

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the service."""

    async def open(self) -> None:  # noqa: B027 - not every service has stores
        """Open connections to stores before the first request."""

    def gauges(self) -> dict[str, float | None]:
        """Return metrics only this service has."""
        return {}

    def set_fault(self, kind: str, options: dict[str, Any]) -> None:
        """Switch a fault inside this process on or off (``options["on"]``)."""
        if kind == "cpu-hog":
            self.hog.set(options["on"], options.get("duty", 0.0))
        elif kind == "memory-leak":
            self.leak.set(options["on"], options.get("records_per_request", 0))
        else:
            raise web.HTTPBadRequest(text=f"{self.name} knows no fault {kind}")

    @contextmanager
    def calling(self, callee: str) -> Iterator[None]:
        """Time a call, failed ones too, and count it if it fails."""
        start = time.monotonic()
        try:
            yield
        except BaseException:
            self.call_errors[callee] += 1
            raise
        finally:
            self.call_latency[callee].add(time.monotonic() - start)

    async def call(self, method: str, entity: str, path: str, retries: int = 0) -> Any:
        """Call another service through the relay and return its JSON answer.

        Parameters
        ----------
        method, entity, path
            What to ask whom.
        retries
            How often to try again after a failed connection, with a pause of 0.1 s, 0.2 s, ...

        Raises
        ------
        Unavailable
            If the other side fails, is too slow or answers with a server error.
        """
        assert self._http is not None
        url = f"http://{HOST}:{self.ports.between(self.name, entity)}{path}"
        for attempt in range(retries + 1):
            try:
                with self.calling(entity):
                    async with self._http.request(method, url) as response:
                        if response.status >= 500:
                            raise Unavailable(f"{entity} answered {response.status}")
                        return await response.json()
            except TimeoutError as error:
                raise Unavailable(f"{entity} timed out") from error
            except aiohttp.ClientError as error:
                if attempt == retries:
                    raise Unavailable(f"{entity} failed: {type(error).__name__}") from error
            await asyncio.sleep(0.1 * (attempt + 1))
        raise AssertionError("unreachable")

    @web.middleware
    async def _measure(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OWN_PATHS:
            return await handler(request)
        start = time.monotonic()
        failed = True
        try:
            self.leak.touch(request.path)
            response = await handler(request)
            failed = response.status >= 500
            return response
        except Unavailable as error:
            return web.json_response({"error": str(error)}, status=503)
        except web.HTTPException as error:
            failed = error.status >= 500
            raise
        finally:
            self.requests_total += 1
            self.errors_total += failed
            self.latency.add(time.monotonic() - start)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "requests_total": self.requests_total,
                "errors_total": self.errors_total,
                "latency_p50": self.latency.quantile(0.50),
                "latency_p95": self.latency.quantile(0.95),
                **self.gauges(),
                **self._of_calls(),
            }
        )

    def _of_calls(self) -> dict[str, float | None]:
        held: dict[str, float | None] = {}
        for callee, latency in self.call_latency.items():
            held[f"->{callee}:latency_p50"] = latency.quantile(0.50)
            held[f"->{callee}:latency_p95"] = latency.quantile(0.95)
            held[f"->{callee}:errors_total"] = self.call_errors[callee]
        return held

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _fault(self, request: web.Request) -> web.Response:
        options = await request.json()
        self.set_fault(options["kind"], options)
        return web.json_response({"status": "ok"})

    async def serve(self, timeout_s: float) -> None:
        """Serve until killed; calls to others give up after `timeout_s` seconds."""
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        # Callers drop idle connections before servers do, so no request meets a closing one.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=10.0)
        self._http = aiohttp.ClientSession(timeout=timeout, connector=connector)
        await self.open()
        app = web.Application(middlewares=[self._measure])
        app.add_routes(self.routes())
        app.add_routes([web.get("/metrics", self._metrics), web.get("/health", self._health)])
        app.add_routes([web.post("/fault", self._fault)])
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=75.0)
        await runner.setup()
        await web.TCPSite(runner, HOST, self.ports.direct(self.name)).start()
        await asyncio.Event().wait()


def main(name: str, kind: type[Service], timeout_s: float = 2.0) -> None:
    """Run a service from the command line."""
    parser = argparse.ArgumentParser(description=f"the {name} service of the shop")
    parser.add_argument("--base-port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True, help="directory for its files")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    service = kind(name, Ports(args.base_port), args.dir, args.seed)
    asyncio.run(service.serve(timeout_s))
