"""What kind of signal a metric is, by published naming conventions only.

The four golden signals (latency, traffic, errors, saturation) of the Google SRE book, chapter 6,
in the words of the OpenTelemetry semantic conventions (`http.server.request.duration`,
`system.cpu.utilization`), of Prometheus practice (`*_latency_seconds`, `*_errors_total`,
`*_requests_total`) and of the cloud monitors (`Latency`, `Availability`, `RequestCount`).
A metric that no convention names is OTHER, and nothing is assumed about it.
"""

import re
from enum import Enum
from functools import lru_cache

__all__ = ["Role", "adds_up", "at_client", "healthy_direction", "is_offered", "role_of"]


class Role(Enum):
    """Kind of signal."""

    LATENCY = "latency"
    ERROR = "error"
    TRAFFIC = "traffic"
    WAITING = "waiting"
    """How many are being served or wait for it: by Little's law traffic times latency."""
    OTHER = "other"


# Names whose role is remembered: the components of a system have the same metrics, over and over.
METRICS = 4096

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+(?:xx|XX)?")
_QUANTILE = re.compile(r"(?:^|[^a-z0-9])p\d{2,3}(?:[^a-z0-9]|$)")
_BAD = frozenset({"error", "errors", "failure", "failures", "failed", "exception", "exceptions"})
_BAD_CODES = frozenset({"5xx", "4xx"})
_GOOD = frozenset({"availability", "success", "successes", "successful"})
_LATENCY = frozenset({"latency", "latencies", "duration", "rtt"})
_RESOURCE = frozenset(
    {"cpu", "mem", "memory", "disk", "net", "network", "heap", "gc", "fds", "io", "node"}
)
_WAITING = frozenset(
    {"pool", "queue", "waiting", "pending", "active", "backlog"}
    | {"inflight", "flight", "threads", "goroutines", "connections"}
)
_USE = frozenset({"usage", "utilization", "saturation"})
_TRAFFIC = frozenset(
    {"request", "requests", "load", "throughput", "traffic", "rps", "qps", "tps"}
    | {"queries", "transactions", "commands", "messages", "operations"}
)

# The load of a machine is what runs and waits on it, `_created` a time of OpenMetrics. What is
# there at once, and what lags behind, grows with latency as much as with load.
_ASKED = _TRAFFIC - {"load"}
_NO_COUNT = frozenset(
    {"created", "queued", "running", "concurrent", "progress", "inprogress", "lag"}
)
# A metric of a call as its caller sees it: `http.client.request.duration`, `upstream_rq_time`.
_CLIENT = frozenset({"client", "upstream"})
_COUNT = re.compile(r"(?:[._](?:count|sum|total)|_per_s(?:ec(?:ond)?)?)$")
_SHARE = frozenset({"ratio", "share", "fraction", "percent", "percentage"})


def _words(metric: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(metric))


@lru_cache(maxsize=METRICS)
def role_of(metric: str) -> Role:
    """Role of a metric by its name.

    Parameters
    ----------
    metric : str
        Name without the entity, such as `latency_p95` or `http.server.request.duration`.

    Examples
    --------
    >>> role_of("http_requests_total"), role_of("latency_p95"), role_of("cpu")
    (<Role.TRAFFIC: 'traffic'>, <Role.LATENCY: 'latency'>, <Role.OTHER: 'other'>)
    """
    words = _words(metric)
    if words & (_BAD | _GOOD | _BAD_CODES):
        return Role.ERROR
    if words & _LATENCY or {"response", "time"} <= words:
        return Role.LATENCY
    if words & _RESOURCE:
        return Role.OTHER
    if words & _WAITING:
        return Role.WAITING
    if words & _USE:
        return Role.OTHER
    if _QUANTILE.search(metric.lower()):
        return Role.LATENCY
    return Role.TRAFFIC if words & _TRAFFIC else Role.OTHER


@lru_cache(maxsize=METRICS)
def healthy_direction(metric: str) -> int:
    """Direction in which a metric gets better: -1 down, +1 up, 0 neither is known."""
    role = role_of(metric)
    if role is Role.LATENCY:
        return -1
    if role is Role.ERROR:
        return 1 if _words(metric) & _GOOD else -1
    return 0


def at_client(metric: str) -> bool:
    """Whether a metric is what a caller sees of the calls that it makes, not of those it serves.

    Examples
    --------
    >>> [at_client(f"http.{side}.request.duration") for side in ("client", "server")]
    [True, False]
    """
    return bool(_words(metric) & _CLIENT)


@lru_cache(maxsize=METRICS)
def is_offered(metric: str) -> bool:
    """Whether a metric counts what its entity is asked to serve, however it copes with that.

    Examples
    --------
    >>> [is_offered(name) for name in ("http_requests_total", "http.server.request.duration.count")]
    [True, True]
    >>> [is_offered(name) for name in ("load1", "http_requests_created", "db_client_requests")]
    [False, False, False]
    >>> [is_offered(name) for name in ("requests_in_flight", "http_requests_inprogress")]
    [False, False]
    """
    words = _words(metric)
    if at_client(metric) or words & _NO_COUNT:
        return False
    role, counts = role_of(metric), metric.partition("{")[0].endswith((".count", "_count"))
    return bool((role is Role.TRAFFIC and words & _ASKED) or (role is Role.LATENCY and counts))


def adds_up(metric: str) -> bool:
    """Whether the parts of a metric, one for each value of a label, add up to all of it.

    Counts and rates do; times, levels and shares do not.

    Parameters
    ----------
    metric : str
        Name without the entity and without labels.

    Examples
    --------
    >>> [adds_up(name) for name in ("duration.count", "errors_per_s", "latency_p95", "error_ratio")]
    [True, True, False, False]
    """
    words = _words(metric)
    if words & _SHARE:
        return False
    if _COUNT.search(metric.lower()):
        return True
    role = role_of(metric)
    return role is Role.TRAFFIC or (role is Role.ERROR and not words & _GOOD)
