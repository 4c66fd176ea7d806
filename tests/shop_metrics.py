"""The little shop of `makers` as a Prometheus scrapes it: counters, histograms, gauges."""

from collections.abc import Iterator, Sequence

import numpy as np
from makers import NAMES, shop_rows

START = 1_700_000_015  # not a multiple of the step: targets are scraped at times of their own
STEP_S = 15
BOUNDS = tuple(round(0.01 * 1.3**n, 4) for n in range(16))
REQUESTS = 500  # in a step


def open_metrics(rows: int = 280, *, restart_at: int | None = None) -> str:
    """The rows of the shop in the OpenMetrics format; the web service may be restarted."""
    held = dict(zip(NAMES, shop_rows(rows=rows).T, strict=True))
    rng = np.random.default_rng(1)
    lines = list[str]()
    for service in ("web", "cart", "pay"):
        lines += _histogram(service, held[f"{service}:latency_p95"], rng)
    lines.append("# TYPE shop_errors counter")
    lines += _counter("shop_errors_total", "web", held["web:errors_per_s"], restart_at)
    lines.append("# TYPE shop_cpu_seconds counter")
    for service in ("cart", "pay", "db"):
        lines += _counter("shop_cpu_seconds_total", service, held[f"{service}:cpu"])
    lines.append("# TYPE shop_disk_bytes counter")
    lines += _counter("shop_disk_bytes_total", "db", held["db:disk_io"])
    lines.append("# TYPE shop_connections gauge")
    lines += _series("shop_connections", "db", np.round(20 + 100 * held["db:cpu"]).tolist())
    return "\n".join([*lines, "# EOF", ""])


def _series(name: str, service: str, values: Sequence[float], more: str = "") -> Iterator[str]:
    labels = f'job="shop",instance="{service}-0:8080",service="{service}"{more}'
    for number, value in enumerate(values):
        yield f"{name}{{{labels}}} {value!r} {START + STEP_S * number}"


def _counter(
    name: str, service: str, rates: np.typing.NDArray[np.float64], restart_at: int | None = None
) -> Iterator[str]:
    values = np.cumsum(STEP_S * rates)
    if restart_at is not None:
        values[restart_at:] -= values[restart_at - 1]
    return _series(name, service, values.tolist())


def _histogram(
    service: str, latencies: np.typing.NDArray[np.float64], rng: np.random.Generator
) -> Iterator[str]:
    """Requests around each latency, counted up."""
    drawn = latencies[:, None] * rng.lognormal(sigma=0.3, size=(len(latencies), REQUESTS))
    name = "shop_request_seconds"
    yield f"# TYPE {name} histogram"
    for bound in (*BOUNDS, np.inf):
        below = np.cumsum((drawn <= bound).sum(axis=1)).tolist()
        le = "+Inf" if bound == np.inf else repr(bound)
        yield from _series(f"{name}_bucket", service, below, f',le="{le}"')
    yield from _series(f"{name}_count", service, below)
    yield from _series(f"{name}_sum", service, np.cumsum(drawn.sum(axis=1)).tolist())
