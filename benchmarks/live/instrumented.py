"""A service of the shop with the metrics of a Prometheus client: ``python -m instrumented NAME``.

The service is the recorder's, unchanged. Around it: a counter of requests by status and a histogram
of their duration, the same for what it asks of others, its own gauges, and whatever the client
library tells of the process and the interpreter by itself.
"""

from __future__ import annotations

import math
import runpy
import sys
import time
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from services import base
from services.base import Handler, Service, Unavailable

PATH = "/prometheus"

_LABELS = ("method", "handler")
_STATUS = ("2xx", "4xx", "5xx")
_REQUESTS = Counter("http_requests", "Requests answered.", (*_LABELS, "status"))
_DURATION = Histogram("http_request_duration_seconds", "Their duration.", _LABELS)
_IN_PROGRESS = Gauge("http_requests_in_progress", "Requests being answered.")
# As the conventions of OpenTelemetry name it.
_CALLED = ("server_address",)
_CALLS = Histogram("http_client_request_duration_seconds", "Requests to others.", _CALLED)
_FAILED_CALLS = Counter("http_client_request_errors", "Those that failed.", _CALLED)


class Instrumented(Service):
    """What `instrument` puts in front of a service."""

    _own: dict[str, Gauge]

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the service and that of the metrics."""
        routes = super().routes()  # type: ignore[safe-super]
        # A status that has not come yet is a zero, not an absent series.
        for route in routes:
            for status in _STATUS:
                _REQUESTS.labels(route.method, route.path, status)
        self._own = {}
        return [*routes, web.get(PATH, self._expose)]

    async def _expose(self, _: web.Request) -> web.Response:
        for name, value in self.gauges().items():
            if name not in self._own:
                self._own[name] = Gauge(name, f"{name} of the service.")
            self._own[name].set(math.nan if value is None else value)
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @web.middleware
    async def _measure(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in (PATH, *base.OWN_PATHS):
            return await handler(request)
        resource = request.match_info.route.resource
        labels = (request.method, resource.canonical if resource is not None else "none")
        start, status = time.monotonic(), 500
        try:
            with _IN_PROGRESS.track_inprogress():
                response: web.StreamResponse = await super()._measure(request, handler)
            status = response.status
            return response
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            _REQUESTS.labels(*labels, f"{status // 100}xx").inc()
            _DURATION.labels(*labels).observe(time.monotonic() - start)

    async def call(self, method: str, entity: str, path: str, retries: int = 0) -> Any:
        """Call another service, and measure it."""
        try:
            with _CALLS.labels(entity).time():
                return await super().call(method, entity, path, retries)
        except Unavailable:
            _FAILED_CALLS.labels(entity).inc()
            raise


def instrument(name: str) -> None:
    """Run the module of a service with an instrumented class in place of its own."""
    start = base.main

    def main(name: str, kind: type[Service], timeout_s: float = 2.0) -> None:
        start(name, type(kind.__name__, (Instrumented, kind), {}), timeout_s)

    base.main = main
    runpy.run_module(f"services.{name}", run_name="__main__")


if __name__ == "__main__":
    instrument(sys.argv.pop(1))
